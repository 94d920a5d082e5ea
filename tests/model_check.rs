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
use kiloclaw_lifecycle::testkit::model::{Story, Tale};

fn holds(story: &Story, expected: usize) {
    let budget = bounds::bounds(story.name, "short").unwrap();
    let Searched { unique, states, depth, counterexample } = checked::search(story, budget, 1);
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
    holds(&Story::recovery(), 0);
}

#[test]
fn start() {
    holds(&Story::start(), 0);
}

#[test]
fn stop() {
    holds(&Story::stop(), 0);
}

#[test]
fn destroy() {
    holds(&Story::destroy(), 0);
}

#[test]
fn restore() {
    holds(&Story::restore(), 0);
}
