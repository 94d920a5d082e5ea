//! What one instance costs in fleets of different sizes.
//!
//! In every fleet as many alarms are rung as in the smallest, so that all sizes are measured alike; the sizes take turns, so that whatever else
//! the machine does befalls all of them. What the store takes of it is measured as well: in a larger fleet its rows are seldom in a cache.

use crate::file::Filed;
use crate::rounds::{Spread, in_turn, timed};
use crate::storm::Fleet;
use crate::storm::fleet::Nobody;
use crate::table::{self, Bar};
use crate::well::Well;
use futures::executor::block_on;
use kiloclaw_lifecycle::adapter::sqlite::SqliteStore;
use kiloclaw_lifecycle::id::SandboxId;
use kiloclaw_lifecycle::port::{Commit, Stored};
use kiloclaw_lifecycle::step::Why;
use kiloclaw_lifecycle::testkit::MemoryStore;
use kiloclaw_lifecycle::{Alarm, Driver, Fleet as Due, Input, Policy, Timestamp, Verdict};
use std::time::Duration;

/// Alarms in a round, and rounds.
type Plan = (usize, usize);
const SWEEP: Plan = (1_000, 21);
/// Short ones, for a disk that others use as well is slow for a second or two at a time.
const DURABLE: Plan = (20, 210);

/// What an instance costs in a fleet of this size.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) instances: usize,
    /// Microseconds.
    pub(crate) sweep: Spread,
    pub(crate) durable: Spread,
    /// The part of the store alone: due query, loads and commits of the same bytes.
    sweep_store: Spread,
    durable_store: Spread,
    /// Bytes.
    pub(crate) memory: f64,
    pub(crate) disk: f64,
}

/// A driver whose alarms are rung by hand.
struct Rung<S> {
    driver: Driver<Well, Well, S, Nobody, Well>,
    well: Well,
    now: Timestamp,
    /// No alarm is set further ahead than that.
    period_ms: u64,
}

impl<S: Due> Rung<S> {
    fn new(fleet: &Fleet, store: S) -> Self {
        let well = Well::of(fleet);
        let policy = Policy::default();
        let period_ms = policy.alarm_running_ms + policy.alarm_jitter_ms;
        let driver = Driver::new(policy, well.clone(), well.clone(), store, Nobody, well.clone());
        Self { driver, well, now: fleet.world.now(), period_ms }
    }

    /// Asks who is due, has something done for the first so many, and brings what each of them took.
    fn round(&mut self, alarms: usize, each: impl Fn(&Self, &SandboxId)) -> Duration {
        let limit = u32::try_from(alarms).expect("few");
        // By then every alarm of the last round is due again, and those that have waited come first.
        self.now = self.now.plus(self.period_ms);
        self.well.set(self.now);
        let (took, found) = timed(|| {
            let due = block_on(self.driver.store().due(self.now, limit)).expect("a store");
            due.iter().for_each(|(sandbox, _)| each(self, sandbox));
            due.len()
        });
        assert_eq!(found, alarms);
        took / limit
    }

    /// Rings the alarm, as a host would.
    fn ring(&self, sandbox: &SandboxId) {
        let handled = block_on(self.driver.handle(sandbox, Input::Alarm)).expect("an alarm");
        assert_eq!((handled.verdict, handled.interrupted), (Verdict::Applied, None));
    }

    /// Does what the store has to do for an alarm, and decides nothing: the same record is written again.
    fn only_store(&self, sandbox: &SandboxId) {
        let store = self.driver.store();
        let Stored { record, revision } = block_on(store.load(sandbox)).expect("a store").expect("a record");
        let alarm = Alarm { at: self.now.plus(self.period_ms), why: Why::Reconcile, generation: revision.0 };
        let commit = Commit {
            expected: Some(revision),
            now: self.now,
            record: Some(record),
            alarm: Some(alarm),
            events: Vec::new(),
        };
        block_on(store.commit(sandbox, commit)).expect("a commit");
        block_on(store.outbox(sandbox)).expect("an outbox");
    }
}

