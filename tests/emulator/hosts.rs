//! Hosts that do not answer, and machines that are moved.

use crate::{Bench, error, said, text};
use serde_json::{Value, json};

#[test]
fn a_machine_whose_host_does_not_answer_shows_no_configuration() {
    let mut bench = Bench::calm();
    let (id, volume) = bench.machine("one-1");
    bench.tell("change", &json!({ "host_down": { "volume": volume } }));
    let shown = bench.get(&format!("machines/{id}")).value();
    assert_eq!(
        (&shown["host_status"], &shown["config"], &shown["state"]),
        (&json!("unreachable"), &Value::Null, &json!("started"))
    );
    let incomplete = json!({
        "guest": { "cpus": 2, "memory_mb": 1024, "cpu_kind": "shared" }, "image": "registry.fly.io/app:7@sha256:abc", "metadata": {},
    });
    assert_eq!(shown["incomplete_config"], incomplete);
    assert_eq!(bench.get(&format!("volumes/{volume}")).value()["host_status"], "unreachable");
    let silent = (408, error("deadline_exceeded: the host did not answer in time"));
    assert_eq!(said(bench.post(&format!("machines/{id}/stop"), &json!({}))), silent);
    assert_eq!(said(bench.post(&format!("volumes/{volume}/snapshots"), &json!({}))), silent);
    bench.tell("change", &json!({ "host_back": { "volume": volume } }));
    let shown = bench.get(&format!("machines/{id}")).value();
    assert_eq!((&shown["host_status"], &shown["incomplete_config"]), (&json!("ok"), &Value::Null));
    assert_eq!(shown["config"]["env"], json!({ "KEY": "value" }));
}

#[test]
fn a_machine_that_was_moved_mounts_another_volume_at_the_same_place() {
    let mut bench = Bench::calm();
    let (id, volume) = bench.machine("one-1");
    bench.tell("change", &json!({ "migrate": { "machine": id } }));
    let mounts = bench.get(&format!("machines/{id}")).value()["config"]["mounts"].clone();
    let moved = text(&mounts[0]["volume"]);
    assert!(moved != volume && moved.starts_with("vol_"), "{moved}");
    assert_eq!((&mounts[0]["path"], &mounts[0]["name"]), (&json!("/data"), &json!("data")));
    assert_eq!(bench.get(&format!("volumes/{moved}")).value()["attached_machine_id"], json!(id));
    assert_eq!(said(bench.get(&format!("volumes/{volume}"))), (404, error("volume not found")));
}
