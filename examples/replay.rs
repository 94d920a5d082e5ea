//! Replays traces against this build and shows where it decides differently.
//!
//! ```text
//! cargo run --all-features --example replay -- TRACE...                    every step, and the differences where they are
//! cargo run --all-features --example replay -- --quiet TRACE...            the differences only
//! cargo run --all-features --example replay -- --policy FILE TRACE...      under other values of some knobs
//! ```
//!
//! The file of `--policy` is a JSON object of knobs, such as `{"retention_ms": 86400000}`; the others stay as recorded. A terminal gets
//! colour, a pipe does not. Exit status: 0 without differences, 1 with some, 2 for a trace or a policy that is malformed or cannot be
//! read, and for wrong usage.

use anstyle::{AnsiColor, Style};
use kiloclaw_lifecycle::trace::{Decided, Difference, Entry, Line, Report, Trace, replay};
use kiloclaw_lifecycle::{Command, Input, Knobs, Policy};
use lexopt::Arg::{Long, Short, Value as Operand};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const CALL: Style = AnsiColor::Cyan.on_default();

const USAGE: &str = "usage: replay [--policy FILE] [--quiet] TRACE...";

#[derive(Default)]
struct Wish {
    knobs: Option<PathBuf>,
    quiet: bool,
    traces: Vec<PathBuf>,
}

fn wish() -> Result<Option<Wish>, lexopt::Error> {
    let mut wish = Wish::default();
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("policy") => wish.knobs = Some(PathBuf::from(arguments.value()?)),
            Long("quiet") | Short('q') => wish.quiet = true,
            Long("help") | Short('h') => return Ok(None),
            Operand(file) => wish.traces.push(PathBuf::from(file)),
            Long(_) | Short(_) => return Err(argument.unexpected()),
        }
    }
    if wish.traces.is_empty() { Err("no trace is named".into()) } else { Ok(Some(wish)) }
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
    let knobs = match wish.knobs.as_deref().map(knobs).transpose() {
        Ok(knobs) => knobs,
        Err(error) => return refuse(&error),
    };
    let mut exit = 0;
    for file in &wish.traces {
        match replayed(file, knobs.as_ref()) {
            Ok((trace, report)) => {
                exit = exit.max(u8::from(!report.differences.is_empty()));
                match show(file, &trace, &report, wish.quiet) {
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
                    Err(error) => return refuse(&format!("standard output: {error}")),
                    Ok(()) => {}
                }
            }
            Err(error) => {
                complain(&error);
                exit = 2;
            }
        }
    }
    ExitCode::from(exit)
}

fn knobs(file: &Path) -> Result<Map<String, Value>, String> {
    serde_json::from_str(&read(file)?).map_err(|error| format!("{}: {error}", file.display()))
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn replayed(file: &Path, knobs: Option<&Map<String, Value>>) -> Result<(Trace, Report), String> {
    let trace = Trace::parse(&read(file)?).map_err(|malformed| format!("{}: {malformed}", file.display()))?;
    let policy = knobs.map(|knobs| changed(trace.policy(), knobs)).transpose()?;
    let report = replay(&trace, policy);
    Ok((trace, report))
}

/// The recorded policy with other values for some of its knobs.
fn changed(recorded: &Policy, knobs: &Map<String, Value>) -> Result<Policy, String> {
    let wrong = |error: serde_json::Error| format!("--policy: {error}");
    let mut all: Map<String, Value> = serde_json::to_value(recorded).and_then(serde_json::from_value).map_err(wrong)?;
    all.extend(knobs.clone());
    let knobs: Knobs = serde_json::from_value(Value::Object(all)).map_err(wrong)?;
    Policy::new(knobs).map_err(|invalid| format!("--policy: {invalid}"))
}

fn refuse(why: &str) -> ExitCode {
    complain(why);
    ExitCode::from(2)
}

/// Nobody has to be listening.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "replay: {text}");
}

