//! A wrong machine in a story of the model: the shortest run that gives it away.

use crate::breadth::{Searched, search};
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
    /// The last of them, without the number of the call.
    pub(crate) last: &'static str,
    /// What is seen after it, or once the weather has been good for long enough: a part of it.
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
    pub(crate) fn must_be_found_out(&self, name: &str, invariant: Invariant) {
        let (story, budget) = (&self.story, self.budget);
        let to_the_end = [Invariant::Rest, Invariant::Destroyed, Invariant::Leak, Invariant::Kept].contains(&invariant);
        let real = search(Real, story, budget, to_the_end);
        let real = real.shortest.map(|moves| lines(&Tale::of(Real, story, &moves)));
        assert!(real.is_none(), "{name}, the real machine:\n{}", real.unwrap_or_default());
        let Searched { states, shortest } = search(self.machine, story, budget, to_the_end);
        let moves = shortest.unwrap_or_else(|| panic!("{name} is not found out in {states} states"));
        let tale = Tale::of(self.machine, story, &moves);
        println!("{name} in the story {}, after {states} states\n{}", story.name, lines(&tale));
        let violation = tale.violation.unwrap();
        let last = tale.moves.last().map_or_else(String::new, |last| unnumbered(&last.what));
        assert_eq!(
            (violation.invariant, tale.moves.len(), last.as_str()),
            (invariant, self.moves, self.last),
            "{name}"
        );
        assert!(unnumbered(&violation.what).contains(self.seen), "{name}: {violation}");
    }
}

fn unnumbered(what: &str) -> String {
    let mut parts = what.split('#');
    let first = parts.next().unwrap_or_default().to_string();
    parts.fold(first, |text, part| text + part.trim_start_matches(|letter: char| letter.is_ascii_digit()))
}

fn lines(tale: &Tale) -> String {
    let moves = tale.moves.iter().enumerate().map(|(number, moved)| format!("  {:>3} {moved}\n", number + 1));
    let end = if tale.in_the_end { "      the weather clears up, and in the end:\n" } else { "" };
    let what = tale.violation.as_ref().map_or_else(String::new, ToString::to_string);
    format!("{}{end}  VIOLATION {what}", moves.collect::<String>())
}
