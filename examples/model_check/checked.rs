//! A story of the test kit as a model for stateright.

use kiloclaw_lifecycle::testkit::model::{Budget, Foreseen, Move, State, Story, Tale};
use kiloclaw_lifecycle::testkit::rig::Core;
use stateright::{Checker, Model, Property};

/// A state machine that can be searched.
pub(crate) trait Machine: Core + Clone + std::fmt::Debug + Send + Sync + 'static {}

impl<C: Core + Clone + std::fmt::Debug + Send + Sync + 'static> Machine for C {}

/// A story, told by a state machine within a budget.
struct Checked<C> {
    core: C,
    story: Story,
    budget: Budget,
    foreseen: Foreseen,
}

impl<C: Machine> Model for Checked<C> {
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

    /// One property, because the search ends as soon as every property is known to be violated.
    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(
            "every invariant holds, and good weather brings it to a good end",
            |me, state: &State<C>| {
                state.violation().is_none() && (!state.rests() || state.judge_with(&me.foreseen).is_none())
            },
        )]
    }
}

/// What a search has seen.
pub(crate) struct Searched {
    /// Different states.
    pub(crate) unique: usize,
    /// States, each as often as it was come to.
    pub(crate) states: usize,
    /// The longest run, in states.
    pub(crate) depth: usize,
    /// The run that was found to violate something; on one thread it is the shortest there is.
    pub(crate) counterexample: Option<Tale>,
}

/// Tries everything that can happen in a story within a budget, in every order.
pub(crate) fn search<C: Machine>(core: C, story: &Story, budget: Budget, threads: usize) -> Searched {
    let model = Checked { core: core.clone(), story: story.clone(), budget, foreseen: Foreseen::default() };
    let checker = model.checker().threads(threads).spawn_bfs().join();
    let found = checker.discoveries().into_values().next();
    Searched {
        unique: checker.unique_state_count(),
        states: checker.state_count(),
        depth: checker.max_depth(),
        counterexample: found.map(|path| Tale::of(core.clone(), story, &path.into_actions())),
    }
}
