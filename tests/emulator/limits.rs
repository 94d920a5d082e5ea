//! How often may be asked.

use crate::{Bench, error, said};
use kiloclaw_lifecycle::testkit::emulator::{Asked, Settings};
use serde_json::json;

/// How many of so many requests at once are let through.
fn let_through(bench: &mut Bench, method: &str, path: &str, times: usize) -> usize {
    let target = format!("/v1/apps/app-1/{path}");
    (0..times).filter(|_| bench.answer(Asked::new(method, target.clone())).status != 429).count()
}

#[test]
fn three_at_once_and_then_one_a_second() {
    let mut bench = Bench::new(Settings::default());
    assert_eq!(let_through(&mut bench, "GET", "volumes", 5), 3);
    bench.pass(999);
    assert_eq!(let_through(&mut bench, "GET", "volumes", 1), 0);
    bench.pass(1);
    assert_eq!(let_through(&mut bench, "GET", "volumes", 2), 1);
    bench.pass(10_000);
    assert_eq!(let_through(&mut bench, "GET", "volumes", 5), 3);
}

#[test]
fn a_machine_may_be_looked_at_more_often() {
    let mut bench = Bench::new(Settings::default());
    assert_eq!(let_through(&mut bench, "GET", "machines/m1", 15), 10);
    bench.pass(200);
    assert_eq!(let_through(&mut bench, "GET", "machines/m1", 2), 1);
    bench.pass(1_000);
    assert_eq!(let_through(&mut bench, "GET", "machines/m1", 9), 5);
}

#[test]
fn each_action_on_each_thing_is_counted_by_itself() {
    let mut bench = Bench::new(Settings::default());
    for (method, path) in [
        ("GET", "volumes"),
        ("GET", "machines"),
        ("GET", "volumes/v1"),
        ("GET", "volumes/v2"),
        ("DELETE", "volumes/v1"),
        ("POST", "machines/m1/stop"),
        ("POST", "machines/m1/start"),
        ("POST", "machines/m2/start"),
    ] {
        assert_eq!(let_through(&mut bench, method, path, 4), 3, "{method} {path}");
    }
    let other = Asked::new("GET", "/v1/apps/app-2/volumes");
    assert_eq!(said(bench.answer(other)), (200, json!([])));
}

#[test]
fn one_too_many_is_told_so_and_sometimes_when_to_come_again() {
    let mut bench = Bench::new(Settings::default());
    let_through(&mut bench, "GET", "volumes", 3);
    let refused: Vec<_> = (0..4).map(|_| bench.get("volumes")).collect();
    for answer in &refused {
        assert_eq!(said(answer.clone()), (429, error("rate limit exceeded")));
    }
    let after: Vec<Option<&str>> = refused.iter().map(|answer| answer.header("retry-after")).collect();
    assert_eq!(after, [Some("1"), None, Some("1"), None]);
    // A refused request is not done and costs nothing.
    assert!(bench.emulator.calls().iter().all(|call| call.done == (call.status == Some(200))));
}

#[test]
fn counting_can_be_switched_off_and_on() {
    let mut bench = Bench::new(Settings::default());
    bench.tell("rate_limit", &json!({ "on": false }));
    assert_eq!(let_through(&mut bench, "GET", "volumes", 20), 20);
    bench.tell("rate_limit", &json!({ "on": true }));
    assert_eq!(let_through(&mut bench, "GET", "volumes", 20), 3);
    let mut bench = Bench::calm();
    assert_eq!(let_through(&mut bench, "GET", "volumes", 20), 20);
}

#[test]
fn where_time_runs_faster_more_is_let_through() {
    let mut bench = Bench::new(Settings { time_scale: 10, ..Settings::default() });
    assert_eq!(let_through(&mut bench, "GET", "volumes", 5), 3);
    bench.pass(99);
    assert_eq!(let_through(&mut bench, "GET", "volumes", 1), 0);
    bench.pass(1);
    assert_eq!(let_through(&mut bench, "GET", "volumes", 2), 1);
}
