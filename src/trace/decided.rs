//! What was decided, in the form in which decisions are compared.

use crate::instance::Instance;
use crate::status::Status;
use crate::step::{Effect, Step, Verdict};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A decision as it is written down.
///
/// Its parts are JSON and not the types of this release: what another release decided may be something that this one has no word for, and
/// that is a difference and no mistake of the trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// What became of the input.
    pub verdict: Value,
    /// The status that it led to; `None` without an instance.
    #[serde(deserialize_with = "Option::deserialize")]
    pub status: Option<String>,
    /// Whether the step has to be durable before it is acted on.
    pub commit: bool,
    /// All effects.
    pub effects: Vec<Value>,
}

impl Decided {
    pub(super) fn new(verdict: &Verdict, next: Option<&Instance>, effects: &[Effect], commit: bool) -> Self {
        Self {
            verdict: value(verdict),
            status: next.map(Instance::status).map(Status::as_str).map(ToString::to_string),
            commit,
            effects: effects.iter().map(value).collect(),
        }
    }

    /// The calls among the effects, by their names.
    pub fn calls(&self) -> impl Iterator<Item = &str> {
        let operations = self.effects.iter().filter_map(|effect| effect.get("call")?.get("call")?.as_object());
        operations.flat_map(|call| call.keys().map(String::as_str))
    }
}

impl From<&Step> for Decided {
    fn from(step: &Step) -> Self {
        Self::new(&step.verdict, step.next.as_deref(), &step.effects, step.needs_commit)
    }
}

/// As JSON. What cannot be JSON, which is nothing that this library makes, is its error, so that it is never taken for equal.
pub(super) fn value<T: Serialize>(of: &T) -> Value {
    serde_json::to_value(of).unwrap_or_else(|error| json!({ "unwritable": error.to_string() }))
}
