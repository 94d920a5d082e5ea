//! Writes the entries of a trace; each function brings whole lines.

use super::HEAD;
use super::decided::Decided;
use crate::id::SandboxId;
use crate::instance::Instance;
use crate::persist;
use crate::policy::Policy;
use crate::step::{Effect, Input, Step, Verdict};
use crate::time::Timestamp;
use alloc::format;
use alloc::string::{String, ToString};
use serde::Serialize;
use serde_json::Value;

/// How a trace begins: what it is, and the policy of all of its steps.
pub fn head(policy: &Policy) -> String {
    format!("{HEAD}\npolicy {}\n", json(policy))
}

/// What is stored of a sandbox at this point. Stands before the first step of an instance that exists already; later ones are checkpoints.
pub fn record(sandbox: &SandboxId, instance: Option<&Instance>) -> String {
    let stored = match instance.map(persist::encode) {
        Some(Ok(record)) => record,
        Some(Err(error)) => json(&error.to_string()),
        None => "none".to_string(),
    };
    format!("record {sandbox} {stored}\n")
}

/// A step: the input, when it was given, and what was decided.
pub fn step(sandbox: &SandboxId, host: u8, now: Timestamp, input: &Input, step: &Step) -> String {
    pair(sandbox, host, now, input, &Decided::from(step))
}

/// The same of a step that was taken apart.
#[allow(clippy::too_many_arguments, reason = "a step has four parts, and each of the others is a field of the entry")]
pub fn decided(
    sandbox: &SandboxId,
    host: u8,
    now: Timestamp,
    input: &Input,
    verdict: &Verdict,
    next: Option<&Instance>,
    effects: &[Effect],
    commit: bool,
) -> String {
    pair(sandbox, host, now, input, &Decided::new(verdict, next, effects, commit))
}

fn pair(sandbox: &SandboxId, host: u8, now: Timestamp, input: &Input, decided: &Decided) -> String {
    let mut lines = given(sandbox, host, now, input);
    lines.push_str(&taken(sandbox, host, decided));
    lines
}

pub(super) fn given(sandbox: &SandboxId, host: u8, now: Timestamp, input: &Input) -> String {
    format!("in {sandbox} {host} {} {}\n", now.as_millis(), json(input))
}

pub(super) fn taken(sandbox: &SandboxId, host: u8, decided: &Decided) -> String {
    format!("out {sandbox} {host} {}\n", json(decided))
}

/// The last step of this host was not committed: the process died before, or the compare-and-swap was lost.
pub fn lost(sandbox: &SandboxId, host: u8) -> String {
    format!("lost {sandbox} {host}\n")
}

/// A process died: what it had not committed is gone.
pub fn crash(host: u8) -> String {
    format!("crash {host}\n")
}

/// Something that was done to a simulated world. No replay looks at it.
pub fn act(at: Timestamp, act: &Value) -> String {
    format!("act {} {act}\n", at.as_millis())
}

/// What cannot be JSON, which is nothing that this library makes, is written as its error; such a line cannot be read.
fn json<T: Serialize + ?Sized>(of: &T) -> String {
    serde_json::to_string(of).unwrap_or_else(|error| Value::from(error.to_string()).to_string())
}
