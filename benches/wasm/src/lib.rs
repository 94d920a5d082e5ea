//! The core as a WebAssembly module: one function that decides, on JSON.
//!
//! What goes in is `{"record": TEXT or null, "policy": {…}, "now": MILLISECONDS, "input": {…}}`, what comes out `{"record": TEXT or null,
//! "commit": true or false, "effects": […]}` or `{"error": TEXT}`.

use kiloclaw_lifecycle::{Input, Policy, Timestamp, persist, step};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Question {
    record: Option<String>,
    policy: Policy,
    now: Timestamp,
    input: Input,
}

#[derive(Serialize)]
struct Answer {
    record: Option<String>,
    commit: bool,
    effects: serde_json::Value,
}

/// Memory for so many bytes of a question; [`decide`] takes it back.
#[unsafe(no_mangle)]
pub extern "C" fn memory_for(bytes: usize) -> *mut u8 {
    vec![0; bytes].leak().as_mut_ptr()
}

/// Decides. `question` comes from [`memory_for`]; the answer, whose length is written to `length`, is the caller's to keep.
///
/// # Safety
/// `question` is what [`memory_for`] has answered to the same number of `bytes`; `length` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn decide(question: *mut u8, bytes: usize, length: *mut usize) -> *const u8 {
    // SAFETY: the caller's promise.
    let question = unsafe { Vec::from_raw_parts(question, bytes, bytes) };
    let answer = answered(&question).unwrap_or_else(|error| serde_json::json!({ "error": error }).to_string());
    let answer = answer.into_bytes().leak();
    // SAFETY: the caller's promise.
    unsafe { length.write(answer.len()) };
    answer.as_ptr()
}

fn answered(question: &[u8]) -> Result<String, String> {
    let Question { record, policy, now, input } =
        serde_json::from_slice(question).map_err(|error| error.to_string())?;
    let record = record.map(|record| persist::decode(&record)).transpose().map_err(|error| error.to_string())?;
    let step = match record {
        Some(record) => record.step(&policy, now, input),
        None => step(None, &policy, now, input),
    };
    let commit = step.needs_commit();
    let (next, effects) = step.committed();
    let record = next.map(|next| persist::encode(&next)).transpose().map_err(|error| error.to_string())?;
    let effects = serde_json::to_value(effects).map_err(|error| error.to_string())?;
    serde_json::to_string(&Answer { record, commit, effects }).map_err(|error| error.to_string())
}
