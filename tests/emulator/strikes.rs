//! What a test lets befall requests.

use crate::{Bench, START, error, said};
use kiloclaw_lifecycle::testkit::emulator::{Asked, Reply};
use serde_json::{Value, json};

fn new_volume() -> Asked {
    Asked::new("POST", "/v1/apps/app-1/volumes").json(&json!({ "name": "data", "region": "iad" }))
}

fn strike(bench: &mut Bench, said: Value, landing: Value, times: Option<u64>) {
    bench.tell("strike", &json!({ "strike": { "said": said, "landing": landing }, "times": times }));
}

fn volumes(bench: &mut Bench) -> usize {
    bench.truth()["volumes"].as_object().expect("volumes").len()
}

#[test]
fn an_answer_is_lost_before_or_after_it_was_done() {
    for (landing, made) in [("now", 1), ("never", 0)] {
        let mut bench = Bench::calm();
        strike(&mut bench, json!("nothing"), json!(landing), Some(1));
        assert_eq!(bench.ask(new_volume()), Reply::Break);
        assert_eq!(volumes(&mut bench), made);
        let calls = bench.emulator.calls();
        assert_eq!((calls.len(), calls[0].status, calls[0].done), (1, None, made == 1));
        assert_eq!(bench.answer(new_volume()).status, 200, "it befalls one request");
    }
}

#[test]
fn what_lands_late_is_done_then() {
    let mut bench = Bench::calm();
    strike(&mut bench, json!("nothing"), json!({ "after": 5_000 }), Some(1));
    assert_eq!(bench.ask(new_volume()), Reply::Break);
    bench.pass(4_999);
    assert_eq!(volumes(&mut bench), 0);
    assert!(!bench.emulator.calls()[0].done);
    bench.pass(1);
    assert_eq!(volumes(&mut bench), 1);
    assert!(bench.emulator.calls()[0].done);
    let made = bench.truth()["volumes"].as_object().expect("volumes").values().next().cloned().expect("one");
    assert_eq!(made["created_at"], json!(START.plus(5_000)));
    assert_eq!(made["app"], "app-1");
}

#[test]
fn another_answer_is_given_than_the_true_one() {
    let mut bench = Bench::calm();
    strike(&mut bench, json!({ "status": [503, "<html>busy</html>"] }), json!("now"), None);
    for made in 1..=2 {
        let answer = bench.answer(new_volume());
        assert_eq!((answer.status, answer.body.begin()), (503, "<html>busy</html>"));
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(answer.header("fly-request-id").is_some());
        assert_eq!(volumes(&mut bench), made);
    }
    strike(&mut bench, json!({ "status": [404, "{\"error\":\"app not found\"}"] }), json!("never"), None);
    assert_eq!(said(bench.get("volumes")), (404, error("app not found")));
    strike(&mut bench, json!({ "status": [200, ""] }), json!("never"), None);
    let answer = bench.answer(new_volume());
    assert_eq!((answer.status, answer.body.begin()), (200, ""));
    assert_eq!(bench.get("volumes").value().as_array().map(Vec::len), Some(2), "looks are true");
    bench.tell("strike", &json!({ "strike": null }));
    assert_eq!(bench.answer(new_volume()).status, 200);
}

#[test]
fn lists_are_empty_or_lack_something() {
    let mut bench = Bench::calm();
    let (one, two) = (bench.volume("data"), bench.volume("data"));
    strike(&mut bench, json!("empty_list"), json!("never"), Some(1));
    assert_eq!(said(bench.get("volumes")), (200, json!([])));
    strike(&mut bench, json!({ "without": [one] }), json!("never"), Some(1));
    let listed = bench.get("volumes").value();
    assert_eq!((listed.as_array().map(Vec::len), &listed[0]["id"]), (Some(1), &json!(two)));
}

#[test]
fn a_wait_is_struck_as_well() {
    let mut bench = Bench::calm();
    let (id, _) = bench.machine("one-1");
    strike(&mut bench, json!({ "status": [503, ""] }), json!("never"), Some(1));
    let wait = format!("machines/{id}/wait?state=started");
    assert_eq!((bench.get(&wait).status, bench.get(&wait).status), (503, 200));
}
