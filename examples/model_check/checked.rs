//! A story of the test kit as a model for stateright.

use kiloclaw_lifecycle::testkit::model::{Budget, Move, State, Story};
use kiloclaw_lifecycle::testkit::rig::Core;
use stateright::{Model, Property};

/// A story, told by a state machine within a budget.
#[derive(Clone)]
pub(crate) struct Checked<C> {
    pub(crate) core: C,
    pub(crate) story: Story,
    pub(crate) budget: Budget,
}

impl<C: Core + Clone + std::fmt::Debug> Model for Checked<C> {
    type State = State<C>;
    type Action = Move;

    fn init_states(&self) -> Vec<State<C>> {
        vec![State::begin(self.core.clone(), &self.story, self.budget)]
    }

    fn actions(&self, state: &State<C>, actions: &mut Vec<Move>) {
        actions.extend(state.moves(&self.story));
    }

    fn next_state(&self, last: &State<C>, action: Move) -> Option<State<C>> {
        last.take(&self.story, &action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("every invariant holds", |_, state: &State<C>| state.violation().is_none()),
            Property::always("good weather brings it to a good end", |_, state: &State<C>| {
                !state.rests() || state.judge().is_none()
            }),
        ]
    }
}
