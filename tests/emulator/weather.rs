//! Bad weather: the same again under the same seed, everything comes, nothing is lost, and it ends.

use crate::{Bench, new_machine};
use kiloclaw_lifecycle::testkit::emulator::{Asked, Received, Reply, Settings, Weather};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn stormy(seed: u64) -> Bench {
    Bench::new(Settings { seed, weather: Weather::Stormy, rate_limit: false, ..Settings::default() })
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Answer(u16, Option<String>, String),
    Broken,
}

/// Waits for as long as it takes.
fn ends(bench: &mut Bench, asked: Asked) -> (End, u64) {
    let began = bench.now;
    let mut reply = bench.ask(asked);
    loop {
        match reply {
            Reply::Answer(answer) => {
                let after = answer.header("retry-after").map(ToString::to_string);
                let end = End::Answer(answer.status, after, answer.body.begin().to_string());
                return (end, bench.now.since(began));
            }
            Reply::Break => return (End::Broken, bench.now.since(began)),
            Reply::Later(ticket, until) => {
                assert!(until > bench.now, "time passes");
                bench.now = until;
                reply = bench.emulator.go_on(bench.now, ticket);
            }
        }
    }
}

/// A client that makes volumes, and machines on them, and looks at them.
fn script(bench: &mut Bench, rounds: std::ops::Range<u64>) -> Vec<(End, u64)> {
    let mut seen = Vec::new();
    for round in rounds {
        let at = |path: &str| format!("/v1/apps/app-1/{path}");
        let volume = json!({ "name": format!("data_{round}"), "region": "iad", "size_gb": 1 });
        seen.push(ends(bench, Asked::new("POST", at("volumes")).json(&volume)));
        let free = bench.emulator.world().live_volumes().map(|(id, _)| id.clone());
        let free: Vec<String> = free.filter(|id| bench.emulator.world().holder(id).is_none()).collect();
        if let Some(volume) = free.first() {
            let machine = new_machine(&format!("one-{round}"), volume);
            seen.push(ends(bench, Asked::new("POST", at("machines")).json(&machine)));
        }
        seen.push(ends(bench, Asked::new("GET", at("machines"))));
        let live: Vec<String> = bench.emulator.world().live_machines().map(|(id, _)| id.clone()).collect();
        if let Some(id) = live.first() {
            seen.push(ends(bench, Asked::new("GET", at(&format!("machines/{id}/wait?timeout=5")))));
            seen.push(ends(bench, Asked::new("POST", at(&format!("machines/{id}/stop"))).json(&json!({}))));
        }
        bench.pass(60_000);
    }
    seen
}

#[test]
fn the_same_seed_brings_the_same_answers() {
    let run = |seed| {
        let mut bench = stormy(seed);
        let seen = script(&mut bench, 0..40);
        (seen, bench.truth(), bench.emulator.calls())
    };
    for seed in 1..=5 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
    assert_ne!(run(1).0, run(2).0);
}

#[test]
fn what_befalls_a_request_depends_on_its_number_and_not_on_the_time() {
    let statuses = |pause: u64| {
        let mut bench = stormy(4);
        let look = || Asked::new("GET", "/v1/apps/app-1/volumes/vol_nothing");
        (0..200)
            .map(|_| {
                bench.pass(pause);
                ends(&mut bench, look()).0
            })
            .collect::<Vec<End>>()
    };
    assert_eq!(statuses(0), statuses(777));
}

/// All that comes in many storms.
fn many(seeds: u64, rounds: u64) -> (Vec<(End, u64)>, Vec<Received>, BTreeSet<String>) {
    let (mut all, mut calls, mut states) = (Vec::new(), Vec::new(), BTreeSet::new());
    for seed in 1..=seeds {
        let mut bench = stormy(seed);
        all.extend(script(&mut bench, 0..rounds));
        calls.extend(bench.emulator.calls());
        for machine in bench.truth()["machines"].as_object().expect("machines").values() {
            states.insert(machine["state"].as_str().unwrap_or_default().to_string());
        }
    }
    (all, calls, states)
}

