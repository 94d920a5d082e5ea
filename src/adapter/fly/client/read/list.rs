//! Lists.
//!
//! What does not belong into a list is dropped here too, in case the filter was not heeded; and before it is read, so that a strange thing
//! of somebody else's does no harm.

use super::volume::snapshot;
use super::{Unreadable, machine, text, volume};
use crate::call::VolumeFilter;
use crate::id::{MachineId, ResourceName};
use crate::observe::{Machine, MachineState, Snapshot, Volume};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use serde_json::Value;

/// The machines that carry these labels, or whose labels cannot be seen.
pub(in super::super) fn machines(value: &Value, labels: &BTreeMap<String, String>) -> Result<Vec<Machine>, Unreadable> {
    let ours = entries(value)?.iter().filter(|entry| !is_foreign(entry, labels));
    ours.map(|entry| machine(entry, None)).collect()
}

/// The volumes that the filter admits.
pub(in super::super) fn volumes(value: &Value, filter: &VolumeFilter) -> Result<Vec<Volume>, Unreadable> {
    let ours = entries(value)?.iter().filter(|entry| text(entry, "name").is_none_or(|name| filter.admits(name)));
    ours.map(|entry| volume(entry, None)).collect()
}

/// All snapshots that can be named.
pub(in super::super) fn snapshots(value: &Value) -> Result<Vec<Snapshot>, Unreadable> {
    entries(value)?.iter().filter_map(|entry| snapshot(entry).transpose()).collect()
}

/// The one machine of this name that is not on its way out.
pub(in super::super) fn holder(value: &Value, name: &ResourceName) -> Result<Option<MachineId>, Unreadable> {
    let going = |entry: &Value| text(entry, "state").is_some_and(|state| MachineState::from(state).is_going());
    let named = |entry: &&Value| text(entry, "name") == Some(name.as_str()) && !going(entry);
    let mut holders = entries(value)?.iter().filter(named);
    let (Some(only), None) = (holders.next(), holders.next()) else { return Ok(None) };
    Ok(text(only, "id").and_then(|id| MachineId::new(id).ok()))
}

fn entries(value: &Value) -> Result<&Vec<Value>, Unreadable> {
    value.as_array().ok_or(Unreadable("it is not a list"))
}

/// Certainly without the labels. While its host does not answer, a machine shows only a part of them or none, so that only another label
/// in the place of ours proves anything.
fn is_foreign(entry: &Value, labels: &BTreeMap<String, String>) -> bool {
    let seen = |config: &str| entry.get(config).map(super::machine::metadata).unwrap_or_default();
    let (whole, part) = (seen("config"), seen("incomplete_config"));
    let answers = text(entry, "host_status").is_none_or(|status| status == "ok");
    let complete = answers && entry.get("config").is_some_and(Value::is_object);
    labels.iter().any(|(key, label)| match whole.get(key).or_else(|| part.get(key)) {
        Some(other) => other != label,
        None => complete,
    })
}
