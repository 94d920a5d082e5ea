//! A store in memory with a real compare-and-swap.
//!
//! *Guarantees*: what is due, and what is undelivered, is found without looking at anything else, so that a large fleet costs no more to look
//! after than a small one.

use super::open;
use crate::event::Event;
use crate::id::SandboxId;
use crate::port::{Commit, Fleet, Revision, Store, StoreError, Stored};
use crate::step::Alarm;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::ops::Bound::{Excluded, Unbounded};
use std::sync::Mutex;

/// What is kept of one instance. Stays when the record is deleted, so that no revision is used twice.
#[derive(Debug, Default)]
struct Row {
    record: Option<String>,
    revision: Revision,
    alarm: Option<Alarm>,
    outbox: Vec<Event>,
}

impl Row {
    fn revision(&self) -> Option<Revision> {
        self.record.as_ref().map(|_| self.revision)
    }

    fn count_up(&mut self) -> Revision {
        self.revision = Revision(self.revision.0.saturating_add(1));
        self.revision
    }
}

/// Asked by name only, which costs the same in a large fleet as in a small one.
#[allow(clippy::disallowed_types, reason = "nobody sees its order")]
type Rows = std::collections::HashMap<SandboxId, Row>;

#[derive(Debug, Default)]
struct Shelf {
    rows: Rows,
    /// Whoever has a row.
    names: BTreeSet<SandboxId>,
    /// When whose alarm is due. `None`, which is none's, stands before all that are due at the same time.
    due: BTreeSet<(Timestamp, Option<SandboxId>)>,
    /// Whose outbox is not empty.
    laden: BTreeSet<SandboxId>,
    commits: u64,
}

impl Shelf {
    /// Changes a row, which is made if there is none, and what is known by it.
    fn change<T>(&mut self, sandbox: &SandboxId, change: impl FnOnce(&mut Row) -> T) -> T {
        let row = self.rows.entry(sandbox.clone()).or_insert_with(|| {
            self.names.insert(sandbox.clone());
            Row::default()
        });
        let (was_due, was_laden) = (row.alarm.map(|alarm| alarm.at), !row.outbox.is_empty());
        let result = change(row);
        let (is_due, is_laden) = (row.alarm.map(|alarm| alarm.at), !row.outbox.is_empty());
        if was_due != is_due {
            if let Some(at) = was_due {
                self.due.remove(&(at, Some(sandbox.clone())));
            }
            if let Some(at) = is_due {
                self.due.insert((at, Some(sandbox.clone())));
            }
        }
        if is_laden && !was_laden {
            self.laden.insert(sandbox.clone());
        } else if was_laden && !is_laden {
            self.laden.remove(sandbox);
        }
        result
    }

    /// The earliest first, by name among those of the same time.
    fn due(&self, now: Timestamp) -> impl Iterator<Item = (&SandboxId, Timestamp)> {
        let due = self.due.iter().take_while(move |(at, _)| *at <= now);
        due.filter_map(|(at, sandbox)| Some((sandbox.as_ref()?, *at)))
    }
}

/// Records, alarms and outboxes in memory. Clones share what they hold, as hosts share a database.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    shelf: Arc<Mutex<Shelf>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a record there as it is, readable or not, past every compare-and-swap; answers with its revision.
    pub fn put(&self, sandbox: &SandboxId, record: impl Into<String>, alarm: Option<Alarm>) -> Revision {
        open(&self.shelf).change(sandbox, |row| {
            row.record = Some(record.into());
            row.alarm = alarm;
            row.count_up()
        })
    }

    /// The record of an instance as it is stored.
    pub fn record(&self, sandbox: &SandboxId) -> Option<Stored> {
        let shelf = open(&self.shelf);
        let row = shelf.rows.get(sandbox)?;
        row.record.clone().map(|record| Stored { record, revision: row.revision })
    }

    /// The alarm of an instance.
    pub fn alarm(&self, sandbox: &SandboxId) -> Option<Alarm> {
        open(&self.shelf).rows.get(sandbox).and_then(|row| row.alarm)
    }

    /// The alarms that have to ring, the earliest first.
    pub fn due(&self, now: Timestamp) -> Vec<(SandboxId, Alarm)> {
        let shelf = open(&self.shelf);
        let alarm = |sandbox: &SandboxId| shelf.rows.get(sandbox).and_then(|row| row.alarm);
        shelf.due(now).filter_map(|(sandbox, _)| Some((sandbox.clone(), alarm(sandbox)?))).collect()
    }

    /// When the next alarm of any instance is due.
    pub fn next_alarm(&self) -> Option<Timestamp> {
        open(&self.shelf).due.first().map(|(at, _)| *at)
    }

    /// The instances, forgotten ones included, that have events in their outbox.
    pub fn undelivered(&self) -> Vec<SandboxId> {
        open(&self.shelf).laden.iter().cloned().collect()
    }

    /// How many transactions have been written.
    pub fn commits(&self) -> u64 {
        open(&self.shelf).commits
    }
}

#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
impl Store for MemoryStore {
    async fn load(&self, sandbox: &SandboxId) -> Result<Option<Stored>, StoreError> {
        Ok(self.record(sandbox))
    }

    async fn commit(&self, sandbox: &SandboxId, commit: Commit) -> Result<Revision, StoreError> {
        let mut shelf = open(&self.shelf);
        if shelf.rows.get(sandbox).and_then(Row::revision) != commit.expected {
            return Err(StoreError::Conflict);
        }
        shelf.commits = shelf.commits.saturating_add(1);
        Ok(shelf.change(sandbox, |row| {
            row.record = commit.record;
            row.alarm = commit.alarm;
            row.outbox.extend(commit.events);
            row.count_up()
        }))
    }

    async fn outbox(&self, sandbox: &SandboxId) -> Result<Vec<Event>, StoreError> {
        Ok(open(&self.shelf).rows.get(sandbox).map(|row| row.outbox.clone()).unwrap_or_default())
    }

    async fn acknowledge(&self, sandbox: &SandboxId, events: &[Event]) -> Result<(), StoreError> {
        let mut shelf = open(&self.shelf);
        if shelf.rows.contains_key(sandbox) {
            shelf.change(sandbox, |row| {
                row.outbox.retain(|kept| !events.iter().any(|delivered| delivered.key == kept.key));
            });
        }
        Ok(())
    }
}

fn most(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
impl Fleet for MemoryStore {
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<(SandboxId, Timestamp)>, StoreError> {
        Ok(open(&self.shelf).due(now).take(most(limit)).map(|(sandbox, at)| (sandbox.clone(), at)).collect())
    }

    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let shelf = open(&self.shelf);
        let next = shelf.due.range((after.plus(1), None)..).next().map(|(at, _)| *at);
        Ok(next.filter(|at| *at > after))
    }

    async fn instances(&self, after: Option<&SandboxId>, limit: u32) -> Result<Vec<SandboxId>, StoreError> {
        let shelf = open(&self.shelf);
        let names = shelf.names.range((after.map_or(Unbounded, Excluded), Unbounded));
        let kept = names.filter(|name| shelf.rows.get(*name).is_some_and(|row| row.record.is_some())).cloned();
        Ok(kept.take(most(limit)).collect())
    }

    async fn undelivered(&self, after: Option<&SandboxId>, limit: u32) -> Result<Vec<SandboxId>, StoreError> {
        let shelf = open(&self.shelf);
        Ok(shelf.laden.range((after.map_or(Unbounded, Excluded), Unbounded)).take(most(limit)).cloned().collect())
    }
}