#[test]
fn every_kind_of_trouble_comes() {
    let (all, calls, states) = many(30, 60);
    let any = |fits: &dyn Fn(&(End, u64)) -> bool| all.iter().any(fits);
    let status = |wanted: u16| any(&|(end, _)| matches!(end, End::Answer(status, ..) if *status == wanted));
    for wanted in [200, 401, 403, 408, 429, 500, 502, 503, 504] {
        assert!(status(wanted), "never {wanted}");
    }
    let server_error = |body: &str| {
        any(
            &|(end, _)| matches!(end, End::Answer(500..=504, _, said) if said.starts_with(body) && said.is_empty() == body.is_empty()),
        )
    };
    assert!(server_error("<html>") && server_error("{") && server_error(""), "pages, JSON and nothing");
    assert!(any(&|(end, _)| matches!(end, End::Answer(429, Some(_), _))), "says when to come again");
    assert!(any(&|(end, _)| matches!(end, End::Answer(429, None, _))), "does not say when to come again");
    assert!(any(&|(end, took)| *end == End::Broken && *took == 0), "connections break");
    assert!(any(&|(end, took)| *end == End::Broken && *took == 120_000), "nothing comes");
    assert!(any(&|(end, took)| matches!(end, End::Answer(200, ..)) && *took > 0), "answers are slow");
    assert!(any(&|(end, _)| matches!(end, End::Answer(422, ..))), "there is no room");
    let changes = |call: &&Received| call.method == "POST" && call.path.ends_with("/volumes");
    let unheard = |done: bool| calls.iter().filter(changes).any(|call| call.status.is_none() && call.done == done);
    assert!(unheard(true) && unheard(false), "what is not answered was done or not");
    let failed = |done: bool| calls.iter().filter(changes).any(|call| call.status >= Some(500) && call.done == done);
    assert!(failed(true) && failed(false), "what failed was done or not");
    for state in ["started", "stopped", "failed", "suspended", "destroyed", "created"] {
        assert!(states.contains(state), "never {state} in {states:?}");
    }
}

#[test]
fn nothing_is_said_to_be_gone_that_is_not_and_nothing_is_lost() {
    for seed in 1..=20 {
        let mut bench = stormy(seed);
        let seen = script(&mut bench, 0..40);
        let gone = |(end, _): &(End, u64)| matches!(end, End::Answer(404, _, said) if !said.contains("not found"));
        assert!(!seen.iter().any(gone), "seed {seed}");
        let truth = bench.truth();
        for (id, volume) in truth["volumes"].as_object().expect("volumes") {
            assert_eq!((&volume["gone"], &volume["intact"]), (&json!(false), &json!(true)), "seed {seed}: {id}");
        }
    }
}

#[test]
fn good_weather_heals_the_world() {
    let mut bench = stormy(3);
    script(&mut bench, 0..60);
    assert!(bench.truth()["faults"].as_object().is_some_and(|faults| !faults.is_empty()));
    bench.tell("change", &json!({ "healthy": false }));
    bench.tell("weather", &json!({ "weather": "calm" }));
    // What was struck is done within a minute.
    bench.pass(60_000);
    let truth = bench.truth();
    assert_eq!((&truth["weather"], &truth["faults"]), (&json!("calm"), &Value::Null));
    assert_eq!((&truth["healthy"], &truth["capacity"]), (&json!(true), &json!({})));
    for volume in truth["volumes"].as_object().expect("volumes").values() {
        let ails = ["host_down", "host_full", "stuck"].map(|name| volume[name].clone());
        assert_eq!(ails, [false, false, false].map(Value::from));
    }
    let before = bench.emulator.calls().len();
    for (end, took) in script(&mut bench, 60..80) {
        assert!(matches!(end, End::Answer(200 | 404 | 408 | 412, ..)) && took <= 5_000, "{end:?} after {took}");
    }
    bench.pass(24 * 3_600_000);
    assert_eq!(bench.truth()["capacity"], json!({}), "no season comes");
    assert!(bench.emulator.calls().len() > before);
    bench.tell("weather", &json!({ "weather": "stormy" }));
    assert_eq!(bench.truth()["weather"], "stormy");
}

#[test]
fn in_good_weather_nothing_goes_wrong() {
    let mut bench = Bench::calm();
    for (end, took) in script(&mut bench, 0..40) {
        assert!(matches!(end, End::Answer(200 | 408, ..)) && took <= 5_000, "{end:?} after {took}");
    }
}
