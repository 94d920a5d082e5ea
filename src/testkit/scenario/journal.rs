//! What happened in a run, in the order in which it happened.

use crate::event::Event;
use crate::testkit::world::CallRecord;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Moment {
    /// The instance said something.
    Event(Box<Event>),
    /// A call was made.
    Call(CallRecord),
}

/// Collects moments from two lists that only grow.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal {
    events: usize,
    calls: usize,
    moments: Vec<Moment>,
}

impl Journal {
    /// How many events have been noted.
    pub(super) fn events(&self) -> usize {
        self.events
    }

    /// Adds events that are new, and the calls that are.
    pub(super) fn note(&mut self, events: Vec<Event>, calls: &[CallRecord]) {
        self.events += events.len();
        self.moments.extend(events.into_iter().map(Box::new).map(Moment::Event));
        self.moments.extend(calls.iter().skip(self.calls).cloned().map(Moment::Call));
        self.calls = calls.len();
    }

    pub(super) fn into_moments(self) -> Vec<Moment> {
        self.moments
    }
}
