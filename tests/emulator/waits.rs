//! Waits are answered when the state is there, or when the time is up.

use crate::{Bench, START, error, new_machine, said, text};
use kiloclaw_lifecycle::testkit::emulator::{Asked, Reply};
use serde_json::{Value, json};

fn wait(id: &str, query: &str) -> Asked {
    Asked::new("GET", format!("/v1/apps/app-1/machines/{id}/wait?{query}"))
}

fn ran_out(wanted: &str, seen: &str) -> (u16, Value) {
    let text = format!("deadline_exceeded: machine failed to reach desired state, {wanted}, currently {seen}");
    (408, error(&text))
}

/// A machine that has just been made, and its version.
fn young(bench: &mut Bench) -> (String, String, String) {
    let volume = bench.volume("data");
    let made = bench.post("machines", &new_machine("one-1", &volume)).value();
    (text(&made["id"]), text(&made["instance_id"]), volume)
}

fn answered(reply: Reply) -> (u16, Value) {
    match reply {
        Reply::Answer(answer) => said(answer),
        reply @ (Reply::Later(..) | Reply::Break) => panic!("{reply:?}"),
    }
}

#[test]
fn a_wait_is_answered_when_the_state_is_there() {
    let mut bench = Bench::calm();
    let (id, version, _) = young(&mut bench);
    let (ticket, until) = bench.later(wait(&id, &format!("state=started&version={version}&timeout=30")));
    assert_eq!(until, START.plus(4_000), "the machine boots until then");
    // Asked too early, it goes on.
    bench.pass(1_000);
    assert_eq!(bench.emulator.go_on(bench.now, ticket), Reply::Later(ticket, until));
    bench.pass(3_000);
    let (status, body) = answered(bench.emulator.go_on(bench.now, ticket));
    assert_eq!(status, 200);
    assert_eq!((&body["ok"], &body["state"], &body["version"]), (&json!(true), &json!("started"), &json!(version)));
    assert_eq!(text(&body["event_id"]).len(), 26);
    // It is over.
    assert_eq!(bench.emulator.go_on(bench.now, ticket), Reply::Break);
    assert_eq!(bench.answer(wait(&id, "state=started")).status, 200);
}

#[test]
fn a_wait_that_runs_out_says_what_was_seen() {
    let mut bench = Bench::calm();
    let (id, ..) = young(&mut bench);
    bench.pass(4_000);
    bench.tell(&format!("machines/{id}/stop"), &json!({}));
    let (ticket, until) = bench.later(wait(&id, "state=started&timeout=7"));
    assert_eq!(until, START.plus(11_000));
    bench.pass(7_000);
    assert_eq!(answered(bench.emulator.go_on(bench.now, ticket)), ran_out("started", "stopped"));
}

#[test]
fn what_happens_meanwhile_ends_a_wait() {
    let mut bench = Bench::calm();
    let (id, ..) = young(&mut bench);
    bench.pass(4_000);
    let (ticket, _) = bench.later(wait(&id, "state=stopped"));
    bench.tell(&format!("machines/{id}/stop"), &json!({}));
    assert_eq!(answered(bench.emulator.go_on(bench.now, ticket)).1["state"], "stopped");
    let (ticket, _) = bench.later(wait(&id, "state=started"));
    bench.tell("change", &json!({ "machine_gone": { "id": id } }));
    assert_eq!(answered(bench.emulator.go_on(bench.now, ticket)), (404, error("machine not found")));
}

#[test]
fn a_wait_for_an_old_version_is_not_satisfied_by_the_new_one() {
    let mut bench = Bench::calm();
    let (id, old, volume) = young(&mut bench);
    bench.pass(4_000);
    bench.post(&format!("machines/{id}"), &new_machine("one-1", &volume));
    bench.pass(4_000);
    for name in ["version", "instance_id"] {
        let (ticket, _) = bench.later(wait(&id, &format!("state=started&{name}={old}&timeout=1")));
        bench.pass(1_000);
        assert_eq!(answered(bench.emulator.go_on(bench.now, ticket)), ran_out("started", "replaced"));
    }
}

#[test]
fn several_states_and_whatever_is_settled_can_be_waited_for() {
    let mut bench = Bench::calm();
    let (id, ..) = young(&mut bench);
    bench.later(wait(&id, "state=settled"));
    bench.pass(4_000);
    for query in ["state=settled", "state=stopped,started", "state=stopped&state=started", ""] {
        assert_eq!(bench.answer(wait(&id, query)).value()["state"], "started", "{query}");
    }
    bench.delete(&format!("machines/{id}?force=true"));
    assert_eq!(bench.answer(wait(&id, "state=destroyed")).value()["state"], "destroyed");
}

#[test]
fn a_wait_is_between_a_second_and_a_minute_long() {
    let mut bench = Bench::calm();
    let (id, ..) = young(&mut bench);
    for timeout in ["0", "61", "x", "1m"] {
        let text = format!("invalid_argument: timeout {timeout:?}: value must be inside range [1s, 1m0s]");
        assert_eq!(said(bench.answer(wait(&id, &format!("timeout={timeout}")))), (400, error(&text)));
    }
    let text =
        "invalid_argument: state: expected one of started, stopped, suspended, destroyed, failed, settled, got \"up\"";
    assert_eq!(said(bench.answer(wait(&id, "state=up"))), (400, error(text)));
    // A minute, where nothing is said.
    bench.tell("change", &json!({ "boot": { "boot": "starting", "ms": 1_000_000 } }));
    let other = bench.volume("data");
    let id = crate::text(&bench.post("machines", &new_machine("two-1", &other)).value()["id"]);
    let (_, until) = bench.later(wait(&id, ""));
    assert!(until <= START.plus(60_000));
    let (ticket, _) = bench.later(wait(&id, "timeout=60s"));
    bench.pass(59_999);
    assert_eq!(bench.emulator.go_on(bench.now, ticket), Reply::Later(ticket, START.plus(60_000)));
    bench.pass(1);
    assert_eq!(answered(bench.emulator.go_on(bench.now, ticket)), ran_out("started", "created"));
}

#[test]
fn a_wait_that_is_given_up_is_forgotten() {
    let mut bench = Bench::calm();
    let (id, ..) = young(&mut bench);
    let (ticket, _) = bench.later(wait(&id, "state=started"));
    bench.emulator.give_up(ticket);
    bench.pass(4_000);
    assert_eq!(bench.emulator.go_on(bench.now, ticket), Reply::Break);
}
