//! Allocations of decisions, and the memory of an instance, counted: `cargo bench --bench allocations`.
//!
//! On its own, because an allocator that counts is slower than one that does not.

#[allow(dead_code, reason = "shared with the benches of times")]
#[path = "../cost/story.rs"]
mod story;

use allocation_counter::{AllocationInfo, measure};
use kiloclaw_lifecycle::persist;
use story::{Recorder, Story};

fn main() {
    let (healthy, recovery) = (Recorder::running().healthy_alarm(), Recorder::running().recovery());
    println!("| allocations | in all | per step |\n|---|---:|---:|");
    line("a healthy alarm", &healthy);
    line("a recovery", &recovery);
    let AllocationInfo { bytes_current, .. } = measure(|| std::mem::forget(healthy.begin.clone()));
    let own = i64::try_from(size_of_val(&healthy.begin)).expect("small");
    let stored = persist::encode(&healthy.begin).expect("a record").len();
    println!("\nan instance: {} bytes in memory, {stored} bytes stored", own + bytes_current);
}

fn line(what: &str, story: &Story) {
    let prepared = story.prepared();
    let all = measure(|| {
        std::hint::black_box(story.play(prepared));
    });
    let steps = story.inputs.len() as f64;
    println!("| {what} | {} | {:.1} |", all.count_total, all.count_total as f64 / steps);
}
