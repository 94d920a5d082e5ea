//! What a search has seen, for people and for programs.

use crate::checked::Searched;
use kiloclaw_lifecycle::testkit::model::{Budget, Tale};
use serde_json::json;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

const BAD: anstyle::Style = anstyle::AnsiColor::Red.on_default().bold();

/// A search that has come to its end.
pub(crate) struct Shown<'a> {
    pub(crate) story: &'static str,
    pub(crate) budget: Budget,
    pub(crate) searched: &'a Searched,
    pub(crate) took: Duration,
    /// Where the counterexample was written to.
    pub(crate) trace: Option<&'a Path>,
}

impl Shown<'_> {
    fn per_second(&self) -> f64 {
        (self.searched.unique as f64 / self.took.as_secs_f64().max(f64::EPSILON)).round()
    }

    pub(crate) fn text(&self) -> io::Result<()> {
        let out = &mut anstream::stdout().lock();
        let Searched { unique, states, depth, counterexample } = self.searched;
        writeln!(out, "{}: {}", self.story, words(&self.budget))?;
        writeln!(
            out,
            "  {unique} unique states, {states} in all, depth {depth}, {:.1} s, {} unique states/s",
            self.took.as_secs_f64(),
            self.per_second()
        )?;
        if let Some(tale) = counterexample {
            tell(out, tale)?;
        }
        if let Some(trace) = self.trace {
            writeln!(out, "  trace: {}", trace.display())?;
        }
        Ok(())
    }

    pub(crate) fn json(&self) -> io::Result<()> {
        let Searched { unique, states, depth, counterexample } = self.searched;
        let Budget { alarms, troubles, crashes, losses, landings, repeats, commands, changes } = self.budget;
        let shown = json!({
            "story": self.story,
            "bounds": {
                "alarms": alarms, "troubles": troubles, "crashes": crashes, "losses": losses,
                "landings": landings, "repeats": repeats, "commands": commands, "changes": changes,
            },
            "unique_states": unique,
            "states": states,
            "depth": depth,
            "seconds": self.took.as_secs_f64(),
            "unique_states_per_second": self.per_second(),
            "violation": counterexample.as_ref().map(|tale| &tale.violation),
            "moves": counterexample.as_ref().map(moves),
            "trace": self.trace.map(|trace| trace.display().to_string()),
        });
        writeln!(io::stdout().lock(), "{shown}")
    }
}

fn moves(tale: &Tale) -> Vec<String> {
    tale.moves.iter().map(ToString::to_string).collect()
}

fn tell(out: &mut impl Write, tale: &Tale) -> io::Result<()> {
    for (number, moved) in moves(tale).iter().enumerate() {
        writeln!(out, "  {:>3} {moved}", number + 1)?;
    }
    if tale.in_the_end {
        writeln!(out, "      the weather clears up, and in the end:")?;
    }
    let what = tale.violation.as_ref().map_or_else(|| "nothing, when played again".to_string(), ToString::to_string);
    writeln!(out, "  {BAD}VIOLATION {what}{BAD:#}")
}

fn words(budget: &Budget) -> String {
    let Budget { alarms, troubles, crashes, losses, landings, repeats, commands, changes } = budget;
    format!(
        "{alarms} alarms, {troubles} troubles (up to {crashes} crashes, {losses} losses, {repeats} repeats, {commands} commands, \
         {changes} changes), {landings} late landings"
    )
}
