//! What the command line asks for.

use crate::bounds::bounds;
use kiloclaw_lifecycle::testkit::model::{Budget, Story};
use lexopt::Arg::{Long, Short, Value};
use lexopt::{Parser, ValueExt};
use std::path::PathBuf;

pub(crate) const USAGE: &str = "usage: model_check [--story NAME] [--bounds short|long] [--threads N] [--traces DIR] [--json]
                   [--troubles N] [--alarms N] [--crashes N] [--losses N] [--landings N] [--repeats N] [--commands N] [--changes N]";

/// The searches to make.
pub(crate) struct Plan {
    pub(crate) stories: Vec<(Story, Budget)>,
    pub(crate) threads: usize,
    pub(crate) traces: PathBuf,
    pub(crate) json: bool,
}

/// `None` when only the usage is asked for.
pub(crate) fn wish() -> Result<Option<Plan>, lexopt::Error> {
    let (mut threads, mut traces, mut json) = (1, PathBuf::from("target/model_check"), false);
    let (mut only, mut named) = (None, String::from("short"));
    let mut own = Vec::new();
    let mut arguments = Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("story") => only = Some(arguments.value()?.string()?),
            Long("bounds") => named = arguments.value()?.string()?,
            Long("threads") => threads = arguments.value()?.parse()?,
            Long("traces") => traces = PathBuf::from(arguments.value()?),
            Long("json") => json = true,
            Long("help") | Short('h') => return Ok(None),
            Long(name) => match purse(name) {
                Some(purse) => own.push((purse, arguments.value()?.parse()?)),
                None => return Err(argument.unexpected()),
            },
            Short(_) | Value(_) => return Err(argument.unexpected()),
        }
    }
    if threads == 0 {
        return Err("--threads has to be at least 1".into());
    }
    let mut stories = Vec::new();
    for story in Story::all().into_iter().filter(|story| only.as_ref().is_none_or(|only| only == story.name)) {
        let mut budget = bounds(story.name, &named).ok_or_else(|| format!("no bounds {named}"))?;
        for (purse, count) in &own {
            *purse(&mut budget) = *count;
        }
        stories.push((story, budget));
    }
    if stories.is_empty() {
        let names = Story::all().map(|story| story.name).join(", ");
        return Err(format!("no story {}; there are {names}", only.unwrap_or_default()).into());
    }
    Ok(Some(Plan { stories, threads, traces, json }))
}

type Purse = fn(&mut Budget) -> &mut u8;

/// The part of the bounds that an option sets.
fn purse(option: &str) -> Option<Purse> {
    Some(match option {
        "alarms" => |budget| &mut budget.alarms,
        "troubles" => |budget| &mut budget.troubles,
        "crashes" => |budget| &mut budget.crashes,
        "losses" => |budget| &mut budget.losses,
        "landings" => |budget| &mut budget.landings,
        "repeats" => |budget| &mut budget.repeats,
        "commands" => |budget| &mut budget.commands,
        "changes" => |budget| &mut budget.changes,
        _ => return None,
    })
}
