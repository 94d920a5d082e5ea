//! Runs scenario files and prints one line of JSON for each.
//!
//! ```text
//! cargo run --quiet --all-features --example scenario -- FILE...
//! cargo run --quiet --all-features --example scenario -- --trace DIR FILE...
//! ```
//!
//! The second also writes each run into DIR, as a trace with the name of its file, which the example `replay` replays.
//!
//! Exit status: 0 when every file could be run and every expectation held, 1 when an expectation failed, 2 when a file is malformed or
//! cannot be read, or a trace cannot be written, and for wrong usage. Each failure is explained on standard error.

use kiloclaw_lifecycle::testkit::scenario::{Outcome, Scenario, run, run_traced};
use lexopt::Arg::{Long, Short, Value};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How a file fared; later ones are worse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Held,
    Failed,
    Malformed,
}

fn main() -> ExitCode {
    let wish = match wish() {
        Ok(wish) if !wish.files.is_empty() => wish,
        Ok(_) => return refuse("no file is named"),
        Err(error) => return refuse(&error.to_string()),
    };
    let mut worst = Verdict::Held;
    for file in &wish.files {
        let (line, verdict) = report(file, wish.traces.as_deref());
        worst = worst.max(verdict);
        if let Err(error) = writeln!(io::stdout(), "{line}").and_then(|()| io::stdout().flush()) {
            if error.kind() != ErrorKind::BrokenPipe {
                explain(&format!("standard output: {error}"));
            }
            break;
        }
    }
    ExitCode::from(match worst {
        Verdict::Held => 0,
        Verdict::Failed => 1,
        Verdict::Malformed => 2,
    })
}

#[derive(Default)]
struct Wish {
    /// Where traces go.
    traces: Option<PathBuf>,
    files: Vec<PathBuf>,
}

fn wish() -> Result<Wish, lexopt::Error> {
    let mut wish = Wish::default();
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("trace") => wish.traces = Some(PathBuf::from(arguments.value()?)),
            Value(file) => wish.files.push(PathBuf::from(file)),
            Long(_) | Short(_) => return Err(argument.unexpected()),
        }
    }
    Ok(wish)
}

fn refuse(why: &str) -> ExitCode {
    explain(&format!("{why}\nusage: scenario [--trace DIR] FILE..."));
    ExitCode::from(2)
}

/// The line for a file, and how it fared.
fn report(file: &Path, traces: Option<&Path>) -> (String, Verdict) {
    let shown = file.display();
    let read = std::fs::read_to_string(file).map_err(|error| format!("cannot be read: {error}"));
    let scenario = read.and_then(|text| Scenario::parse(&text).map_err(|malformed| malformed.to_string()));
    let outcome = scenario.and_then(|scenario| match traces {
        Some(folder) => traced(&scenario, &folder.join(file.file_name().unwrap_or_default()).with_extension("trace")),
        None => Ok(run(&scenario)),
    });
    match outcome {
        Ok(outcome) => {
            for failure in outcome.failures() {
                explain(&format!("{shown}: {failure}"));
            }
            let verdict = if outcome.ok() { Verdict::Held } else { Verdict::Failed };
            (outcome.json().to_string(), verdict)
        }
        Err(error) => {
            explain(&format!("{shown}: {error}"));
            let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
            (serde_json::json!({ "name": name, "ok": false, "error": error }).to_string(), Verdict::Malformed)
        }
    }
}

fn traced(scenario: &Scenario, file: &Path) -> Result<Outcome, String> {
    let (outcome, trace) = run_traced(scenario);
    std::fs::write(file, trace)
        .map_err(|error| format!("the trace cannot be written to {}: {error}", file.display()))?;
    Ok(outcome)
}

/// Nobody has to be listening.
fn explain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
