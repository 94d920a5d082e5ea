//! A store in memory with a real compare-and-swap, and wrappers that make any store misbehave on demand.

use crate::event::Event;
use crate::id::SandboxId;
use crate::port::{Commit, Fleet, Revision, Store, StoreError, Stored};
use crate::step::Alarm;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever panicked with the lock in hand was a test that has failed already; no section leaves half a change behind.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

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
}

#[derive(Debug, Default)]
struct Shelf {
    rows: BTreeMap<SandboxId, Row>,
    commits: u64,
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
        let mut shelf = open(&self.shelf);
        let row = shelf.rows.entry(sandbox.clone()).or_default();
        row.revision = Revision(row.revision.0.saturating_add(1));
        row.record = Some(record.into());
        row.alarm = alarm;
        row.revision
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
        let armed = shelf.rows.iter().filter_map(|(sandbox, row)| Some((sandbox.clone(), row.alarm?)));
        let mut due: Vec<_> = armed.filter(|(_, alarm)| alarm.at <= now).collect();
        due.sort_by_key(|(_, alarm)| alarm.at);
        due
    }

    /// When the next alarm of any instance is due.
    pub fn next_alarm(&self) -> Option<Timestamp> {
        open(&self.shelf).rows.values().filter_map(|row| row.alarm).map(|alarm| alarm.at).min()
    }

    /// The instances, forgotten ones included, that have events in their outbox.
    pub fn undelivered(&self) -> Vec<SandboxId> {
        let shelf = open(&self.shelf);
        shelf.rows.iter().filter(|(_, row)| !row.outbox.is_empty()).map(|(sandbox, _)| sandbox.clone()).collect()
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
        let row = shelf.rows.entry(sandbox.clone()).or_default();
        if row.revision() != commit.expected {
            return Err(StoreError::Conflict);
        }
        row.revision = Revision(row.revision.0.saturating_add(1));
        row.record = commit.record;
        row.alarm = commit.alarm;
        row.outbox.extend(commit.events);
        let revision = row.revision;
        shelf.commits = shelf.commits.saturating_add(1);
        Ok(revision)
    }

    async fn outbox(&self, sandbox: &SandboxId) -> Result<Vec<Event>, StoreError> {
        Ok(open(&self.shelf).rows.get(sandbox).map(|row| row.outbox.clone()).unwrap_or_default())
    }

    async fn acknowledge(&self, sandbox: &SandboxId, events: &[Event]) -> Result<(), StoreError> {
        if let Some(row) = open(&self.shelf).rows.get_mut(sandbox) {
            row.outbox.retain(|kept| !events.iter().any(|delivered| delivered.key == kept.key));
        }
        Ok(())
    }
}

fn page(after: Option<&SandboxId>, limit: u32, of: impl Iterator<Item = SandboxId>) -> Vec<SandboxId> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    of.filter(|sandbox| after.is_none_or(|after| sandbox > after)).take(limit).collect()
}

#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
impl Fleet for MemoryStore {
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<(SandboxId, Timestamp)>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(Self::due(self, now).into_iter().take(limit).map(|(sandbox, alarm)| (sandbox, alarm.at)).collect())
    }

    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let shelf = open(&self.shelf);
        let alarms = shelf.rows.values().filter_map(|row| row.alarm).map(|alarm| alarm.at);
        Ok(alarms.filter(|at| *at > after).min())
    }

    async fn instances(&self, after: Option<&SandboxId>, limit: u32) -> Result<Vec<SandboxId>, StoreError> {
        let shelf = open(&self.shelf);
        let kept = shelf.rows.iter().filter(|(_, row)| row.record.is_some()).map(|(sandbox, _)| sandbox.clone());
        Ok(page(after, limit, kept))
    }

    async fn undelivered(&self, after: Option<&SandboxId>, limit: u32) -> Result<Vec<SandboxId>, StoreError> {
        Ok(page(after, limit, Self::undelivered(self).into_iter()))
    }
}

/// Loses compare-and-swaps: a commit that is told to lose answers with a conflict and writes nothing. Clones share the orders.
#[derive(Clone, Debug)]
pub struct ContendedStore<S> {
    inner: S,
    to_lose: Arc<AtomicU32>,
}

