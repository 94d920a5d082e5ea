//! What is to happen, in order of time.

use crate::testkit::world::{Strike, WorldChange};
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};

/// What follows when the provider has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The answer arrives.
    Answer,
    /// What is on the agenda already, or nothing.
    Nothing,
}

/// Something on the agenda.
#[derive(Clone, Debug)]
pub(super) enum Plan {
    /// The alarm of this generation is due.
    Ring { life: usize, generation: u64 },
    /// An alarm out of turn.
    Again { life: usize, host: u8 },
    /// A call reaches the provider.
    Reach { life: usize, op: u64, strike: Option<Strike>, then: Then },
    /// Its answer arrives.
    Answer { life: usize, op: u64, twice: bool },
    /// Its connection breaks.
    Break { life: usize, op: u64 },
    /// The process that made it dies.
    CrashIn { life: usize, op: u64 },
    /// A process is started.
    Start { host: u8 },
    /// Somebody asks for something.
    People { life: usize },
    /// The weather changes.
    Season,
    /// The world changes.
    Change(Box<WorldChange>),
    /// The hosts' clocks are set.
    Clock(i64),
    /// Snapshots are taken, and old things forgotten.
    Nightly,
    /// Somebody looks for alarms that should have rung.
    Sweep,
}

/// A call on its way: of which instance, its number, and when it left. A question that was never committed may be asked again under
/// the same number.
pub(super) type Sent = (usize, u64, Timestamp);

/// Plans by time; those of one instant in the order in which they were made.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    plans: BTreeMap<(Timestamp, u64), Plan>,
    made: u64,
    /// The calls that have their plans.
    sent: BTreeSet<Sent>,
}

impl Agenda {
    pub(super) fn put(&mut self, at: Timestamp, plan: Plan) {
        self.made = self.made.saturating_add(1);
        self.plans.insert((at, self.made), plan);
    }

    /// The next plan, unless it is later than `end`.
    pub(super) fn take_until(&mut self, end: Timestamp) -> Option<(Timestamp, Plan)> {
        let next = self.plans.first_entry().filter(|next| next.key().0 <= end)?;
        let ((at, _), plan) = next.remove_entry();
        Some((at, plan))
    }

    /// Whether a call is seen for the first time.
    pub(super) fn is_new(&mut self, sent: Sent) -> bool {
        self.sent.insert(sent)
    }

    /// Calls that left before `then` are over.
    pub(super) fn forget(&mut self, then: Timestamp) {
        if self.sent.len() > 256 {
            self.sent.retain(|(_, _, at)| *at >= then);
        }
    }

    /// Drops what `keep` does not want.
    pub(super) fn retain(&mut self, keep: impl Fn(&Plan) -> bool) {
        self.plans.retain(|_, plan| keep(plan));
    }
}
