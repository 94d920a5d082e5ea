//! What an answer of Fly's Machines API that is not a success means.
//!
//! *Decides* the class of a refusal from the call, the HTTP status and the body, in this order: the body's own `status` word, the
//! HTTP status, the code that begins the text (`failed_precondition: …`), and what else the text says.
//!
//! *Guarantees*: nothing that could be a broken connection, a wrong address, a wrong token or a proxy's page is read as "gone" or
//! "refused"; what is not understood is [`FaultKind::Unknown`], because it may have happened.
//!
//! *Knows nothing of* HTTP clients. The simulated Fly uses it as well, so that both speak of the same thing in the same words.

use crate::call::CallKind;
use crate::fault::{Capacity, Fault, FaultKind};
use crate::id::MachineId;
use crate::observe::MachineState;
use alloc::string::{String, ToString};
use serde_json::Value;

/// Classes an answer; `status` is `None` when there was none.
///
/// ```
/// use kiloclaw_lifecycle::adapter::fly::answer::classify;
/// use kiloclaw_lifecycle::call::CallKind;
/// use kiloclaw_lifecycle::fault::FaultKind;
///
/// let gone = classify(CallKind::GetMachine, Some(404), r#"{"error":"machine not found"}"#);
/// assert_eq!(gone.kind, FaultKind::Absent);
/// let nobody_knows = classify(CallKind::GetMachine, Some(404), "404 page not found");
/// assert_eq!(nobody_knows.kind, FaultKind::Unknown);
/// ```
pub fn classify(call: CallKind, status: Option<u16>, body: &str) -> Fault {
    let Some(code) = status else {
        return if body.is_empty() { Fault::lost() } else { Fault::new(FaultKind::Unknown, None, body) };
    };
    let said = Said::read(body);
    Fault::new(kind(call, code, &said), status, &said.text)
}

/// The state that a wait which ran out (408) saw last, where the text tells: `…, currently stopped`.
pub fn still_in(body: &str) -> Option<MachineState> {
    let (_, rest) = body.split_once("currently ")?;
    let word: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
    (!word.is_empty()).then(|| MachineState::from(word.as_str()))
}

/// A body, taken apart.
struct Said {
    /// The word under `status`, which goes before everything else.
    word: Option<String>,
    /// What is under `error` or `message`, or the whole body.
    text: String,
    /// The same in lower case.
    lower: String,
}

impl Said {
    fn read(body: &str) -> Self {
        let parsed = serde_json::from_str::<Value>(body).ok();
        let field = |name: &str| parsed.as_ref().and_then(|value| value.get(name)).and_then(Value::as_str);
        let word = field("status").filter(|word| !word.is_empty()).map(ToString::to_string);
        let told = [field("error"), field("message")].into_iter().flatten().find(|text| !text.trim().is_empty());
        let text = told.unwrap_or(body).trim().to_string();
        let lower = text.to_ascii_lowercase();
        Self { word, text, lower }
    }

    fn says(&self, phrase: &str) -> bool {
        self.lower.contains(phrase)
    }

    fn says_any(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.says(phrase))
    }

    /// The code of the inner service, where the text begins with one.
    fn begins(&self, codes: &[&str]) -> bool {
        codes.iter().any(|code| self.lower.strip_prefix(code).is_some_and(|rest| rest.starts_with(':')))
    }

    fn is_page(&self) -> bool {
        self.lower.starts_with('<')
    }
}

fn kind(call: CallKind, code: u16, said: &Said) -> FaultKind {
    if let Some(what) = capacity(code, said) {
        return FaultKind::NoCapacity(what);
    }
    match code {
        401 | 403 => FaultKind::Unauthorized,
        404 => not_found(call, said),
        408 => FaultKind::Unknown,
        429 => FaultKind::RateLimited,
        400..=499 => client_error(call, code, said),
        500..=599 if said.says(DRAINED) => FaultKind::Busy,
        _ => FaultKind::Unknown,
    }
}

const DRAINED: &str = "deploys to this host are temporarily disabled";

