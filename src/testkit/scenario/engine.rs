//! The run of a scenario: hands in one input after the other, makes the calls, lets time pass and the host crash.
//!
//! *Guarantees*: after every step of a scenario nothing is in flight and nothing is due; what is stored is all that survives a crash; a
//! run ends, even if the instance never comes to rest.

mod converge;
mod invariants;
mod plan;
mod recorder;
mod repeat;

pub use converge::{Converged, converge, converge_with};

use super::Scenario;
use super::command::Wish;
use super::crash::{Crashes, Place};
use super::fly::{Defaults, defaults};
use super::journal::Journal;
use super::outcome::{CommandResult, End, Outcome};
use super::script::{Crash, Mishap, Script};
use super::steps::Step;
use crate::call::{CallKind, Operation};
use crate::command::{Code, CommandKind, RequestId};
use crate::driver::{Applied, Decision, Driver, Held, Pending};
use crate::id::{Identity, SandboxId};
use crate::instance::Instance;
use crate::persist;
use crate::step::{Alarm, Effect, Input, Verdict};
use crate::testkit::check::Checker;
use crate::testkit::fly::SimFly;
use crate::testkit::request::Request;
use crate::testkit::store::MemoryStore;
use crate::testkit::trace;
use crate::testkit::world::Landing;
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::future::Future;
use futures::FutureExt;
use plan::Plan;
use recorder::Recorder;

/// Steps at one instant, and in all, after which an instance is taken to run in circles.
const MOST_AT_ONCE: u64 = 10_000;
const MOST_IN_ALL: u64 = 2_000_000;

/// Runs a scenario.
pub fn run(scenario: &Scenario) -> Outcome {
    run_with(scenario, &Crashes::default())
}

/// Runs a scenario, with crashes besides its own.
pub fn run_with(scenario: &Scenario, crashes: &Crashes) -> Outcome {
    let mut engine = Engine::new(scenario, crashes);
    engine.play(|_, _| {});
    engine.outcome()
}

/// Runs a scenario and writes it down as a [trace](crate::trace).
pub fn run_traced(scenario: &Scenario) -> (Outcome, String) {
    let none = Crashes::default();
    let mut engine = Engine::new(scenario, &none);
    engine.trace = Some(trace::Recorder::new(&scenario.policy));
    engine.traced(|trace, sandbox| trace.record(sandbox, scenario.record.as_ref()));
    engine.play(|_, _| {});
    let trace = engine.trace.take();
    (engine.outcome(), trace.map(|recorder| recorder.text().to_string()).unwrap_or_default())
}

/// How a chain of steps and calls ended.
enum Chain {
    /// Nothing is in flight.
    Done,
    /// The host died; `kept` says whether anything of the chain had been committed, `planned` that the file does not know of it.
    Crashed { kept: bool, planned: bool },
}

struct Engine<'a> {
    scenario: &'a Scenario,
    plan: Plan<'a>,
    defaults: Defaults,
    script: Script,
    sim: SimFly,
    store: MemoryStore,
    sink: Recorder,
    driver: Driver<SimFly, SimFly, MemoryStore, Recorder, SimFly>,
    journal: Journal,
    results: Vec<CommandResult>,
    /// The commands that answer with their end and have not, with their steps.
    awaited: BTreeMap<RequestId, usize>,
    /// None where the file names nobody who could have an instance.
    checker: Option<Checker>,
    violations: Vec<String>,
    trace: Option<trace::Recorder>,
    ticks: u64,
    ticks_now: u64,
    ticked_at: Timestamp,
    halted: bool,
}

impl<'a> Engine<'a> {
    fn new(scenario: &'a Scenario, crashes: &'a Crashes) -> Self {
        let sim = SimFly::new(scenario.world.clone());
        let store = MemoryStore::new();
        let sink = Recorder::default();
        let policy = scenario.policy.clone();
        let driver = Driver::new(policy, sim.clone(), sim.clone(), store.clone(), sink.clone(), sim.clone());
        Self {
            scenario,
            plan: Plan::new(crashes),
            defaults: defaults(&scenario.policy, &scenario.owner),
            script: Script::new(&scenario.script),
            sim,
            store,
            sink,
            driver,
            journal: Journal::default(),
            results: Vec::new(),
            awaited: BTreeMap::new(),
            checker: whose(scenario).map(|identity| Checker::new(identity, &scenario.policy)),
            violations: Vec::new(),
            trace: None,
            ticks: 0,
            ticks_now: 0,
            ticked_at: scenario.start,
            halted: false,
        }
    }

