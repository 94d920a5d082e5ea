//! Plays an unexpected stop, by default one that really happened, and shows what the library makes of it.
//!
//! ```text
//! cargo run --example unexpected_stop                   the incident: relocated, the old volume deleted
//! cargo run --example unexpected_stop -- --snapshots    the old volume has a snapshot and is retained
//! cargo run --example unexpected_stop -- --fail         the replacement dies: the old volume stays the instance's
//! cargo run --example unexpected_stop -- --file FILE    a scenario of yours
//! cargo run --example unexpected_stop -- --json         the same as lines of JSON
//! ```
//!
//! Time is virtual. A terminal gets colour, a pipe does not. Exit status: 0, or 1 when an expectation of the scenario did not hold, or 2 for
//! wrong usage and malformed files.

mod incident;
mod json;
mod lanes;
mod text;

use incident::Variant;
use kiloclaw_lifecycle::testkit::scenario::{Scenario, run};
use lexopt::Arg::{Long, Short, Value};
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

struct Wish {
    json: bool,
    variant: Variant,
}

const USAGE: &str = "usage: unexpected_stop [--snapshots | --fail | --file SCENARIO] [--json]";

fn wish() -> Result<Option<Wish>, lexopt::Error> {
    let mut wish = Wish { json: false, variant: Variant::Incident };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("json") => wish.json = true,
            Long("snapshots") => wish.variant = Variant::Snapshots,
            Long("fail") => wish.variant = Variant::Fail,
            Long("file") => wish.variant = Variant::File(PathBuf::from(arguments.value()?)),
            Long("help") | Short('h') => return Ok(None),
            Long(_) | Short(_) | Value(_) => return Err(argument.unexpected()),
        }
    }
    Ok(Some(wish))
}

fn main() -> ExitCode {
    let wish = match wish() {
        Ok(Some(wish)) => wish,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => return refuse(&format!("{error}\n{USAGE}")),
    };
    let scenario = match wish.variant.text().and_then(|text| Scenario::parse(&text).map_err(|bad| bad.to_string())) {
        Ok(scenario) => scenario,
        Err(error) => return refuse(&error),
    };
    let outcome = run(&scenario);
    let shown = if wish.json { json::show(&scenario, &outcome) } else { text::show(&scenario, &outcome) };
    if let Err(error) = shown
        && error.kind() != ErrorKind::BrokenPipe
    {
        return refuse(&format!("standard output: {error}"));
    }
    for failure in outcome.failures() {
        complain(&failure.to_string());
    }
    if outcome.ok() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn refuse(why: &str) -> ExitCode {
    complain(why);
    ExitCode::from(2)
}

/// Nobody has to be listening.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "unexpected_stop: {text}");
}
