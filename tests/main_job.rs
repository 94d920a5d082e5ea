//! The incident that the example plays: what was seen then is what comes out here.

use kiloclaw_lifecycle::testkit::scenario::{Moment, Outcome, Scenario, run};
use serde_json::{Value, json};

const INCIDENT: &str = include_str!("../examples/unexpected_stop/incident.json");

fn play(change: impl FnOnce(&mut Value)) -> Outcome {
    let mut scenario: Value = serde_json::from_str(INCIDENT).unwrap();
    change(&mut scenario);
    let outcome = run(&Scenario::parse(&scenario.to_string()).unwrap());
    assert_eq!(outcome.json()["violations"], json!([]));
    outcome
}

/// Events and calls, in order.
fn story(outcome: &Outcome) -> Vec<String> {
    let told = outcome.moments().iter().map(|moment| match moment {
        Moment::Event(event) => event.event.to_string(),
        Moment::Call(call) => format!("{} {}", call.call, call.status.map_or(0, |status| status)),
    });
    told.collect()
}

fn volumes(outcome: &Outcome) -> Vec<(String, String)> {
    let word = |volume: &Value, key: &str| volume[key].as_str().unwrap().to_string();
    let volumes = outcome.json()["fly"]["volumes"].as_array().unwrap();
    volumes.iter().map(|volume| (word(volume, "id"), word(volume, "state"))).collect()
}

fn pairs(expected: [(&str, &str); 2]) -> Vec<(String, String)> {
    expected.map(|(id, state)| (id.to_string(), state.to_string())).to_vec()
}

#[test]
fn the_incident_is_recovered_as_it_was_in_145_463_ms() {
    let outcome = play(|_| {});
    assert_eq!(
        story(&outcome),
        [
            "get_machine 200",
            "reconcile.unexpected_stop_recovery_trigger",
            "instance.unexpected_stop_recovery_started",
            "get_volume 200",
            "destroy_machine 200",
            "create_volume 200",
            "create_machine 200",
            "wait_machine 408",
            "reconcile.unexpected_stop_recovery_waiting_for_start",
            "get_machine 200",
            "reconcile.destroy_machine_ok",
            "get_machine 200",
            "reconcile.unexpected_stop_recovery_machine_started",
            "get_volume 200",
            "probe_health 200",
            "list_snapshots 200",
            "instance.unexpected_stop_recovery_succeeded",
            "get_volume 200",
            "get_volume 200",
            "delete_volume 200",
            "get_volume 404",
            "reconcile.destroy_volume_ok",
            "instance.retained_volume_deleted",
        ]
    );
    let ended = outcome.moments().iter().find_map(|moment| match moment {
        Moment::Event(event) => event.duration_ms,
        Moment::Call(_) => None,
    });
    assert_eq!(ended, Some(145_463), "the seed of the incident draws the jitter that was seen then");
    assert_eq!(volumes(&outcome), pairs([("vol_v8e3o0k61gk7z3lv", "created"), ("vol_vgn2lk8o0wk8gm04", "destroyed")]));
    let record = &outcome.json()["record"];
    assert_eq!(record["status"], "running");
    assert_eq!(record["flyMachineId"], "2861e46b955438");
    assert_eq!(record["flyVolumeId"], "vol_v8e3o0k61gk7z3lv");
    assert_eq!(record["flyRegion"], "sjc");
    assert_eq!(record["recoveryPreviousVolumeId"], Value::Null);
}

#[test]
fn with_a_snapshot_the_old_volume_is_retained() {
    let outcome = play(|scenario| {
        scenario["fly"]["snapshots"] =
            json!({"vol_vgn2lk8o0wk8gm04": [{"id": "vs_1", "status": "created", "size_gb": 10}]});
    });
    assert_eq!(volumes(&outcome), pairs([("vol_v8e3o0k61gk7z3lv", "created"), ("vol_vgn2lk8o0wk8gm04", "created")]));
    let record = &outcome.json()["record"];
    assert_eq!(record["recoveryPreviousVolumeId"], "vol_vgn2lk8o0wk8gm04");
    let until = outcome.json()["now_ms"].as_u64().unwrap() + 604_800_000;
    assert_eq!(record["recoveryPreviousVolumeCleanupAfter"], until);
}

#[test]
fn when_the_replacement_dies_the_old_volume_stays_the_instances() {
    let outcome = play(|scenario| {
        scenario["steps"][1] = json!({"fly": {"machine": "2861e46b955438", "state": "failed"}});
    });
    assert_eq!(volumes(&outcome), pairs([("vol_v8e3o0k61gk7z3lv", "destroyed"), ("vol_vgn2lk8o0wk8gm04", "created")]));
    let record = &outcome.json()["record"];
    assert_eq!(record["status"], "stopped");
    assert_eq!(record["flyVolumeId"], "vol_vgn2lk8o0wk8gm04");
    assert_eq!(record["flyMachineId"], Value::Null);
    assert_eq!(record["lastRecoveryErrorMessage"], "unexpected stop recovery replacement machine entered failed");
}
