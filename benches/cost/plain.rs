//! The fields of a stored record as a plain struct: what `serde_json` alone would make of them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    version: u32,
    instance: Instance,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Instance {
    identity: Identity,
    seed: u64,
    sequence: u64,
    spec: Spec,
    #[serde(skip_serializing_if = "Option::is_none")]
    machine: Option<Machine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    volume: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provisioned_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_started_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_stopped_at: Option<u64>,
    errors: BTreeMap<String, Value>,
    fail_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    counted_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    looked_up_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refreshed_at: Option<u64>,
    fresh_allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_volume: Option<String>,
    recoveries: u64,
    holdings: Holdings,
    phase: Phase,
    retry: Retry,
    wake: bool,
    resting: bool,
    reason: String,
    next_look: u64,
    pulled: bool,
    alarm: Alarm,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Identity {
    user: String,
    sandbox: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Spec {
    #[serde(skip_serializing_if = "Option::is_none")]
    volume_size_gb: Option<u32>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Machine {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<u64>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Holdings {
    entries: Vec<Value>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    Running(Watch),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Watch {
    Machine,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Retry {
    attempts: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Alarm {
    at: u64,
    why: String,
    generation: u64,
}

/// Reads a record, and makes sure that nothing of it is left out.
pub(crate) fn read(text: &str) -> Record {
    let record: Record = serde_json::from_str(text).expect("a record");
    let (ours, whole) = (serde_json::to_value(&record).expect("a value"), serde_json::from_str::<Value>(text));
    assert_eq!(ours, whole.expect("a value"), "the same fields");
    record
}
