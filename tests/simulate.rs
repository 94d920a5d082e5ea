//! The simulator: short lives under swarms of faults hold every invariant, and a run can be repeated, recorded and played again.
//!
//! Longer: `cargo run --release --all-features --example simulate -- --seeds 10000`.

use kiloclaw_lifecycle::testkit::check::Violation;
use kiloclaw_lifecycle::testkit::rig::{Core, Decided, Real, Rig, acts};
use kiloclaw_lifecycle::testkit::sim::{Coverage, Kind, Report, Setting, run};
use kiloclaw_lifecycle::trace::{self, Trace};
use kiloclaw_lifecycle::{Input, Instance, Policy, Timestamp, persist};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

fn simulate<C: Core>(core: C, setting: Setting) -> Report {
    run(core, setting).expect("names that can be")
}

fn setting(seed: u64) -> Setting {
    Setting { seed, days: 1, instances: 2, thorough: false, record: false }
}

#[test]
fn every_invariant_holds_in_every_seed_and_every_kind_of_fault_comes() {
    let next = AtomicU64::new(1);
    let (all, bad) = (Mutex::new(Coverage::default()), Mutex::new(Vec::<(u64, usize, Violation)>::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > 60 {
                        break;
                    }
                    // A few runs are looked at twice as hard.
                    let report = simulate(Real, Setting { thorough: seed.is_multiple_of(10), ..setting(seed) });
                    all.lock().expect("unharmed").add(&report.coverage);
                    let found = report.violations.into_iter().map(|(life, violation)| (seed, life, violation));
                    bad.lock().expect("unharmed").extend(found);
                }
            });
        }
    });
    let (all, bad) = (all.into_inner().expect("unharmed"), bad.into_inner().expect("unharmed"));
    println!("{} steps, {} crashes, never: {:?}", all.steps, all.crashes, all.faults_missed());
    assert!(bad.is_empty(), "{bad:#?}");
    assert_eq!(all.seeds, 60);
    assert_eq!(all.faults_missed(), Vec::<Kind>::new());
}

#[test]
fn the_same_seed_is_the_same_run_and_its_trace_plays_again() {
    let recorded = Setting { record: true, ..setting(7) };
    let (first, second) = (simulate(Real, recorded), simulate(Real, recorded));
    assert_eq!(first.coverage, second.coverage);
    let text = first.trace.expect("a trace");
    assert!(Some(&text) == second.trace.as_ref(), "two runs of one seed differ");

    let trace = Trace::parse(&text).expect("a trace that can be read");
    let report = trace::replay(&trace, None);
    assert_eq!(report.differences, [], "the decisions of a run are the same when it is replayed");
    assert_eq!(u64::try_from(report.steps).expect("a count"), first.coverage.steps);

    let acts = acts(&trace).expect("acts");
    let mut rig = Rig::to_play(Real, &trace, &acts);
    for timed in &acts {
        rig.act(timed);
    }
    let again = rig.recorded().expect("a recorder");
    assert!(again.text() == text, "the acts of a run bring the same run");
}

/// Reads the record back from its bytes before each step, as a host does that dies after every one.
#[derive(Clone, Copy, Debug)]
struct FromBytes;

impl Core for FromBytes {
    fn step(&self, record: Option<&Instance>, policy: &Policy, now: Timestamp, input: Input) -> Decided {
        let text = record.map(|instance| persist::encode(instance).expect("a record"));
        let read = text.map(|text| persist::decode(&text).expect("the same record"));
        Real.step(read.as_deref(), policy, now, input)
    }
}

#[test]
fn a_run_that_is_restored_from_its_bytes_at_every_step_is_the_same_run() {
    for seed in [3, 11] {
        let recorded = Setting { record: true, ..setting(seed) };
        let (uncut, cut) = (simulate(Real, recorded), simulate(FromBytes, recorded));
        assert_eq!(uncut.violations, []);
        assert!(uncut.trace == cut.trace, "seed {seed}: a run that is cut ends in another way");
    }
}
