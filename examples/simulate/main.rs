//! Simulates long lives of instances under swarms of faults, and checks that nothing is lost, destroyed by mistake, leaked or stuck.
//!
//! ```text
//! cargo run --release --all-features --example simulate -- --seeds 1000
//!     --first-seed S     the first seed, 1 by default
//!     --days D           days of bad weather in each run, 20 by default
//!     --instances K      instances that share a world, 2 by default
//!     --thorough         take each step twice and read each record back from its bytes (slow)
//!     --traces DIR       where the traces of runs with violations go, target/simulate by default
//!     --json             the summary as one line of JSON
//! cargo run --release --all-features --example simulate -- --replay TRACE
//! ```
//!
//! Exit status: 0, or 1 when an invariant did not hold, or 2 for wrong usage and files that cannot be read or written.

mod fleet;
mod replay;
mod summary;
mod wish;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use wish::{Wish, wish};

fn main() -> ExitCode {
    let done = match wish() {
        Ok(Wish::Help) => {
            println!("{}", wish::USAGE);
            return ExitCode::SUCCESS;
        }
        Ok(Wish::Replay(file)) => replay::replay(&file),
        Ok(Wish::Simulate(plan)) => simulate(&plan),
        Err(error) => Err(format!("{error}\n{}", wish::USAGE)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            // Nobody has to be listening.
            let _ = writeln!(io::stderr(), "simulate: {why}");
            ExitCode::from(2)
        }
    }
}

/// Answers whether everything held.
fn simulate(plan: &wish::Plan) -> Result<bool, String> {
    let outcome = fleet::run(plan)?;
    let shown = if plan.json { summary::json(plan, &outcome) } else { summary::text(plan, &outcome) };
    match shown {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(format!("standard output: {error}")),
        Ok(()) | Err(_) => {}
    }
    Ok(outcome.failed.is_empty())
}
