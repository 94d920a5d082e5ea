//! Where a host is tried out: a world, a store, a sink, and time that passes at once when nobody has anything to do.

use crate::live::{LiveFly, TokioClock};
use async_trait::async_trait;
use kiloclaw_lifecycle::command::{Command, Provision, Spec};
use kiloclaw_lifecycle::event::Event;
use kiloclaw_lifecycle::host::{Host, Settings};
use kiloclaw_lifecycle::id::{Identity, SandboxId, UserId};
use kiloclaw_lifecycle::port::{Clock, Commit, EventSink, Fleet, Revision, SinkError, Store, StoreError, Stored};
use kiloclaw_lifecycle::testkit::MemoryStore;
use kiloclaw_lifecycle::{Driver, Policy, Status, Timestamp, Verdict};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A sink that may be down.
#[derive(Clone, Default)]
pub(crate) struct Sink {
    pub(crate) down: Arc<AtomicBool>,
    /// Deliveries never end.
    pub(crate) hangs: Arc<AtomicBool>,
    /// Whose events are never taken.
    pub(crate) refuses: Arc<Mutex<Option<SandboxId>>>,
    told: Arc<Mutex<Vec<Event>>>,
}

impl Sink {
    /// What has arrived, by name.
    pub(crate) fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().iter().map(|event| event.event.to_string()).collect()
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.told.lock().unwrap().iter().map(|event| event.key.clone()).collect()
    }
}

#[async_trait]
impl EventSink for Sink {
    async fn deliver(&self, events: &[Event]) -> Result<(), SinkError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(SinkError("the sink is down".to_string()));
        }
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let refused = self.refuses.lock().unwrap().clone();
        if events.iter().any(|event| Some(&event.sandbox) == refused.as_ref()) {
            return Err(SinkError("these are not taken".to_string()));
        }
        self.told.lock().unwrap().extend(events.iter().cloned());
        Ok(())
    }
}

/// A store that may be down. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Shelf {
    pub(crate) memory: MemoryStore,
    pub(crate) down: Arc<AtomicBool>,
    /// As many commits are written and answered as if they were not.
    pub(crate) unsure: Arc<AtomicU32>,
    /// How often a record was asked for.
    pub(crate) loads: Arc<AtomicU32>,
    /// As many commits lose to somebody else's.
    pub(crate) contended: Arc<AtomicU32>,
    /// The next question for the fleet is answered with a panic.
    pub(crate) panics: Arc<AtomicBool>,
}

impl Shelf {
    fn reach(&self) -> Result<&MemoryStore, StoreError> {
        if self.down.load(Ordering::SeqCst) { Err(unavailable()) } else { Ok(&self.memory) }
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("the store is down".to_string())
}

#[async_trait]
impl Store for Shelf {
    async fn load(&self, sandbox: &SandboxId) -> Result<Option<Stored>, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.reach()?.load(sandbox).await
    }

    async fn commit(&self, sandbox: &SandboxId, commit: Commit) -> Result<Revision, StoreError> {
        let fewer = |left: u32| left.checked_sub(1);
        if self.contended.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok() {
            return Err(StoreError::Conflict);
        }
        let revision = self.reach()?.commit(sandbox, commit).await?;
        if self.unsure.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok() {
            return Err(unavailable());
        }
        Ok(revision)
    }

    async fn outbox(&self, sandbox: &SandboxId) -> Result<Vec<Event>, StoreError> {
        self.reach()?.outbox(sandbox).await
    }

    async fn acknowledge(&self, sandbox: &SandboxId, events: &[Event]) -> Result<(), StoreError> {
        self.reach()?.acknowledge(sandbox, events).await
    }
}

