//! What only an emulator can be told.

use crate::{Bench, START, error, said};
use kiloclaw_lifecycle::testkit::emulator::{Asked, Reply};
use serde_json::{Value, json};

fn tell(bench: &mut Bench, what: &str, body: &Value) -> (u16, Value) {
    said(bench.answer(Asked::new("POST", format!("/_control/{what}")).json(body)))
}

#[test]
fn the_whole_truth_is_told() {
    let mut bench = Bench::calm();
    let (machine, volume) = bench.machine("one-1");
    bench.tell("snapshots", &json!({ "volume": volume, "snapshots": [{ "id": "vs_1" }, { "id": "vs_2", "status": "failed", "size_gb": 3 }] }));
    let truth = bench.truth();
    let expected = json!({
        "now": START.plus(4_000), "wall": START.plus(4_000), "time_scale": 1,
        "weather": "calm", "faults": null, "hostile": null, "rate_limit": false, "healthy": true, "capacity": {},
        "machines": { machine.as_str(): {
            "app": "app-1", "name": "one-1", "state": "started", "region": "iad", "version": 1, "mounts": [volume],
            "metadata": { "sandbox": "one" }, "guest": { "cpus": 2, "memory_mb": 1024, "cpu_kind": "shared" },
            "image": "registry.fly.io/app:7@sha256:abc", "host_status": "ok", "host_down": false, "created_at": START,
            "updated_at": START.plus(4_000), "exit": null, "gone": false, "runs": true,
        } },
        "volumes": { volume.as_str(): {
            "app": "app-1", "name": "data", "state": "created", "region": "iad", "size_gb": 10, "claimed_by": null,
            "bound_to": null, "created_at": START, "updated_at": START, "gone": false, "generation": 1,
            "reads_from": null, "host_down": false, "host_full": false, "stuck": false, "holder": machine,
            "writers": [machine], "intact": true,
        } },
        "snapshots": { volume.as_str(): [
            { "id": "vs_1", "status": "created", "size_gb": 10, "generation": 1 },
            { "id": "vs_2", "status": "failed", "size_gb": 3, "generation": 1 },
        ] },
    });
    assert_eq!(truth, expected);
}

#[test]
fn every_request_is_remembered() {
    let mut bench = Bench::calm();
    bench.volume("data");
    bench.get("machines?state=started");
    bench.answer(Asked::new("GET", "/nothing"));
    bench.pass(5);
    bench.delete("volumes/vol_nothing");
    let calls =
        |bench: &mut Bench, after: &str| bench.answer(Asked::new("GET", format!("/_control/calls{after}"))).value();
    let (one, two, three, four) = (
        json!({ "seq": 1, "at": START, "method": "POST", "path": "/v1/apps/app-1/volumes", "status": 200, "done": true }),
        json!({ "seq": 2, "at": START, "method": "GET", "path": "/v1/apps/app-1/machines?state=started", "status": 200, "done": true }),
        json!({ "seq": 3, "at": START, "method": "GET", "path": "/nothing", "status": 404, "done": false }),
        json!({ "seq": 4, "at": START.plus(5), "method": "DELETE", "path": "/v1/apps/app-1/volumes/vol_nothing", "status": 404, "done": false }),
    );
    assert_eq!(calls(&mut bench, ""), json!({ "calls": [one, two, three, four], "last": 4 }));
    assert_eq!(calls(&mut bench, "?after=3"), json!({ "calls": [four], "last": 4 }));
    assert_eq!(calls(&mut bench, "?after=4"), json!({ "calls": [], "last": 4 }));
    let answer = bench.answer(Asked::new("GET", "/_control/calls?after=x"));
    assert_eq!(said(answer), (400, error("after: expected a whole number")));
}

