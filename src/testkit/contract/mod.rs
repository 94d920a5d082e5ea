//! What the ports promise, as suites that the author of an adapter can run against it.
//!
//! A suite brings what does not hold: each broken rule by its name, with what was wanted and what came.

pub mod store;

use alloc::format;
use alloc::string::String;
use core::fmt;

/// A rule that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its name.
    pub rule: &'static str,
    /// What was wanted, and what came.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

type Held = Result<(), String>;

fn same<T: PartialEq + fmt::Debug>(what: &str, got: T, wanted: T) -> Held {
    if got == wanted { Ok(()) } else { Err(format!("{what}: wanted {}, got {}", short(&wanted), short(&got))) }
}

fn short(value: &impl fmt::Debug) -> String {
    format!("{value:?}").chars().take(300).collect()
}
