//! The scenario format: what is malformed and where, what an expectation matches, and what a run reports.

use kiloclaw_lifecycle::testkit::scenario::{Scenario, run};
use serde_json::{Value, json};

/// A well-formed scenario with some members replaced; null takes one away.
fn scenario(changes: Value) -> String {
    let mut whole = json!({ "scenario": 1, "name": "test", "start_ms": 1_775_433_600_000_u64, "steps": [] });
    for (name, value) in changes.as_object().cloned().unwrap_or_default() {
        if value.is_null() {
            whole.as_object_mut().map(|members| members.remove(&name));
        } else {
            whole[name] = value;
        }
    }
    whole.to_string()
}

/// The path and the whole message of the complaint.
fn complaint(changes: Value) -> (String, String) {
    match Scenario::parse(&scenario(changes.clone())) {
        Ok(_) => panic!("{changes} was accepted"),
        Err(malformed) => (malformed.path.clone(), malformed.to_string()),
    }
}

fn outcome(changes: Value) -> Value {
    let parsed = Scenario::parse(&scenario(changes)).unwrap_or_else(|malformed| panic!("{malformed}"));
    run(&parsed).json().clone()
}

fn running() -> Value {
    json!({
        "userId": "user-1", "sandboxId": "sandbox-1", "status": "running", "provisionedAt": "now-30d",
        "lastStartedAt": "now-2d", "flyMachineId": "machine-1", "flyVolumeId": "vol-1", "flyRegion": "iad",
    })
}

fn healthy() -> Value {
    json!({
        "machines": [{ "id": "machine-1", "state": "started", "region": "iad", "mounts": ["vol-1"] }],
        "volumes": [{ "id": "vol-1", "region": "iad" }],
    })
}

#[test]
fn a_complaint_names_the_place_and_what_was_expected_there() {
    let steps =
        json!({ "steps": [{ "alarm": "now" }, { "resume": true }, { "command": "stop" }, { "advance": "5 minutes" }] });
    let (_, message) = complaint(steps);
    assert_eq!(
        message,
        "$.steps[3].advance: expected a duration such as 60s, 5m, 7d (units ms s m h d), got \"5 minutes\""
    );
}

