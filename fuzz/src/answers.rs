//! Refusals of the provider: any status, any body, for any call.

use super::hostile;
use super::raw::Raw;
use super::told::Told;
use kiloclaw_lifecycle::adapter::fly::answer::{classify, still_in};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An answer as seeds are kept.
#[derive(Serialize, Deserialize)]
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

/// Phrases that name the app as gone, and so say nothing of what is in it.
const NO_APP: [&str; 2] = ["app not found", "could not find app"];

/// Phrases that name a thing as gone.
const GONE: [&str; 4] = ["not found", "not_found", "could not find", "does not exist"];

/// Every answer is classed; nothing is taken for gone or for not done that does not say so.
pub fn answers(data: &[u8]) -> bool {
    let is_json = serde_json::from_slice::<IgnoredAny>(data).is_ok();
    let answer = match serde_json::from_slice(data) {
        Ok(answer) => answer,
        Err(_) if is_json => return false,
        Err(_) => made_up(data),
    };
    let _told = Told(|| serde_json::to_string(&answer).unwrap_or_default());
    let Answer { call, status, body } = &answer;
    let (call, status) = (*call, *status);
    let _ = still_in(body);
    let fault = classify(call, status, body);
    assert_eq!(fault.status, status, "the status is kept");
    assert!(fault.message.chars().count() <= 200, "the message is cut: {}", fault.message);
    let stored = serde_json::to_string(&fault).expect("a fault can be written");
    assert_eq!(serde_json::from_str::<Fault>(&stored).ok().as_ref(), Some(&fault), "{stored}");
    assert_eq!(classify(call, status, body), fault, "the same answer is classed the same");
    if let Some(law) = broken(call, &Said::read(body), status.unwrap_or(0), &fault.kind) {
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

/// A body in lower case.
struct Said {
    /// What it says to people: the first of its parts that says anything.
    sentence: String,
    /// Everything that can be read out of it.
    everything: String,
}

impl Said {
    fn read(body: &str) -> Self {
        let parsed: Value = serde_json::from_str(body).unwrap_or_default();
        let mut parts = vec![body.to_string()];
        collect(&parsed, &mut parts);
        let sentences = ["error", "message"].into_iter().filter_map(|name| parsed[name].as_str());
        let sentence = sentences.chain([body]).map(str::trim).find(|text| !text.is_empty()).unwrap_or_default();
        Self { sentence: sentence.to_ascii_lowercase(), everything: parts.join("\n").to_ascii_lowercase() }
    }

    fn says(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.everything.contains(phrase))
    }

    fn names_as_gone(&self, thing: &str, other: &str) -> bool {
        let is_about = |word: &str| self.sentence.contains(word);
        GONE.iter().any(|phrase| is_about(phrase)) && (is_about(thing) || !is_about(other))
    }
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => members.values().for_each(|member| collect(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The law that a class breaks.
fn broken(call: CallKind, said: &Said, code: u16, class: &FaultKind) -> Option<&'static str> {
    let is = |unwanted: &FaultKind| class == unwanted;
    let laws = [
        (
            "nothing but a refusal says that something was not done",
            is(&FaultKind::Unknown) || (400..=599).contains(&code),
        ),
        ("nobody knows what became of a call that ran out of time", code != 408 || is(&FaultKind::Unknown)),
        ("only a 404 that names the thing tells that it is gone", !is(&FaultKind::Absent) || is_gone(call, said, code)),
        (
            "a volume is missed only by what mounts it, and only where the answer names it",
            !is(&FaultKind::MissingVolume)
                || ([CallKind::CreateMachine, CallKind::UpdateMachine].contains(&call)
                    && [400, 404, 422].contains(&code)
                    && said.says(&GONE)
                    && said.says(&["volume"])),
        ),
        (
            "what says nothing known is unknown",
            is(&FaultKind::Unknown)
                || !((code == 404 && !said.everything.trim().is_empty()) || (500..=599).contains(&code))
                || said.says(&TELLING),
        ),
        ("too many requests are 429", is(&FaultKind::RateLimited) == (code == 429)),
        (
            "whoever may not ask learns nothing",
            !is(&FaultKind::Unauthorized) || [401, 403].contains(&code) || (code == 404 && said.says(&NO_APP)),
        ),
        ("no room is told in words", !matches!(class, FaultKind::NoCapacity(_)) || said.says(&TELLING)),
        (
            "a name is taken in words",
            !matches!(class, FaultKind::Conflict(_)) || said.says(&["unique machine name violation", "name_taken"]),
        ),
    ];
    laws.into_iter().find(|(_, holds)| !holds).map(|(law, _)| law)
}

/// Whether an answer names what the call is about as gone; one without a word is about just that.
fn is_gone(call: CallKind, said: &Said, code: u16) -> bool {
    let is_page = said.sentence.starts_with('<') || said.sentence.contains("page not found");
    let is_silent = said.sentence.is_empty();
    let named = match call {
        CallKind::GetMachine
        | CallKind::UpdateMachine
        | CallKind::StartMachine
        | CallKind::StopMachine
        | CallKind::DestroyMachine
        | CallKind::WaitMachine
        | CallKind::ProbeHealth => is_silent || said.names_as_gone("machine", "volume"),
        CallKind::GetVolume | CallKind::DeleteVolume | CallKind::ListSnapshots => {
            is_silent || said.names_as_gone("volume", "machine")
        }
        CallKind::CreateVolume => said.names_as_gone("volume", "machine") || said.names_as_gone("snapshot", "machine"),
        CallKind::ListMachines | CallKind::ListVolumes | CallKind::CreateMachine => false,
    };
    code == 404 && named && !is_page && !said.says(&NO_APP)
}
