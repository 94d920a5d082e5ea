//! Allocations, counted.

use crate::story::{Recorder, Story};
use allocation_counter::{AllocationInfo, measure};

pub(crate) fn print() {
    let (healthy, recovery) = (Recorder::running().healthy_alarm(), Recorder::running().recovery());
    println!("\n| allocations | in all | per step |\n|---|---:|---:|");
    line("a healthy alarm", &healthy);
    line("a recovery", &recovery);
    let AllocationInfo { bytes_current, .. } = kept(&healthy);
    let own = i64::try_from(size_of_val(&healthy.begin)).expect("small");
    println!("\nan instance in memory: {} bytes, of which {own} are its own", own + bytes_current);
}

fn line(what: &str, story: &Story) {
    let inputs = story.inputs();
    let all = measure(|| {
        std::hint::black_box(story.play(inputs));
    });
    let steps = story.inputs.len() as f64;
    println!("| {what} | {} | {:.1} |", all.count_total, all.count_total as f64 / steps);
}

/// What a clone keeps beside itself.
fn kept(story: &Story) -> AllocationInfo {
    measure(|| std::mem::forget(story.begin.clone()))
}
