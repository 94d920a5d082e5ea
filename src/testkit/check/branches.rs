//! What the tenant has written, and is served without: lines of writes that the newest does not stand on.

use super::{Held, demand};
use crate::testkit::world::World;
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use alloc::format;

/// The last write of each line, and since when the tenant is served without it, by the clock of the host, which dates what is retained.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Branches {
    since: BTreeMap<u64, Option<Timestamp>>,
}

impl Branches {
    /// What serves has written `written`, after `newest`.
    pub(super) fn served(&mut self, newest: Option<u64>, written: Option<u64>, world: &World) {
        let Some(written) = written else { return };
        if let Some(left) = newest.filter(|newest| written > *newest && !world.descends(written, *newest)) {
            self.since.insert(left, None);
        }
        self.keep(|branch| !world.descends(written, branch));
    }

    /// Whoever misses a line has the time that things are retained for to say so.
    pub(super) fn age(&mut self, now: Timestamp, retention_ms: u64) {
        self.since.retain(|_, since| {
            let from = since.map_or(now, |since| since.min(now));
            *since = Some(from);
            now < from.plus(retention_ms)
        });
    }

    /// Lets go of all but those.
    pub(super) fn keep(&mut self, kept: impl Fn(u64) -> bool) {
        self.since.retain(|branch, _| kept(*branch));
    }

    /// An admin has put other data in the place of all.
    pub(super) fn forget(&mut self) {
        self.since.clear();
    }

    /// Each is somewhere.
    pub(super) fn held(&self, is_somewhere: impl Fn(u64) -> bool) -> Held {
        let missing = self.since.keys().find(|branch| !is_somewhere(**branch));
        demand(missing.is_none(), || {
            format!("no live volume that the record names holds what the tenant is served without (write {missing:?})")
        })
    }
}
