//! I8: everything retained has a date; everything condemned has a next attempt, or is given up, visibly and not too early.

use super::{Held, Seen, demand};
use crate::instance::Instance;
use crate::time::Timestamp;
use alloc::format;

/// The account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Dates {
    /// The latest time ever told.
    latest: Timestamp,
    /// The latest date of an imported record.
    imported: Timestamp,
}

impl Dates {
    pub(super) fn adopt(&mut self, instance: &Instance) {
        let dates = instance.holdings.entries.iter().map(|entry| entry.due);
        self.imported = dates.fold(self.imported, Timestamp::max);
    }

    pub(super) fn i8_dates(&mut self, seen: &Seen<'_>) -> Held {
        self.latest = self.latest.max(seen.now);
        let Some(next) = seen.next else { return Ok(()) };
        let backoff = seen.policy.disposal_backoff_ms.iter().copied().max().unwrap_or_default();
        let longest = seen.policy.retention_ms.max(backoff).max(seen.policy.call_deadline_ms.saturating_add(1));
        let horizon = self.latest.plus(longest).max(self.imported);
        for entry in &next.holdings.entries {
            let what = || format!("{:?} ({:?})", entry.thing, entry.cause);
            demand(entry.due <= horizon, || format!("{} is not due before {}", what(), entry.due))?;
            let enough = entry.attempts >= seen.policy.disposal_max_attempts;
            demand(!entry.abandoned || enough, || format!("{} is given up after {} attempts", what(), entry.attempts))?;
        }
        Ok(())
    }
}
