//! The alarms that rang and are still due: when each rings again.
//!
//! *Decides* that whatever comes of nothing is tried less and less often: a store that fails is soon well again, a record that cannot be read
//! is not.

use crate::id::SandboxId;
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use core::time::Duration;
use tokio::time::Instant;

/// So many times the first pause, at most.
const MOST: u32 = 64;

struct Bell {
    due: Timestamp,
    rang: Instant,
    /// Until it rings again.
    pause: Duration,
}

impl Bell {
    fn left(&self) -> Duration {
        self.pause.saturating_sub(self.rang.elapsed())
    }
}

pub(super) struct Rung {
    first: Duration,
    bells: BTreeMap<SandboxId, Bell>,
}

impl Rung {
    /// None has rung. The `first` pause doubles each time.
    pub(super) fn new(first: Duration) -> Self {
        Self { first, bells: BTreeMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.bells.len()
    }

    /// Whether it has rung for this date, and is not to ring again yet.
    pub(super) fn rests(&self, sandbox: &SandboxId, due: Timestamp) -> bool {
        self.bells.get(sandbox).is_some_and(|bell| bell.due == due && !bell.left().is_zero())
    }

    /// Whether it has rung for this date.
    pub(super) fn has(&self, sandbox: &SandboxId, due: Timestamp) -> bool {
        self.bells.get(sandbox).is_some_and(|bell| bell.due == due)
    }

    pub(super) fn ring(&mut self, sandbox: SandboxId, due: Timestamp) {
        let again = self.bells.get(&sandbox).filter(|bell| bell.due == due);
        let longer = again.map_or(self.first, |bell| bell.pause.saturating_mul(2));
        let pause = longer.min(self.first.saturating_mul(MOST));
        self.bells.insert(sandbox, Bell { due, rang: Instant::now(), pause });
    }

    /// Forgets those that are due no longer, or for another date.
    pub(super) fn keep(&mut self, due: &BTreeMap<SandboxId, Timestamp>) {
        self.bells.retain(|sandbox, bell| due.get(sandbox) == Some(&bell.due));
    }

    /// Until the first rings again. Where that time is over somebody is still at work.
    pub(super) fn next(&self) -> Option<Duration> {
        self.bells.values().map(Bell::left).filter(|left| !left.is_zero()).min()
    }
}
