//! The planned crashes of a run, and what is kept for them.

use super::repeat::Seen;
use super::{Mishap, asked_for};
use crate::driver::Decision;
use crate::testkit::request::Request;
use crate::testkit::scenario::crash::{Crashes, Decided, Place};
use crate::testkit::scenario::script::{Crash, Script};
use alloc::vec::Vec;

/// A time in which so many alarms ring that it does not matter when.
const LONG_MS: u64 = 12 * 3_600_000;
const LATE_MS: u64 = 3_600_000;

pub(super) struct Plan<'a> {
    crashes: &'a Crashes,
    /// Set where somebody wants to know which decisions repeat others.
    pub(super) seen: Option<Seen>,
    /// What the script had seen when the last answers were committed.
    secured: Vec<u64>,
    /// The decisions taken so far.
    pub(super) decisions: Vec<Decided>,
    /// How many of the crashes have happened.
    pub(super) happened: usize,
}

impl<'a> Plan<'a> {
    pub(super) fn new(crashes: &'a Crashes) -> Self {
        Self { crashes, seen: None, secured: Vec::new(), decisions: Vec::new(), happened: 0 }
    }

    /// How late alarms may be while so much time passes: when the last planned crash is over, days go by in hours.
    pub(super) fn late_ms(&self, left_ms: u64) -> u64 {
        let over = self.crashes.last().is_some_and(|last| last < self.decisions.len());
        if over && left_ms > LONG_MS { LATE_MS } else { 0 }
    }

    /// The answers to all calls that the script has seen so far are not lost any more.
    pub(super) fn secure(&mut self, counts: Vec<u64>) {
        self.secured = counts;
    }

    /// A planned crash: whoever's answers are lost asks again, and gets the same ones.
    pub(super) fn crash(&mut self, script: &mut Script) {
        self.happened += 1;
        script.take_back(&self.secured);
    }

    /// What befalls the next decision, and whether that is planned. Of two crashes the earlier one happens.
    pub(super) fn mishap(&mut self, decision: &Decision, script: &mut Script) -> (Option<Mishap>, Option<Place>) {
        let request = asked_for(decision);
        let scripted = request.as_ref().and_then(|request| script.next(request));
        let without = match scripted {
            Some(Mishap::Crash(Crash::Uncommitted)) => Place::Uncommitted,
            Some(Mishap::Crash(Crash::Before)) => Place::Before,
            Some(Mishap::Crash(Crash::After) | Mishap::Strike(_)) => Place::After,
            None if request.is_some() => Place::After,
            None => Place::Before,
        };
        let planned = self.crashes.of(self.decisions.len()).filter(|place| *place <= without);
        let mishap = match planned {
            Some(Place::Uncommitted) => Some(Mishap::Crash(Crash::Uncommitted)),
            Some(Place::Before) => Some(Mishap::Crash(Crash::Before)),
            Some(Place::After) | None => scripted,
        };
        let repeats = self.seen.as_mut().is_some_and(|seen| seen.before(decision));
        let reached = planned.unwrap_or(without);
        self.decisions.push(Decided { call: request.as_ref().map(Request::kind), reached, repeats });
        (mishap, planned)
    }
}
