//! The durable workload with the library: a restart whose wait runs out, and that an alarm finds done.
//!
//! Five calls to the provider (look, update, look, wait; and after the alarm look again) and one alarm, on a [`SqliteStore`] in a file. The
//! provider answers at once, so that what is left is deciding, encoding and committing. The alarm is rung as soon as its instance has come
//! to rest, on a clock that is moved to its date.

use crate::provider::{self, Counts};
use crate::story::Nobody;
use futures::executor::block_on;
use kiloclaw_lifecycle::adapter::sqlite::SqliteStore;
use kiloclaw_lifecycle::command::{Provision, Spec};
use kiloclaw_lifecycle::event::Event;
use kiloclaw_lifecycle::id::{Identity, SandboxId};
use kiloclaw_lifecycle::port::{EventSink, SinkError};
use kiloclaw_lifecycle::testkit::mocks::{MockHealthProbe, MockProvider};
use kiloclaw_lifecycle::testkit::{SimFly, World};
use kiloclaw_lifecycle::{Clock, Command, Driver, Input, Knobs, Policy, Status, Store, Timestamp, Verdict, persist};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// Takes everything at once. Each time it does, what it has taken is deleted from the outbox.
#[derive(Clone, Debug, Default)]
struct Counted(Arc<AtomicU64>);

#[async_trait::async_trait]
impl EventSink for Counted {
    async fn deliver(&self, _: &[Event]) -> Result<(), SinkError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// The time of all instances, moved by their alarms.
#[derive(Clone, Debug)]
struct Moved(Arc<AtomicU64>);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

type Plugged = Driver<MockProvider, MockHealthProbe, SqliteStore, Counted, Moved>;

/// Some running instances in one file.
pub(crate) struct Ours {
    runtime: Runtime,
    driver: Arc<Plugged>,
    counts: Arc<Counts>,
    sandboxes: Vec<SandboxId>,
    deliveries: Counted,
    /// Of all records, when the first restart had not begun.
    revisions: u64,
}

impl Ours {
    pub(crate) fn open(file: &Path, instances: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().build().expect("a runtime");
        let store = SqliteStore::open(file).expect("a store");
        // As short as can be.
        let knobs = Knobs { alarm_transitional_ms: 1, alarm_jitter_ms: 0, ..Knobs::default() };
        let policy = Policy::new(knobs).expect("a policy");
        let names = (0..instances).map(|number| format!("sandbox-{number}").parse().expect("a name"));
        let sandboxes: Vec<SandboxId> = names.collect();
        let now = runtime.block_on(started(&policy, &store, &sandboxes));
        let ((provider, counts), deliveries) = (provider::provider(), Counted::default());
        let clock = Moved(Arc::new(AtomicU64::new(now.as_millis())));
        let driver = Driver::new(policy, provider, MockHealthProbe::new(), store, deliveries.clone(), clock);
        let mut ours = Self { runtime, driver: Arc::new(driver), counts, sandboxes, deliveries, revisions: 0 };
        ours.revisions = ours.revisions_now();
        ours
    }

    /// `count` restarts, one after the other for each instance, and all instances at once.
    pub(crate) fn run(&self, count: u64) -> Duration {
        let before = self.counts.all();
        let left = Arc::new(AtomicU64::new(count));
        let begun = Instant::now();
        self.runtime.block_on(async {
            let tasks = self.sandboxes.iter().map(|of| restarts(self.driver.clone(), of.clone(), left.clone()));
            tasks.collect::<JoinSet<()>>().join_all().await;
        });
        let took = begun.elapsed();
        let [looks, updates, waits] = before;
        assert_eq!(self.counts.all(), [looks + 3 * count, updates + count, waits + count], "five calls each");
        took
    }

    /// What a workload was made of.
    pub(crate) fn print(&self) {
        let [_, restarts, _] = self.counts.all();
        let each = |number: u64| number as f64 / restarts as f64;
        let (commits, deliveries) = (self.revisions_now() - self.revisions, self.deliveries.0.load(Ordering::SeqCst));
        let (commits, deliveries) = (each(commits), each(deliveries));
        println!("a workload of ours: {commits} commits and {deliveries} deliveries, alone or with those of others");
    }

    fn revisions_now(&self) -> u64 {
        let store = self.driver.store();
        let revision = |of| block_on(store.load(of)).expect("a store").expect("a record").revision.0;
        self.sandboxes.iter().map(revision).sum()
    }
}

async fn restarts(driver: Arc<Plugged>, sandbox: SandboxId, left: Arc<AtomicU64>) {
    while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
        restart(&driver, &sandbox).await;
    }
}

async fn restart(driver: &Plugged, sandbox: &SandboxId) {
    let asked = driver.handle(sandbox, Input::Command(Command::Restart { image: None })).await.expect("taken on");
    assert_eq!((asked.verdict, asked.interrupted), (Verdict::Applied, None));
    assert_eq!(status(driver.store(), sandbox).await, Status::Restarting, "an alarm is needed");
    let alarm = asked.alarm.expect("an alarm");
    driver.clock().0.fetch_max(alarm.at.as_millis(), Ordering::SeqCst);
    let rung = driver.handle(sandbox, Input::Alarm).await.expect("taken on");
    assert_eq!((rung.verdict, rung.interrupted), (Verdict::Applied, None));
    assert_eq!(status(driver.store(), sandbox).await, Status::Running, "one alarm is enough");
}

async fn status(store: &SqliteStore, sandbox: &SandboxId) -> Status {
    let stored = store.load(sandbox).await.expect("a store").expect("a record");
    persist::decode(&stored.record).expect("an instance").status()
}

/// Provisions and starts them; says when that was done.
async fn started(policy: &Policy, store: &SqliteStore, sandboxes: &[SandboxId]) -> Timestamp {
    let fly = SimFly::new(World::new(Timestamp::from_millis(1_780_272_000_000)));
    let driver = Driver::new(policy.clone(), fly.clone(), fly.clone(), store.clone(), Nobody, fly.clone());
    for sandbox in sandboxes {
        let identity = Identity { user: "user-1".parse().expect("a name"), sandbox: sandbox.clone(), app: None };
        let provision = Provision { identity, seed: 7, spec: Spec::default() };
        for command in [Command::Provision(Box::new(provision)), Command::Start { reason: None }] {
            let handled = driver.handle(sandbox, Input::Command(command)).await.expect("taken on");
            assert_eq!((handled.verdict, handled.interrupted), (Verdict::Applied, None));
        }
        assert_eq!(status(store, sandbox).await, Status::Running);
    }
    fly.now()
}
