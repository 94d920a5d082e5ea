//! The two clocks.

use crate::{Bench, START, new_machine, text};
use kiloclaw_lifecycle::testkit::emulator::{Asked, Reply, Settings};
use serde_json::json;

fn fast(scale: u64) -> Bench {
    Bench::new(Settings { time_scale: scale, rate_limit: false, ..Settings::default() })
}

#[test]
fn a_machine_boots_in_a_part_of_the_time() {
    let mut bench = fast(40);
    let volume = bench.volume("data");
    let id = text(&bench.post("machines", &new_machine("one-1", &volume)).value()["id"]);
    let (ticket, until) = bench.later(Asked::new("GET", format!("/v1/apps/app-1/machines/{id}/wait?timeout=60")));
    assert_eq!(until, START.plus(100));
    bench.pass(99);
    assert!(matches!(bench.emulator.go_on(bench.now, ticket), Reply::Later(..)));
    bench.pass(1);
    assert!(matches!(bench.emulator.go_on(bench.now, ticket), Reply::Answer(answer) if answer.status == 200));
}

#[test]
fn a_wait_runs_out_in_a_part_of_the_time() {
    let mut bench = fast(60);
    let (id, _) = bench.machine("one-1");
    let (ticket, _) =
        bench.later(Asked::new("GET", format!("/v1/apps/app-1/machines/{id}/wait?state=stopped&timeout=60")));
    bench.pass(999);
    assert!(matches!(bench.emulator.go_on(bench.now, ticket), Reply::Later(..)));
    bench.pass(1);
    assert!(matches!(bench.emulator.go_on(bench.now, ticket), Reply::Answer(answer) if answer.status == 408));
}

#[test]
fn times_in_answers_are_those_of_the_clients_and_never_in_their_future() {
    let mut bench = fast(100);
    bench.pass(1_234);
    let volume = bench.volume("data");
    let made = bench.post("machines", &new_machine("one-1", &volume)).value();
    assert_eq!(made["created_at"], "2027-01-15T08:00:01.234Z");
    bench.pass(39);
    assert_eq!(bench.get("machines").value()[0]["state"], "created");
    bench.pass(1);
    let shown = bench.get("machines").value();
    assert_eq!((&shown[0]["state"], &shown[0]["updated_at"]), (&json!("started"), &json!("2027-01-15T08:00:01.274Z")));
    assert_eq!(shown[0]["events"][0]["timestamp"], json!(START.plus(1_274)));
    let truth = bench.truth();
    assert_eq!(truth["now"], json!(START.plus(127_400)), "the world is older");
    assert_eq!(truth["wall"], json!(START.plus(1_274)));
}

#[test]
fn a_clock_that_goes_back_stops_the_world() {
    let mut bench = Bench::calm();
    let (id, _) = bench.machine("one-1");
    bench.get("machines");
    bench.now = START;
    assert_eq!(bench.get(&format!("machines/{id}")).value()["state"], "started");
    assert_eq!(bench.truth()["now"], json!(START.plus(4_000)));
}
