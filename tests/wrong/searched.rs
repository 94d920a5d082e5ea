//! A wrong machine in a story of the model: the shortest run that gives it away.

use crate::checked::{Searched, search};
use crate::machine::Wrong;
use kiloclaw_lifecycle::testkit::WorldChange;
use kiloclaw_lifecycle::testkit::check::Invariant;
use kiloclaw_lifecycle::testkit::model::{Budget, Story, Tale};
use kiloclaw_lifecycle::testkit::rig::Real;

/// What is searched, and what is to be found.
pub(crate) struct Search {
    pub(crate) machine: Wrong,
    pub(crate) story: Story,
    pub(crate) budget: Budget,
    /// The moves of the shortest run.
    pub(crate) moves: usize,
    /// The last of them.
    pub(crate) last: &'static str,
    /// What is seen after it, or when the weather has been good for long enough after it.
    pub(crate) seen: &'static str,
}

/// Nothing but so many alarms.
pub(crate) const fn alarms(alarms: u8) -> Budget {
    Budget { alarms, ..Budget::of(0, 0) }
}

/// So many alarms, and one of the story's changes.
pub(crate) const fn a_change(alarms: u8) -> Budget {
    Budget { troubles: 1, changes: 1, landings: 0, ..self::alarms(alarms) }
}

/// So many alarms, and one lost answer of a call that may land late.
pub(crate) const fn a_loss(alarms: u8) -> Budget {
    Budget { troubles: 1, losses: 1, landings: 1, ..self::alarms(alarms) }
}

/// A story in which something else may happen.
pub(crate) fn told(mut story: Story, change: WorldChange) -> Story {
    story.changes = vec![change];
    story
}

impl Search {
    /// The wrong machine is found out by exactly this run, and the real one has none.
    pub(crate) fn is_found_out(&self, name: &str, invariant: Invariant) {
        let (story, budget) = (&self.story, self.budget);
        let real = search(Real, story, budget, 1);
        assert!(real.counterexample.is_none(), "{name}, the real machine:\n{}", shown(&real));
        let wrong = search(self.machine, story, budget, 1);
        println!("{name} in the story {}\n{}", story.name, shown(&wrong));
        let tale = wrong.counterexample.unwrap_or_else(|| panic!("{name} is not found out"));
        let violation = tale.violation.unwrap();
        let last = tale.moves.last().map_or("", |last| &last.what);
        let (expected, found) = ((self.moves, self.last, self.seen), (tale.moves.len(), last, violation.what.as_str()));
        assert_eq!((violation.invariant, found), (invariant, expected), "{name}");
    }
}

fn shown(searched: &Searched) -> String {
    let Searched { unique, states, depth, counterexample } = searched;
    let found = counterexample.as_ref().map_or_else(|| "  nothing".to_string(), lines);
    format!("  {unique} unique states, {states} in all, depth {depth}\n{found}")
}

fn lines(tale: &Tale) -> String {
    let moves = tale.moves.iter().enumerate().map(|(number, moved)| format!("  {:>3} {moved}\n", number + 1));
    let end = if tale.in_the_end { "      the weather clears up, and in the end:\n" } else { "" };
    let what = tale.violation.as_ref().map_or_else(String::new, ToString::to_string);
    format!("{}{end}  VIOLATION {what}", moves.collect::<String>())
}
