//! What an operator sees, through `tracing`.
//!
//! | target | level | what |
//! |---|---|---|
//! | `kiloclaw::reconcile` | info | a decision of a reconcile: `reason`, `action`, and the details it was taken on |
//! | `kiloclaw::event` | info | any other event of the instance's life |
//! | `kiloclaw::call` | debug | a call: a span around it, and an event with its outcome |
//! | `kiloclaw::store` | debug | a lost compare-and-swap |
//! | `kiloclaw::outbox` | warn | events that stay in the outbox |

use crate::call::{Done, Operation};
use crate::driver::Undelivered;
use crate::event::{Action, Event, EventName, Milestone};
use crate::fault::{Fault, FaultKind};
use crate::id::{AppName, MachineId, Region, SandboxId};
use crate::status::Status;
use crate::step::Effect;
use alloc::string::String;
use tracing::Span;

/// Reports the events of a step that is durable.
pub(super) fn committed(effects: &[Effect]) {
    for effect in effects {
        if let Effect::EmitEvent(event) = effect {
            match event.event {
                EventName::Reconcile(action) => decision(event, action),
                EventName::Life(milestone) => life(event, milestone),
            }
        }
    }
}

fn decision(event: &Event, action: Action) {
    tracing::info!(
        target: "kiloclaw::reconcile",
        tag = "reconcile",
        reason = event.reason.as_deref(),
        action = action.as_str(),
        key = event.key.as_str(),
        user = event.user.as_str(),
        sandbox = event.sandbox.as_str(),
        app = event.app.as_ref().map(AppName::as_str),
        machine = event.machine.as_ref().map(MachineId::as_str),
        volume = event.details.get("volume").and_then(|volume| volume.as_str()),
        region = event.region.as_ref().map(Region::as_str),
        status = event.status.map(Status::as_str),
        label = event.label.as_deref(),
        error = event.error.as_deref(),
        value = event.value,
        duration_ms = event.duration_ms,
        details = details(event).as_deref(),
    );
}

fn life(event: &Event, milestone: Milestone) {
    tracing::info!(
        target: "kiloclaw::event",
        event = milestone.as_str(),
        reason = event.reason.as_deref(),
        key = event.key.as_str(),
        user = event.user.as_str(),
        sandbox = event.sandbox.as_str(),
        app = event.app.as_ref().map(AppName::as_str),
        machine = event.machine.as_ref().map(MachineId::as_str),
        region = event.region.as_ref().map(Region::as_str),
        status = event.status.map(Status::as_str),
        label = event.label.as_deref(),
        error = event.error.as_deref(),
        value = event.value,
        duration_ms = event.duration_ms,
        details = details(event).as_deref(),
    );
}

/// The details as JSON text; `None` when there are none.
fn details(event: &Event) -> Option<String> {
    if event.details.is_empty() { None } else { serde_json::to_string(&event.details).ok() }
}

/// What an adapter logs during the call belongs to this.
pub(super) fn span(operation: &Operation) -> Span {
    tracing::debug_span!(
        target: "kiloclaw::call",
        "call",
        op = %operation.id,
        kind = operation.id.kind.as_str(),
        sandbox = operation.identity.sandbox.as_str(),
    )
}

pub(super) fn called(operation: &Operation, result: &Result<Done, Fault>) {
    let fault = result.as_ref().err();
    tracing::debug!(
        target: "kiloclaw::call",
        op = %operation.id,
        kind = operation.id.kind.as_str(),
        sandbox = operation.identity.sandbox.as_str(),
        outcome = fault.map_or("done", |fault| word(&fault.kind)),
        http_status = fault.and_then(|fault| fault.status),
        message = fault.map(|fault| fault.message.as_str()),
    );
}

fn word(kind: &FaultKind) -> &'static str {
    match kind {
        FaultKind::Absent => "absent",
        FaultKind::NoCapacity(_) => "no_capacity",
        FaultKind::Conflict(_) => "conflict",
        FaultKind::Busy => "busy",
        FaultKind::MissingVolume => "missing_volume",
        FaultKind::RateLimited => "rate_limited",
        FaultKind::Unauthorized => "unauthorized",
        FaultKind::Refused => "refused",
        FaultKind::Unknown => "unknown",
    }
}

pub(super) fn conflict(sandbox: &SandboxId) {
    tracing::debug!(target: "kiloclaw::store", sandbox = sandbox.as_str(), "the record was changed by somebody else");
}

pub(super) fn undelivered(sandbox: &SandboxId, error: &Undelivered) {
    tracing::warn!(target: "kiloclaw::outbox", sandbox = sandbox.as_str(), error = %error, "events stay in the outbox");
}
