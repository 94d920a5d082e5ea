//! What a decision costs, beside what it cannot do without: `cargo bench --bench cost`.
//!
//! Everything is measured in one run, in [`ROUNDS`](ratios::ROUNDS) rounds, so that a machine that is busy for a while spoils few of them. The
//! ratios are printed at the end: machines differ, ratios hold.

mod decisions;
mod durable;
mod plain;
mod ratios;
mod stored;
#[allow(dead_code, reason = "shared with the other benches")]
mod story;

use criterion::Criterion;
use decisions::Decisions;
use durable::Durable;
use std::sync::LazyLock;
use std::time::Duration;
use stored::Stored;

fn main() {
    LazyLock::force(&ratios::BEGUN);
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500))
        .sample_size(50)
        .without_plots()
        .configure_from_args();
    let (decisions, stored, mut durable) = (Decisions::new(), Stored::new(), Durable::new());
    for round in 0..ratios::ROUNDS {
        decisions.measure(&mut criterion, round);
        stored.measure(&mut criterion, round);
        durable.measure(&mut criterion, round);
    }
    criterion.final_summary();
    println!("\n{decisions}\n{stored}");
    ratios::print(&[decisions.bars(), stored.bars(), durable::bars()].concat());
}
