//! Whether what happened is what was expected.

use super::cursor::{cut, show};
use super::expect::is_form;
use super::times;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde_json::{Map, Value};

/// An expectation that was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which.
    pub path: String,
    /// What was wanted.
    pub wanted: String,
    /// What came.
    pub got: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: wanted {}, got {}", self.path, self.wanted, self.got)
    }
}

const NOT_LIVE: [&str; 3] = ["destroyed", "destroying", "pending_destroy"];
const KINDS: [&str; 2] = ["machines", "volumes"];

/// An outcome under examination.
struct Exam<'a> {
    outcome: &'a Value,
    now: i128,
    failures: Vec<Failure>,
}

/// What of `expect` does not hold of `outcome`.
pub(super) fn evaluate(expect: &Map<String, Value>, outcome: &Value) -> Vec<Failure> {
    let now = times::instant(&outcome["now_ms"]).unwrap_or(0);
    let mut exam = Exam { outcome, now, failures: Vec::new() };
    for violation in list(&outcome["violations"]) {
        exam.fail("violations", "none", show(violation));
    }
    if let Some(status) = expect.get("status") {
        exam.check(exam.same(status, &outcome["status"]), "status", status, &outcome["status"]);
    }
    if let Some(record) = expect.get("record") {
        exam.record(record);
    }
    if let Some(alarm) = expect.get("alarm") {
        exam.alarm(alarm);
    }
    if let Some(calls) = expect.get("calls") {
        exam.calls(calls);
    }
    exam.sequence("events", "event", list(&expect.get("events").cloned().unwrap_or_default()));
    exam.sequence("log", "action", list(&expect.get("log").cloned().unwrap_or_default()));
    for unwanted in list(&expect.get("events_not").cloned().unwrap_or_default()) {
        let found = list(&outcome["events"]).iter().find(|event| exam.fits(unwanted, event, &[])).cloned();
        if let Some(found) = found {
            exam.fail("events_not", format!("no {}", show(unwanted)), show(&found));
        }
    }
    exam.things(expect);
    for wanted in list(&expect.get("results").cloned().unwrap_or_default()) {
        let found = list(&outcome["results"]).iter().any(|result| exam.fits(wanted, result, &[]));
        exam.check(found, "results", wanted, &outcome["results"]);
    }
    exam.failures
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn member<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

impl Exam<'_> {
    fn fail(&mut self, path: impl Into<String>, wanted: impl Into<String>, got: impl Into<String>) {
        self.failures.push(Failure { path: path.into(), wanted: wanted.into(), got: got.into() });
    }

    fn check(&mut self, holds: bool, path: impl Into<String>, wanted: &Value, got: &Value) {
        if !holds {
            self.fail(path, show(wanted), show(got));
        }
    }

    /// Whether every member of a pattern is there, the `skipped` ones aside.
    fn fits(&self, pattern: &Value, thing: &Value, skipped: &[&str]) -> bool {
        let Some(members) = pattern.as_object() else { return false };
        let mut wanted = members.iter().filter(|(name, _)| !skipped.contains(&name.as_str()));
        wanted.all(|(name, want)| self.same(want, member(thing, name)))
    }

    /// Whether `got` is what is wanted; a member that is absent is the same as null.
    fn same(&self, want: &Value, got: &Value) -> bool {
        if is_form(want) {
            return self.fits_form(want, got);
        }
        match want {
            Value::Object(wanted) => got.as_object().is_some_and(|found| {
                let names = wanted.keys().chain(found.keys());
                names.into_iter().all(|name| self.same(member(want, name), member(got, name)))
            }),
            Value::Array(wanted) => got.as_array().is_some_and(|found| {
                wanted.len() == found.len() && wanted.iter().zip(found).all(|(want, got)| self.same(want, got))
            }),
            Value::String(text) => match times::relative(text) {
                Some(ms) => times::instant(got) == Some(self.now.saturating_add(ms)),
                None => want == got,
            },
            Value::Number(number) => want == got || (got.is_number() && number.as_f64() == got.as_f64()),
            Value::Null | Value::Bool(_) => want == got,
        }
    }

    fn fits_form(&self, form: &Value, got: &Value) -> bool {
        if let Some(set) = form.get("set") {
            return Value::Bool(!got.is_null()) == *set;
        }
        if let Some(part) = form.get("contains").and_then(Value::as_str) {
            return got.as_str().is_some_and(|text| text.contains(part));
        }
        let Some(at) = times::instant(got) else { return false };
        let bound = |name: &str| form.get(name).and_then(|bound| self.instant(bound));
        if let Some(about) = bound("about") {
            let within = form.get("within").and_then(Value::as_str).and_then(times::duration).unwrap_or(0);
            return at.abs_diff(about) <= within.unsigned_abs();
        }
        bound("min").is_none_or(|min| min <= at) && bound("max").is_none_or(|max| at <= max)
    }

    /// A number, or a time relative to the end of the run.
    fn instant(&self, value: &Value) -> Option<i128> {
        match value.as_str() {
            Some(text) => times::relative(text).map(|ms| self.now.saturating_add(ms)),
            None => times::instant(value),
        }
    }

    fn record(&mut self, wanted: &Value) {
        let outcome = self.outcome;
        let got = &outcome["record"];
        let Some(wanted) = wanted.as_object().filter(|_| !got.is_null()) else {
            return self.check(wanted.is_null() && got.is_null(), "record", wanted, got);
        };
        for (name, want) in wanted {
            let found = member(got, name);
            self.check(self.same(want, found), format!("record.{name}"), want, found);
        }
    }

    fn alarm(&mut self, wanted: &Value) {
        let due = times::instant(&self.outcome["alarm_ms"]).map(|due| due - self.now);
        let bound = |name: &str| wanted.get(name).and_then(Value::as_str).and_then(times::duration);
        let holds = match due {
            None => wanted.as_str() == Some("none"),
            Some(due) => {
                wanted.is_object()
                    && bound("min").is_none_or(|min| min <= due)
                    && bound("max").is_none_or(|max| due <= max)
            }
        };
        if !holds {
            let got = due.map_or_else(|| "none".to_string(), |due| format!("{due} ms from the end"));
            self.fail("alarm", show(wanted), got);
        }
    }

    fn calls_like(&self, pattern: &Value) -> Vec<&Value> {
        let same_call = |call: &&Value| call.get("call") == pattern.get("call");
        let fits = |call: &&Value| self.fits(pattern, member(call, "args"), &["call"]);
        list(&self.outcome["calls"]).iter().filter(same_call).filter(fits).collect()
    }

    fn calls(&mut self, wanted: &Value) {
        let mut failures = Vec::new();
        for pattern in list(member(wanted, "must")) {
            if self.calls_like(pattern).is_empty() {
                let named = Value::Object(Map::from_iter([("call".to_string(), member(pattern, "call").clone())]));
                let others: Vec<Value> =
                    self.calls_like(&named).iter().map(|call| member(call, "args").clone()).collect();
                failures.push(("calls.must".to_string(), show(pattern), show(&Value::Array(others))));
            }
        }
        for pattern in list(member(wanted, "must_not")) {
            if let Some(call) = self.calls_like(pattern).first() {
                failures.push(("calls.must_not".to_string(), format!("no {}", show(pattern)), show(call)));
            }
        }
        for (call, count) in member(wanted, "count").as_object().into_iter().flatten() {
            let pattern = Value::Object(Map::from_iter([("call".to_string(), Value::from(call.as_str()))]));
            let got = self.calls_like(&pattern).len();
            if count.as_u64() != u64::try_from(got).ok() {
                failures.push((format!("calls.count.{call}"), show(count), got.to_string()));
            }
        }
        for (path, wanted, got) in failures {
            self.fail(path, wanted, got);
        }
    }

    /// The patterns have to be found in this order, with anything in between.
    fn sequence(&mut self, kind: &str, title: &str, wanted: &[Value]) {
        let happened = list(&self.outcome[kind]);
        let mut rest = happened.iter();
        for (at, pattern) in wanted.iter().enumerate() {
            if !rest.any(|thing| self.fits(pattern, thing, &[])) {
                let order = if at == 0 { String::new() } else { format!(" after the {at} before it") };
                let titles: Vec<&str> = happened.iter().filter_map(|thing| thing.get(title)?.as_str()).collect();
                return self.fail(format!("{kind}[{at}]"), show(pattern) + &order, cut(&titles.join(" ")));
            }
        }
    }

    fn things(&mut self, expect: &Map<String, Value>) {
        for kind in KINDS {
            let things = list(member(member(self.outcome, "fly"), kind));
            let state_of = |id: &str| {
                let thing = things.iter().find(|thing| member(thing, "id").as_str() == Some(id));
                thing.and_then(|thing| member(thing, "state").as_str()).unwrap_or("destroyed")
            };
            let mut failures = Vec::new();
            let states = expect.get("fly").and_then(|fly| fly.get(kind)).and_then(Value::as_object);
            for (id, want) in states.into_iter().flatten() {
                if want.as_str() != Some(state_of(id)) {
                    failures.push((format!("fly.{kind}.{id}"), show(want), state_of(id).to_string()));
                }
            }
            if let Some(want) = expect.get("live").and_then(|live| live.get(kind)) {
                let alive =
                    |thing: &&Value| member(thing, "state").as_str().is_none_or(|state| !NOT_LIVE.contains(&state));
                let mut live: Vec<&str> =
                    things.iter().filter(alive).filter_map(|thing| member(thing, "id").as_str()).collect();
                live.sort_unstable();
                let mut wanted: Vec<&str> = list(want).iter().filter_map(Value::as_str).collect();
                wanted.sort_unstable();
                wanted.dedup();
                if live != wanted {
                    failures.push((format!("live.{kind}"), wanted.join(" "), live.join(" ")));
                }
            }
            for (path, wanted, got) in failures {
                self.fail(path, wanted, got);
            }
        }
    }
}
