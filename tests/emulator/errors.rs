//! Refusals, in the provider's words.

use crate::{Bench, error, new_machine, said};
use kiloclaw_lifecycle::testkit::emulator::Asked;
use serde_json::{Value, json};

#[test]
fn what_is_not_there_is_not_found() {
    let mut bench = Bench::calm();
    let nothing = "e8000000000000";
    for path in ["", "/wait", "/events"] {
        let answer = bench.get(&format!("machines/{nothing}{path}"));
        assert_eq!(said(answer), (404, error("machine not found")), "GET {path}");
    }
    for path in ["/start", "/stop"] {
        let answer = bench.post(&format!("machines/{nothing}{path}"), &json!({}));
        assert_eq!(said(answer), (404, error("machine not found")), "POST {path}");
    }
    let volume = bench.volume("data");
    let update = bench.post(&format!("machines/{nothing}"), &new_machine("x", &volume));
    assert_eq!(said(update), (404, error("machine not found")));
    assert_eq!(said(bench.delete(&format!("machines/{nothing}?force=true"))), (404, error("machine not found")));
    // What cannot be an id is nothing's id.
    assert_eq!(said(bench.get("machines/NO..SUCH")), (404, error("machine not found")));
    assert_eq!(said(bench.get("volumes/vol_1%2f")), (404, error("volume not found")));
    let on_nothing = bench.post("machines", &new_machine("x", "vol_nothing"));
    assert_eq!(said(on_nothing), (404, error("volume not found")));
}

#[test]
fn a_name_is_taken_by_the_machine_that_has_it() {
    let mut bench = Bench::calm();
    let (id, _) = bench.machine("one-1");
    let other = bench.volume("data");
    let text =
        format!("already_exists: unique machine name violation, machine ID {id} already exists with name \"one-1\"");
    assert_eq!(said(bench.post("machines", &new_machine("one-1", &other))), (409, error(&text)));
    bench.delete(&format!("machines/{id}?force=true"));
    assert_eq!(bench.post("machines", &new_machine("one-1", &other)).status, 200);
}

#[test]
fn bodies_that_cannot_be_read_are_named() {
    let mut bench = Bench::calm();
    let volume = bench.volume("data");
    let with = |path: &[&str], value: Value| {
        let mut body = new_machine("x", &volume);
        let mut place = &mut body;
        for name in path {
            place = match name.parse::<usize>() {
                Ok(at) => &mut place[at],
                Err(_) => &mut place[*name],
            };
        }
        *place = value;
        body
    };
    let cases = [
        (json!({}), "config: expected an object, got nothing"),
        (json!([]), "body: expected an object, got []"),
        (with(&["config"], json!(7)), "config: expected an object, got 7"),
        (with(&["config", "image"], Value::Null), "config.image: expected text, got nothing"),
        (with(&["config", "image"], json!(1)), "config.image: expected text, got 1"),
        (with(&["config", "mounts"], json!([])), "config.mounts: expected one volume"),
        (with(&["config", "mounts"], json!("x")), "config.mounts: expected a list, got \"x\""),
        (with(&["config", "mounts"], json!([7])), "config.mounts[0]: expected an object, got 7"),
        (with(&["config", "mounts", "0", "path"], Value::Null), "config.mounts[0].path: expected text, got nothing"),
        (with(&["config", "guest", "cpus"], json!("two")), "config.guest.cpus: expected a whole number, got \"two\""),
        (with(&["config", "guest", "cpus"], json!(99)), "guest.cpus: expected 1 to 8, got \"99\""),
        (
            with(&["config", "guest", "cpu_kind"], json!("fast")),
            "config.guest.cpu_kind: expected shared or performance, got \"fast\"",
        ),
        (with(&["config", "metadata"], json!({ "k": 1 })), "config.metadata.k: expected text, got 1"),
        (
            with(&["region"], json!("no such region")),
            "region: region: expected 1 to 32 of A-Z a-z 0-9 _ -, got \"no such region\"",
        ),
        (with(&["skip_launch"], json!(true)), "skip_launch: is not emulated"),
        (with(&["lease_ttl"], json!(30)), "lease_ttl: is not emulated"),
    ];
    for (body, why) in cases {
        let answer = bench.post("machines", &body);
        assert_eq!(said(answer), (400, error(&format!("invalid_argument: {why}"))), "{body}");
    }
    let broken = Asked { body: b"{".to_vec(), ..Asked::new("POST", "/v1/apps/app-1/machines") };
    let text = "invalid_argument: body: expected JSON, got EOF while parsing an object at line 1 column 1";
    assert_eq!(said(bench.answer(broken)), (400, error(text)));
    assert_eq!(said(bench.get("machines")), (200, json!([])));
}

