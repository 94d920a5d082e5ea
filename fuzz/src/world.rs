//! Whose fault a violation is: the library's, or that of a file that describes what cannot be.
//!
//! The library answers for everything about its own records, alarms and commits, whatever the world is like. What happens to the things
//! of the world it answers for as long as the world is a possible one: hostile, but without two things of one id, without a volume in two
//! machines, without the dead coming back, and with a provider that says "gone" only of what is gone and "not done" only of what is not
//! done.

use super::scenario::milliseconds;
use kiloclaw_lifecycle::Policy;
use kiloclaw_lifecycle::adapter::fly::answer::classify;
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::fault::FaultKind;
use serde_json::Value;
use std::collections::BTreeSet;

/// After this, time is about to end, and no alarm can be set that lies ahead.
const END_OF_TIME: u64 = 1 << 62;

pub(super) struct World<'a> {
    file: &'a Value,
    policy: &'a Policy,
    /// When the run was over.
    ended: u64,
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

impl<'a> World<'a> {
    pub(super) fn new(file: &'a Value, policy: &'a Policy, outcome: &Value) -> Self {
        Self { file, policy, ended: outcome["now_ms"].as_u64().unwrap_or(u64::MAX) }
    }

    /// Whether the file brings the violation about by itself.
    pub(super) fn explains(&self, violation: &str) -> bool {
        let about = |start: &str| violation.starts_with(start);
        if about("steps[") {
            return true;
        }
        if about("more than ") {
            return self.crashes_for_ever() || self.ended > END_OF_TIME;
        }
        // A world that is not possible has been said to be something else than it is; dates of a record that nobody has written mean nothing.
        if about("I8 ") {
            return self.record_is_by_hand();
        }
        if about("I1 ") || about("I2 ") || about("I3 ") {
            return self.record_is_by_hand() || !self.is_possible();
        }
        false
    }

    /// A record that no release has written, contradictions included.
    fn record_is_by_hand(&self) -> bool {
        !self.file["record"]["lifecycle"].is_null()
    }

    fn crashes_for_ever(&self) -> bool {
        list(&self.file["faults"]).iter().any(|fault| !fault["crash"].is_null() && fault["nth"].is_null())
    }

    fn is_possible(&self) -> bool {
        self.ids_are_distinct()
            && self.each_volume_has_one_machine()
            && list(&self.file["steps"]).iter().all(|step| changes_nothing_of_ours(&step["fly"]))
            && list(&self.file["faults"]).iter().all(|fault| self.is_honest(fault))
    }

    /// Ids of things that are made are used once, and none looks like those that the simulator makes up.
    fn ids_are_distinct(&self) -> bool {
        let fly = &self.file["fly"];
        let there =
            ["machines", "volumes"].into_iter().flat_map(|kind| list(&fly[kind]).iter().map(|thing| &thing["id"]));
        let made = ["new_machines", "new_volumes"].into_iter().flat_map(|kind| list(&fly[kind]));
        let all: Vec<&str> = there.chain(made).filter_map(Value::as_str).collect();
        let distinct: BTreeSet<&str> = all.iter().copied().collect();
        distinct.len() == all.len() && !all.iter().any(|id| id.starts_with("mnew") || id.starts_with("vol_new"))
    }

    fn each_volume_has_one_machine(&self) -> bool {
        let mounts: Vec<&Value> =
            list(&self.file["fly"]["machines"]).iter().flat_map(|machine| list(&machine["mounts"])).collect();
        let distinct: BTreeSet<&str> = mounts.iter().filter_map(|id| id.as_str()).collect();
        distinct.len() == mounts.len()
    }

    /// Whether what a call is answered can be true.
    fn is_honest(&self, fault: &Value) -> bool {
        if fault["status"].is_null() {
            return true;
        }
        let in_time = match &fault["applied"] {
            Value::String(span) => milliseconds(span).is_some_and(|ms| ms <= self.policy.call_deadline_ms),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => true,
        };
        let lands = ![Value::Null, Value::Bool(false)].contains(&fault["applied"]);
        let call = CallKind::ALL.iter().find(|kind| fault["call"] == kind.as_str());
        let (Some(call), Some(status)) = (call, fault["status"].as_u64()) else { return in_time };
        if (200..=299).contains(&status) {
            return !call.mutates();
        }
        match classify(*call, u16::try_from(status).ok(), fault["body"].as_str().unwrap_or_default()).kind {
            FaultKind::Absent | FaultKind::MissingVolume => false,
            FaultKind::Unknown => in_time,
            FaultKind::NoCapacity(_)
            | FaultKind::Conflict(_)
            | FaultKind::Busy
            | FaultKind::RateLimited
            | FaultKind::Unauthorized
            | FaultKind::Refused => !lands,
        }
    }
}

/// By themselves, things of the world may die, fall silent or get lost; that they come to life, change hands or change their nature is for the
/// simulator to let happen.
fn changes_nothing_of_ours(change: &Value) -> bool {
    let untouched = ["mounts", "metadata", "name", "attached_machine"].iter().all(|part| change[*part].is_null());
    let dies = |word: &str| ["destroyed", "failed", "stopped"].contains(&word);
    let resurrected = change["machine"].is_string() && change["state"].as_str().is_some_and(|word| !dies(word));
    let made_whole = change["volume"].is_string() && change["state"].is_string();
    change.is_null() || (untouched && !resurrected && !made_whole)
}