/// What each alarm takes in each fleet, and what the store takes of that.
fn alarms<S: Due>(mut fleets: Vec<Rung<S>>, (alarms, rounds): Plan) -> (Vec<Spread>, Vec<Spread>) {
    let whole = in_turn(&mut fleets, rounds, |rung| rung.round(alarms, Rung::ring));
    let store = in_turn(&mut fleets, rounds, |rung| rung.round(alarms, Rung::only_store));
    (whole, store)
}

/// Fleets of these sizes, from the smallest to the largest.
pub(crate) fn costs(fleets: &[Fleet]) -> Vec<Cost> {
    let mut kept: Vec<Rung<MemoryStore>> = fleets.iter().map(|fleet| Rung::new(fleet, fleet.store())).collect();
    // Until every record is where an alarm has put it.
    for (rung, fleet) in kept.iter_mut().zip(fleets) {
        for _ in 0..fleet.members.len() / SWEEP.0 {
            rung.round(SWEEP.0, Rung::ring);
        }
    }
    let (sweep, sweep_store) = alarms::<MemoryStore>(kept, SWEEP);
    let files: Vec<Filed> = fleets.iter().map(Filed::of).collect();
    let disk: Vec<u64> = files.iter().map(Filed::bytes).collect();
    let filed = fleets.iter().zip(&files).map(|(fleet, file)| Rung::new(fleet, file.store.clone())).collect();
    let (durable, durable_store) = alarms::<SqliteStore>(filed, DURABLE);
    let of = |number: usize| {
        let fleet: &Fleet = &fleets[number];
        let instances = fleet.members.len();
        Cost {
            instances,
            sweep: sweep[number],
            durable: durable[number],
            sweep_store: sweep_store[number],
            durable_store: durable_store[number],
            memory: crate::memory::of(fleet).bytes as f64 / instances as f64,
            disk: disk[number] as f64 / instances as f64,
        }
    };
    (0..fleets.len()).map(of).collect()
}

pub(crate) fn print(costs: &[Cost]) -> Vec<Bar> {
    let spread = |spread: &Spread| format!("{:.1} ({:.1} to {:.1})", spread.median, spread.low, spread.high);
    let row = |cost: &Cost| {
        let (memory, disk) = (format!("{:.0}", cost.memory), format!("{:.0}", cost.disk));
        let [sweep, store] = [&cost.sweep, &cost.sweep_store].map(spread);
        let [durable, filed] = [&cost.durable, &cost.durable_store].map(spread);
        vec![cost.instances.to_string(), sweep, store, durable, filed, memory, disk]
    };
    let columns = [
        "instances",
        "alarm sweep, µs",
        "the store's part, µs",
        "durable alarm, µs",
        "the store's part, µs",
        "bytes in memory",
        "bytes on disk",
    ];
    table::plain(
        "One instance in fleets of different sizes: medians (and quartiles) of interleaved rounds",
        &columns,
        &costs.iter().map(row).collect::<Vec<_>>(),
    );
    let (Some(small), Some(large)) = (costs.first(), costs.last()) else { return Vec::new() };
    let bar = |what: &str, cost: &dyn Fn(&Cost) -> f64| Bar {
        what: format!("{what} in a fleet of {}", large.instances),
        against: format!("the same in one of {}", small.instances),
        ratio: cost(large) / cost(small),
        bar: 1.1,
        least: false,
    };
    vec![
        bar("an alarm of the sweep", &|cost| cost.sweep.median),
        bar("the store's part of it", &|cost| cost.sweep_store.median),
        bar("the rest of it", &|cost| cost.sweep.median - cost.sweep_store.median),
        bar("a durable alarm, the median", &|cost| cost.durable.median),
        bar("a durable alarm, the mean", &|cost| cost.durable.mean),
        bar("the store's part of it", &|cost| cost.durable_store.median),
        bar("bytes in memory for each", &|cost| cost.memory),
        bar("bytes on disk for each", &|cost| cost.disk),
    ]
}
