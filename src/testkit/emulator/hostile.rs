//! A peer that answers what it must not.
//!
//! *Decides* how true answers are falsified. What was asked for has been done nevertheless, except where a stranger is in the way.

use super::http::{Answer, Body};
use super::ids::hex;
use super::route::Route;
use super::work::Work;
use crate::testkit::request::Request;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How answers are false.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hostile {
    /// What is shown has the id of something else.
    WrongIds,
    /// Bodies do not end.
    HugeBodies,
    /// Ids hold characters that mean something in paths.
    PathCharacters,
    /// Every answer is a page, and says that all is well.
    Html,
    /// A machine of another tenant holds every volume.
    ForeignHolder,
    /// Lists are empty.
    EmptyLists,
}

impl Hostile {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::WrongIds, Self::HugeBodies, Self::PathCharacters, Self::Html, Self::ForeignHolder, Self::EmptyLists];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WrongIds => "wrong_ids",
            Self::HugeBodies => "huge_bodies",
            Self::PathCharacters => "path_characters",
            Self::Html => "html",
            Self::ForeignHolder => "foreign_holder",
            Self::EmptyLists => "empty_lists",
        }
    }
}

/// The machine that holds every volume.
pub(super) const STRANGER: &str = "5tranger000000";

const PAGE: &str = "<!doctype html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>";

/// What a stranger on the volumes answers in the place of the provider.
pub(super) fn stranger(work: &Work) -> Option<Answer> {
    if let Work::Ask(Request::GetMachine(machine)) = work
        && machine.as_str() == STRANGER
    {
        return Some(Answer::json(200, &stranger_json()));
    }
    if matches!(work, Work::Ask(Request::DeleteVolume(_))) {
        let text = format!("failed_precondition: volume is currently bound to machine: {STRANGER}");
        return Some(Answer::error(412, text));
    }
    if matches!(work, Work::Make(..)) {
        let text = format!("failed_precondition: volume already claimed by machine {STRANGER}");
        return Some(Answer::error(412, text));
    }
    None
}

fn stranger_json() -> Value {
    json!({
        "id": STRANGER, "name": "somebody-else", "state": "started", "region": "iad", "instance_id": "01STRANGER",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "host_status": "ok",
        "config": { "image": "registry.fly.io/theirs:1", "mounts": [], "metadata": { "kiloclaw_sandbox_id": "somebody-else" } },
        "events": [], "checks": [],
    })
}

/// The answer as this peer gives it.
pub(super) fn falsified(mode: Hostile, route: &Route, others: &[String], answer: Answer) -> Answer {
    let good = (200..=299).contains(&answer.status);
    match mode {
        Hostile::Html => Answer::verbatim(200, PAGE),
        Hostile::HugeBodies => {
            let begin = if route.is_list() { "[{\"id\":\"" } else { "{\"id\":\"" };
            Answer { body: Body::Endless(begin.to_string()), ..answer }
        }
        Hostile::WrongIds if good => with_ids(answer, |id| another(id, others)),
        Hostile::PathCharacters if good => {
            with_ids(answer, |id| format!("../../../v1/apps/other/machines/{id}?force=true#"))
        }
        Hostile::ForeignHolder if good => held(answer),
        Hostile::EmptyLists if good && route.is_list() => Answer { body: Body::Text("[]".to_string()), ..answer },
        Hostile::WrongIds | Hostile::PathCharacters | Hostile::ForeignHolder | Hostile::EmptyLists => answer,
    }
}

/// The next of those that there are, or one that nobody has heard of.
fn another(id: &str, others: &[String]) -> String {
    let next = others.iter().find(|other| other.as_str() > id).or(others.first());
    match next.filter(|other| other.as_str() != id) {
        Some(other) => other.clone(),
        None if id.starts_with("vol_") => format!("vol_{}", hex(id, 16)),
        None => hex(id, 14),
    }
}

fn with_ids(answer: Answer, change: impl Fn(&str) -> String) -> Answer {
    let mut value = answer.value();
    for thing in things(&mut value) {
        if let Some(Value::String(id)) = thing.get_mut("id") {
            *id = change(id);
        }
    }
    Answer { body: Body::Text(value.to_string()), ..answer }
}

fn held(answer: Answer) -> Answer {
    let mut value = answer.value();
    for thing in things(&mut value) {
        if let Some(holder) = thing.get_mut("attached_machine_id") {
            *holder = json!(STRANGER);
        }
    }
    Answer { body: Body::Text(value.to_string()), ..answer }
}

/// The thing that an answer shows, or all of them.
fn things(value: &mut Value) -> Vec<&mut Value> {
    match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(_) => Vec::from([value]),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}
