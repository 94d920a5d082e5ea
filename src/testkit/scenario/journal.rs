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
    /// Adds what is new in either list.
    pub(super) fn note(&mut self, events: &[Event], calls: &[CallRecord]) {
        self.moments.extend(events.iter().skip(self.events).cloned().map(Box::new).map(Moment::Event));
        self.moments.extend(calls.iter().skip(self.calls).cloned().map(Moment::Call));
        self.events = events.len();
        self.calls = calls.len();
    }

    pub(super) fn into_moments(self) -> Vec<Moment> {
        self.moments
    }
}
