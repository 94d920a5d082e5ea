//! A host whose instances all rest, over a store that needs no memory of its own.

use crate::storm::Fleet;
use crate::storm::fleet::Nobody;
use crate::well::Well;
use allocation_counter::measure;
use async_trait::async_trait;
use kiloclaw_lifecycle::event::Event;
use kiloclaw_lifecycle::host::{Host, Settings};
use kiloclaw_lifecycle::id::SandboxId;
use kiloclaw_lifecycle::port::{Commit, Revision, Store, StoreError, Stored};
use kiloclaw_lifecycle::{Clock, Driver, Fleet as Due, Policy, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep};

/// Shows the same records for ever, and remembers of a commit only when the alarm is due, in a place that is there already.
#[derive(Clone)]
struct Still {
    records: Arc<BTreeMap<SandboxId, (String, AtomicU64)>>,
    commits: Arc<AtomicU64>,
}

impl Still {
    fn of(fleet: &Fleet) -> Self {
        let row = |at: Timestamp| AtomicU64::new(at.as_millis());
        let rows = fleet.members.iter().map(|one| (one.sandbox.clone(), (one.record.clone(), row(one.alarm.at))));
        Self { records: Arc::new(rows.collect()), commits: Arc::default() }
    }

    fn dates(&self) -> impl Iterator<Item = (&SandboxId, Timestamp)> {
        let at = |at: &AtomicU64| Timestamp::from_millis(at.load(Ordering::SeqCst));
        self.records.iter().map(move |(sandbox, (_, due))| (sandbox, at(due)))
    }
}

#[async_trait]
impl Store for Still {
    async fn load(&self, sandbox: &SandboxId) -> Result<Option<Stored>, StoreError> {
        let row = self.records.get(sandbox);
        Ok(row.map(|(record, _)| Stored { record: record.clone(), revision: Revision(1) }))
    }

    async fn commit(&self, sandbox: &SandboxId, commit: Commit) -> Result<Revision, StoreError> {
        let at = commit.alarm.expect("an alarm").at;
        self.records[sandbox].1.store(at.as_millis(), Ordering::SeqCst);
        self.commits.fetch_add(1, Ordering::SeqCst);
        Ok(Revision(1))
    }

    async fn outbox(&self, _: &SandboxId) -> Result<Vec<Event>, StoreError> {
        Ok(Vec::new())
    }

    async fn acknowledge(&self, _: &SandboxId, _: &[Event]) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Due for Still {
    /// In no order, which the host does not need here.
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<(SandboxId, Timestamp)>, StoreError> {
        let due = self.dates().filter(|(_, at)| *at <= now).take(usize::try_from(limit).expect("it fits"));
        Ok(due.map(|(sandbox, at)| (sandbox.clone(), at)).collect())
    }

    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.dates().map(|(_, at)| at).filter(|at| *at > after).min())
    }

    async fn instances(&self, _: Option<&SandboxId>, _: u32) -> Result<Vec<SandboxId>, StoreError> {
        Ok(Vec::new())
    }

    async fn undelivered(&self, _: Option<&SandboxId>, _: u32) -> Result<Vec<SandboxId>, StoreError> {
        Ok(Vec::new())
    }
}

/// Stands until all are due, and for ever after they have rung.
#[derive(Clone)]
struct Stands(Well);

impl Clock for Stands {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

/// The bytes that are held when every alarm of the fleet has rung once and nothing is left to do.
pub(crate) fn kept(fleet: &Fleet) -> i64 {
    let (still, well) = (Still::of(fleet), Well::of(fleet));
    let last = still.dates().map(|(_, at)| at).max().expect("an instance");
    well.set(last);
    let (all, commits) = (fleet.members.len() as u64, still.commits.clone());
    let mut held = None;
    let info = measure(|| {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        let driver =
            Driver::new(Policy::default(), well.clone(), well.clone(), still.clone(), Nobody, Stands(well.clone()));
        let host = runtime.block_on(async {
            let host = Host::start(driver, Settings::default());
            let begun = Instant::now();
            while commits.load(Ordering::SeqCst) < all || host.at_work() > 0 {
                assert!(begun.elapsed() < Duration::from_secs(3_600), "it comes to rest");
                sleep(Duration::from_millis(100)).await;
            }
            // Until the wheel has turned once more, and has forgotten what it rang.
            sleep(Duration::from_secs(60)).await;
            host
        });
        held = Some((runtime, host));
    });
    assert!(held.is_some_and(|(_, host)| host.at_work() == 0));
    info.bytes_current
}
