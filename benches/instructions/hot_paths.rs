//! Instructions of the hot paths, counted by Callgrind: they hardly depend on the machine and not at all on what else it does.
//!
//! Each is run [`ROUNDS`] times, so that what the allocator does once in a while is spread. `.ci/instructions` runs this and compares with
//! `baseline.txt`.

#[allow(dead_code, reason = "shared with the benches of times")]
#[path = "../cost/story.rs"]
mod story;

use gungraun::{library_benchmark, library_benchmark_group, main};
use kiloclaw_lifecycle::call::{CallKind, Done};
use kiloclaw_lifecycle::id::OpId;
use kiloclaw_lifecycle::{Input, Instance, persist, step};
use std::hint::black_box;
use story::{Recorder, Story};

const ROUNDS: usize = 100;

/// A healthy alarm, and the instance while the first question of it is under way.
fn asking() -> (Story, Box<Instance>) {
    let story = healthy_alarm();
    let asking = story.after(1);
    (story, asking)
}

fn healthy_alarm() -> Story {
    Recorder::running().healthy_alarm()
}

fn recovery() -> Story {
    Recorder::running().recovery()
}

fn text() -> String {
    persist::encode(&healthy_alarm().begin).expect("a record")
}

fn rounds<T>(mut what: impl FnMut() -> T) {
    for _ in 0..ROUNDS {
        drop(black_box(what()));
    }
}

#[library_benchmark(setup = healthy_alarm)]
#[bench::running()]
fn clone(story: Story) -> Story {
    rounds(|| black_box(&story.begin).clone());
    story
}

#[library_benchmark(setup = asking)]
#[bench::early()]
fn alarm((story, asking): (Story, Box<Instance>)) -> (Story, Box<Instance>) {
    let now = story.inputs[0].0;
    rounds(|| step(Some(black_box(&asking)), &story.policy, now, Input::Alarm));
    (story, asking)
}

#[library_benchmark(setup = healthy_alarm)]
#[bench::stale()]
fn outcome(story: Story) -> Story {
    let now = story.inputs[0].0;
    let op = OpId { number: 1, kind: CallKind::GetMachine };
    rounds(|| {
        let input = Input::Outcome { op, result: Ok(Done::Accepted) };
        step(Some(black_box(&story.begin)), &story.policy, now, input)
    });
    story
}

#[library_benchmark]
#[bench::healthy_alarm(setup = healthy_alarm)]
#[bench::recovery(setup = recovery)]
fn decide(story: Story) -> Story {
    rounds(|| story.play(story.prepared()));
    story
}

#[library_benchmark(setup = healthy_alarm)]
#[bench::running()]
fn encode(story: Story) -> Story {
    rounds(|| persist::encode(black_box(&story.begin)));
    story
}

#[library_benchmark(setup = text)]
#[bench::running()]
fn decode(text: String) -> String {
    rounds(|| persist::decode(black_box(&text)));
    text
}

library_benchmark_group!(name = hot_paths, benchmarks = [clone, alarm, outcome, decide, encode, decode]);
main!(library_benchmark_groups = hot_paths);