#[async_trait]
impl Fleet for Shelf {
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<(SandboxId, Timestamp)>, StoreError> {
        assert!(!self.panics.swap(false, Ordering::SeqCst), "a store with a bug");
        Fleet::due(self.reach()?, now, limit).await
    }

    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.reach()?.next_due(after).await
    }

    async fn instances(&self, after: Option<&SandboxId>, limit: u32) -> Result<Vec<SandboxId>, StoreError> {
        self.reach()?.instances(after, limit).await
    }

    async fn undelivered(&self, after: Option<&SandboxId>, limit: u32) -> Result<Vec<SandboxId>, StoreError> {
        assert!(!self.panics.swap(false, Ordering::SeqCst), "a store with a bug");
        Fleet::undelivered(self.reach()?, after, limit).await
    }
}

pub(crate) struct Place {
    pub(crate) fly: LiveFly,
    pub(crate) store: Shelf,
    pub(crate) sink: Sink,
    pub(crate) clock: Bent,
}

/// A clock that may be wrong, by so many milliseconds.
#[derive(Clone)]
pub(crate) struct Bent {
    right: TokioClock,
    pub(crate) wrong: Arc<AtomicI64>,
}

impl Clock for Bent {
    fn now(&self) -> Timestamp {
        let right = self.right.now().as_millis();
        Timestamp::from_millis(right.saturating_add_signed(self.wrong.load(Ordering::SeqCst)))
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::slow(Duration::from_millis(200))
    }

    /// Every call takes that long.
    pub(crate) fn slow(latency: Duration) -> Self {
        let clock = TokioClock::new();
        let fly = LiveFly::new(clock, latency);
        let clock = Bent { right: clock, wrong: Arc::default() };
        Self { fly, store: Shelf::default(), sink: Sink::default(), clock }
    }

    /// Another process on the same store and the same world.
    pub(crate) fn host(&self, settings: Settings) -> Host {
        let (provider, health) = (self.fly.clone(), self.fly.clone());
        let driver =
            Driver::new(Policy::default(), provider, health, self.store.clone(), self.sink.clone(), self.clock.clone());
        Host::start(driver, settings)
    }

    /// Machines and volumes that are there, by id.
    pub(crate) fn live(&self) -> (Vec<String>, Vec<String>) {
        self.fly.sim.with(|world| {
            let machines = world.live_machines().map(|(id, _)| id.clone()).collect();
            (machines, world.live_volumes().map(|(id, _)| id.clone()).collect())
        })
    }
}

pub(crate) fn sandbox(number: u32) -> SandboxId {
    SandboxId::new(format!("sandbox-{number}")).unwrap()
}

pub(crate) fn provision(number: u32) -> Command {
    let identity = Identity { user: UserId::new("user-1").unwrap(), sandbox: sandbox(number), app: None };
    Command::Provision(Box::new(Provision { identity, seed: u64::from(number), spec: Spec::default() }))
}

/// Has the host take the command on, at once.
pub(crate) async fn applied(host: &Host, number: u32, command: Command) {
    let taken = host.command(&sandbox(number), command).await.unwrap();
    assert_eq!(taken.verdict, Verdict::Applied);
    assert_eq!(taken.end().await, None, "its end is not waited for");
}

/// Provisions and starts it, and waits until it runs.
pub(crate) async fn running(host: &Host, number: u32) {
    applied(host, number, provision(number)).await;
    applied(host, number, start()).await;
    reaches(host, number, Some(Status::Running)).await;
}

pub(crate) fn start() -> Command {
    Command::Start { reason: None }
}

pub(crate) async fn status(host: &Host, number: u32) -> Option<Status> {
    host.instance(&sandbox(number)).await.unwrap().map(|instance| instance.status())
}

/// Waits until the instance has that status, `None` for gone. Ten days are enough for everything.
pub(crate) async fn reaches(host: &Host, number: u32, wanted: Option<Status>) {
    let begun = Instant::now();
    while status(host, number).await != wanted {
        let now = status(host, number).await;
        assert!(begun.elapsed() < Duration::from_secs(864_000), "still {now:?} after ten days, not {wanted:?}");
        sleep(Duration::from_millis(500)).await;
    }
}
