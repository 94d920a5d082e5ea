//! Runs scenario files and prints one line of JSON for each.
//!
//! ```text
//! cargo run --quiet --all-features --example scenario -- FILE...
//! ```
//!
//! Exit status: 0 when every file could be run and every expectation held, 1 when an expectation failed, 2 when a file is malformed or
//! cannot be read, and for wrong usage. Each failure is explained on standard error.

use kiloclaw_lifecycle::testkit::scenario::{Scenario, run};
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
    let files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if files.is_empty() {
        explain("usage: scenario FILE...");
        return ExitCode::from(2);
    }
    let mut worst = Verdict::Held;
    for file in &files {
        let (line, verdict) = report(file);
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

/// The line for a file, and how it fared.
fn report(file: &Path) -> (String, Verdict) {
    let shown = file.display();
    let read = std::fs::read_to_string(file).map_err(|error| format!("cannot be read: {error}"));
    let scenario = read.and_then(|text| Scenario::parse(&text).map_err(|malformed| malformed.to_string()));
    match scenario {
        Ok(scenario) => {
            let outcome = run(&scenario);
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

/// Nobody has to be listening.
fn explain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
