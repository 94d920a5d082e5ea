//! The host dies in every decision of every scenario, in each place where it can, and the run still ends like the one in which it lives.
//!
//! Compared are statuses, what the instance owns and promises, and everything that is live, twice: after some hours in which alarms ring
//! on time, and after all dates have passed. A failure names a scenario, decisions and places; `converge_with` plays exactly that again.

use kiloclaw_lifecycle::testkit::scenario::{
    Converged, Crashes, Decided, Place, Scenario, converge, converge_with, run, run_with,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// In a longer run only decisions that repeat no earlier one are crashed: days of healthy alarms are one case, not thousands.
const SHORT: usize = 100;
/// Of all pairs of crashes one in so many is tried.
const ONE_PAIR_IN: usize = 17;

fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn scenario(name: &str) -> Scenario {
    Scenario::parse(&text(name)).unwrap_or_else(|malformed| panic!("{name}: {malformed}"))
}

/// A scenario of the folder with something changed.
fn changed(name: &str, change: impl FnOnce(&mut Value)) -> Scenario {
    let mut file: Value = serde_json::from_str(&text(name)).expect("JSON");
    change(&mut file);
    Scenario::parse(&file.to_string()).expect("a scenario")
}

fn names() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let entries = fs::read_dir(folder).expect("the folder of scenarios");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    for (bound, why) in BOUND_TO_ITS_RUN {
        let at = names.iter().position(|name| name == bound);
        names.remove(at.unwrap_or_else(|| panic!("{bound} is left out because {why}, and is not there")));
    }
    assert!(names.len() > 200, "only {} scenarios were found", names.len());
    names
}

/// Files that say something about one run only, which a crash makes another.
const BOUND_TO_ITS_RUN: [(&str, &str); 2] = [
    (
        "late-create-look-spares-a-moved-volume.json",
        "it names a volume as the run has named a create, and after a crash the create has another number",
    ),
    (
        "start-capacity-started-by-somebody-before-the-machine-goes.json",
        "after a crash the machine that somebody has started is seen to serve, and stays where it is",
    ),
];

/// What the sweep does not allow, in words; nothing if the runs end alike.
fn differences(uncrashed: &Converged, crashed: &Converged) -> Vec<String> {
    let mut found = Vec::new();
    for (when, wanted, got) in
        [("soon", &uncrashed.soon, &crashed.soon), ("finally", &uncrashed.finally, &crashed.finally)]
    {
        if wanted != got {
            found.push(format!("{when}\n    wanted {wanted}\n    got    {got}"));
        }
    }
    found.extend(crashed.violations.iter().map(|violation| format!("violation: {violation}")));
    found
}

/// The decisions in which a run is crashed.
fn swept(uncrashed: &Converged) -> impl Iterator<Item = (usize, Decided)> {
    let long = uncrashed.decisions.len() > SHORT;
    uncrashed.decisions.iter().copied().enumerate().filter(move |(_, decided)| !long || !decided.repeats)
}

#[derive(Default)]
struct Tally {
    scenarios: usize,
    decisions: usize,
    left_out: usize,
    runs: usize,
    places: BTreeMap<Place, usize>,
    /// Runs in which a stage was further than, or beside, the uncrashed one when the next began.
    apart: usize,
    slowest_ms: u64,
    failures: Vec<String>,
}

impl Tally {
    fn crash(&mut self, name: &str, scenario: &Scenario, uncrashed: &Converged, at: &[(usize, Place)]) -> Converged {
        let crashes = at.iter().fold(Crashes::default(), |crashes, (decision, place)| crashes.and(*decision, *place));
        let crashed = converge_with(scenario, &crashes, uncrashed);
        self.runs += 1;
        self.apart += usize::from(crashed.caught_up_ms.is_none());
        self.slowest_ms = self.slowest_ms.max(crashed.caught_up_ms.unwrap_or(0));
        let differences = differences(uncrashed, &crashed);
        if !differences.is_empty() {
            self.failures.push(format!("{name} {at:?}\n  {}", differences.join("\n  ")));
        }
        crashed
    }

    fn add(&mut self, other: Self) {
        self.scenarios += other.scenarios;
        self.decisions += other.decisions;
        self.left_out += other.left_out;
        self.runs += other.runs;
        for (place, count) in other.places {
            *self.places.entry(place).or_default() += count;
        }
        self.apart += other.apart;
        self.slowest_ms = self.slowest_ms.max(other.slowest_ms);
        self.failures.extend(other.failures);
    }

    fn verdict(&self, title: &str) {
        let Self { scenarios, decisions, left_out, runs, places, apart, slowest_ms, failures: _ } = self;
        println!(
            "{title}: {scenarios} scenarios, {decisions} decisions and {left_out} that repeat others, {runs} runs"
        );
        println!(
            "{title}: crashes {places:?}; steps caught up in at most {} s, in {apart} runs not all",
            slowest_ms / 1_000
        );
        assert!(self.failures.is_empty(), "{} runs end differently\n{}", self.failures.len(), self.failures.join("\n"));
    }
}