#[test]
fn a_pause_holds_everything_back_but_control() {
    let mut bench = Bench::calm();
    let (id, _) = bench.machine("one-1");
    let wait = Asked::new("GET", format!("/v1/apps/app-1/machines/{id}/wait?state=stopped&timeout=60"));
    let (waiting, _) = bench.later(wait);
    bench.tell("pause", &json!({ "ms": 1_000 }));
    let end = bench.now.plus(1_000);
    let (ticket, until) = bench.later(Asked::new("GET", "/v1/apps/app-1/volumes"));
    assert_eq!(until, end);
    bench.tell(&format!("machines/{id}/stop"), &json!({}));
    bench.pass(999);
    assert_eq!(bench.emulator.go_on(bench.now, ticket), Reply::Later(ticket, end));
    assert_eq!(bench.emulator.go_on(bench.now, waiting), Reply::Later(waiting, end));
    bench.pass(1);
    for ticket in [ticket, waiting] {
        match bench.emulator.go_on(bench.now, ticket) {
            Reply::Answer(answer) => assert_eq!(answer.status, 200),
            reply @ (Reply::Later(..) | Reply::Break) => panic!("{reply:?}"),
        }
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let mut bench = Bench::calm();
    let volume = bench.volume("data");
    let cases = [
        ("capacity", json!({ "creates": 0 }), "region: expected text, got nothing"),
        ("capacity", json!({ "region": 7 }), "region: expected text, got 7"),
        ("capacity", json!({ "region": "iad", "creates": -1 }), "creates: expected a whole number, got -1"),
        ("capacity", json!({ "region": "iad", "left": 1 }), "left: expected one of region, creates"),
        ("weather", json!({ "weather": "foggy" }), "weather: expected one of calm, stormy, got \"foggy\""),
        ("weather", json!({}), "weather: expected calm, stormy, got nothing"),
        (
            "hostile",
            json!({ "mode": "rude" }),
            "mode: expected one of wrong_ids, huge_bodies, path_characters, html, foreign_holder, empty_lists, got \"rude\"",
        ),
        ("rate_limit", json!({ "on": 1 }), "on: expected true or false, got 1"),
        ("pause", json!({}), "ms: expected a whole number, got nothing"),
        ("write", json!({}), "volume: expected text, got nothing"),
        ("snapshots", json!({ "volume": volume }), "snapshots: expected a list, got nothing"),
        (
            "snapshots",
            json!({ "volume": volume, "snapshots": [{}] }),
            "snapshots[0].id: expected the id of a snapshot, got nothing",
        ),
        ("strike", json!({ "strike": {} }), "strike: missing field `said`"),
        ("strike", json!({ "strike": null, "times": 0 }), "times: expected 1 at least, got 0"),
        ("change", json!({ "host_down": {} }), "host_down: missing field `volume`"),
        ("machines/m1/stop", json!({ "oom": true }), "oom: expected one of code, oom_killed, requested_stop"),
    ];
    for (what, body, why) in cases {
        assert_eq!(tell(&mut bench, what, &body), (400, error(why)), "{what} {body}");
    }
    let (status, body) = tell(&mut bench, "change", &json!({ "earthquake": {} }));
    assert_eq!(status, 400);
    let text = crate::text(&body["error"]);
    assert!(text.starts_with("earthquake: unknown variant `earthquake`"), "{text}");
    let broken = Asked { body: b"[".to_vec(), ..Asked::new("POST", "/_control/pause") };
    let answer = bench.answer(broken);
    assert_eq!(answer.status, 400);
    assert!(answer.body.begin().contains("body: expected JSON"), "{answer:?}");
}

#[test]
fn what_names_nothing_does_nothing() {
    let mut bench = Bench::calm();
    let nothing = error("change: it names what is not there, or cannot be what happens to it");
    assert_eq!(tell(&mut bench, "machines/m1/stop", &json!({})), (409, nothing.clone()));
    assert_eq!(tell(&mut bench, "change", &json!({ "host_down": { "volume": "vol_1" } })), (409, nothing));
    assert_eq!(
        tell(&mut bench, "write", &json!({ "volume": "vol_1" })),
        (409, error("volume: there is none to write to"))
    );
    let snapshots = json!({ "volume": "vol_1", "snapshots": [] });
    assert_eq!(tell(&mut bench, "snapshots", &snapshots), (409, error("volume: there is none of this id")));
}
