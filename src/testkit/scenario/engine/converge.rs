//! What a run comes to when its steps are over and the host goes on without further crashes.

use super::Engine;
use super::repeat::Seen;
use crate::testkit::scenario::Scenario;
use crate::testkit::scenario::crash::{Crashes, Decided};
use crate::testkit::scenario::project::{Projection, leaks};
use alloc::string::String;
use alloc::vec::Vec;

/// How long a step that was interrupted may take to come to where it would have been, before the next one begins.
const CATCH_UP_MS: u64 = 15 * 60_000;
/// Alarms are rung on time for this long: longer than every time-out and most delays between attempts.
const PUNCTUAL_MS: u64 = 150 * 60_000;
/// Then late, so often, until this long after whatever is retained by then is due.
const ROUNDS: u64 = 16;
const BEYOND_MS: u64 = 3 * 86_400_000;

/// A run that has gone on until nothing is left to be done.
#[derive(Clone, Debug)]
pub struct Converged {
    /// The decisions up to the last step.
    pub decisions: Vec<Decided>,
    /// The planned crashes that have happened; one that no decision has come to does not.
    pub crashes: usize,
    /// The ends of the host's start and of every step.
    pub stages: Vec<Projection>,
    /// The longest time that an interrupted stage took to come to where it would have been, if all of them did.
    pub caught_up_ms: Option<u64>,
    /// The end of a time in which every alarm was rung when it was due.
    pub soon: Projection,
    /// The end of a further time, in which alarms were rung late, after every date of the record.
    pub finally: Projection,
    /// What must hold in every run and did not, and what was leaked.
    pub violations: Vec<String>,
}

/// Runs a scenario, and then lets time pass.
pub fn converge(scenario: &Scenario) -> Converged {
    let crashes = Crashes::default();
    let mut engine = Engine::new(scenario, &crashes);
    engine.plan.seen = Some(Seen::default());
    conclude(engine, Stages::default())
}

/// The same with crashes besides the scenario's own. A stage in which the host died goes on until it is where the `uncrashed` run was, or
/// for a quarter of an hour, so that the next step finds the instance like that.
pub fn converge_with(scenario: &Scenario, crashes: &Crashes, uncrashed: &Converged) -> Converged {
    let stages = Stages { wanted: &uncrashed.stages, ..Stages::default() };
    conclude(Engine::new(scenario, crashes), stages)
}

struct Stages<'a> {
    wanted: &'a [Projection],
    ended: Vec<Projection>,
    caught_up_ms: Option<u64>,
}

impl Default for Stages<'_> {
    fn default() -> Self {
        Self { wanted: &[], ended: Vec::new(), caught_up_ms: Some(0) }
    }
}

fn conclude(mut engine: Engine<'_>, mut stages: Stages<'_>) -> Converged {
    engine.play(|engine, crashed| engine.stage(&mut stages, crashed));
    let decisions = engine.plan.decisions.clone();
    engine.advance(engine.now().plus(PUNCTUAL_MS));
    let soon = engine.projection();
    let round = engine.scenario.policy.retention_ms.saturating_add(BEYOND_MS) / ROUNDS;
    for _ in 0..ROUNDS {
        let until = engine.now().plus(round);
        engine.sim.with(|world| world.advance_to(until));
        engine.settle();
    }
    let finally = engine.projection();
    let instance = engine.stored();
    for leak in engine.sim.with(|world| leaks(instance.as_ref(), world)) {
        engine.violated(leak);
    }
    let Stages { ended, caught_up_ms, .. } = stages;
    engine.collect();
    let (crashes, violations) = (engine.plan.happened, engine.violations);
    Converged { decisions, crashes, stages: ended, caught_up_ms, soon, finally, violations }
}

impl Engine<'_> {
    fn projection(&mut self) -> Projection {
        let instance = self.stored();
        self.sim.with(|world| Projection::of(instance.as_ref(), world))
    }

    /// The end of a stage.
    fn stage(&mut self, stages: &mut Stages<'_>, crashed: bool) {
        let mut here = self.projection();
        if let Some(wanted) = stages.wanted.get(stages.ended.len()).filter(|_| crashed) {
            let since = self.now();
            while !here.stands_like(wanted) && !self.halted {
                let Some(alarm) = self.alarm().filter(|alarm| alarm.at <= since.plus(CATCH_UP_MS)) else { break };
                self.advance(alarm.at);
                here = self.projection();
            }
            let took = here.stands_like(wanted).then(|| self.now().since(since));
            stages.caught_up_ms = stages.caught_up_ms.zip(took).map(|(longest, took)| longest.max(took));
        }
        stages.ended.push(here);
    }
}
