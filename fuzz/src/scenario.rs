//! Scenario files: arbitrary text, and files of which some members were changed.

use super::edit::edit;
use super::life::{exported, kept};
use super::raw::Raw;
use super::samples::SCENARIOS;
use super::told::Told;
use super::world::World;
use kiloclaw_lifecycle::Policy;
use kiloclaw_lifecycle::testkit::scenario::{Scenario, run};
use serde::de::IgnoredAny;
use serde_json::Value;

/// A run of more steps takes longer than a fuzzer can wait for.
const MOST_STEPS: usize = 40;
const MOST_ALARMS: u64 = 1_000;

/// Far enough from where time ends that no run gets there by itself.
const LATEST_START: u64 = 1_000_000_000_000_000;

/// What can be read can be run; the run ends, is the same every time, and breaks no law that the file itself does not break.
pub fn scenario(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let is_json = serde_json::from_str::<IgnoredAny>(&text).is_ok();
    if is_json { play(&text) } else { play(&made_up(&mut Raw::new(data))) }
}

fn made_up(raw: &mut Raw<'_>) -> String {
    let mut file: Value = serde_json::from_str(raw.one_of::<&str>(SCENARIOS)).expect("a scenario is JSON");
    edit(raw, &mut file);
    file.to_string()
}

fn play(text: &str) -> bool {
    let _told = Told(|| text.to_string());
    let Ok(scenario) = Scenario::parse(text) else { return false };
    let file: Value = serde_json::from_str(text).expect("a scenario is JSON");
    if !is_short(&file, scenario.policy()) {
        return false;
    }
    let outcome = run(&scenario);
    assert_eq!(outcome.json(), run(&scenario).json(), "a scenario runs the same every time");
    let world = World::new(&file, scenario.policy(), outcome.json());
    let violations = outcome.json()["violations"].as_array().expect("a list of violations");
    for violation in violations.iter().filter_map(Value::as_str) {
        assert!(world.explains(violation), "{violation}");
    }
    if let Some(instance) = outcome.instance() {
        kept(instance);
        exported(instance);
    }
    true
}

/// Whether a run has few steps, and time for few alarms.
fn is_short(file: &Value, policy: &Policy) -> bool {
    let steps = file["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let spans = steps.iter().filter_map(|step| step["advance"].as_str());
    let passes = spans.map(|span| milliseconds(span).unwrap_or(u64::MAX)).fold(0, u64::saturating_add);
    // The last wait repeats.
    let waits =
        [&policy.retry_backoff_ms, &policy.disposal_backoff_ms].into_iter().filter_map(|list| list.last().copied());
    let looks = [policy.alarm_running_ms, policy.alarm_transitional_ms, policy.alarm_idle_ms];
    let shortest = waits.chain(looks).min().unwrap_or(1);
    let start = file["start_ms"].as_u64().unwrap_or(u64::MAX);
    steps.len() <= MOST_STEPS && passes <= shortest.saturating_mul(MOST_ALARMS) && start <= LATEST_START
}

/// Milliseconds of a span such as `5m`.
pub(super) fn milliseconds(span: &str) -> Option<u64> {
    let end = span.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = span.split_at(end);
    let ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(ms)
}
