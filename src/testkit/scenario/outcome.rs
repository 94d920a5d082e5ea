//! What a run brought, as one line of JSON.

use super::evaluate::{Failure, evaluate};
use super::journal::Moment;
use crate::command::{Answer, Rejection};
use crate::event::{Event, EventName};
use crate::id::VolumeId;
use crate::instance::Instance;
use crate::persist::flat;
use crate::status::Status;
use crate::testkit::world::{CallRecord, World};
use crate::time::Timestamp;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Map, Value, json};

/// How a command step went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandResult {
    /// Which step, counted from 0.
    pub step: usize,
    /// Accepted, or nothing to do; for commands that answer with their end, whether that was good.
    pub ok: bool,
    /// Why not.
    pub code: Option<String>,
    /// Why not, for people.
    pub message: Option<String>,
    /// The volume that a clean-up deleted, if it did; `None` when the command was no clean-up or has not ended.
    pub deleted: Option<Option<VolumeId>>,
}

impl CommandResult {
    pub(super) fn accepted(step: usize) -> Self {
        Self { step, ok: true, code: None, message: None, deleted: None }
    }

    pub(super) fn failed(step: usize, code: &str, message: impl Into<String>) -> Self {
        Self { step, ok: false, code: Some(code.to_string()), message: Some(message.into()), deleted: None }
    }

    pub(super) fn ended(step: usize, end: Result<Answer, Rejection>) -> Self {
        match end {
            Ok(Answer::Deleted(volume)) => Self { deleted: Some(volume), ..Self::accepted(step) },
            Ok(Answer::Reassociated(_)) => Self::accepted(step),
            Err(rejection) => Self::failed(step, rejection.code.as_str(), rejection.message),
        }
    }

    fn json(&self) -> Value {
        let mut line = fields([
            ("step", Some(json!(self.step))),
            ("ok", Some(json!(self.ok))),
            ("code", self.code.clone().map(Value::from)),
            ("message", self.message.clone().map(Value::from)),
        ]);
        if let Some(deleted) = &self.deleted {
            line.insert("deleted_volume".to_string(), json!(deleted));
        }
        Value::Object(line)
    }
}

/// What a run brought.
#[derive(Clone, Debug)]
pub struct Outcome {
    line: Value,
    failures: Vec<Failure>,
    moments: Vec<Moment>,
    instance: Option<Instance>,
}

/// Everything that is known when a run is over.
pub(super) struct End<'a> {
    pub(super) name: &'a str,
    pub(super) expect: &'a Map<String, Value>,
    pub(super) now: Timestamp,
    pub(super) alarm: Option<Timestamp>,
    pub(super) instance: Option<&'a Instance>,
    pub(super) results: &'a [CommandResult],
    pub(super) events: &'a [Event],
    pub(super) world: &'a World,
    pub(super) commits: u64,
    pub(super) violations: &'a [String],
    pub(super) moments: Vec<Moment>,
}

impl Outcome {
    pub(super) fn new(end: End<'_>) -> Self {
        let reconciles = end.events.iter().filter_map(|event| match event.event {
            EventName::Reconcile(action) => Some(log_line(event, action.as_str())),
            EventName::Life(_) => None,
        });
        let mut line = json!({
            "name": end.name,
            "ok": true,
            "now_ms": end.now,
            "alarm_ms": end.alarm,
            "status": end.instance.map(|instance| instance.status().as_str()),
            "record": end.instance.map(flat::export),
            "results": end.results.iter().map(CommandResult::json).collect::<Vec<_>>(),
            "calls": end.world.calls().iter().map(call_line).collect::<Vec<_>>(),
            "events": end.events.iter().map(event_line).collect::<Vec<_>>(),
            "log": reconciles.collect::<Vec<_>>(),
            "fly": fly(end.world),
            "commits": end.commits,
            "violations": end.violations,
        });
        let failures = evaluate(end.expect, &line);
        if let Some(ok) = line.get_mut("ok") {
            *ok = Value::Bool(failures.is_empty());
        }
        Self { line, failures, moments: end.moments, instance: end.instance.cloned() }
    }

    /// Whether every expectation held and no invariant was broken.
    pub fn ok(&self) -> bool {
        self.failures.is_empty()
    }

    /// What did not hold.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// What happened, in order.
    pub fn moments(&self) -> &[Moment] {
        &self.moments
    }

    /// The instance as it is stored at the end.
    pub fn instance(&self) -> Option<&Instance> {
        self.instance.as_ref()
    }

    /// The outcome as JSON.
    pub fn json(&self) -> &Value {
        &self.line
    }
}

/// The members that are there.
fn fields<const N: usize>(members: [(&str, Option<Value>); N]) -> Map<String, Value> {
    members.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?))).collect()
}

fn call_line(call: &CallRecord) -> Value {
    json!({ "at_ms": call.at, "call": call.call.as_str(), "args": call.args, "status": call.status })
}

fn common(event: &Event) -> Map<String, Value> {
    let text = |text: &Option<String>| text.clone().map(Value::from);
    fields([
        ("at_ms", Some(json!(event.at))),
        ("machine", event.machine.as_ref().map(|id| json!(id))),
        ("region", event.region.as_ref().map(|region| json!(region))),
        ("status", event.status.map(Status::as_str).map(Value::from)),
        ("label", text(&event.label)),
        ("error", text(&event.error)),
        ("durationMs", event.duration_ms.map(Value::from)),
        ("value", event.value.map(Value::from)),
    ])
}

fn event_line(event: &Event) -> Value {
    let mut line = common(event);
    line.extend(fields([
        ("event", Some(Value::from(event.event.to_string()))),
        ("key", Some(Value::from(event.key.as_str()))),
        ("user", Some(json!(event.user))),
        ("sandbox", Some(json!(event.sandbox))),
        ("app", event.app.as_ref().map(|app| json!(app))),
    ]));
    Value::Object(line)
}

fn log_line(event: &Event, action: &str) -> Value {
    let mut line: Map<String, Value> = event.details.clone().into_iter().collect();
    line.extend(common(event));
    line.extend(fields([("reason", event.reason.clone().map(Value::from)), ("action", Some(Value::from(action)))]));
    Value::Object(line)
}

fn fly(world: &World) -> Value {
    let machines = world.machines().map(|(id, machine)| {
        json!({
            "id": id, "state": machine.true_state(), "region": machine.region, "mounts": machine.mounts,
            "metadata": machine.metadata,
        })
    });
    let volumes = world.volumes().map(|(id, volume)| {
        json!({
            "id": id, "state": volume.true_state(), "region": volume.region, "name": volume.name,
            "size_gb": volume.size_gb, "attached_machine": world.holder(id),
        })
    });
    json!({ "machines": machines.collect::<Vec<_>>(), "volumes": volumes.collect::<Vec<_>>() })
}