impl<S> ContendedStore<S> {
    /// Loses nothing yet.
    pub fn new(inner: S) -> Self {
        Self { inner, to_lose: Arc::default() }
    }

    /// Makes the next `commits` commits lose.
    pub fn lose(&self, commits: u32) {
        self.to_lose.store(commits, Ordering::SeqCst);
    }

    fn loses(&self) -> bool {
        self.to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }
}

#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
impl<S: Store> Store for ContendedStore<S> {
    async fn load(&self, sandbox: &SandboxId) -> Result<Option<Stored>, StoreError> {
        self.inner.load(sandbox).await
    }

    async fn commit(&self, sandbox: &SandboxId, commit: Commit) -> Result<Revision, StoreError> {
        if self.loses() { Err(StoreError::Conflict) } else { self.inner.commit(sandbox, commit).await }
    }

    async fn outbox(&self, sandbox: &SandboxId) -> Result<Vec<Event>, StoreError> {
        self.inner.outbox(sandbox).await
    }

    async fn acknowledge(&self, sandbox: &SandboxId, events: &[Event]) -> Result<(), StoreError> {
        self.inner.acknowledge(sandbox, events).await
    }
}

/// Where a [`FailingStore`] fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// A load.
    Load,
    /// A commit, before anything was written.
    BeforeCommit,
    /// A commit, after it was written: only the answer is lost.
    AfterCommit,
    /// A look into the outbox.
    Outbox,
    /// An acknowledgement, before anything was forgotten.
    Acknowledge,
}

impl Failure {
    fn error(self) -> StoreError {
        let place = match self {
            Self::Load => "load",
            Self::BeforeCommit => "before commit",
            Self::AfterCommit => "after commit",
            Self::Outbox => "outbox",
            Self::Acknowledge => "acknowledge",
        };
        StoreError::Unavailable(place.to_string())
    }
}

/// Fails where it is told to. Clones share the orders.
#[derive(Clone, Debug)]
pub struct FailingStore<S> {
    inner: S,
    /// What to fail at, and how often to let it pass before.
    orders: Arc<Mutex<Vec<(Failure, u32)>>>,
}

impl<S> FailingStore<S> {
    /// Fails nowhere yet.
    pub fn new(inner: S) -> Self {
        Self { inner, orders: Arc::default() }
    }

    /// Makes the next operation that passes this place fail, once. Orders add up.
    pub fn fail(&self, failure: Failure) {
        self.fail_after(0, failure);
    }

    /// Lets `passes` operations pass this place, and makes the one after them fail, once.
    pub fn fail_after(&self, passes: u32, failure: Failure) {
        open(&self.orders).push((failure, passes));
    }

    fn pass(&self, place: Failure) -> Result<(), StoreError> {
        let mut orders = open(&self.orders);
        if let Some(now) = orders.iter().position(|order| *order == (place, 0)) {
            orders.remove(now);
            return Err(place.error());
        }
        for (_, passes) in orders.iter_mut().filter(|(ordered, _)| *ordered == place) {
            *passes = passes.saturating_sub(1);
        }
        Ok(())
    }
}

#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
impl<S: Store> Store for FailingStore<S> {
    async fn load(&self, sandbox: &SandboxId) -> Result<Option<Stored>, StoreError> {
        self.pass(Failure::Load)?;
        self.inner.load(sandbox).await
    }

    async fn commit(&self, sandbox: &SandboxId, commit: Commit) -> Result<Revision, StoreError> {
        self.pass(Failure::BeforeCommit)?;
        let revision = self.inner.commit(sandbox, commit).await?;
        self.pass(Failure::AfterCommit)?;
        Ok(revision)
    }

    async fn outbox(&self, sandbox: &SandboxId) -> Result<Vec<Event>, StoreError> {
        self.pass(Failure::Outbox)?;
        self.inner.outbox(sandbox).await
    }

    async fn acknowledge(&self, sandbox: &SandboxId, events: &[Event]) -> Result<(), StoreError> {
        self.pass(Failure::Acknowledge)?;
        self.inner.acknowledge(sandbox, events).await
    }
}
