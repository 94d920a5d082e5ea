//! JSON with some of its members changed.

use super::raw::Raw;
use serde_json::Value;

/// Replaces, removes, adds and copies some members.
pub(super) fn edit(raw: &mut Raw<'_>, value: &mut Value) {
    for _ in 0..raw.below(6) {
        let place = somewhere(raw, value);
        let change = match raw.below(4) {
            0 | 1 => Some(raw.value(1)),
            2 => value.pointer(&somewhere(raw, value)).cloned(),
            _ => None,
        };
        put(value, &place, raw, change);
    }
}

fn put(value: &mut Value, place: &str, raw: &mut Raw<'_>, change: Option<Value>) {
    match (change, value.pointer_mut(place)) {
        (Some(change), Some(place)) => *place = change,
        (None, Some(Value::Object(members))) => {
            let names: Vec<String> = members.keys().cloned().collect();
            if !names.is_empty() {
                members.remove(raw.one_of(&names));
            }
        }
        (None, Some(Value::Array(items))) => {
            let twin = items.first().cloned();
            items.extend(twin);
        }
        (None, Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_))) | (_, None) => {}
    }
}

/// The path to some value inside.
fn somewhere(raw: &mut Raw<'_>, value: &Value) -> String {
    let mut path = String::new();
    for _ in 0..raw.below(7) {
        let members = names(value.pointer(&path));
        if !members.is_empty() {
            path = format!("{path}/{}", raw.one_of(&members));
        }
    }
    path
}

/// What the members of a value are called in a path.
fn names(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Object(members)) => members.keys().cloned().collect(),
        Some(Value::Array(items)) => (0..items.len()).map(|at| at.to_string()).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => Vec::new(),
    }
}
