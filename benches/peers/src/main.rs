//! The library beside other crates: `cargo bench --manifest-path benches/peers/Cargo.toml`.
//!
//! Everything is measured in one run, and the ratios are printed at the end: machines differ, ratios hold. A package of its own, so that no
//! user of the library ever compiles its peers. `duroxide` is built when it is needed first; on Linux it needs the development files of OpenSSL
//! and `pkg-config`. `-- dispatch` or `-- durable` measures one half.
//!
//! # Durable workloads
//!
//! Five calls one after the other and one timer, beside `duroxide`, a framework for durable orchestrations, on SQLite: see [`durable`] for
//! what is compared, [`ours`] and `duroxide/src/main.rs` for the two workloads. What is done so that the peer is not wronged:
//!
//! - Both files are on the same disk, both in WAL mode. The peer asks for `synchronous = WAL`, which SQLite does not know and takes for
//!   NORMAL: its commits are not on the disk when they are answered, and ours are. Both promises are measured.
//! - Its activities and our provider answer at once. Its timer has no length, and there is a row without it; our alarm is rung as soon as it
//!   is due.
//! - Its dispatchers poll. Besides its defaults it gets the options that were found to be the best for one at a time and for many at once.
//!   Two of its transactions at the same time make each other fail, and its dispatchers then rest for 200 ms and more: it is helped by
//!   leaving it one connection.
//! - An orchestration counts as ended before its last commit, and is replaced at once. A restart of ours counts when it is committed, its
//!   events are delivered, and its record has been read twice to see that it was what it should be.
//!
//! What it does more: it records what each activity has answered, and runs any code. The library records what it has decided, and asks
//! again where only a question was lost; of its five calls one changes the world, and is committed before it leaves.
//!
//! # Dispatch
//!
//! Eight events through a state machine that is written by hand, with `statig`, with `rust-fsm`, and through the library: see [`dispatch`]
//! for what each leaves out.

mod dispatch;
mod durable;
mod ours;
mod peer;
mod provider;
mod ratios;
mod rounds;
#[allow(dead_code, reason = "shared with the benches of the library alone")]
#[path = "../../cost/story.rs"]
mod story;

use criterion::Criterion;
use std::time::Duration;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .without_plots()
        .configure_from_args();
    let dispatched = dispatch::rows(&mut criterion);
    criterion.final_summary();
    ratios::print(&dispatched, "a match over an enum");
    if wanted("durable") {
        rounds::print(&durable::rows());
    }
}

/// Whether a filter on the command line lets it through. Criterion has its own way for what it measures itself, and measures nothing where
/// Cargo tests.
fn wanted(name: &str) -> bool {
    let mut filters = std::env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
    std::env::args().any(|word| word == "--bench")
        && (filters.peek().is_none() || filters.any(|word| name.contains(&word)))
}
