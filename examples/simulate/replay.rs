//! One run again, step by step.

use kiloclaw_lifecycle::testkit::rig::{Act, Happened, Real, Rig, Timed, acts};
use kiloclaw_lifecycle::trace::Trace;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Plays the acts of a trace against the present build. Answers whether everything held.
pub(crate) fn replay(file: &Path) -> Result<bool, String> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| format!("{shown}: {error}"))?;
    let trace = Trace::parse(&text).map_err(|malformed| format!("{shown}: {malformed}"))?;
    let acts = acts(&trace).map_err(|error| format!("{shown}: an act cannot be read: {error}"))?;
    if acts.is_empty() {
        return Err(format!("{shown}: no acts; it is not of a simulated run"));
    }
    let mut rig = Rig::to_play(Real, &trace, &acts);
    match play(&mut rig, &acts) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(format!("standard output: {error}")),
        Ok(()) | Err(_) => {}
    }
    Ok(rig.violations().next().is_none())
}

fn play(rig: &mut Rig<Real>, acts: &[Timed]) -> io::Result<()> {
    let out = &mut anstream::stdout().lock();
    let mut known = 0;
    for timed in acts {
        let happened = rig.act(timed);
        writeln!(out, "{} {}", timed.at, words(&timed.act))?;
        show(out, rig, &timed.act, &happened)?;
        for (life, violation) in rig.violations().skip(known) {
            writeln!(out, "{BAD}VIOLATION instance {life}: {violation}{BAD:#}")?;
        }
        known = rig.violations().count();
    }
    writeln!(out, "{} acts, {} steps, {known} violations", acts.len(), rig.steps())
}

const BAD: anstyle::Style = anstyle::AnsiColor::Red.on_default().bold();
const DIM: anstyle::Style = anstyle::Style::new().dimmed();

/// An act as it stands in the trace, without what is only noise to a reader.
fn words(act: &Act) -> String {
    serde_json::to_string(act).unwrap_or_else(|error| error.to_string())
}

/// What the instance is doing after a step, and which calls it has on their way.
fn show(out: &mut impl Write, rig: &Rig<Real>, act: &Act, happened: &Happened) -> io::Result<()> {
    let Some(verdict) = &happened.verdict else { return Ok(()) };
    let (Act::Command { life, .. }
    | Act::Alarm { life, .. }
    | Act::Resume { life, .. }
    | Act::Answer { life, .. }
    | Act::Break { life, .. }) = act
    else {
        return Ok(());
    };
    let Some(of) = rig.life(*life) else { return Ok(()) };
    let status = of.stored().map_or("none", |stored| stored.status().as_str());
    let calls: Vec<String> = of.flights().iter().map(|flight| flight.op().to_string()).collect();
    let told: Vec<String> = happened.told.iter().map(ToString::to_string).collect();
    writeln!(
        out,
        "    {DIM}{verdict:?}; {status}; on their way: [{}]; told: [{}]{DIM:#}",
        calls.join(", "),
        told.join(", ")
    )
}