    fn traced(&mut self, write: impl FnOnce(&mut trace::Recorder, &SandboxId)) {
        if let Some(trace) = &mut self.trace {
            write(trace, &self.scenario.sandbox);
        }
    }

    /// The host's start and every step; after each `ended` is told whether a planned crash has happened in it.
    fn play(&mut self, mut ended: impl FnMut(&mut Self, bool)) {
        if let Some(instance) = &self.scenario.record {
            self.begin(instance);
        }
        ended(self, self.plan.happened > 0);
        for (at, step) in self.scenario.steps.iter().enumerate() {
            if self.halted {
                break;
            }
            let before = self.plan.happened;
            self.step(at, step);
            self.settle();
            ended(self, self.plan.happened > before);
        }
    }

    fn now(&self) -> Timestamp {
        self.sim.with(|world| world.now())
    }

    fn violated(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.violations.contains(&what) {
            self.violations.push(what);
        }
    }

    fn halt(&mut self, why: impl Into<String>) {
        self.violated(why);
        self.halted = true;
    }

    fn stored(&mut self) -> Option<Instance> {
        let stored = self.store.record(&self.scenario.sandbox)?;
        match persist::decode(&stored.record) {
            Ok(instance) => Some(*instance),
            Err(error) => {
                self.halt(format!("the stored record cannot be read: {error}"));
                None
            }
        }
    }

    fn alarm(&self) -> Option<Alarm> {
        self.store.alarm(&self.scenario.sandbox)
    }

    /// A host start with a stored record.
    fn begin(&mut self, instance: &Instance) {
        match persist::encode(instance) {
            Ok(record) => {
                self.store.put(&self.scenario.sandbox, record, Some(instance.alarm()));
                if let Some(checker) = &mut self.checker {
                    self.sim.with(|world| checker.adopt(instance, world));
                }
                self.feed(Input::Resume, None);
                self.settle();
            }
            Err(error) => self.halt(error.to_string()),
        }
    }

    fn step(&mut self, at: usize, step: &Step) {
        match step {
            Step::Alarm => match self.alarm() {
                Some(alarm) => {
                    self.sim.with(|world| world.advance_to(alarm.at));
                    self.feed(Input::Alarm, None);
                }
                None => self.violated(format!("steps[{at}]: no alarm is armed")),
            },
            Step::AlarmNow => self.feed(Input::Alarm, None),
            Step::Advance(ms) => self.advance(self.now().plus(*ms)),
            Step::Command(wish) => self.command(at, wish),
            Step::Machine(id, parts) => {
                let unknown = self.sim.with(|world| world.machine(id).is_none());
                if unknown && parts.gone {
                    self.violated(format!("steps[{at}]: there is no machine {id}"));
                } else {
                    self.sim.with(|world| parts.put(world, id, &self.defaults));
                    self.disturbed();
                }
            }
            Step::Volume(id, parts) => {
                let unknown = self.sim.with(|world| world.volume(id).is_none());
                if unknown && parts.gone {
                    self.violated(format!("steps[{at}]: there is no volume {id}"));
                } else {
                    self.sim.with(|world| parts.put(world, id, &self.defaults));
                    self.disturbed();
                }
            }
            Step::Resume => self.feed(Input::Resume, None),
            Step::Health(healthy) => self.sim.with(|world| world.healthy = *healthy),
            Step::Boot(boot) => self.sim.with(|world| world.boot = *boot),
            Step::Capacity(limits) => self.sim.with(|world| {
                for (region, creates) in limits {
                    world.limit(region, *creates);
                }
            }),
        }
    }

    /// Fires what is due until nothing is.
    fn settle(&mut self) {
        while !self.halted && self.alarm().is_some_and(|alarm| alarm.at <= self.now()) {
            self.feed(Input::Alarm, None);
        }
    }

    fn advance(&mut self, until: Timestamp) {
        while !self.halted {
            let Some(alarm) = self.alarm().filter(|alarm| alarm.at <= until) else { break };
            let late_ms = self.plan.late_ms(until.since(self.now()));
            let at = alarm.at.max(self.now().plus(late_ms)).min(until);
            self.sim.with(|world| world.advance_to(at));
            self.feed(Input::Alarm, None);
        }
        self.sim.with(|world| world.advance_to(until));
    }