/// What ran out, in whatever status it is clothed. A `status` word that says something else means that it is not about room, even
/// if the text looks so; a 408 says nothing about what happened.
fn capacity(code: u16, said: &Said) -> Option<Capacity> {
    let possible = (400..=599).contains(&code) && ![401, 404, 408, 429].contains(&code);
    if !possible {
        return None;
    }
    match said.word.as_deref() {
        Some("insufficient_capacity") => Some(shortage(said).unwrap_or(Capacity::NoCapacity)),
        Some("volume_placement_capacity") => Some(shortage(said).unwrap_or(Capacity::InsufficientResources)),
        Some(_) => None,
        None => shortage(said),
    }
}

fn shortage(said: &Said) -> Option<Capacity> {
    if said.says("insufficient memory") {
        Some(Capacity::InsufficientMemory)
    } else if said.says("over the allowed quota") {
        Some(Capacity::QuotaExceeded)
    } else if said.says_any(&["no capacity", "could not find a candidate host"]) {
        Some(Capacity::NoCapacity)
    } else if said.says_any(&[
        "insufficient resources",
        "could not reserve resource",
        "insufficient cpus",
        "insufficient ips",
        "governor policy blocked start",
    ]) {
        Some(Capacity::InsufficientResources)
    } else {
        None
    }
}

/// What a 404 names, and whether that is the thing the call is about.
fn not_found(call: CallKind, said: &Said) -> FaultKind {
    if lost_volume(call, said) {
        return FaultKind::MissingVolume;
    }
    if said.says_any(&["app not found", "could not find app"]) {
        return FaultKind::Unauthorized;
    }
    if said.is_page() || said.says("page not found") {
        return FaultKind::Unknown;
    }
    let (names, other) = match call {
        CallKind::GetMachine
        | CallKind::UpdateMachine
        | CallKind::StartMachine
        | CallKind::StopMachine
        | CallKind::DestroyMachine
        | CallKind::WaitMachine
        | CallKind::ProbeHealth => ("machine", "volume"),
        CallKind::GetVolume | CallKind::DeleteVolume | CallKind::ListSnapshots => ("volume", "machine"),
        CallKind::CreateVolume => {
            let names_source = said.says_any(&["volume", "snapshot"]) && tells_of_absence(said);
            return if names_source { FaultKind::Absent } else { FaultKind::Unknown };
        }
        CallKind::ListMachines | CallKind::ListVolumes | CallKind::CreateMachine => return FaultKind::Unknown,
    };
    let about_it = said.says(names) || !said.says(other);
    // A 404 that says nothing may be anybody's.
    if about_it && tells_of_absence(said) { FaultKind::Absent } else { FaultKind::Unknown }
}

fn tells_of_absence(said: &Said) -> bool {
    said.says_any(&["not found", "not_found", "could not find", "does not exist"])
}

/// The volume that a machine should mount cannot be found by whoever starts machines, even if a look at the volume still answers.
fn lost_volume(call: CallKind, said: &Said) -> bool {
    let mounts = [CallKind::CreateMachine, CallKind::UpdateMachine].contains(&call);
    mounts && said.says_any(&["volume not found", "volume does not exist", "could not find volume"])
}

fn client_error(call: CallKind, code: u16, said: &Said) -> FaultKind {
    let name_taken = said.says("unique machine name violation")
        || (call == CallKind::CreateMachine && said.word.as_deref() == Some("name_taken"));
    if [409, 422].contains(&code) && name_taken {
        return FaultKind::Conflict(holder_of_the_name(&said.text));
    }
    if [400, 422].contains(&code) && lost_volume(call, said) {
        return FaultKind::MissingVolume;
    }
    if said.begins(&["deadline_exceeded"]) {
        return FaultKind::Unknown;
    }
    let not_now = said.begins(&["failed_precondition", "aborted", "unavailable"])
        || said.says_any(&[DRAINED, "manifest_unknown", "lease currently held"]);
    let never = said.begins(&["invalid_argument", "already_exists"]);
    match code {
        409 | 412 if !never => FaultKind::Busy,
        _ if not_now => FaultKind::Busy,
        _ => FaultKind::Refused,
    }
}

/// The id in `machine ID <id> already exists with name "…"`.
fn holder_of_the_name(text: &str) -> Option<MachineId> {
    let (_, rest) = text.split_once("machine ID ")?;
    let id: String = rest.chars().take_while(|c| !c.is_whitespace() && *c != '"').collect();
    MachineId::new(id).ok()
}
