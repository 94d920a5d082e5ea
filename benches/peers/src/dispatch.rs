//! Eight events through a state machine, and nothing else.
//!
//! Stated, not compared: three of the four do one thing, and the library does another.
//!
//! - `plain`, a `match` over an enum, has no memory but its state: no record, no effects, no deadlines, nothing to store.
//! - `statig` adds hierarchy and actions on entry and exit, and leaves out the same.
//! - `rust_fsm` adds an output per transition, and leaves out the same.
//! - `ours` is what [`story`](crate::story) has recorded, decided again: as much as is needed to restart and stop a machine at Fly. Each
//!   step brings a new record, effects as data, the alarm and the deadline of a call, and what it brings can be stored, shown, explained and
//!   replayed. Only storing is left out.

mod fsm;
mod plain;
mod tree;

use crate::ratios::Row;
use crate::story::Recorder;
use criterion::{BatchSize, Criterion};
use std::hint::black_box;

/// From stopped through all six states to stopped.
const SCRIPT: [plain::Event; 8] = {
    use plain::Event::{Died, Down, Restart, Start, Stop, Up};
    [Start, Up, Restart, Up, Died, Up, Stop, Down]
};

pub(crate) fn rows(c: &mut Criterion) -> Vec<Row> {
    let script = black_box(SCRIPT);
    let end = plain::play(&script);
    assert_eq!(end, plain::State::Stopped);
    assert_eq!((tree::play(&script), fsm::play(&script.map(fsm::input))), (end, end), "the same end");
    let story = Recorder::running().restart_and_stop();
    assert_eq!(story.inputs.len(), SCRIPT.len());
    let inputs = script.map(fsm::input);
    let mut group = c.benchmark_group("dispatch");
    group.bench_function("plain", |b| b.iter(|| plain::play(black_box(&script))));
    group.bench_function("statig", |b| b.iter(|| tree::play(black_box(&script))));
    group.bench_function("rust_fsm", |b| b.iter(|| fsm::play(black_box(&inputs))));
    group.bench_function("ours", |b| {
        b.iter_batched(|| story.prepared(), |prepared| story.play(prepared), BatchSize::SmallInput);
    });
    group.finish();
    let row = |what, name| Row::of(what, name, "dispatch/plain");
    vec![
        row("a match over an enum", "dispatch/plain"),
        row("statig", "dispatch/statig"),
        row("rust-fsm", "dispatch/rust_fsm"),
        row("ours, with effects as data", "dispatch/ours"),
    ]
}