    fn command(&mut self, at: usize, wish: &Wish) {
        match wish.command(&self.scenario.identity, self.scenario.seed) {
            Ok(command) => self.feed(Input::Command(command), Some(at)),
            Err(why) => {
                let result = self.nonsense(at, wish.kind, why);
                self.results.push(result);
            }
        }
    }

    /// What a command with an impossible argument is answered: first whether it would have been taken on at all.
    fn nonsense(&mut self, at: usize, kind: CommandKind, why: String) -> CommandResult {
        let refusal = match self.stored() {
            Some(instance) => instance.allows(kind).err(),
            None if kind == CommandKind::Provision => None,
            None => {
                let sentence = "there is no such instance";
                return CommandResult::failed(at, Code::NotProvisioned.as_str(), sentence);
            }
        };
        match refusal {
            Some(rejection) => CommandResult::failed(at, rejection.code.as_str(), rejection.message),
            None => CommandResult::failed(at, Code::InvalidArgument.as_str(), why),
        }
    }

    /// Hands in an input; after a crash the host restarts at once, and what was not committed of an alarm is fired again.
    fn feed(&mut self, input: Input, step: Option<usize>) {
        let mut due = Vec::from([input]);
        while let Some(input) = due.pop() {
            if self.halted {
                return;
            }
            let was_alarm = matches!(input, Input::Alarm);
            let was_command = matches!(input, Input::Command(_));
            let again = input.clone();
            if let Chain::Crashed { kept, planned } = self.chain(input, step) {
                self.traced(|trace, _| trace.crash(0));
                if planned {
                    self.plan.crash(&mut self.script);
                }
                if !kept && (was_alarm || (was_command && planned)) {
                    due.push(again);
                } else if let Some(at) = step.filter(|_| was_command && !kept) {
                    let sentence = "the host died before the command was committed";
                    self.answer(CommandResult::failed(at, "host_crashed", sentence));
                }
                due.push(Input::Resume);
            }
        }
    }

    fn answer(&mut self, result: CommandResult) {
        match self.results.iter_mut().find(|known| known.step == result.step) {
            Some(known) => *known = result,
            None => self.results.push(result),
        }
    }

    /// One input and all that follows from it, until nothing is in flight.
    fn chain(&mut self, input: Input, step: Option<usize>) -> Chain {
        let commits = self.store.commits();
        let mut command = step.filter(|_| matches!(input, Input::Command(_)));
        let mut next: Option<(Input, Option<Held>)> = Some((input, None));
        self.plan.secure(self.script.counts());
        while let Some((input, held)) = next.take() {
            if !self.tick() {
                return Chain::Done;
            }
            let (given, before) = (input.clone(), self.before(held.as_ref()));
            let decided = ready(self.driver.decide(&self.scenario.sandbox, held, input));
            let Some(decision) = self.unless_stuck(decided) else { return Chain::Done };
            self.traced(|trace, sandbox| trace.step(sandbox, 0, decision.now(), &given, decision.step()));
            let counts = self.script.counts();
            let (mishap, planned) = self.plan.mishap(&decision, &mut self.script);
            let crashed =
                |engine: &Self| Chain::Crashed { kept: engine.store.commits() > commits, planned: planned.is_some() };
            if matches!(mishap, Some(Mishap::Crash(Crash::Uncommitted))) {
                self.traced(|trace, sandbox| trace.lost(sandbox, 0));
                return crashed(self);
            }
            if decision.step().needs_commit() {
                self.plan.secure(counts);
            }
            self.decided(before.as_ref(), &given, &decision);
            let Some(pending) = self.commit(decision, command.take()) else { return Chain::Done };
            let dies_after = planned == Some(Place::After) || matches!(mishap, Some(Mishap::Crash(Crash::After)));
            let strike = match mishap {
                Some(Mishap::Crash(Crash::Before)) => return crashed(self),
                Some(Mishap::Strike(strike)) => Some(strike),
                Some(Mishap::Crash(Crash::After | Crash::Uncommitted)) | None => None,
            };
            let Some(pending) = pending else { return Chain::Done };
            let lands = strike.as_ref().map(|strike| strike.landing != Landing::Never);
            self.sim.strike_next(strike.clone());
            let outcome = ready(self.driver.execute(&pending.operation).map(Ok::<_, String>));
            let Some(outcome) = self.unless_stuck(outcome) else { return Chain::Done };
            self.landed(&Request::from(&pending.operation.call), &outcome, strike.as_ref());
            self.note();
            // A create that has happened is looked for, not repeated: there is no second one to be struck in its place.
            if creates(&pending.operation) && lands.unwrap_or_else(|| is_done(&outcome)) {
                self.plan.secure(self.script.counts());
            }
            if dies_after {
                return crashed(self);
            }
            next = Some((outcome, pending.held));
        }
        Chain::Done
    }

