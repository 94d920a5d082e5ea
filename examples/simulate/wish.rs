//! What the command line asks for.

use lexopt::Arg::{Long, Short, Value};
use lexopt::ValueExt;
use std::path::PathBuf;

pub(crate) const USAGE: &str =
    "usage: simulate --seeds N [--first-seed S] [--days D] [--instances K] [--thorough] [--traces DIR] [--json]
       simulate --replay TRACE";

/// Many runs.
pub(crate) struct Plan {
    pub(crate) first_seed: u64,
    pub(crate) seeds: u64,
    pub(crate) days: u64,
    pub(crate) instances: usize,
    pub(crate) thorough: bool,
    pub(crate) traces: PathBuf,
    pub(crate) json: bool,
}

pub(crate) enum Wish {
    Help,
    Replay(PathBuf),
    Simulate(Plan),
}

pub(crate) fn wish() -> Result<Wish, lexopt::Error> {
    let mut plan = Plan {
        first_seed: 1,
        seeds: 0,
        days: 20,
        instances: 2,
        thorough: false,
        traces: PathBuf::from("target/simulate"),
        json: false,
    };
    let mut replay = None;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("seeds") => plan.seeds = arguments.value()?.parse()?,
            Long("first-seed") => plan.first_seed = arguments.value()?.parse()?,
            Long("days") => plan.days = arguments.value()?.parse()?,
            Long("instances") => plan.instances = arguments.value()?.parse()?,
            Long("thorough") => plan.thorough = true,
            Long("traces") => plan.traces = PathBuf::from(arguments.value()?),
            Long("json") => plan.json = true,
            Long("replay") => replay = Some(PathBuf::from(arguments.value()?)),
            Long("help") | Short('h') => return Ok(Wish::Help),
            Long(_) | Short(_) | Value(_) => return Err(argument.unexpected()),
        }
    }
    if let Some(file) = replay {
        return Ok(Wish::Replay(file));
    }
    let least = [("--seeds", plan.seeds), ("--days", plan.days), ("--instances", plan.instances as u64)];
    if let Some((name, _)) = least.iter().find(|(_, value)| *value == 0) {
        return Err(format!("{name} has to be given, and at least 1").into());
    }
    Ok(Wish::Simulate(plan))
}
