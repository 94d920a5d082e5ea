//! The `expect` member of a scenario: whether it is well-formed.

use super::Malformed;
use super::cursor::{At, SPAN, TIME};
use super::times;
use crate::call::CallKind;
use crate::event::Milestone;
use crate::status::Status;
use alloc::string::String;
use alloc::vec::Vec;
use serde_json::{Map, Value};

const MEMBERS: [&str; 10] =
    ["status", "record", "alarm", "calls", "events", "events_not", "log", "fly", "live", "results"];
const CALL: [&str; 16] = [
    "call",
    "machine",
    "volume",
    "region",
    "name",
    "force",
    "source_volume",
    "snapshot",
    "size_gb",
    "guest",
    "mounts",
    "state",
    "timeout_s",
    "image",
    "version",
    "metadata",
];
const EVENT: [&str; 13] = [
    "event",
    "at_ms",
    "user",
    "sandbox",
    "app",
    "machine",
    "region",
    "status",
    "label",
    "error",
    "durationMs",
    "value",
    "key",
];
const FORMS: [&str; 6] = ["about", "within", "contains", "set", "min", "max"];

/// Whether a wanted value is a matcher and not a literal.
pub(super) fn is_form(value: &Value) -> bool {
    value.as_object().is_some_and(|members| FORMS.iter().any(|form| members.contains_key(*form)))
}

pub(super) fn checked(at: &At<'_>) -> Result<Map<String, Value>, Malformed> {
    let members = at.object(Some(&MEMBERS))?;
    members.read("status", |status| status.nullable(status_word))?;
    members.read("record", |record| record.nullable(object_of(wanted)))?;
    members.read("alarm", alarm)?;
    members.read("calls", calls)?;
    for list in ["events", "events_not"] {
        members.read(list, |events| events.each(event).map(drop))?;
    }
    members.read("log", |log| log.each(object_of(wanted)).map(drop))?;
    members.read("fly", |fly| {
        let fly = fly.object(Some(&["machines", "volumes"]))?;
        fly.iter().try_for_each(|(_, things)| object_of(|state| state.text().map(drop))(&things))
    })?;
    members.read("live", |live| {
        let live = live.object(Some(&["machines", "volumes"]))?;
        live.iter().try_for_each(|(_, ids)| ids.each(At::text).map(drop))
    })?;
    members.read("results", |results| results.each(result).map(drop))?;
    Ok(members.map().clone())
}

fn object_of(read: impl Fn(&At<'_>) -> Result<(), Malformed>) -> impl Fn(&At<'_>) -> Result<(), Malformed> {
    move |at| at.object(None)?.iter().try_for_each(|(_, member)| read(&member))
}

fn status_word(at: &At<'_>) -> Result<(), Malformed> {
    at.word(&Status::ALL.map(|status| (status.as_str(), ())))
}

fn call_word(at: &At<'_>) -> Result<(), Malformed> {
    at.word(&CallKind::ALL.iter().map(|kind| (kind.as_str(), ())).collect::<Vec<_>>())
}

fn alarm(at: &At<'_>) -> Result<(), Malformed> {
    if at.value.as_str() == Some("none") {
        return Ok(());
    }
    window(at, |bound| bound.span().map(drop))
}

/// `min`, `max` or both.
fn window(at: &At<'_>, bound: impl Fn(&At<'_>) -> Result<(), Malformed>) -> Result<(), Malformed> {
    let members = at.object(Some(&["min", "max"]))?;
    if members.map().is_empty() {
        return Err(at.wrong("min, max or both"));
    }
    members.iter().try_for_each(|(_, limit)| bound(&limit))
}

fn calls(at: &At<'_>) -> Result<(), Malformed> {
    let members = at.object(Some(&["must", "must_not", "count"]))?;
    for list in ["must", "must_not"] {
        members.read(list, |calls| calls.each(call).map(drop))?;
    }
    members.read("count", |count| {
        let names: Vec<&str> = CallKind::ALL.iter().map(|kind| kind.as_str()).collect();
        count.object(Some(&names))?.iter().try_for_each(|(_, number)| number.whole(0).map(drop))
    })?;
    Ok(())
}

fn call(at: &At<'_>) -> Result<(), Malformed> {
    let members = at.object(Some(&CALL))?;
    call_word(&members.need("call", "a call")?)?;
    members.iter().filter(|(name, _)| *name != "call").try_for_each(|(_, argument)| wanted(&argument))
}

fn event(at: &At<'_>) -> Result<(), Malformed> {
    let members = at.object(Some(&EVENT))?;
    let name = members.need("event", "an event name")?;
    let known = |word: &str| {
        word.starts_with("reconcile.") || Milestone::ALL.iter().any(|milestone| milestone.as_str() == word)
    };
    if !name.value.as_str().is_some_and(known) {
        return Err(name.wrong("an event name such as instance.started or reconcile.<action>"));
    }
    members.iter().filter(|(name, _)| *name != "event").try_for_each(|(_, field)| wanted(&field))
}

fn result(at: &At<'_>) -> Result<(), Malformed> {
    let members = at.object(Some(&["step", "ok", "code", "message", "deleted_volume"]))?;
    members.read("step", |step| step.whole(0))?;
    members.read("ok", At::flag)?;
    for name in ["code", "message", "deleted_volume"] {
        members.read(name, wanted)?;
    }
    Ok(())
}

/// A literal, a time relative to now, or a matcher.
fn wanted(at: &At<'_>) -> Result<(), Malformed> {
    if is_form(at.value) {
        return form(at);
    }
    match at.value {
        Value::Object(_) => at.object(None)?.iter().try_for_each(|(_, member)| wanted(&member)),
        Value::Array(_) => at.each(wanted).map(drop),
        Value::String(text) if times::looks_relative(text) && times::relative(text).is_none() => Err(at.wrong(TIME)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn form(at: &At<'_>) -> Result<(), Malformed> {
    let members = at.object(None)?;
    let has = |name: &str| members.get(name).is_some();
    if has("about") || has("within") {
        let members = at.object(Some(&["about", "within"]))?;
        members.need("about", TIME)?.when()?;
        members.need("within", SPAN)?.span()?;
    } else if has("contains") {
        at.object(Some(&["contains"]))?.read("contains", At::text)?;
    } else if has("set") {
        at.object(Some(&["set"]))?.read("set", At::flag)?;
    } else {
        return window(at, |bound| bound.when().map(drop));
    }
    Ok(())
}
