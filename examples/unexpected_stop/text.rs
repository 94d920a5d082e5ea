//! A run for people.

use crate::lanes::Lanes;
use anstyle::{AnsiColor, Style};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::event::{Event, EventName};
use kiloclaw_lifecycle::testkit::CallRecord;
use kiloclaw_lifecycle::testkit::scenario::{Moment, Outcome, Scenario};
use serde_json::Value;
use std::io::{self, Write};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const EVENT: Style = AnsiColor::Cyan.on_default();
const ACTION: Style = AnsiColor::Yellow.on_default();

/// How wide the picture is.
const COLUMNS: u64 = 56;

pub(crate) fn show(scenario: &Scenario, outcome: &Outcome) -> io::Result<()> {
    let mut out = anstream::AutoStream::auto(io::stdout()).lock();
    writeln!(out, "{BOLD}{}{BOLD:#}\n", scenario.name())?;
    let start = outcome.moments().first().map_or(0, at);
    for moment in outcome.moments() {
        let since = at(moment).saturating_sub(start);
        write!(out, "{DIM}{:>4}.{:03} s{DIM:#}  ", since / 1_000, since % 1_000)?;
        match moment {
            Moment::Event(event) => told(&mut out, event)?,
            Moment::Call(call) => called(&mut out, call)?,
        }
    }
    picture(&mut out, &Lanes::of(outcome))?;
    if let Some(instance) = outcome.instance() {
        writeln!(out, "\n{BOLD}In a sentence{BOLD:#}\n{}", instance.explain(scenario.policy()))?;
        writeln!(out, "\n{BOLD}What the user sees{BOLD:#}")?;
        tree(&mut out, &serde_json::to_value(instance.user_view())?, 1)?;
        writeln!(out, "\n{BOLD}What an admin sees{BOLD:#}")?;
        tree(&mut out, &serde_json::to_value(instance.admin_view())?, 1)?;
    }
    Ok(())
}

fn at(moment: &Moment) -> u64 {
    match moment {
        Moment::Event(event) => event.at.as_millis(),
        Moment::Call(call) => call.at.as_millis(),
    }
}

fn told(out: &mut impl Write, event: &Event) -> io::Result<()> {
    let (style, name) = match event.event {
        EventName::Life(milestone) => (EVENT, milestone.as_str().to_string()),
        EventName::Reconcile(action) => (ACTION, action.as_str().to_string()),
    };
    write!(out, "{style}{name}{style:#}")?;
    for (name, value) in &event.details {
        write!(out, " {name}={}", plain(value))?;
    }
    let parts = [
        ("label", event.label.clone()),
        ("value", event.value.map(|value| value.to_string())),
        ("durationMs", event.duration_ms.map(|ms| ms.to_string())),
        ("error", event.error.clone()),
    ];
    for (name, value) in parts {
        if let Some(value) = value {
            write!(out, " {name}={value}")?;
        }
    }
    writeln!(out)
}

fn called(out: &mut impl Write, call: &CallRecord) -> io::Result<()> {
    let shown = ["machine", "volume", "region", "source_volume", "snapshot", "mounts", "state"];
    let style = if call.status == Some(200) { GOOD } else { BAD };
    let status = call.status.map_or_else(|| "no answer".to_string(), |status| status.to_string());
    let arrow = if call.call.mutates() { "→" } else { "?" };
    write!(out, "  {arrow} {}", call.call)?;
    for name in shown {
        if let Some(value) = call.args.get(name) {
            write!(out, " {}", plain(value))?;
        }
    }
    let wait = if call.call == CallKind::WaitMachine { " (waited)" } else { "" };
    writeln!(out, "  {style}{status}{style:#}{DIM}{wait}{DIM:#}")
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

fn picture(out: &mut impl Write, lanes: &Lanes) -> io::Result<()> {
    let column = |ms: u64| ms.saturating_mul(COLUMNS) / lanes.length.max(1);
    let width = lanes.things.iter().map(|lane| lane.name.len()).max().unwrap_or(0).max(8);
    let tenths = lanes.length / 100;
    let end = format!("{}.{} s", tenths / 10, tenths % 10);
    let gap = usize::try_from(COLUMNS).unwrap_or(0).saturating_sub(end.len()).saturating_sub(1);
    writeln!(out, "\n{BOLD}{:<width$}{BOLD:#}  0{}{end}", "Timeline", " ".repeat(gap))?;
    write!(out, "{:<width$}  ", "status")?;
    for (index, (from, status)) in lanes.status.iter().enumerate() {
        let until = lanes.status.get(index + 1).map_or(lanes.length, |(next, _)| *next);
        let room = usize::try_from(column(until) - column(*from)).unwrap_or(0);
        let style = if status == "running" { GOOD } else { ACTION };
        let last = index + 1 == lanes.status.len();
        if room > 0 || last {
            write!(out, "{style}{:─<room$}{style:#}", format!("{status} "))?;
        }
    }
    writeln!(out)?;
    for lane in &lanes.things {
        let (from, until) = (column(lane.from), column(lane.until.unwrap_or(lanes.length)));
        let before = " ".repeat(usize::try_from(from).unwrap_or(0));
        let line = "━".repeat(usize::try_from(until - from.min(until)).unwrap_or(0));
        let (style, mark) = if lane.until.is_some() { (BAD, "✗") } else { (GOOD, "▶") };
        writeln!(out, "{:<width$}  {before}{style}{line}{mark}{style:#} {}", lane.name, lane.end)?;
    }
    Ok(())
}

/// A view as an indented list; what is not set is left out.
fn tree(out: &mut impl Write, value: &Value, depth: usize) -> io::Result<()> {
    let indent = "  ".repeat(depth);
    let members: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().map(|item| ("-".to_string(), item)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return Ok(()),
    };
    for (name, value) in members {
        match value {
            Value::Null => {}
            Value::Object(_) | Value::Array(_) => {
                let empty = value.as_array().is_some_and(Vec::is_empty);
                if !empty {
                    writeln!(out, "{indent}{DIM}{name}{DIM:#}")?;
                    tree(out, value, depth + 1)?;
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                writeln!(out, "{indent}{DIM}{name}{DIM:#} {}", plain(value))?;
            }
        }
    }
    Ok(())
}