#[test]
fn what_is_malformed_is_found_where_it_is() {
    let rows = [
        (json!({ "scenario": 2 }), "$.scenario"),
        (json!({ "scenario": null }), "$.scenario"),
        (json!({ "scenario": 1.0 }), "$.scenario"),
        (json!({ "name": null }), "$.name"),
        (json!({ "name": 1 }), "$.name"),
        (json!({ "start_ms": null }), "$.start_ms"),
        (json!({ "start_ms": -1 }), "$.start_ms"),
        (json!({ "start_ms": true }), "$.start_ms"),
        (json!({ "steps": null }), "$.steps"),
        (json!({ "steps": {} }), "$.steps"),
        (json!({ "comment": "x" }), "$.comment"),
        (json!({ "rules": ["R1", 2] }), "$.rules[1]"),
        (json!({ "seed": "x" }), "$.seed"),
        (json!({ "policy": { "retention": 1 } }), "$.policy.retention"),
        (json!({ "policy": { "retention_ms": "7d" } }), "$.policy.retention_ms"),
        (json!({ "policy": { "retention_ms": 1 } }), "$.policy.retention_ms"),
        (json!({ "policy": { "recover_on": ["started"] } }), "$.policy.recover_on"),
        (json!({ "policy": { "regions": [] } }), "$.policy.regions"),
        (json!({ "policy": { "wait_timeout_s": 61 } }), "$.policy.wait_timeout_s"),
        (json!({ "identity": { "user": "x" } }), "$.identity.user"),
        (json!({ "record": [] }), "$.record"),
        (
            json!({ "record": { "userId": "u", "sandboxId": "s", "lastStartedAt": "yesterday" } }),
            "$.record.lastStartedAt",
        ),
        (json!({ "record": { "userId": "u", "sandboxId": "s", "startingAt": "now-5" } }), "$.record.startingAt"),
        (json!({ "record": { "userId": "u", "sandboxId": "s", "flyMachineId": 7 } }), "$.record.flyMachineId"),
        (json!({ "fly": { "machine": [] } }), "$.fly.machine"),
        (json!({ "fly": { "machines": [{}] } }), "$.fly.machines[0].id"),
        (json!({ "fly": { "machines": [{ "id": "m", "gone": true }] } }), "$.fly.machines[0].gone"),
        (
            json!({ "fly": { "machines": [{ "id": "m", "exit": { "code": 1, "why": "" } }] } }),
            "$.fly.machines[0].exit.why",
        ),
        (json!({ "fly": { "volumes": [{ "id": "v", "size_gb": 0 }] } }), "$.fly.volumes[0].size_gb"),
        (json!({ "fly": { "volumes": [{ "id": "v", "created": "today" }] } }), "$.fly.volumes[0].created"),
        (json!({ "fly": { "snapshots": { "v": [{ "status": "created" }] } } }), "$.fly.snapshots.v[0].id"),
        (json!({ "fly": { "capacity": { "ord": -1 } } }), "$.fly.capacity.ord"),
        (json!({ "fly": { "boot": "running" } }), "$.fly.boot"),
        (json!({ "faults": [{ "call": "get_machine" }] }), "$.faults[0]"),
        (json!({ "faults": [{ "call": "get_machine", "status": 500, "crash": "after" }] }), "$.faults[0]"),
        (json!({ "faults": [{ "call": "look", "status": 500 }] }), "$.faults[0].call"),
        (json!({ "faults": [{ "call": "get_machine", "status": 600 }] }), "$.faults[0].status"),
        (json!({ "faults": [{ "call": "get_machine", "status": 500, "nth": 0 }] }), "$.faults[0].nth"),
        (json!({ "faults": [{ "call": "get_machine", "status": 500, "applied": "soon" }] }), "$.faults[0].applied"),
        (json!({ "faults": [{ "call": "get_machine", "crash": "after", "body": "" }] }), "$.faults[0].body"),
        (json!({ "faults": [{ "call": "list_volumes", "answer": "full" }] }), "$.faults[0].answer"),
        (json!({ "steps": [{}] }), "$.steps[0]"),
        (json!({ "steps": [{ "alarm": true, "resume": true }] }), "$.steps[0]"),
        (json!({ "steps": [{ "alarm": false }] }), "$.steps[0].alarm"),
        (json!({ "steps": [{ "resume": false }] }), "$.steps[0].resume"),
        (json!({ "steps": [{ "advance": "5m", "why": "" }] }), "$.steps[0].why"),
        (json!({ "steps": [{ "command": "reboot" }] }), "$.steps[0].command"),
        (json!({ "steps": [{ "command": "resize", "guest": "big" }] }), "$.steps[0].guest"),
        (json!({ "steps": [{ "fly": { "machine": "m", "volume": "v" } }] }), "$.steps[0].fly"),
        (json!({ "steps": [{ "fly": { "machine": "m", "gone": false } }] }), "$.steps[0].fly.gone"),
        (json!({ "expect": { "state": "running" } }), "$.expect.state"),
        (json!({ "expect": { "status": "gone" } }), "$.expect.status"),
        (json!({ "expect": { "record": { "a": { "about": "now" } } } }), "$.expect.record.a.within"),
        (json!({ "expect": { "record": { "a": { "set": 1 } } } }), "$.expect.record.a.set"),
        (json!({ "expect": { "record": { "a": "now-5" } } }), "$.expect.record.a"),
        (json!({ "expect": { "alarm": {} } }), "$.expect.alarm"),
        (json!({ "expect": { "alarm": { "min": "now" } } }), "$.expect.alarm.min"),
        (json!({ "expect": { "calls": { "must": [{ "machine": "m" }] } } }), "$.expect.calls.must[0].call"),
        (
            json!({ "expect": { "calls": { "must": [{ "call": "get_machine", "id": "m" }] } } }),
            "$.expect.calls.must[0].id",
        ),
        (json!({ "expect": { "calls": { "count": { "get": 1 } } } }), "$.expect.calls.count.get"),
        (json!({ "expect": { "events": [{ "event": "instance.exploded" }] } }), "$.expect.events[0].event"),
        (json!({ "expect": { "live": { "machines": "m" } } }), "$.expect.live.machines"),
        (json!({ "expect": { "results": [{ "step": -1 }] } }), "$.expect.results[0].step"),
    ];
    for (changes, path) in rows {
        assert_eq!(complaint(changes.clone()).0, path, "{changes}");
    }
}