#[test]
fn volumes_that_cannot_be_made_are_named() {
    let mut bench = Bench::calm();
    let cases = [
        (json!({ "region": "iad" }), "name: expected text, got nothing"),
        (json!({ "name": "data" }), "region: expected text, got nothing"),
        (
            json!({ "name": "No-Capitals", "region": "iad" }),
            "name: expected at most 30 of a-z 0-9 _, got \"No-Capitals\"",
        ),
        (json!({ "name": "data", "region": "iad", "size_gb": 0 }), "size_gb: expected 1 to 500, got 0"),
        (json!({ "name": "data", "region": "iad", "size_gb": 501 }), "size_gb: expected 1 to 500, got 501"),
        (
            json!({ "name": "data", "region": "iad", "size_gb": -1 }),
            "size_gb: expected a whole number below 2^32, got -1",
        ),
        (
            json!({ "name": "data", "region": "iad", "source_volume_id": "vol_1", "snapshot_id": "vs_1" }),
            "snapshot_id: expected nothing beside source_volume_id",
        ),
        (
            json!({ "name": "data", "region": "iad", "encrypted": "yes" }),
            "encrypted: expected true or false, got \"yes\"",
        ),
    ];
    for (body, why) in cases {
        assert_eq!(said(bench.post("volumes", &body)), (400, error(&format!("invalid_argument: {why}"))), "{body}");
    }
    let fork = json!({ "name": "data", "region": "iad", "source_volume_id": "vol_nothing" });
    assert_eq!(said(bench.post("volumes", &fork)), (404, error("volume not found")));
    let restored = json!({ "name": "data", "region": "iad", "snapshot_id": "vs_nothing" });
    assert_eq!(said(bench.post("volumes", &restored)), (404, error("snapshot not found")));
    assert_eq!(said(bench.get("volumes")), (200, json!([])));
}

#[test]
fn what_is_not_possible_in_a_state_is_refused() {
    let mut bench = Bench::calm();
    let volume = bench.volume("data");
    let made = bench.post("machines", &new_machine("one-1", &volume)).value();
    let id = crate::text(&made["id"]);
    let text = "failed_precondition: unable to start machine from current state: 'created'";
    assert_eq!(said(bench.post(&format!("machines/{id}/start"), &json!({}))), (412, error(text)));
    let other = bench.volume("data");
    let moved = bench.post(&format!("machines/{id}"), &new_machine("one-1", &other));
    assert_eq!(said(moved), (400, error("invalid_argument: the volume of a machine cannot be changed")));
}

#[test]
fn where_there_is_no_room_nothing_is_made() {
    let mut bench = Bench::calm();
    let volume = bench.volume("data");
    bench.tell("capacity", &json!({ "region": "iad", "creates": 0 }));
    let full = json!({ "status": "insufficient_capacity", "error": "could not find a candidate host" });
    assert_eq!(said(bench.post("volumes", &json!({ "name": "more", "region": "iad" }))), (422, full));
    let text = format!("insufficient resources to create new machine with existing volume '{volume}'");
    assert_eq!(said(bench.post("machines", &new_machine("one-1", &volume))), (412, error(&text)));
    assert_eq!(bench.truth()["capacity"], json!({ "iad": 0 }));
    bench.tell("capacity", &json!({ "region": "iad", "creates": null }));
    assert_eq!(bench.post("machines", &new_machine("one-1", &volume)).status, 200);
}
