//! What has happened to a machine.

use crate::{Bench, error, new_machine, said};
use serde_json::{Value, json};

fn told(events: &Value) -> Vec<(String, String, String)> {
    let word = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_string();
    let all = events.as_array().expect("events").iter();
    all.map(|event| (word(event, "type"), word(event, "status"), word(event, "source"))).collect()
}

fn expected(words: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    words.iter().map(|(a, b, c)| ((*a).to_string(), (*b).to_string(), (*c).to_string())).collect()
}

#[test]
fn events_tell_a_life_newest_first() {
    let mut bench = Bench::calm();
    let (id, volume) = bench.machine("one-1");
    bench.post(&format!("machines/{id}/stop"), &json!({}));
    bench.post(&format!("machines/{id}/start"), &json!({}));
    bench.pass(4_000);
    bench.post(&format!("machines/{id}"), &new_machine("one-1", &volume));
    bench.pass(4_000);
    bench.delete(&format!("machines/{id}?force=true"));
    let all = bench.get(&format!("machines/{id}/events")).value();
    let life = expected(&[
        ("destroy", "destroyed", "flyd"),
        ("start", "started", "flyd"),
        ("update", "replacing", "user"),
        ("start", "started", "flyd"),
        ("start", "starting", "user"),
        ("exit", "stopped", "flyd"),
        ("start", "started", "flyd"),
        ("launch", "created", "user"),
    ]);
    assert_eq!(told(&all), life);
    let stamps: Vec<u64> =
        all.as_array().expect("events").iter().filter_map(|event| event["timestamp"].as_u64()).collect();
    assert!(stamps.len() == life.len() && stamps.is_sorted_by(|newer, older| newer >= older), "{stamps:?}");
    let few = bench.get(&format!("machines/{id}/events?limit=2")).value();
    assert_eq!(told(&few), life[..2]);
    // The machine itself shows the five newest.
    let shown = bench.get(&format!("machines/{id}")).value()["events"].clone();
    assert_eq!(told(&shown), life[..5]);
    assert_eq!(said(bench.get("machines/e80000/events")), (404, error("machine not found")));
}

#[test]
fn an_exit_tells_how_it_came_about() {
    let mut bench = Bench::calm();
    let (id, _) = bench.machine("one-1");
    let newest = |bench: &mut Bench| bench.get(&format!("machines/{id}")).value()["events"][0]["request"].clone();
    bench.tell(&format!("machines/{id}/stop"), &json!({ "code": 137, "oom_killed": true }));
    let at = "2027-01-15T08:00:04.000Z";
    let exit = json!({
        "exit_code": 137, "guest_exit_code": 137, "guest_signal": -1, "signal": -1, "oom_killed": true,
        "requested_stop": false, "restarting": false, "exited_at": at,
    });
    assert_eq!(newest(&mut bench), json!({ "exit_event": exit, "restart_count": 0 }));
    bench.post(&format!("machines/{id}/start"), &json!({}));
    bench.pass(4_000);
    bench.post(&format!("machines/{id}/stop"), &json!({}));
    let request = newest(&mut bench);
    assert_eq!(request["exit_event"]["requested_stop"], json!(true));
    assert_eq!(request["exit_event"].get("exit_code"), None, "0 is left out");
}
