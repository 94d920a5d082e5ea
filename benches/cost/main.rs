//! What a decision costs, beside what it cannot do without: `cargo bench --bench cost`.
//!
//! Everything is measured in one run, and the ratios are printed at the end: machines differ, ratios hold.

mod durable;
mod plain;
mod ratios;
mod story;

use criterion::{BatchSize, Criterion};
use kiloclaw_lifecycle::call::{CallKind, Done};
use kiloclaw_lifecycle::id::OpId;
use kiloclaw_lifecycle::{Input, persist, step};
use ratios::Bar;
use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Duration;
use story::Recorder;

fn main() {
    LazyLock::force(&ratios::BEGUN);
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .without_plots()
        .configure_from_args();
    let mut bars = decisions(&mut criterion);
    bars.extend(stored_form(&mut criterion));
    bars.extend(durable::bars(&mut criterion));
    criterion.final_summary();
    ratios::print(&bars);
}

fn decisions(c: &mut Criterion) -> Vec<Bar> {
    let healthy = Recorder::running().healthy_alarm();
    let recovery = Recorder::running().recovery();
    let (instance, policy) = (&healthy.begin, &healthy.policy);
    // An alarm at rest is a look, however early; while a look is under way there is nothing to do.
    let asking = healthy.after(1);
    let now = healthy.inputs[0].0;
    let stale = OpId { number: 1, kind: CallKind::GetMachine };
    let stale = Input::Outcome { op: stale, result: Ok(Done::Accepted) };
    let mut group = c.benchmark_group("decision");
    group.bench_function("clone", |b| b.iter(|| black_box(instance).clone()));
    group.bench_function("early_alarm", |b| b.iter(|| step(Some(black_box(&asking)), policy, now, Input::Alarm)));
    group.bench_function("stale_outcome", |b| b.iter(|| step(Some(black_box(instance)), policy, now, stale.clone())));
    for (name, story) in [("healthy_alarm", &healthy), ("recovery", &recovery)] {
        group.bench_function(name, |b| {
            // Few at once, as a host has them: what an adapter has just made is in the cache.
            b.iter_batched(
                || story.prepared(),
                |prepared| black_box(story).play(prepared),
                BatchSize::NumIterations(16),
            );
        });
    }
    group.bench_function("encode", |b| b.iter(|| persist::encode(black_box(instance))));
    group.finish();
    let steps = healthy.inputs.len() as f64;
    println!("a healthy alarm: {steps} steps, {} commits", healthy.commits);
    println!("a recovery: {} steps, {} commits", recovery.inputs.len(), recovery.commits);
    vec![
        Bar::most("an early alarm", "decision/early_alarm", "cloning the instance", "decision/clone", 1.0, 2.0),
        Bar::most("a stale outcome", "decision/stale_outcome", "cloning the instance", "decision/clone", 1.0, 2.0),
        Bar::most(
            "a healthy alarm",
            "decision/healthy_alarm",
            "cloning it once per step",
            "decision/clone",
            steps,
            3.0,
        ),
        Bar::most(
            "all decisions of a recovery",
            "decision/recovery",
            "encoding the record once",
            "decision/encode",
            1.0,
            15.0,
        ),
    ]
}

fn stored_form(c: &mut Criterion) -> Vec<Bar> {
    let instance = Recorder::running().healthy_alarm().begin;
    let ours = persist::encode(&instance).expect("it can be written");
    let plain: plain::Record = plain::read(&ours);
    let theirs = serde_json::to_string(&plain).expect("it can be written");
    println!("a record: {} bytes, a plain struct of the same fields {} bytes", ours.len(), theirs.len());
    let mut group = c.benchmark_group("stored");
    group.bench_function("ours", |b| {
        b.iter(|| {
            let text = persist::encode(black_box(&instance)).expect("it can be written");
            persist::decode(&text).expect("it can be read")
        });
    });
    group.bench_function("plain", |b| {
        b.iter(|| {
            let text = serde_json::to_string(black_box(&plain)).expect("it can be written");
            serde_json::from_str::<plain::Record>(&text).expect("it can be read")
        });
    });
    group.finish();
    let bytes = ours.len() as f64 / theirs.len() as f64;
    vec![
        Bar::most(
            "writing and reading a record",
            "stored/ours",
            "serde_json on a plain struct",
            "stored/plain",
            1.0,
            1.3,
        ),
        Bar::counted("bytes of a record", "a plain struct of the same fields", bytes, 1.3),
    ]
}
