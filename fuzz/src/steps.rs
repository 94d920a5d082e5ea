//! Scripts: each byte chooses among everything that can happen next to an instance, its hosts and its world.

use kiloclaw_lifecycle::testkit::model::{Budget, State, Story};
use kiloclaw_lifecycle::testkit::rig::Real;

/// Longer scripts find nothing that shorter ones do not, and take long.
const MOST: usize = 400;

/// The first byte chooses the story, each further one the next move. Every invariant holds on the way, and good weather leads to a good end
/// from where the script stops, if nothing is on its way there.
pub fn steps(data: &[u8]) -> bool {
    let Some((first, script)) = data.split_first() else { return false };
    let mut stories = Story::all().into_iter();
    let Some(story) = stories.nth(usize::from(*first) % 5) else { return false };
    let budget = Budget { landings: u8::MAX, ..Budget::of(u8::MAX, u8::MAX) };
    let mut state = State::begin(Real, &story, budget);
    for (at, byte) in script.iter().take(MOST).enumerate() {
        let moves = state.moves(&story);
        let Some(next) = moves.get(usize::from(*byte) % moves.len().max(1)) else { break };
        let Some(taken) = state.take(&story, next) else { break };
        state = taken;
        let violation = state.violation();
        assert!(violation.is_none(), "{}, move {at}, {next:?}: {violation:?}", story.name);
    }
    if state.rests() {
        let violation = state.judge();
        assert!(violation.is_none(), "{}, in good weather after the script: {violation:?}", story.name);
    }
    true
}
