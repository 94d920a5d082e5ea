//! What is counted. The names are documented with the module.

use crate::call::CallKind;
use crate::driver::DriverError;
use crate::fault::{Capacity, Fault, FaultKind};
use crate::port::StoreError;
use crate::step::{Input, Verdict};
use metrics::{counter, gauge, histogram};

fn word(input: &Input) -> &'static str {
    match input {
        Input::Command(command) => command.kind().as_str(),
        Input::Outcome { .. } => "outcome",
        Input::Alarm => "alarm",
        Input::Resume => "resume",
    }
}

fn judged(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Applied => "applied",
        Verdict::Pending(_) => "pending",
        Verdict::Ignored(_) => "ignored",
        Verdict::Denied(_) => "denied",
    }
}

fn failure(error: &DriverError) -> &'static str {
    match error {
        DriverError::Store(StoreError::Conflict) | DriverError::Contended => "contended",
        DriverError::Store(StoreError::Unavailable(_)) => "unavailable",
        DriverError::Record(_) => "unreadable",
        DriverError::Unwritable(_) => "unwritable",
    }
}

fn outcome(fault: Option<&Fault>) -> &'static str {
    match fault.map(|fault| &fault.kind) {
        None => "done",
        Some(FaultKind::Absent) => "absent",
        Some(FaultKind::NoCapacity(_)) => "no_capacity",
        Some(FaultKind::Conflict(_)) => "conflict",
        Some(FaultKind::Busy) => "busy",
        Some(FaultKind::MissingVolume) => "missing_volume",
        Some(FaultKind::RateLimited) => "rate_limited",
        Some(FaultKind::Unauthorized) => "unauthorized",
        Some(FaultKind::Refused) => "refused",
        Some(FaultKind::Unknown) => "unknown",
    }
}

/// Milliseconds as seconds.
fn seconds(ms: u64) -> f64 {
    core::time::Duration::from_millis(ms).as_secs_f64()
}

pub(super) fn stepped(input: &'static str, verdict: &Verdict) {
    counter!("kiloclaw_steps_total", "input" => input, "verdict" => judged(verdict)).increment(1);
}

pub(super) fn failed(input: &'static str, error: &DriverError) {
    counter!("kiloclaw_step_failures_total", "input" => input, "error" => failure(error)).increment(1);
}

/// Taken before the input is given away.
pub(super) fn input(input: &Input) -> &'static str {
    word(input)
}

pub(super) fn called(call: CallKind, fault: Option<&Fault>, took_ms: u64) {
    counter!("kiloclaw_calls_total", "call" => call.as_str(), "outcome" => outcome(fault)).increment(1);
    histogram!("kiloclaw_call_seconds", "call" => call.as_str()).record(seconds(took_ms));
}

pub(super) fn rang(late_ms: u64) {
    counter!("kiloclaw_alarms_total").increment(1);
    histogram!("kiloclaw_alarm_lag_seconds").record(seconds(late_ms));
}

pub(super) fn resumed() {
    counter!("kiloclaw_resumed_total").increment(1);
}

pub(super) fn delivered(events: usize) {
    counter!("kiloclaw_events_total").increment(u64::try_from(events).unwrap_or(u64::MAX));
}

pub(super) fn undelivered() {
    counter!("kiloclaw_delivery_failures_total").increment(1);
}

pub(super) fn evicted(class: Capacity) {
    counter!("kiloclaw_evictions_total", "class" => class.as_str()).increment(1);
}

pub(super) fn seats(taken: usize) {
    gauge!("kiloclaw_seats_taken").set(f64::from(u32::try_from(taken).unwrap_or(u32::MAX)));
}

pub(super) fn waiting(commands: u32) {
    gauge!("kiloclaw_waiting").set(f64::from(commands));
}