    /// Commits a decision and hears what came of it; the call that it asked for. `None` if the run is over.
    fn commit(&mut self, decision: Decision, command: Option<usize>) -> Option<Option<Pending>> {
        let was = self.stored();
        let committed = ready(self.driver.commit(decision));
        let applied = self.unless_stuck(committed)?;
        self.note();
        if let Some(at) = command {
            self.verdict(at, &applied.verdict);
        }
        self.committed(was.as_ref());
        let Applied { pending, replies, .. } = applied;
        for reply in replies {
            if let Some(at) = self.awaited.remove(&reply.to) {
                self.answer(CommandResult::ended(at, reply.result));
            }
        }
        if let Some(pending) = &pending {
            self.leaves(&pending.operation);
        }
        Some(pending)
    }

    fn note(&mut self) {
        let events = self.sink.since(self.journal.events());
        let journal = &mut self.journal;
        self.sim.with(|world| journal.note(events, world.calls()));
    }

    fn verdict(&mut self, at: usize, verdict: &Verdict) {
        let result = match verdict {
            Verdict::Applied | Verdict::Ignored(_) => CommandResult::accepted(at),
            Verdict::Pending(request) => {
                self.awaited.insert(*request, at);
                CommandResult::accepted(at)
            }
            Verdict::Denied(rejection) => CommandResult::failed(at, rejection.code.as_str(), rejection.message.clone()),
        };
        self.answer(result);
    }

    fn tick(&mut self) -> bool {
        let now = self.now();
        self.ticks = self.ticks.saturating_add(1);
        self.ticks_now = if now == self.ticked_at { self.ticks_now.saturating_add(1) } else { 1 };
        self.ticked_at = now;
        if self.ticks_now > MOST_AT_ONCE {
            self.halt(format!("more than {MOST_AT_ONCE} steps at one instant"));
        } else if self.ticks > MOST_IN_ALL {
            self.halt(format!("more than {MOST_IN_ALL} steps"));
        }
        !self.halted
    }

    fn unless_stuck<T, E: ToString>(&mut self, result: Option<Result<T, E>>) -> Option<T> {
        match result {
            Some(Ok(value)) => return Some(value),
            Some(Err(error)) => self.halt(error.to_string()),
            None => self.halt("a port did not answer at once"),
        }
        None
    }

    fn outcome(mut self) -> Outcome {
        let instance = self.stored();
        let events = self.sink.since(0);
        let now = self.now();
        let alarm = self.alarm().map(|alarm| alarm.at);
        if instance.is_some() && alarm.is_none_or(|at| at < now) && !self.halted {
            self.violated("I5 alarm: none, or a past one, at the end of the run");
        }
        self.collect();
        self.results.sort_by_key(|result| result.step);
        let commits = self.store.commits();
        self.sim.with(|world| {
            Outcome::new(End {
                name: &self.scenario.name,
                expect: &self.scenario.expect,
                now,
                alarm,
                instance: instance.as_ref(),
                results: &self.results,
                events: &events,
                world,
                commits,
                violations: &self.violations,
                moments: self.journal.into_moments(),
            })
        })
    }
}

/// Whose instance it is, if it can be anybody's.
fn whose(scenario: &Scenario) -> Option<&Identity> {
    scenario.record.as_ref().map(Instance::identity).or(scenario.identity.as_ref().ok())
}

/// Every port of a run answers at once.
fn ready<T>(future: impl Future<Output = T>) -> Option<T> {
    future.now_or_never()
}

fn asked_for(decision: &Decision) -> Option<Request> {
    decision.step().effects.iter().find_map(called).map(|operation| Request::from(&operation.call))
}

/// Whether the call is looked for, and not simply repeated, when its answer was lost.
fn creates(operation: &Operation) -> bool {
    [CallKind::CreateMachine, CallKind::CreateVolume].contains(&operation.id.kind)
}

fn is_done(outcome: &Input) -> bool {
    matches!(outcome, Input::Outcome { result: Ok(_), .. })
}

fn called(effect: &Effect) -> Option<&Operation> {
    if let Effect::Call(operation) = effect { Some(operation) } else { None }
}