#[test]
fn a_member_that_occurs_twice_is_malformed() {
    let text = r#"{"scenario": 1, "name": "a", "start_ms": 0, "fly": {"boot_ms": 1, "boot_ms": 2}, "steps": []}"#;
    let malformed = Scenario::parse(text).expect_err("twice");
    assert_eq!(malformed.to_string(), "$.fly.boot_ms: expected a member that occurs once, got it twice");
}

#[test]
fn what_is_no_json_is_malformed_at_the_root() {
    for text in ["", "[", "{\"scenario\": 1,}", "NaN", "[]", "\"x\""] {
        assert_eq!(Scenario::parse(text).expect_err(text).path, "$", "{text}");
    }
}

#[test]
fn arguments_out_of_range_are_answered_and_not_malformed() {
    let told = outcome(json!({
        "record": running(),
        "fly": healthy(),
        "steps": [
            { "command": "restart", "image": "two words" },
            { "command": "resize", "guest": { "cpus": 99, "memory_mb": 4096 } },
            { "command": "cleanup_retained_volume", "volume": "NOT AN ID" },
            { "command": "restore_snapshot" },
            { "command": "provision", "regions": ["no such place!"] },
        ],
    }));
    let codes: Vec<&Value> = told["results"].as_array().into_iter().flatten().map(|result| &result["code"]).collect();
    // A running instance cannot be resized, whatever the size.
    assert_eq!(
        codes,
        ["invalid_argument", "must_be_stopped", "invalid_argument", "invalid_argument", "invalid_argument"]
    );
    let nobody = outcome(json!({ "steps": [{ "command": "resize" }] }));
    assert_eq!(nobody["results"][0]["code"], "not_provisioned");
    let nameless = outcome(json!({ "identity": { "sandbox_id": "no good" }, "steps": [{ "command": "provision" }] }));
    assert_eq!(nameless["results"][0]["code"], "invalid_argument");
    assert_eq!(nameless["record"], Value::Null);
}

#[test]
fn steps_that_cannot_be_done_are_violations() {
    let told = outcome(json!({
        "steps": [
            { "alarm": true },
            { "fly": { "machine": "m-1", "gone": true } },
            { "fly": { "volume": "v-1", "gone": true } },
            { "fly": { "volume": "v-2", "region": "iad" } },
        ],
    }));
    assert_eq!(
        told["violations"],
        json!(["steps[0]: no alarm is armed", "steps[1]: there is no machine m-1", "steps[2]: there is no volume v-1"])
    );
    assert_eq!(told["ok"], false);
    assert_eq!(told["fly"]["volumes"][0]["id"], "v-2");
}

#[test]
fn an_outcome_says_everything() {
    let told = outcome(json!({ "record": running(), "fly": healthy(), "steps": [{ "alarm": true }] }));
    let names: Vec<&String> = told.as_object().into_iter().flat_map(|members| members.keys()).collect();
    assert_eq!(
        names,
        [
            "alarm_ms",
            "calls",
            "commits",
            "events",
            "fly",
            "log",
            "name",
            "now_ms",
            "ok",
            "record",
            "results",
            "status",
            "violations"
        ]
    );
    assert_eq!(told["status"], "running");
    let calls: Vec<&Value> = told["calls"].as_array().into_iter().flatten().map(|call| &call["call"]).collect();
    assert_eq!(calls, ["get_machine", "get_volume"]);
    assert_eq!(told["calls"][0]["args"], json!({ "machine": "machine-1" }));
    assert_eq!(told["calls"][0]["status"], 200);
    assert_eq!(told["fly"]["machines"][0]["metadata"]["kiloclaw_sandbox_id"], "sandbox-1");
    assert_eq!(told["fly"]["volumes"][0]["attached_machine"], "machine-1");
    assert_eq!(told["fly"]["volumes"][0]["name"], "kiloclaw_sandbox_1");
}

#[test]
fn a_crash_in_an_endless_loop_ends_the_run() {
    let told = outcome(json!({
        "record": running(),
        "fly": healthy(),
        "faults": [{ "call": "get_machine", "crash": "before" }],
        "steps": [{ "alarm": "now" }],
    }));
    assert_eq!(told["violations"], json!(["more than 10000 steps at one instant"]));
}