fn show(file: &Path, trace: &Trace, report: &Report, quiet: bool) -> io::Result<()> {
    let mut out = anstream::AutoStream::auto(io::stdout()).lock();
    writeln!(out, "{BOLD}{}{BOLD:#}", file.display())?;
    let mut differences: BTreeMap<usize, Vec<&Difference>> = BTreeMap::new();
    for difference in &report.differences {
        differences.entry(difference.line).or_default().push(difference);
    }
    for line in trace.lines() {
        if !quiet {
            told(&mut out, line)?;
        }
        for difference in differences.get(&line.number).into_iter().flatten() {
            differs(&mut out, difference)?;
        }
    }
    let steps = report.steps;
    match report.first() {
        None => writeln!(out, "{GOOD}{steps} steps, no difference{GOOD:#}"),
        Some(first) => {
            let (count, line) = (report.differences.len(), first.line);
            writeln!(out, "{BAD}{steps} steps, {count} differences, the first in line {line}{BAD:#}")
        }
    }
}

fn differs(out: &mut impl Write, difference: &Difference) -> io::Result<()> {
    let shown = |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_string(), Value::to_string);
    let Difference { line, sandbox, path, recorded, decided } = difference;
    writeln!(out, "    {BAD}≠ line {line}, {sandbox}, {path}{BAD:#}")?;
    writeln!(out, "        recorded {}", shown(recorded))?;
    writeln!(out, "        now      {}", shown(decided))
}

fn told(out: &mut impl Write, line: &Line) -> io::Result<()> {
    match &line.entry {
        Entry::In { sandbox, host, at, input } => {
            writeln!(out, "{DIM}{at}  {sandbox}  host {host}{DIM:#}  {}", given(input))
        }
        Entry::Out { decided, .. } => decision(out, decided),
        Entry::Record { sandbox, instance } => {
            let status = instance.as_ref().map_or("nothing", |instance| instance.status().as_str());
            writeln!(out, "{DIM}stored of {sandbox}: {status}{DIM:#}")
        }
        Entry::Lost { .. } => writeln!(out, "    {BAD}not committed{BAD:#}"),
        Entry::Crash { host } => writeln!(out, "{BAD}host {host} dies{BAD:#}"),
        Entry::Act { at, act } => writeln!(out, "{DIM}{at}  {act}{DIM:#}"),
    }
}

fn decision(out: &mut impl Write, decided: &Decided) -> io::Result<()> {
    let status = decided.status.as_deref().unwrap_or("no instance");
    let durable = if decided.commit { "" } else { ", not stored" };
    write!(out, "    {}, {BOLD}{status}{BOLD:#}{DIM}{durable}{DIM:#}", verdict(&decided.verdict))?;
    for call in decided.calls() {
        write!(out, "  {CALL}→ {call}{CALL:#}")?;
    }
    writeln!(out)
}

/// An input in words.
fn given(input: &Input) -> String {
    match input {
        Input::Alarm => "alarm".to_string(),
        Input::Resume => "resume".to_string(),
        Input::Command(command) => asked(command),
        Input::Outcome { op, result: Ok(done) } => format!("{op}: {}", word(&json!(done))),
        Input::Outcome { op, result: Err(fault) } => format!("{op}: {}, {fault}", word(&json!(fault.kind))),
    }
}

fn asked(command: &Command) -> String {
    let name = command.kind().as_str();
    match json!(command).get(name).and_then(|command| command.get("reason")?.as_str().map(str::to_string)) {
        Some(reason) => format!("{name} ({reason})"),
        None => name.to_string(),
    }
}

/// `applied`, `ignored (stale)`, `denied (busy)`.
fn verdict(verdict: &Value) -> String {
    match verdict.as_object().and_then(|parts| parts.iter().next()) {
        Some((name, more)) => format!("{name} ({})", word(more.get("code").unwrap_or(more))),
        None => word(verdict),
    }
}

/// The variant of an enum as JSON, with its state where it has one.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(parts) => parts
            .iter()
            .next()
            .map(|(name, inside)| match inside.get("state").and_then(Value::as_str) {
                Some(state) => format!("{name} {state}"),
                None => name.clone(),
            })
            .unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => value.to_string(),
    }
}
