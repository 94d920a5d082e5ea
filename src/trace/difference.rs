//! Where two JSON values differ.

use crate::id::SandboxId;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde_json::Value;

/// A place where a replay did not bring what is written down.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The line of the trace.
    pub line: usize,
    /// Which instance.
    pub sandbox: SandboxId,
    /// Where in the JSON of that line, for example `$.effects[1].schedule_alarm.at`.
    pub path: String,
    /// What the trace says; `None` where it has nothing.
    pub recorded: Option<Value>,
    /// What is decided now; `None` where there is nothing.
    pub decided: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, sandbox, path, recorded, decided } = self;
        write!(f, "line {line}, {sandbox}, {path}: recorded {}, now {}", Shown(recorded), Shown(decided))
    }
}

struct Shown<'a>(&'a Option<Value>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => write!(f, "{value}"),
            None => f.write_str("nothing"),
        }
    }
}

/// A place below the root: where, what the one has there, and what the other.
pub(super) type Place = (String, Option<Value>, Option<Value>);

/// Every smallest place in which the two differ, in order.
pub(super) fn places(recorded: Option<&Value>, decided: Option<&Value>) -> Vec<Place> {
    let mut found = Vec::new();
    compare("$", recorded, decided, &mut found);
    found
}

fn compare(path: &str, recorded: Option<&Value>, decided: Option<&Value>, found: &mut Vec<Place>) {
    if recorded == decided {
        return;
    }
    if let (Some(Value::Object(old)), Some(Value::Object(new))) = (recorded, decided) {
        for (name, value) in old {
            compare(&format!("{path}.{name}"), Some(value), new.get(name), found);
        }
        for (name, value) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
            compare(&format!("{path}.{name}"), None, Some(value), found);
        }
    } else if let (Some(Value::Array(old)), Some(Value::Array(new))) = (recorded, decided) {
        for at in 0..old.len().max(new.len()) {
            compare(&format!("{path}[{at}]"), old.get(at), new.get(at), found);
        }
    } else {
        found.push((path.into(), recorded.cloned(), decided.cloned()));
    }
}
