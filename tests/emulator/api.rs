//! The shapes of machines, and what is done with them.

use crate::{Bench, error, new_machine, said, text};
use serde_json::{Value, json};

#[test]
fn a_new_machine_is_shown_whole() {
    let mut bench = Bench::calm();
    let volume = bench.volume("data_1");
    let made = bench.post("machines", &new_machine("one-1", &volume));
    assert_eq!(made.header("content-type"), Some("application/json; charset=utf-8"));
    let shown = made.value();
    let id = text(&shown["id"]);
    assert!(id.len() == 14 && id.chars().all(|c| c.is_ascii_hexdigit()), "{id}");
    let version = text(&shown["instance_id"]);
    assert!(version.len() == 26 && version.starts_with("01"), "{version}");
    let expected = json!({
        "id": id,
        "name": "one-1",
        "state": "created",
        "region": "iad",
        "instance_id": version,
        "private_ip": shown["private_ip"],
        "created_at": "2027-01-15T08:00:00.000Z",
        "updated_at": "2027-01-15T08:00:00.000Z",
        "config": {
            "image": "registry.fly.io/app:7@sha256:abc",
            "env": { "KEY": "value" },
            "services": [{ "internal_port": 3000, "autostart": false }],
            "guest": { "cpus": 2, "memory_mb": 1024, "cpu_kind": "shared" },
            "metadata": { "sandbox": "one" },
            "mounts": [{ "volume": volume, "path": "/data", "encrypted": true, "name": "data_1", "size_gb": 10 }],
        },
        "incomplete_config": null,
        "image_ref": { "registry": "registry.fly.io", "repository": "app", "tag": "7", "digest": "sha256:abc" },
        "events": shown["events"],
        "checks": [],
        "host_status": "ok",
        "cordoned": false,
    });
    assert_eq!(shown, expected);
    assert_eq!(said(bench.get(&format!("machines/{id}"))), (200, shown.clone()));
    assert_eq!(said(bench.get("machines")), (200, json!([shown])));
}

#[test]
fn it_starts_stops_and_starts_again() {
    let mut bench = Bench::calm();
    let (id, _) = bench.machine("one-1");
    let state = |bench: &mut Bench| text(&bench.get(&format!("machines/{id}")).value()["state"]);
    assert_eq!(state(&mut bench), "started");
    assert_eq!(said(bench.post(&format!("machines/{id}/stop"), &json!({}))), (200, json!({ "ok": true })));
    assert_eq!(state(&mut bench), "stopped");
    let started = bench.post(&format!("machines/{id}/start"), &json!({}));
    let expected = json!({ "previous_state": "stopped", "migrated": false, "new_host": "" });
    assert_eq!(said(started), (200, expected));
    assert_eq!(state(&mut bench), "starting");
    bench.pass(4_000);
    assert_eq!(state(&mut bench), "started");
}

#[test]
fn an_update_replaces_the_configuration_and_brings_another_version() {
    let mut bench = Bench::calm();
    let (id, volume) = bench.machine("one-1");
    let before = bench.get(&format!("machines/{id}")).value();
    let mut body = new_machine("ignored", &volume);
    body["config"] = json!({
        "image": "registry.fly.io/app:8", "metadata": { "sandbox": "two" }, "env": { "OTHER": "x" },
        "guest": { "cpus": 1, "memory_mb": 256 }, "mounts": [{ "volume": volume, "path": "/data" }],
    });
    body["current_version"] = before["instance_id"].clone();
    let updated = bench.post(&format!("machines/{id}"), &body).value();
    assert_eq!((&updated["state"], &updated["name"]), (&json!("replacing"), &json!("one-1")));
    assert_ne!(updated["instance_id"], before["instance_id"]);
    assert_eq!(updated["config"]["env"], json!({ "OTHER": "x" }));
    assert_eq!(updated["config"]["services"], Value::Null);
    assert_eq!(updated["config"]["guest"], json!({ "cpus": 1, "memory_mb": 256 }));
    assert_eq!(updated["config"]["metadata"], json!({ "sandbox": "two" }));
    assert_eq!(updated["config"]["image"], "registry.fly.io/app:8");

    let stale = bench.post(&format!("machines/{id}"), &body);
    let text = "failed_precondition: machine version does not match current_version";
    assert_eq!(said(stale), (412, error(text)));
    bench.pass(4_000);
    assert_eq!(bench.get(&format!("machines/{id}")).value()["state"], "started");
}

#[test]
fn a_running_machine_is_destroyed_by_force_only() {
    let mut bench = Bench::calm();
    let (id, _) = bench.machine("one-1");
    let refused = "failed_precondition: unable to destroy machine from current state: 'started'";
    assert_eq!(said(bench.delete(&format!("machines/{id}"))), (412, error(refused)));
    assert_eq!(said(bench.delete(&format!("machines/{id}?force=true"))), (200, json!({ "ok": true })));
    // It is known for a while, but on no list that does not ask for what is gone.
    let shown = bench.get(&format!("machines/{id}")).value();
    assert_eq!(shown["state"], "destroyed");
    assert_eq!(said(bench.get("machines")), (200, json!([])));
    assert_eq!(said(bench.get("machines?include_deleted=true")), (200, json!([shown])));
    assert_eq!(said(bench.delete(&format!("machines/{id}?force=true"))), (200, json!({ "ok": true })));
    bench.pass(2 * 3_600_000);
    assert_eq!(said(bench.get(&format!("machines/{id}"))), (404, error("machine not found")));
    assert_eq!(said(bench.get("machines?include_deleted=true")), (200, json!([])));
}

#[test]
fn lists_are_filtered() {
    let mut bench = Bench::calm();
    let (one, _) = bench.machine("one-1");
    let (two, _) = bench.machine("two-1");
    bench.post(&format!("machines/{two}/stop"), &json!({}));
    let mut listed = |query: &str| {
        let list = bench.get(&format!("machines?{query}")).value();
        let ids = list.as_array().expect("a list").iter().map(|machine| text(&machine["id"]));
        let mut ids: Vec<String> = ids.collect();
        ids.sort();
        ids
    };
    let mut both = vec![one.clone(), two.clone()];
    both.sort();
    assert_eq!(listed("metadata.sandbox=one"), both);
    assert_eq!(listed("metadata.sandbox=%6fne"), both);
    assert_eq!(listed("metadata.sandbox=one&metadata.other=x"), Vec::<String>::new());
    assert_eq!(listed("metadata.sandbox=two"), Vec::<String>::new());
    assert_eq!(listed("state=started"), [one]);
    assert_eq!(listed("state=suspended,stopped"), [two]);
    assert_eq!(listed("region=iad"), both);
    assert_eq!(listed("region=ord"), Vec::<String>::new());
    let short = bench.get("machines?summary=true").value();
    for left_out in ["config", "incomplete_config", "checks", "events", "host_status"] {
        assert_eq!(short[0].get(left_out), None, "{left_out}");
    }
    assert_eq!(short[0]["region"], "iad");
}

#[test]
fn a_machine_without_a_name_and_a_size_is_given_some() {
    let mut bench = Bench::calm();
    let volume = bench.volume("data");
    let config = json!({ "image": "nginx", "mounts": [{ "volume": volume, "path": "/x" }] });
    let made = bench.post("machines", &json!({ "config": config })).value();
    assert_eq!(made["name"], "machine-2");
    assert_eq!(made["config"]["guest"], json!({ "cpus": 1, "memory_mb": 256, "cpu_kind": "shared" }));
    assert_eq!(made["image_ref"]["registry"], "docker-hub-mirror.fly.io");
    assert_eq!(made["image_ref"]["tag"], "latest");
}
