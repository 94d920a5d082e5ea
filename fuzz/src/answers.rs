//! Refusals of the provider: any status, any body, for any call.

use super::hostile;
use super::raw::Raw;
use kiloclaw_lifecycle::adapter::fly::answer::{classify, still_in};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// An answer as seeds are kept.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    call: CallKind,
    /// Absent when nothing came.
    status: Option<u16>,
    body: String,
}

/// What a body may say that is more than nothing: without any of it, what an unclear status means stays unknown.
const TELLING: [&str; 21] = [
    "insufficient memory",
    "over the allowed quota",
    "no capacity",
    "could not find",
    "insufficient resources",
    "could not reserve resource",
    "insufficient cpus",
    "insufficient ips",
    "governor policy blocked start",
    "insufficient_capacity",
    "volume_placement_capacity",
    "not found",
    "not_found",
    "does not exist",
    "unique machine name violation",
    "name_taken",
    "deploys to this host are temporarily disabled",
    "failed_precondition",
    "aborted",
    "unavailable",
    "manifest_unknown",
];

/// Phrases that name a thing as gone.
const GONE: [&str; 4] = ["not found", "not_found", "could not find", "does not exist"];

/// Every answer is classed; nothing is taken for gone or for not done that does not say so.
pub fn answers(data: &[u8]) -> bool {
    let is_json = serde_json::from_slice::<IgnoredAny>(data).is_ok();
    let Answer { call, status, body } = match serde_json::from_slice(data) {
        Ok(answer) => answer,
        Err(_) if is_json => return false,
        Err(_) => made_up(data),
    };
    let _ = still_in(&body);
    let fault = classify(call, status, &body);
    assert_eq!(fault.status, status, "the status is kept");
    assert!(fault.message.chars().count() <= 200, "the message is cut: {}", fault.message);
    let stored = serde_json::to_string(&fault).expect("a fault can be written");
    assert_eq!(serde_json::from_str::<Fault>(&stored).ok().as_ref(), Some(&fault), "{stored}");
    assert_eq!(classify(call, status, &body), fault, "the same answer is classed the same");
    let said = said(&body);
    if let Some(law) = broken(call, status, &body, &said, &fault.kind) {
        panic!("{law}: {call} {status:?} {body:?} is classed as {fault:?}");
    }
    true
}

fn made_up(data: &[u8]) -> Answer {
    let mut raw = Raw::new(data);
    let call = hostile::kind(&mut raw);
    let usual = [404, 400, 401, 403, 408, 409, 412, 422, 429, 500, 502, 503, 504, 200, 302];
    let status = match raw.below(8) {
        0 => None,
        1 => u16::try_from(raw.number() % 65_536).ok(),
        _ => Some(*raw.one_of(&usual)),
    };
    Answer { call, status, body: raw.rest() }
}

/// Everything that can be read out of a body, in lower case.
fn said(body: &str) -> String {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) => found.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            Value::Object(members) => members.values().for_each(|member| collect(member, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut found = vec![body.to_string()];
    collect(&serde_json::from_str(body).unwrap_or_default(), &mut found);
    found.join("\n").to_ascii_lowercase()
}

/// The law that a class breaks.
fn broken(call: CallKind, status: Option<u16>, body: &str, said: &str, class: &FaultKind) -> Option<&'static str> {
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| said.contains(phrase));
    let code = status.unwrap_or(0);
    let about_one_thing = ![CallKind::ListMachines, CallKind::ListVolumes, CallKind::CreateMachine].contains(&call);
    let laws = [
        (
            "nothing but a refusal says that something was not done",
            *class == FaultKind::Unknown || (400..=599).contains(&code),
        ),
        ("nobody knows what became of a call that ran out of time", code != 408 || *class == FaultKind::Unknown),
        (
            "only a 404 about one thing tells that it is gone",
            *class != FaultKind::Absent || (code == 404 && about_one_thing),
        ),
        (
            "gone is what the answer names as gone, or what it says nothing about",
            *class != FaultKind::Absent || says(&GONE) || (body.trim().is_empty() && call != CallKind::CreateVolume),
        ),
        (
            "what cannot be found is not the app",
            *class != FaultKind::Absent || !says(&["app not found", "could not find app"]),
        ),
        (
            "a page is no answer",
            *class != FaultKind::Absent || !(body.trim_start().starts_with('<') || says(&["page not found"])),
        ),
        (
            "a volume is missed only by what mounts it, and only where the answer names it",
            *class != FaultKind::MissingVolume
                || ([CallKind::CreateMachine, CallKind::UpdateMachine].contains(&call)
                    && [400, 404, 422].contains(&code)
                    && says(&GONE)
                    && said.contains("volume")),
        ),
        (
            "what says nothing known is unknown",
            *class == FaultKind::Unknown
                || !((code == 404 && !body.trim().is_empty()) || (500..=599).contains(&code))
                || says(&TELLING),
        ),
        ("too many requests are 429", (*class == FaultKind::RateLimited) == (code == 429)),
        (
            "whoever may not ask learns nothing",
            *class != FaultKind::Unauthorized || [401, 403].contains(&code) || (code == 404 && says(&["app"])),
        ),
        ("no room is told in words", !matches!(class, FaultKind::NoCapacity(_)) || says(&TELLING)),
        (
            "a name is taken in words",
            !matches!(class, FaultKind::Conflict(_)) || says(&["name violation", "name_taken"]),
        ),
    ];
    laws.into_iter().find(|(_, holds)| !holds).map(|(law, _)| law)
}
