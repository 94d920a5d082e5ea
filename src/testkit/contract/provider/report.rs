//! What came of it.

use super::rule::Rule;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A rule that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub rule: Rule,
    /// What was seen instead.
    pub found: String,
}

/// A rule that could not be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Which.
    pub rule: Rule,
    /// Why.
    pub why: String,
}

/// How the rules came off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Those that held.
    pub held: Vec<Rule>,
    /// Those that did not.
    pub broken: Vec<Broken>,
    /// Those that could not be tried. A provider is not known to keep them.
    pub skipped: Vec<Skipped>,
}

impl Report {
    /// Whether no rule was seen to be broken.
    pub fn holds(&self) -> bool {
        self.broken.is_empty()
    }

    pub(super) fn add(&mut self, other: Self) {
        self.held.extend(other.held);
        self.broken.extend(other.broken);
        self.skipped.extend(other.skipped);
    }
}

/// A line for each rule that was broken or skipped, and one with the counts.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Broken { rule, found } in &self.broken {
            writeln!(f, "broken: {rule}: {} {found}", rule.sentence())?;
        }
        for Skipped { rule, why } in &self.skipped {
            writeln!(f, "skipped: {rule}: {} {why}", rule.sentence())?;
        }
        write!(f, "{} held, {} broken, {} skipped", self.held.len(), self.broken.len(), self.skipped.len())
    }
}
