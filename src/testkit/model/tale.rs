//! A run of a model, told again for whoever has to understand it.

use super::judge::clear_up;
use super::{Budget, Move, State, Story};
use crate::status::Status;
use crate::step::Verdict;
use crate::testkit::check::Violation;
use crate::testkit::rig::{Core, Flight, Rig};
use crate::testkit::trace::Recorder;
use crate::time::Timestamp;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// A move, and what it led to.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// When it was made.
    pub at: Timestamp,
    /// What happened.
    pub what: String,
    /// What became of the input, if the instance took a step.
    pub verdict: Option<Verdict>,
    /// The status that is stored after it.
    pub status: Option<Status>,
    /// The calls that are on their way after it.
    pub calls: Vec<String>,
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at, self.what)?;
        if let Some(verdict) = &self.verdict {
            write!(f, ": {verdict:?}")?;
        }
        let status = self.status.map_or("none", Status::as_str);
        write!(f, "; {status}; on their way: [{}]", self.calls.join(", "))
    }
}

/// A run that is told again.
#[derive(Clone, Debug)]
pub struct Tale {
    /// Its moves.
    pub moves: Vec<Moved>,
    /// What did not hold.
    pub violation: Option<Violation>,
    /// Whether it only showed once the weather had been good for long enough.
    pub in_the_end: bool,
    /// All of it as a [trace](crate::trace), from the beginning of the story on.
    pub trace: String,
}

impl Tale {
    /// Plays the moves of a story again. When they have broken nothing, the weather clears up.
    pub fn of<C: Core + Clone>(core: C, story: &Story, steps: &[Move]) -> Self {
        let mut rig = story.begin(core, Some(Recorder::new(story.policy())));
        let moves = steps.iter().filter_map(|step| moved(&mut rig, story, step)).collect();
        let in_the_end = violation(&rig).is_none();
        if in_the_end {
            clear_up(&mut rig, |_| false);
        }
        let trace = rig.recorded().map(|recorder| recorder.text().to_string()).unwrap_or_default();
        Self { moves, violation: violation(&rig), in_the_end, trace }
    }
}

fn violation<C: Core>(rig: &Rig<C>) -> Option<Violation> {
    rig.violations().next().map(|(_, violation)| violation.clone())
}

/// `None` when the move cannot be made.
fn moved<C: Core + Clone>(rig: &mut Rig<C>, story: &Story, step: &Move) -> Option<Moved> {
    let what = words(rig, story, step);
    let state = State { rig: rig.clone(), left: Budget::default() };
    let acts = state.acts(story, step)?;
    let verdict = acts.iter().filter_map(|timed| rig.act(timed).verdict).last();
    let life = rig.life(0)?;
    let status = life.stored().map(|stored| stored.status());
    Some(Moved { at: rig.world().now(), what, verdict, status, calls: life.flights().iter().map(call).collect() })
}

fn call(flight: &Flight) -> String {
    let op = flight.op();
    if !flight.is_awaited() {
        return format!("{op} (given up)");
    }
    if flight.is_answered() { format!("{op} (answered)") } else { op.to_string() }
}

fn words<C: Core>(rig: &Rig<C>, story: &Story, step: &Move) -> String {
    let named = |number: &u64| {
        let flights = rig.life(0).map_or(&[][..], |life| life.flights());
        let flight = flights.iter().find(|flight| flight.op().number == *number);
        flight.map_or_else(|| format!("call {number}"), |flight| flight.op().to_string())
    };
    match step {
        Move::Reach(op) => format!("{} reaches the provider", named(op)),
        Move::Answer(op) => format!("the answer to {} arrives", named(op)),
        Move::Tick => "time passes".to_string(),
        Move::Break(op) => format!("the connection of {} breaks", named(op)),
        Move::Silence(op) => format!("{} is done, and nobody is told", named(op)),
        Move::Land(op) => format!("{} reaches the provider late", named(op)),
        Move::Echo(op) => format!("the answer to {} arrives, and will again", named(op)),
        Move::Crash => "the process dies and is started again".to_string(),
        Move::Second => "a second process takes over".to_string(),
        Move::Ring => "the alarm rings out of turn".to_string(),
        Move::Command(which) => {
            story.commands.get(*which).map_or_else(String::new, |command| format!("command {:?}", command.kind()))
        }
        Move::Change(which) => story.changes.get(*which).map_or_else(String::new, |change| format!("{change:?}")),
    }
}
