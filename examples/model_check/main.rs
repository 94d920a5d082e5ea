//! Tries everything that can happen in a small world within bounds, in every order, and checks that nothing is lost, destroyed by mistake,
//! leaked or stuck.
//!
//! ```text
//! cargo run --release --all-features --example model_check --
//!     --story NAME       only this story: recovery, start, stop, destroy or restore
//!     --bounds NAME      short (the default) or long
//!     --troubles N       another bound for the troubles of all kinds together
//!     --crashes N        and so on for each kind: --losses, --repeats, --commands, --changes;
//!     --landings N       late landings, and
//!     --alarms N         how often time passes
//!     --threads N        1 by default; only then a counterexample is the shortest
//!     --traces DIR       where the traces of counterexamples go, target/model_check by default
//!     --json             one line of JSON for each story
//! ```
//!
//! `simulate -- --replay TRACE` plays a counterexample step by step. Exit status: 0, or 1 when an invariant did not hold, or 2 for wrong
//! usage and files that cannot be written.

mod bounds;
mod checked;
mod shown;
mod wish;

use checked::search;
use kiloclaw_lifecycle::testkit::rig::Real;
use shown::Shown;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use wish::{Plan, wish};

fn main() -> ExitCode {
    let done = match wish() {
        Ok(None) => {
            println!("{}", wish::USAGE);
            return ExitCode::SUCCESS;
        }
        Ok(Some(plan)) => check(&plan),
        Err(error) => Err(format!("{error}\n{}", wish::USAGE)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            // Nobody has to be listening.
            let _ = writeln!(io::stderr(), "model_check: {why}");
            ExitCode::from(2)
        }
    }
}

/// Answers whether everything held.
fn check(plan: &Plan) -> Result<bool, String> {
    let mut held = true;
    for (story, budget) in &plan.stories {
        let began = Instant::now();
        let searched = search(Real, story, *budget, plan.threads);
        let took = began.elapsed();
        let tale = searched.counterexample.as_ref();
        let trace = tale.map(|tale| write_down(&plan.traces, story.name, &tale.trace)).transpose()?;
        held &= tale.is_none();
        let shown = Shown { story: story.name, budget: *budget, searched: &searched, took, trace: trace.as_deref() };
        match if plan.json { shown.json() } else { shown.text() } {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(format!("standard output: {error}")),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(held)
}

fn write_down(dir: &Path, story: &str, text: &str) -> Result<PathBuf, String> {
    let trace = dir.join(format!("{story}.trace"));
    let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&trace, text));
    written.map_err(|error| format!("{}: {error}", trace.display()))?;
    Ok(trace)
}
