//! What successes bring.
//!
//! *Decides* what has to be in an answer for it to count: the id of the thing asked for, and its state. Everything else may be missing,
//! null, or of a kind nobody has heard of.
//!
//! *Guarantees*: an id that cannot be one, another thing's id, and a list of which an entry cannot be read make the whole answer
//! unreadable. Absence in a list is a statement, so nothing is left out of one that might belong into it.

mod list;
mod machine;
mod volume;

pub(super) use list::{holder, machines, snapshots, volumes};
pub(super) use machine::{created as created_machine, machine};
pub(super) use volume::{created as created_volume, volume};

use crate::time::Timestamp;
use serde_json::Value;

/// What is wrong with an answer. Says nothing of what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable(pub(super) &'static str);

/// The answer to a change that brings nothing but its acceptance; `about` is the thing changed.
pub(super) fn accepted(value: &Value, about: &str) -> Result<(), Unreadable> {
    let members = value.as_object().ok_or(Unreadable("it is not an object"))?;
    if members.get("ok").and_then(Value::as_bool) == Some(false) || text(value, "error").is_some() {
        return Err(Unreadable("a success that says it is none"));
    }
    match text(value, "id") {
        Some(id) if id != about => Err(Unreadable("it is about another thing")),
        Some(_) | None => Ok(()),
    }
}

/// The same of a change whose answer is the thing itself.
pub(super) fn changed(value: &Value, about: &str) -> Result<(), Unreadable> {
    accepted(value, about)?;
    text(value, "id").map(|_| ()).ok_or(Unreadable("it has no id"))
}

/// A text that is there and not empty.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn time(value: &Value, name: &str) -> Option<Timestamp> {
    let at = text(value, name)?.parse::<jiff::Timestamp>().ok()?;
    u64::try_from(at.as_millisecond()).ok().map(Timestamp::from_millis)
}

fn is_about(id: &str, wanted: Option<&str>) -> Result<(), Unreadable> {
    if wanted.is_none_or(|wanted| wanted == id) { Ok(()) } else { Err(Unreadable("it is about another thing")) }
}
