//! An answer of the API, before anybody has looked into it.
//!
//! *Guarantees*: what becomes of it in a fault names the request, and holds none of the secrets that were sent.

use super::super::answer::classify;
use super::super::redact::redact;
use super::read::Unreadable;
use crate::call::CallKind;
use crate::fault::{Fault, FaultKind};
use alloc::format;
use alloc::string::String;
use core::time::Duration;
use serde_json::Value;

/// As long as the message of a fault may be.
const MESSAGE: usize = 200;
/// Shorter texts are no secrets, and to blot them out would make nonsense of a message.
const SHORTEST_SECRET: usize = 4;

pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
    /// Fly's name for the request.
    pub(super) request: Option<String>,
    /// What `Retry-After` asks for.
    pub(super) pause: Option<Duration>,
}

impl Reply {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What a success brings. One that cannot be read leaves open what has happened.
    pub(super) fn read<T>(&self, how: impl FnOnce(&Value) -> Result<T, Unreadable>) -> Result<T, Fault> {
        let value = serde_json::from_str(&self.body).map_err(|_| Unreadable("it is not JSON"));
        value.and_then(|value: Value| how(&value)).map_err(|why| self.unreadable(why))
    }

    /// Says nothing of what the answer holds, which may be the environment of a machine.
    pub(super) fn unreadable(&self, Unreadable(why): Unreadable) -> Fault {
        let text = format!("unreadable answer: {why}");
        fault(FaultKind::Unknown, Some(self.status), &text, self.request.as_deref())
    }

    /// What a refusal means. It is classed as it came, so that no secret that looks like one of its words changes what it means.
    pub(super) fn fault(&self, call: CallKind, secrets: &[String]) -> Fault {
        let secrets: alloc::vec::Vec<&str> =
            secrets.iter().map(String::as_str).filter(|secret| secret.len() >= SHORTEST_SECRET).collect();
        let kind = classify(call, Some(self.status), &self.body).kind;
        let said = classify(call, Some(self.status), &redact(&self.body, &secrets)).message;
        fault(kind, Some(self.status), &said, self.request.as_deref())
    }
}

/// A fault whose message ends with Fly's name for the request, however long what was said is.
pub(super) fn fault(kind: FaultKind, status: Option<u16>, said: &str, request: Option<&str>) -> Fault {
    let Some(request) = request else { return Fault::new(kind, status, said) };
    let tail = format!(" [request {request}]");
    let room = MESSAGE.saturating_sub(tail.chars().count());
    let said: String = said.chars().take(room).collect();
    Fault::new(kind, status, format!("{said}{tail}"))
}
