//! A storm: of a fleet that runs, many machines stop within a minute, and a host on a clock that passes at once repairs them.

pub(crate) mod fleet;
mod judge;
pub(crate) mod latency;
mod sky;
mod told;

pub(crate) use fleet::Fleet;

use kiloclaw_lifecycle::host::{Host, Settings};
use kiloclaw_lifecycle::id::SandboxId;
use kiloclaw_lifecycle::observe::{Exit, MachineState};
use kiloclaw_lifecycle::testkit::{MemoryStore, World, WorldChange};
use kiloclaw_lifecycle::{Driver, Instance, Policy, Status, persist};
use sky::Sky;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};
use told::Told;

/// The machines stop within that time.
const MINUTE: Duration = Duration::from_secs(60);

/// A fleet under a host.
pub(crate) struct Storm {
    sky: Sky,
    host: Host,
    told: Told,
    store: MemoryStore,
    stopped: BTreeMap<SandboxId, Instant>,
}

/// What became of those whose machine has stopped. Times in milliseconds of simulated time.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// How many run again, each with the time from the stop of its machine; sorted.
    pub(crate) recovered: Vec<u64>,
    /// The same from the moment in which the host has found out.
    pub(crate) repaired: Vec<u64>,
    /// How many of the whole fleet run, as their records say.
    pub(crate) running: usize,
    /// How many have been given up, and are stopped.
    pub(crate) given_up: usize,
    /// From the first stop until nothing was left to repair.
    pub(crate) drained_ms: u64,
    /// Calls that left too early for Fly's limits.
    pub(crate) exceeded: u64,
    /// Calls that were not made, for their turn would have come too late.
    pub(crate) held: u64,
    /// Calls that were given up while they were away.
    pub(crate) lost: u64,
    /// As many calls as were ever away at once.
    pub(crate) most_away: u64,
    /// Calls per second during the drain, in the mean and in the second that had the most.
    pub(crate) per_second: (f64, u32),
}

impl Storm {
    /// A host begins to look after the fleet. Needs a runtime whose clock is paused.
    pub(crate) fn gather(fleet: &Fleet, policy: Policy, seats: u32) -> Self {
        let mut world = fleet.world.clone();
        latency::behind(&mut world);
        let (sky, store, told) = (Sky::new(world), fleet.store(), Told::default());
        let driver = Driver::new(policy, sky.clone(), sky.clone(), store.clone(), told.clone(), sky.clone());
        let host = Host::start(driver, Settings { seats, ..Settings::default() });
        Self { sky, host, told, store, stopped: BTreeMap::new() }
    }

    /// Looks into the world.
    pub(crate) fn world<T>(&self, what: impl FnOnce(&mut World) -> T) -> T {
        self.sky.with(what)
    }

    /// The instance as it is stored.
    pub(crate) fn instance(&self, sandbox: &SandboxId) -> Instance {
        *persist::decode(&self.store.record(sandbox).expect("a record").record).expect("a record")
    }

    /// So many machines of the fleet, spread over all of it, stop by themselves within a minute.
    pub(crate) async fn breaks(&mut self, fleet: &Fleet, stops: usize) {
        let begun = Instant::now();
        for number in 0..stops {
            sleep_until(begun + MINUTE * u32::try_from(number).expect("few") / u32::try_from(stops).expect("few"))
                .await;
            let member = &fleet.members[number * fleet.members.len() / stops];
            let exit = Some(Exit { code: Some(1), oom_killed: false, requested_stop: false });
            let change = WorldChange::Machine { id: member.machine.clone(), state: MachineState::Stopped, exit };
            assert!(self.world(|world| world.change(&change)), "{} has stopped", member.machine);
            self.stopped.insert(member.sandbox.clone(), Instant::now());
        }
    }

    /// Waits until each has come to its end. A day is enough for everything.
    pub(crate) async fn ends(&self) {
        let begun = Instant::now();
        while self.open() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(86_400), "{} are left after a day", self.open());
            sleep(Duration::from_secs(1)).await;
        }
    }

    fn open(&self) -> usize {
        let told = self.told.0.lock().expect("no panic");
        let is_open =
            |sandbox: &&SandboxId| !told.succeeded.contains_key(*sandbox) && !told.failed.contains_key(*sandbox);
        self.stopped.keys().filter(is_open).count()
    }

    /// What has become of it. The host ends.
    pub(crate) async fn outcome(self, fleet: &Fleet) -> Outcome {
        let ended = self.host.shutdown(Duration::from_secs(300)).await;
        assert_eq!(ended.unfinished, Vec::<SandboxId>::new());
        let told = self.told.0.lock().expect("no panic");
        let since = |from: &BTreeMap<SandboxId, Instant>| {
            let took = told.succeeded.iter().map(|(sandbox, at)| ms(*at - from[sandbox]));
            let mut took: Vec<u64> = took.collect();
            took.sort_unstable();
            took
        };
        let first = *self.stopped.values().min().expect("one that stopped");
        let last = *told.succeeded.values().chain(told.failed.values()).max().expect("one that ended");
        let judge = self.sky.judge.lock().expect("no panic");
        let counts = &self.sky.counts;
        Outcome {
            recovered: since(&self.stopped),
            repaired: since(&told.began),
            running: fleet
                .members
                .iter()
                .filter(|member| self.instance(&member.sandbox).status() == Status::Running)
                .count(),
            given_up: told.failed.len(),
            drained_ms: ms(last - first),
            exceeded: judge.exceeded(),
            held: counts.held.load(Ordering::SeqCst),
            lost: counts.lost.load(Ordering::SeqCst),
            most_away: counts.most_away.load(Ordering::SeqCst),
            per_second: judge.per_second(ms(self.sky.since_begin(first)), ms(self.sky.since_begin(last))),
        }
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("not that long")
}
