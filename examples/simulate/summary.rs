//! What a simulation covered and found.

use crate::fleet::Outcome;
use crate::wish::Plan;
use kiloclaw_lifecycle::event::Milestone;
use kiloclaw_lifecycle::status::Status;
use kiloclaw_lifecycle::testkit::sim::{Coverage, Kind};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

const YEAR_MS: f64 = 365.25 * 86_400_000.0;

fn years(coverage: &Coverage) -> f64 {
    coverage.instance_ms as f64 / YEAR_MS
}

fn steps_per_second(outcome: &Outcome) -> f64 {
    outcome.coverage.steps as f64 / outcome.took.as_secs_f64().max(f64::EPSILON)
}

pub(crate) fn text(plan: &Plan, outcome: &Outcome) -> io::Result<()> {
    let out = &mut anstream::stdout().lock();
    let coverage = &outcome.coverage;
    writeln!(
        out,
        "{} seeds from {} on, {} days of bad weather each, {} instances: {:.1} instance years, {} steps, {:.0} steps/s on {} threads",
        coverage.seeds,
        plan.first_seed,
        plan.days,
        plan.instances,
        years(coverage),
        coverage.steps,
        steps_per_second(outcome),
        outcome.threads,
    )?;
    writeln!(
        out,
        "crashes survived: {}; recoveries begun {}, succeeded {}, failed {}",
        coverage.crashes,
        coverage.milestone(Milestone::RecoveryStarted),
        coverage.milestone(Milestone::RecoverySucceeded),
        coverage.milestone(Milestone::RecoveryFailed),
    )?;
    writeln!(out, "\ncommands               accepted  nothing to do    refused")?;
    for (kind, [accepted, nothing, refused]) in &coverage.commands {
        writeln!(out, "  {:<22} {accepted:>6} {nothing:>14} {refused:>10}", kind.as_str())?;
    }
    writeln!(out, "\nfaults")?;
    for kind in Kind::ALL {
        writeln!(out, "  {:<30} {:>9}", kind.as_str(), coverage.faults.get(kind).copied().unwrap_or(0))?;
    }
    writeln!(out, "\ncrashes by status and call under way")?;
    for (status, calls) in by_status(coverage) {
        let calls: Vec<String> = calls.into_iter().map(|(call, count)| format!("{call} {count}")).collect();
        writeln!(out, "  {:<12} {}", status.as_str(), calls.join(", "))?;
    }
    never(out, coverage)?;
    for failed in &outcome.failed {
        for (life, violation) in &failed.violations {
            writeln!(out, "\nVIOLATION seed {} instance {life}: {violation}", failed.seed)?;
        }
        writeln!(out, "  trace: {}", failed.trace.display())?;
    }
    writeln!(out, "\n{} seeds with violations", outcome.failed.len())
}

fn by_status(coverage: &Coverage) -> BTreeMap<Status, Vec<(&'static str, u64)>> {
    let mut rows: BTreeMap<Status, Vec<(&'static str, u64)>> = BTreeMap::new();
    for ((status, call), count) in &coverage.crashed {
        rows.entry(*status).or_default().push((call.as_str(), *count));
    }
    rows
}

/// Coverage is part of the result: what was never exercised is said.
fn never(out: &mut impl Write, coverage: &Coverage) -> io::Result<()> {
    let faults: Vec<&str> = coverage.faults_missed().into_iter().map(Kind::as_str).collect();
    let milestones: Vec<&str> = coverage.milestones_missed().into_iter().map(Milestone::as_str).collect();
    let crashes: Vec<String> =
        coverage.crashes_missed().into_iter().map(|(status, call)| format!("{status} {call}")).collect();
    writeln!(out, "\nnever exercised")?;
    writeln!(out, "  faults: {}", or_none(&faults.join(", ")))?;
    writeln!(out, "  milestones: {}", or_none(&milestones.join(", ")))?;
    writeln!(out, "  a crash during: {}", or_none(&crashes.join(", ")))
}

fn or_none(list: &str) -> &str {
    if list.is_empty() { "none" } else { list }
}

pub(crate) fn json(plan: &Plan, outcome: &Outcome) -> io::Result<()> {
    let coverage = &outcome.coverage;
    let pairs = |counts: &BTreeMap<(Status, kiloclaw_lifecycle::call::CallKind), u64>| -> Map<String, Value> {
        counts.iter().map(|((status, call), count)| (format!("{status} {call}"), json!(count))).collect()
    };
    let commands: Map<String, Value> = coverage
        .commands
        .iter()
        .map(|(kind, [accepted, nothing, refused])| {
            (kind.as_str().into(), json!({ "accepted": accepted, "nothing_to_do": nothing, "refused": refused }))
        })
        .collect();
    let failed: Vec<Value> = outcome
        .failed
        .iter()
        .map(|failed| {
            let violations: Vec<String> =
                failed.violations.iter().map(|(life, violation)| format!("instance {life}: {violation}")).collect();
            json!({ "seed": failed.seed, "violations": violations, "trace": failed.trace.display().to_string() })
        })
        .collect();
    let summary = json!({
        "seeds": coverage.seeds,
        "first_seed": plan.first_seed,
        "days": plan.days,
        "instances": plan.instances,
        "instance_ms": coverage.instance_ms,
        "steps": coverage.steps,
        "steps_per_second": steps_per_second(outcome).round(),
        "crashes": coverage.crashes,
        "milestones": coverage.told.iter().map(|(told, count)| (told.as_str().into(), json!(count))).collect::<Map<_, _>>(),
        "commands": commands,
        "faults": coverage.faults.iter().map(|(kind, count)| (kind.as_str().into(), json!(count))).collect::<Map<_, _>>(),
        "asked": pairs(&coverage.asked),
        "crashed": pairs(&coverage.crashed),
        "never": {
            "faults": coverage.faults_missed(),
            "milestones": coverage.milestones_missed().into_iter().map(Milestone::as_str).collect::<Vec<_>>(),
            "crashes": coverage.crashes_missed().into_iter().map(|(status, call)| format!("{status} {call}")).collect::<Vec<_>>(),
        },
        "failed": failed,
    });
    writeln!(io::stdout().lock(), "{summary}")
}