#[test]
fn a_command_that_was_not_committed_is_answered_and_not_repeated() {
    let told = outcome(json!({
        "record": running(),
        "fly": healthy(),
        "faults": [{ "call": "stop_machine", "nth": 1, "crash": "uncommitted" }],
        "steps": [{ "command": "stop" }],
    }));
    assert_eq!(told["results"][0]["code"], "host_crashed");
    assert_eq!(told["status"], "running");
    assert_eq!(told["calls"], json!([]));
    let kept = outcome(json!({
        "record": running(),
        "fly": healthy(),
        "faults": [{ "call": "stop_machine", "nth": 1, "crash": "before" }],
        "steps": [{ "command": "stop" }],
    }));
    assert_eq!(kept["results"], json!([{ "step": 0, "ok": true }]));
    assert_eq!(kept["status"], "stopped");
}

#[test]
fn what_an_expectation_matches() {
    let base = json!({ "record": running(), "fly": healthy(), "steps": [{ "command": "stop" }, { "advance": "1h" }] });
    let verdict = |expect: Value| {
        let mut changes = base.clone();
        changes["expect"] = expect;
        outcome(changes)["ok"] == true
    };
    let rows = [
        (json!({ "status": "stopped" }), true),
        (json!({ "status": "running" }), false),
        (json!({ "status": null }), false),
        (json!({ "record": null }), false),
        (json!({ "record": { "flyMachineId": "machine-1", "noSuchField": null } }), true),
        (json!({ "record": { "flyMachineId": null } }), false),
        (json!({ "record": { "flyMachineId": { "contains": "chine" }, "lastStoppedAt": { "set": true } } }), true),
        (json!({ "record": { "lastStoppedAt": { "about": "now-1h", "within": "1s" } } }), true),
        (json!({ "record": { "lastStoppedAt": { "about": "now", "within": "10m" } } }), false),
        (json!({ "record": { "lastStoppedAt": { "min": "now-2h", "max": "now" } } }), true),
        (json!({ "record": { "lastStoppedAt": { "min": "now" } } }), false),
        (json!({ "alarm": { "max": "31m" } }), true),
        (json!({ "alarm": "none" }), false),
        (json!({ "alarm": { "min": "32m" } }), false),
        (json!({ "calls": { "must": [{ "call": "stop_machine", "machine": "machine-1" }] } }), true),
        (json!({ "calls": { "must": [{ "call": "wait_machine", "state": "stopped", "timeout_s": 60 }] } }), true),
        (json!({ "calls": { "must": [{ "call": "stop_machine", "machine": "machine-2" }] } }), false),
        (json!({ "calls": { "must_not": [{ "call": "stop_machine" }] } }), false),
        (json!({ "calls": { "count": { "stop_machine": 1, "create_machine": 0 } } }), true),
        (json!({ "calls": { "count": { "stop_machine": 2 } } }), false),
        (json!({ "events": [{ "event": "instance.stopped" }] }), true),
        (json!({ "events": [{ "event": "instance.stopped" }, { "event": "instance.stopped" }] }), false),
        (json!({ "events_not": [{ "event": "instance.stopped" }] }), false),
        (json!({ "events_not": [{ "event": "instance.stopped", "sandbox": "another" }] }), true),
        (json!({ "fly": { "machines": { "machine-1": "stopped", "never-heard-of": "destroyed" } } }), true),
        (json!({ "fly": { "volumes": { "vol-1": "destroyed" } } }), false),
        (json!({ "live": { "machines": ["machine-1"], "volumes": ["vol-1"] } }), true),
        (json!({ "live": { "machines": [] } }), false),
        (json!({ "results": [{ "step": 0, "ok": true, "code": null }] }), true),
        (json!({ "results": [{ "step": 0, "ok": false }] }), false),
    ];
    for (expect, holds) in rows {
        assert_eq!(verdict(expect.clone()), holds, "{expect}");
    }
}

#[test]
fn times_that_no_clock_shows_are_compared_all_the_same() {
    let mut record = running();
    record["beyond"] = json!(1e300);
    let verdict = |about: Value| {
        let expect = json!({ "record": { "beyond": { "about": about, "within": "1m" } } });
        outcome(json!({ "record": record, "fly": healthy(), "expect": expect }))["ok"] == true
    };
    assert!(!verdict(json!(-1e300)));
    assert!(!verdict(json!("now")));
    assert!(verdict(json!(1e300)));
}