/// Plays every scenario on all cores.
fn sweep(play: impl Fn(&mut Tally, &str, &Scenario, &Converged) + Sync) -> Tally {
    let names = names();
    let (next, all) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                let mut tally = Tally::default();
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let scenario = scenario(name);
                    let uncrashed = converge(&scenario);
                    assert_eq!(uncrashed.violations, Vec::<String>::new(), "{name} without a crash");
                    tally.scenarios += 1;
                    tally.decisions += swept(&uncrashed).count();
                    tally.left_out += uncrashed.decisions.len() - swept(&uncrashed).count();
                    play(&mut tally, name, &scenario, &uncrashed);
                }
                all.lock().expect("no other thread has failed").add(tally);
            });
        }
    });
    all.into_inner().expect("no thread has failed")
}

#[test]
fn a_crash_anywhere_changes_nothing_in_the_end() {
    let tally = sweep(|tally, name, scenario, uncrashed| {
        for (decision, decided) in swept(uncrashed) {
            for place in decided.places() {
                let crashed = tally.crash(name, scenario, uncrashed, &[(decision, place)]);
                assert_eq!(crashed.crashes, 1, "{name} {decision} {place:?}");
                *tally.places.entry(place).or_default() += 1;
            }
        }
    });
    tally.verdict("single crashes");
}

#[test]
fn two_crashes_in_a_row_change_nothing_in_the_end() {
    let tally = sweep(|tally, name, scenario, uncrashed| {
        let mut pair = name.len();
        for (decision, decided) in swept(uncrashed) {
            // The next decision is the first one after the restart, and the one after it may be the interrupted one given again.
            let seconds = [1, 2].into_iter().flat_map(|later| Place::ALL.map(|place| (decision + later, place)));
            for (first, second) in decided.places().flat_map(|first| seconds.clone().map(move |second| (first, second)))
            {
                pair += 1;
                if pair.is_multiple_of(ONE_PAIR_IN) {
                    let crashed = tally.crash(name, scenario, uncrashed, &[(decision, first), second]);
                    *tally.places.entry(first).or_default() += 1;
                    *tally.places.entry(second.1).or_default() += crashed.crashes - 1;
                }
            }
        }
    });
    tally.verdict("two crashes in a row");
}

/// A planned crash is the same as one that the file scripts.
#[test]
fn a_planned_crash_is_a_crash() {
    let name = "recovery-relocates-with-snapshots.json";
    let plain = scenario(name);
    let decisions = converge(&plain).decisions;
    let mut visible = 0;
    for (decision, decided) in decisions.iter().enumerate() {
        let Some(call) = decided.call.filter(|call| decisions.iter().filter(|d| d.call == Some(*call)).count() == 1)
        else {
            continue;
        };
        for (place, word) in Place::ALL.into_iter().zip(["uncommitted", "before", "after"]) {
            let fault = json!({ "call": call.as_str(), "nth": 1, "crash": word });
            let scripted = run(&changed(name, |file| file["faults"] = json!([fault])));
            let planned = run_with(&plain, &Crashes::at(decision, place));
            assert_eq!(planned.json(), scripted.json(), "{call} {word}");
            visible += usize::from(planned.json() != run(&plain).json());
        }
    }
    assert!(visible >= 9, "only {visible} crashes left a trace");
}

/// The scripted crash loses a command for good, which the sweep takes for what it is.
#[test]
fn a_lost_command_is_a_difference() {
    let name = "stop-plain.json";
    let fault = json!({ "call": "stop_machine", "nth": 1, "crash": "uncommitted" });
    let lost = converge(&changed(name, |file| file["faults"] = json!([fault])));
    let differences = differences(&converge(&scenario(name)), &lost);
    assert_eq!(differences.len(), 2, "{differences:?}");
}

/// A provider that makes a volume and refuses to have done so leaves one behind that nobody can know of.
#[test]
fn a_leak_is_a_violation() {
    let fault = json!({ "call": "create_volume", "status": 400, "body": "{\"error\":\"no\"}", "applied": true });
    let leaky = converge(&changed("recovery-fork-is-bare.json", |file| file["faults"] = json!([fault])));
    assert!(
        leaky.violations.iter().any(|violation| violation.starts_with("leak: the volume")),
        "{:?}",
        leaky.violations
    );
}

/// What is made anew under other ids is the same; what is made of something else is not.
#[test]
fn ends_are_told_apart_by_what_things_are_made_of() {
    let name = "recovery-relocates-with-snapshots.json";
    let ids = |file: &mut Value| {
        file["fly"]["new_volumes"] = json!(["vol_other"]);
        file["fly"]["new_machines"] = json!(["mother"]);
    };
    assert_eq!(converge(&changed(name, ids)).soon, converge(&scenario(name)).soon);
    let stays = converge(&changed(name, |file| file["steps"] = json!([])));
    assert_ne!(stays.stages, converge(&scenario(name)).stages);
}
