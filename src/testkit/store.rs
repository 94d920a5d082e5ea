//! A store in memory with a real compare-and-swap, and wrappers that make any store misbehave on demand.

mod memory;

pub use memory::MemoryStore;

use crate::event::Event;
use crate::id::SandboxId;
use crate::port::{Commit, Revision, Store, StoreError, Stored};
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever panicked with the lock in hand was a test that has failed already; no section leaves half a change behind.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
