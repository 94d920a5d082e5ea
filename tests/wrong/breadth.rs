//! The shortest run of a story that breaks something: a search in breadth.

use kiloclaw_lifecycle::testkit::model::{Budget, Move, State, Story};
use kiloclaw_lifecycle::testkit::rig::Core;
use std::collections::{BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What a search has seen.
pub(crate) struct Searched {
    /// Different states.
    pub(crate) states: usize,
    /// The moves of the shortest run that breaks something.
    pub(crate) shortest: Option<Vec<Move>>,
}

/// Tries everything that can happen within a budget, shorter runs first. With `to_the_end`, whatever has come to rest is followed through
/// good weather as well.
pub(crate) fn search<C: Core + Clone>(core: C, story: &Story, budget: Budget, to_the_end: bool) -> Searched {
    let first = State::begin(core, story, budget);
    let mut known = BTreeSet::from([fingerprint(&first)]);
    let mut next = VecDeque::from([(first, Vec::new())]);
    while let Some((state, moves)) = next.pop_front() {
        if state.violation().is_some() || (to_the_end && state.rests() && state.judge().is_some()) {
            return Searched { states: known.len(), shortest: Some(moves) };
        }
        for step in state.moves(story) {
            let Some(after) = state.take(story, &step) else { continue };
            if known.insert(fingerprint(&after)) {
                next.push_back((after, moves.iter().cloned().chain([step]).collect()));
            }
        }
    }
    Searched { states: known.len(), shortest: None }
}

fn fingerprint<C: Core + Clone>(state: &State<C>) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}
