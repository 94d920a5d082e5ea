//! Everything that can happen in each story within the short bounds, in every order: nothing is violated.
//!
//! The number of different states is asserted so that a change of what is covered is seen. It changes with the state machine, the stories
//! and the bounds; `cargo run --release --all-features --example model_check` prints the new ones, and the difference is to be understood
//! before it is written down here.

#[path = "../examples/model_check/bounds.rs"]
mod bounds;
#[path = "../examples/model_check/checked.rs"]
mod checked;

use checked::Searched;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::testkit::World;
use kiloclaw_lifecycle::testkit::check::{Invariant, Violation};
use kiloclaw_lifecycle::testkit::model::{Budget, Story, Tale};
use kiloclaw_lifecycle::testkit::rig::{Core, Decided, Real, Rig, Timed};
use kiloclaw_lifecycle::trace::{Entry, Trace};
use kiloclaw_lifecycle::{Input, Instance, Policy, Timestamp};

fn holds(story: &Story, expected: usize) {
    let budget = bounds::bounds(story.name, "short").unwrap();
    let Searched { unique, states, depth, counterexample } = checked::search(Real, story, budget, 1);
    if let Some(tale) = counterexample {
        panic!("{}", told(&tale));
    }
    assert_eq!(unique, expected, "different states of {} ({states} in all, depth {depth})", story.name);
}

fn told(tale: &Tale) -> String {
    let moves: Vec<String> = tale.moves.iter().map(ToString::to_string).collect();
    format!("{:?} after\n{}", tale.violation, moves.join("\n"))
}

#[test]
fn recovery() {
    holds(&Story::recovery(), 33_794);
}

#[test]
fn start() {
    holds(&Story::start(), 15_155);
}

#[test]
fn stop() {
    holds(&Story::stop(), 36_169);
}

#[test]
fn destroy() {
    holds(&Story::destroy(), 29_121);
}

#[test]
fn restore() {
    holds(&Story::restore(), 21_537);
}

/// A machine that is wrong on purpose: it takes an answer that never came for a refusal.
#[derive(Clone, Copy, Debug)]
struct Rash;

impl Core for Rash {
    fn step(&self, record: Option<&Instance>, policy: &Policy, now: Timestamp, input: Input) -> Decided {
        let input = match input {
            Input::Outcome { op, result: Err(fault) } if fault.kind == FaultKind::Unknown => {
                Input::Outcome { op, result: Err(Fault::new(FaultKind::Refused, Some(422), "refused")) }
            }
            Input::Outcome { .. } | Input::Command(_) | Input::Alarm | Input::Resume => input,
        };
        Real.step(record, policy, now, input)
    }
}

#[test]
fn a_wrong_machine_is_found_out_by_a_shortest_run() {
    let budget = Budget { losses: 1, landings: 1, ..Budget::of(2, 1) };
    let found = checked::search(Rash, &Story::recovery(), budget, 1);
    let tale = found.counterexample.expect("a counterexample");
    assert_eq!(tale.violation.as_ref().map(|violation| violation.invariant), Some(Invariant::Leak), "{}", told(&tale));
    assert_eq!(replayed(&tale), tale.violation, "the trace leads to the same end");
}

/// What does not hold when the acts of a trace are played again.
fn replayed(tale: &Tale) -> Option<Violation> {
    let trace = Trace::parse(&tale.trace).unwrap();
    let acts: Vec<Timed> = trace.lines().iter().filter_map(|line| timed(&line.entry)).collect();
    let mut rig = Rig::new(Rash, trace.policy().clone(), World::new(acts.first().unwrap().at));
    for act in &acts {
        rig.act(act);
    }
    rig.violations().next().map(|(_, violation)| violation.clone())
}

fn timed(entry: &Entry) -> Option<Timed> {
    let Entry::Act { at, act } = entry else { return None };
    Some(Timed { at: *at, act: serde_json::from_value(act.clone()).unwrap() })
}
