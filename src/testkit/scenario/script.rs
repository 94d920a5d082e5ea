//! The `faults` member of a scenario: calls that do not do what they should.

use super::Malformed;
use super::cursor::At;
use crate::call::CallKind;
use crate::testkit::request::Request;
use crate::testkit::world::{Landing, Said, Strike};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde_json::Value;

/// Where the host dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    /// Before the step that asks for the call is committed.
    Uncommitted,
    /// Before the call leaves.
    Before,
    /// After it was made, before its outcome is delivered.
    After,
}

#[derive(Clone, Debug)]
pub(super) enum Mishap {
    Strike(Strike),
    Crash(Crash),
}

/// One entry of the list.
#[derive(Clone, Debug)]
pub(super) struct Scripted {
    call: CallKind,
    /// Which of the calls that match, counted from 1; `None` is every one.
    nth: Option<u64>,
    machine: Option<String>,
    volume: Option<String>,
    region: Option<String>,
    mishap: Mishap,
}

const BASE: [&str; 5] = ["call", "nth", "machine", "volume", "region"];

pub(super) fn fault(at: &At<'_>) -> Result<Scripted, Malformed> {
    let members = at.object(None)?;
    let kinds = ["status", "answer", "crash"];
    let found: Vec<&str> = kinds.into_iter().filter(|kind| members.get(kind).is_some()).collect();
    let [kind] = found.as_slice() else { return Err(at.wrong("a fault with one of status, answer, crash")) };
    let mut known: Vec<&str> = BASE.into_iter().chain([*kind]).collect();
    if *kind == "status" {
        known.extend(["body", "applied"]);
    }
    let members = at.object(Some(&known))?;
    let calls: Vec<(&str, CallKind)> = CallKind::ALL.iter().map(|call| (call.as_str(), *call)).collect();
    let mishap = if let Some(crash) = members.get("crash") {
        Mishap::Crash(crash.word(&[
            ("before", Crash::Before),
            ("after", Crash::After),
            ("uncommitted", Crash::Uncommitted),
        ])?)
    } else if let Some(answer) = members.get("answer") {
        answer.word(&[("empty", ())])?;
        Mishap::Strike(Strike { said: Said::EmptyList, landing: Landing::Never })
    } else {
        let body = members.read("body", At::string)?.unwrap_or_default();
        let said = members.need("status", ANSWER)?;
        let landing = members.read("applied", landing)?.unwrap_or(Landing::Never);
        Mishap::Strike(Strike { said: status(&said, body)?, landing })
    };
    Ok(Scripted {
        call: members.need("call", "a call")?.word(&calls)?,
        nth: members.read("nth", |nth| nth.whole(1))?,
        machine: members.read("machine", At::string)?,
        volume: members.read("volume", At::string)?,
        region: members.read("region", At::string)?,
        mishap,
    })
}

const ANSWER: &str = "an HTTP status or \"timeout\"";

fn status(at: &At<'_>, body: String) -> Result<Said, Malformed> {
    if at.value.as_str() == Some("timeout") {
        return Ok(Said::Nothing);
    }
    let code = at.value.as_u64().and_then(|code| u16::try_from(code).ok()).filter(|code| (100..=599).contains(code));
    code.map(|code| Said::Status(code, body)).ok_or_else(|| at.wrong(ANSWER))
}

fn landing(at: &At<'_>) -> Result<Landing, Malformed> {
    match at.value {
        Value::Bool(true) => Ok(Landing::Now),
        Value::Bool(false) => Ok(Landing::Never),
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            let ms = at.span().map_err(|_| at.wrong(format!("true, false or {}", super::cursor::SPAN)))?;
            Ok(if ms == 0 { Landing::Now } else { Landing::After(ms) })
        }
    }
}

/// The list in the course of a run: how many calls each entry has seen.
#[derive(Clone, Debug)]
pub(super) struct Script {
    entries: Vec<(Scripted, u64)>,
}

impl Script {
    pub(super) fn new(entries: &[Scripted]) -> Self {
        Self { entries: entries.iter().map(|entry| (entry.clone(), 0)).collect() }
    }

    /// How many calls each entry has seen.
    pub(super) fn counts(&self) -> Vec<u64> {
        self.entries.iter().map(|(_, seen)| *seen).collect()
    }

    /// Forgets the calls that were seen since.
    pub(super) fn take_back(&mut self, counts: &[u64]) {
        for ((_, seen), count) in self.entries.iter_mut().zip(counts) {
            *seen = *count;
        }
    }

    /// What befalls this attempt: the first entry whose turn it is. Every entry that the call matches counts it.
    pub(super) fn next(&mut self, request: &Request) -> Option<Mishap> {
        let mut struck = None;
        for (entry, seen) in self.entries.iter_mut().filter(|(entry, _)| entry.matches(request)) {
            *seen = seen.saturating_add(1);
            if struck.is_none() && entry.nth.is_none_or(|nth| nth == *seen) {
                struck = Some(entry.mishap.clone());
            }
        }
        struck
    }
}

impl Scripted {
    fn matches(&self, request: &Request) -> bool {
        fn fits(wanted: Option<&String>, got: Option<&str>) -> bool {
            wanted.is_none_or(|wanted| got == Some(wanted))
        }
        self.call == request.kind()
            && fits(self.machine.as_ref(), request.machine().map(|id| id.as_str()))
            && fits(self.volume.as_ref(), request.volume().map(|id| id.as_str()))
            && fits(self.region.as_ref(), request.region().map(|id| id.as_str()))
    }
}
