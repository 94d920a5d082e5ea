//! Where there is no instance: it can be registered, and nothing else.

use super::holdings::Holdings;
use super::note::Note;
use super::phase::Phase;
use super::turn::Turn;
use super::watch::Watched;
use super::{Errors, Instance, Retry};
use crate::command::{Code, Command, Provision, Rejection, Spec};
use crate::event::Milestone;
use crate::id::Identity;
use crate::policy::Policy;
use crate::status::Status;
use crate::step::{Alarm, Ignored, Input, Step, Verdict, Why};
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use smol_str::SmolStr;

/// One transition where there is no record.
pub(super) fn step(policy: &Policy, now: Timestamp, input: Input) -> Step {
    let verdict = match input {
        Input::Command(Command::Provision(provision)) => match check(&provision.spec) {
            Ok(()) => return born(policy, now, *provision),
            Err(message) => Verdict::Denied(Rejection { code: Code::InvalidArgument, status: None, message }),
        },
        Input::Command(_) => Verdict::Denied(Rejection {
            code: Code::NotProvisioned,
            status: None,
            message: "Instance is not provisioned.".to_string(),
        }),
        Input::Outcome { .. } | Input::Alarm | Input::Resume => Verdict::Ignored(Ignored::NoInstance),
    };
    Step { verdict, next: None, effects: Vec::new(), needs_commit: false }
}

/// Whether a machine and a volume can be made to this specification.
pub(super) fn check(spec: &Spec) -> Result<(), String> {
    if let Some(size) = spec.volume_size_gb.filter(|size| !(1..=500).contains(size)) {
        return Err(format!("volume_size_gb: expected 1 to 500, got {size}"));
    }
    if spec.regions.as_ref().is_some_and(Vec::is_empty) {
        return Err("regions: expected at least one region".to_string());
    }
    Ok(())
}

fn born(policy: &Policy, now: Timestamp, provision: Provision) -> Step {
    let mut instance = Instance::unborn(provision.identity, provision.seed, now);
    instance.spec = provision.spec;
    instance.provisioned_at = Some(now);
    let mut t = Turn::new(Box::new(instance), policy, now);
    t.emit(Note::new(Milestone::Provisioned).status(Status::Provisioned));
    t.finish_birth(Verdict::Applied)
}

/// Milliseconds between 1970 and 2026.
const ERA_MS: u64 = 1_767_225_600_000;
/// Less than eight digits of base 36 can hold.
const CENTURY_MS: u64 = 2_000_000_000_000;

/// Where an instance begins to count. A sandbox may be destroyed and provisioned again: counting from the time of birth keeps the
/// names, ids and event keys of its lives apart.
fn first_number(now: Timestamp) -> u64 {
    // A clock that is far ahead would bring names that are too long.
    Some(now.as_millis().saturating_sub(ERA_MS)).filter(|number| *number < CENTURY_MS).unwrap_or_default()
}

impl Instance {
    /// An instance of which nothing is known but whose it is.
    pub(crate) fn unborn(identity: Identity, seed: u64, now: Timestamp) -> Self {
        Self {
            identity,
            seed,
            sequence: first_number(now),
            spec: Spec::default(),
            machine: None,
            volume: None,
            region: None,
            provisioned_at: None,
            last_started_at: None,
            last_stopped_at: None,
            errors: Errors::default(),
            fail_count: 0,
            counted_at: None,
            looked_up_at: None,
            refreshed_at: None,
            host_trouble: None,
            missing: None,
            fresh_allowed: false,
            given_data: false,
            previous_volume: None,
            recoveries: 0,
            holdings: Holdings::default(),
            cleanup: None,
            phase: Phase::settled(Watched::Provisioned),
            in_flight: None,
            retry: Retry::default(),
            wake: false,
            resting: true,
            reason: SmolStr::new_static("provision"),
            next_look: now,
            pulled: false,
            alarm: Alarm { at: now, why: Why::Reconcile, generation: 0 },
            extra: BTreeMap::new(),
        }
    }
}
