//! Where the host dies besides what the file says: by the number of the decision, not by the call.
//!
//! *Guarantees*: such a crash uses up nothing of the file's `faults`: what a question whose answer it lost was answered, the repetition is
//! answered too, and only a create that has happened counts, because it is looked for and not made again. A command whose step was
//! not committed is given again right after the restart, as whoever gave it would do. When the last crash is over and a step lets more
//! than half a day pass, alarms ring an hour late, which changes nothing and takes less time.

use crate::call::CallKind;
use alloc::collections::BTreeMap;

/// Where in a decision the host dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Before the decision is committed.
    Uncommitted,
    /// After that, before its call leaves.
    Before,
    /// After its call was made, before the outcome is delivered.
    After,
}

impl Place {
    /// Every one, in the order of time.
    pub const ALL: [Self; 3] = [Self::Uncommitted, Self::Before, Self::After];
}

/// The decisions of a run at which the host dies, counted from 0. A crash does not begin the count anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crashes {
    places: BTreeMap<usize, Place>,
}

impl Crashes {
    /// One.
    pub fn at(decision: usize, place: Place) -> Self {
        Self::default().and(decision, place)
    }

    /// And another, in place of one at the same decision.
    #[must_use]
    pub fn and(mut self, decision: usize, place: Place) -> Self {
        self.places.insert(decision, place);
        self
    }

    /// The decision after which there are none.
    pub(super) fn last(&self) -> Option<usize> {
        self.places.keys().next_back().copied()
    }

    pub(super) fn of(&self, decision: usize) -> Option<Place> {
        self.places.get(&decision).copied()
    }
}

/// A decision that a run took: one step of the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The call that it asked for.
    pub call: Option<CallKind>,
    /// How far the host came. The file's own crashes end it early, and what asks for no call cannot get past its commit.
    pub reached: Place,
    /// Whether an earlier decision of the run asked for the same and left the same record behind, but for times and for numbers that
    /// only count up. Never told of a run with planned crashes.
    pub repeats: bool,
}

impl Decided {
    /// The places at which the host can die in it.
    pub fn places(self) -> impl Iterator<Item = Place> {
        Place::ALL.into_iter().filter(move |place| *place <= self.reached)
    }
}
