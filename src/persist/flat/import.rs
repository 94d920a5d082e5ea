//! A flat record as an instance.

use super::ImportError;
use super::export;
use super::read::{Fields, wrong};
use crate::command::Spec;
use crate::guest::Guest;
use crate::id::{AppName, Identity, Image, MachineId, Region, SandboxId, UserId, VolumeId};
use crate::instance::{Cause, DestroyError, DestroyOp, Entry, Instance, MachineRef, Noted, Phase, Previous, Thing};
use crate::persist::{self, DecodeError};
use crate::policy::Policy;
use crate::status::Status;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use serde_json::{Map, Value};
use smol_str::SmolStr;

/// Reads a flat record.
///
/// `seed` is the source of the instance's randomness, used where the record has none of its own. What the record leaves open is filled in:
/// a status that has no start time begins now, a retained volume without a date is kept for the policy's retention.
///
/// `Ok(None)` is a record without a user that names no machine and no volume: the old system's way of saying that there is no instance.
///
/// # Errors
/// [`ImportError`] with the first field that cannot be read.
pub fn import(
    record: &Map<String, Value>,
    seed: u64,
    policy: &Policy,
    now: Timestamp,
) -> Result<Option<Instance>, ImportError> {
    let mut given = record.clone();
    let ours = given.remove("lifecycle").filter(|value| !value.is_null()).map(|value| native(&value)).transpose()?;
    let Some(foreign) = foreign(given, seed, policy, now)? else { return Ok(None) };
    Ok(Some(match ours {
        Some(native) if agrees(&native, record) => Instance { extra: foreign.extra, ..native },
        Some(native) => merged(foreign, native, policy, now),
        None => foreign,
    }))
}

fn native(lifecycle: &Value) -> Result<Instance, ImportError> {
    let error = |field: &str, expected: String| ImportError {
        field: field.to_string(),
        expected,
        got: lifecycle.to_string().chars().take(80).collect(),
    };
    let instance = persist::decode(&lifecycle.to_string()).map_err(|bad| match bad {
        DecodeError::Newer { found } => {
            error("lifecycle.version", format!("at most {}, got {found}", persist::VERSION))
        }
        DecodeError::Malformed(what) => error("lifecycle", format!("what an export has written ({what})")),
        DecodeError::Inconsistent(what) => error("lifecycle", format!("a consistent record ({what})")),
    })?;
    Ok(*instance)
}

/// Whether nobody has changed the flat fields since they were exported.
fn agrees(native: &Instance, record: &Map<String, Value>) -> bool {
    export::fields(native).iter().all(|(key, value)| record.get(key).unwrap_or(&Value::Null) == value)
}

/// The flat fields were changed by somebody else: they win. What only the native record knew of stays on, or goes to, the list.
fn merged(foreign: Instance, native: Instance, policy: &Policy, now: Timestamp) -> Instance {
    let native = native.wound_up(policy, now);
    let mut merged = Instance { seed: native.seed, recoveries: native.recoveries, ..foreign };
    merged.sequence = merged.sequence.max(native.sequence);
    merged.alarm.generation = native.alarm.generation;
    if merged.volume == native.volume {
        (merged.missing, merged.fresh_allowed) = (native.missing, native.fresh_allowed);
    }
    merged.spec.regions = native.spec.regions;
    (merged.errors.stop, merged.errors.restore) = (native.errors.stop, native.errors.restore);
    for entry in native.holdings.entries {
        let used = entry.machine().is_some_and(|machine| merged.uses_machine(machine))
            || entry.volume().is_some_and(|volume| merged.uses_volume(volume));
        let listed = merged.holdings.entries.iter_mut().find(|listed| listed.thing == entry.thing);
        match listed {
            // The flat form shows the date of what is retained, and so may have changed it.
            Some(listed) if entry.is_retained() => *listed = Entry { due: listed.due, ..entry },
            Some(listed) => *listed = entry,
            None if !used => merged.holdings.entries.push(entry),
            None => {}
        }
    }
    for machine in native.holdings.strays {
        if !merged.knows_machine(&machine) {
            merged.holdings.strays.push(machine);
        }
    }
    replaced(&mut merged, native.machine, native.volume, now.plus(policy.retention_ms));
    // Both lists have numbers of their own, and no attempt is under way any more.
    for entry in core::mem::take(&mut merged.holdings.entries) {
        let key = merged.number();
        merged.holdings.entries.push(Entry { key, asked: None, stage: Default::default(), ..entry });
    }
    merged.armed(policy, now)
}

/// What the instance used before somebody gave it something else. A volume may hold data and is retained. A machine is put with the
/// others that are not used; without another in its place it is found again by its labels.
fn replaced(merged: &mut Instance, machine: Option<MachineRef>, volume: Option<VolumeId>, until: Timestamp) {
    if let Some(volume) = volume.filter(|volume| !merged.knows_volume(volume)) {
        merged.dispose(Thing::Volume(volume), Cause::Kept, until);
    }
    let Some(machine) = machine else { return };
    if merged.machine.as_ref().is_some_and(|used| used.id == machine.id) {
        merged.machine = Some(machine);
    } else if merged.machine.is_some() && !merged.knows_machine(&machine.id) {
        merged.holdings.strays.push(machine.id);
    }
}

fn foreign(
    given: Map<String, Value>,
    seed: u64,
    policy: &Policy,
    now: Timestamp,
) -> Result<Option<Instance>, ImportError> {
    let mut fields = Fields(given);
    let machine = fields.name("flyMachineId", MachineId::new)?;
    let volume = fields.name("flyVolumeId", VolumeId::new)?;
    let user = fields.name("userId", UserId::new)?;
    let Some(user) = user else {
        if machine.is_none() && volume.is_none() {
            return Ok(None);
        }
        return Err(wrong("userId", "the user to whom the machine and the volume belong", &Value::Null));
    };
    let sandbox = fields.name("sandboxId", SandboxId::new)?;
    let sandbox = sandbox.ok_or_else(|| wrong("sandboxId", "the id of the sandbox", &Value::Null))?;
    let app = fields.name("flyAppName", AppName::new)?;
    let mut me = Instance::unborn(Identity { user, sandbox, app }, seed, now);
    me.machine = machine.map(MachineRef::adopted);
    me.volume = volume;
    me.region = fields.name("flyRegion", Region::new)?;
    me.reason = SmolStr::new_static("import");
    spec(&mut me, &mut fields)?;
    times(&mut me, &mut fields)?;
    errors(&mut me, &mut fields)?;
    phase(&mut me, &mut fields, policy, now)?;
    me.extra = fields.0.into_iter().collect();
    Ok(Some(me.armed(policy, now)))
}

fn spec(me: &mut Instance, fields: &mut Fields) -> Result<(), ImportError> {
    let guest = fields.take("machineSize").map(|value| {
        serde_json::from_value::<Guest>(value.clone()).map_err(|error| wrong("machineSize", &error.to_string(), &value))
    });
    let size = fields.number::<u32>("volumeSizeGb", "1 to 500")?;
    if let Some(size) = size.filter(|size| !(1..=500).contains(size)) {
        return Err(wrong("volumeSizeGb", "1 to 500", &size.into()));
    }
    me.spec = Spec {
        guest: guest.transpose()?,
        volume_size_gb: size,
        regions: None,
        image: fields.name("trackedImageTag", Image::new)?,
    };
    Ok(())
}

fn times(me: &mut Instance, fields: &mut Fields) -> Result<(), ImportError> {
    me.provisioned_at = fields.time("provisionedAt")?;
    me.last_started_at = fields.time("lastStartedAt")?;
    me.last_stopped_at = fields.time("lastStoppedAt")?;
    me.looked_up_at = fields.time("lastMetadataRecoveryAt")?;
    me.fail_count = fields.number("healthCheckFailCount", "a count")?.unwrap_or_default();
    Ok(())
}

fn errors(me: &mut Instance, fields: &mut Fields) -> Result<(), ImportError> {
    for (name, slot) in
        [("Start", &mut me.errors.start), ("Restart", &mut me.errors.restart), ("Recovery", &mut me.errors.recovery)]
    {
        let message = fields.text(&format!("last{name}ErrorMessage"))?;
        let at = fields.time(&format!("last{name}ErrorAt"))?;
        *slot = message.map(|message| Box::new(Noted { message, at: at.unwrap_or_default() }));
    }
    let op = match fields.text("lastDestroyErrorOp")?.as_deref() {
        None => None,
        Some("machine") => Some(DestroyOp::Machine),
        Some("volume") => Some(DestroyOp::Volume),
        Some("recover") => Some(DestroyOp::Recover),
        Some(other) => return Err(wrong("lastDestroyErrorOp", "machine, volume or recover", &other.into())),
    };
    let status = fields.number("lastDestroyErrorStatus", "an HTTP status")?;
    let message = fields.text("lastDestroyErrorMessage")?.unwrap_or_default();
    let at = fields.time("lastDestroyErrorAt")?.unwrap_or_default();
    me.errors.destroy = op.map(|op| Box::new(DestroyError { op, status, noted: Noted { message, at } }));
    Ok(())
}

fn status(fields: &mut Fields, key: &str) -> Result<Option<Status>, ImportError> {
    let Some(word) = fields.text(key)? else { return Ok(None) };
    let known = Status::ALL.into_iter().find(|status| status.as_str() == word);
    known.map(Some).ok_or_else(|| wrong(key, "the name of a status", &word.into()))
}

/// The status, and every volume and machine that the record names beside the current ones.
fn phase(me: &mut Instance, fields: &mut Fields, policy: &Policy, now: Timestamp) -> Result<(), ImportError> {
    let status = status(fields, "status")?.unwrap_or(Status::Stopped);
    let starting = fields.time("startingAt")?;
    let restarting = fields.time("restartingAt")?;
    let sent = fields.flag("restartUpdateSent")?;
    let recovering = fields.time("recoveryStartedAt")?;
    let restoring = fields.time("restoreStartedAt")?;
    let previous = previous(fields)?;
    let fork = fields.name("pendingRecoveryVolumeId", VolumeId::new)?;
    let restored = fields.name("pendingRestoreVolumeId", VolumeId::new)?;
    retained(me, fields, policy, now)?;
    me.previous_volume = fields.name("previousVolumeId", VolumeId::new)?;
    let spare = |volume: &VolumeId| me.volume.as_ref() != Some(volume);
    let (mut forked, mut pending) = (fork.filter(spare), restored.filter(spare));
    me.phase = match status {
        Status::Starting => Phase::imported_start(starting.unwrap_or(now)),
        Status::Restarting => Phase::imported_restart(restarting.unwrap_or(now), sent),
        Status::Recovering => Phase::imported_recovery(recovering.unwrap_or(now), forked.take()),
        Status::Restoring => Phase::imported_restore(restoring.unwrap_or(now), previous, pending.take()),
        Status::Provisioned | Status::Running | Status::Stopped | Status::Stopping | Status::Destroying => {
            Phase::imported(status, now)
        }
    };
    for (volume, cause) in [(forked, Cause::LeftOver), (pending, Cause::FailedRestore)] {
        if let Some(volume) = volume {
            me.dispose(Thing::Volume(volume), cause, now);
        }
    }
    going(me, fields, status, now)
}

fn previous(fields: &mut Fields) -> Result<Previous, ImportError> {
    Ok(match status(fields, "preRestoreStatus")? {
        Some(Status::Running) => Previous::Running,
        Some(Status::Provisioned) => Previous::Provisioned,
        Some(
            Status::Stopped
            | Status::Starting
            | Status::Stopping
            | Status::Restarting
            | Status::Recovering
            | Status::Restoring
            | Status::Destroying,
        )
        | None => Previous::Stopped,
    })
}

fn retained(me: &mut Instance, fields: &mut Fields, policy: &Policy, now: Timestamp) -> Result<(), ImportError> {
    let volume = fields.name("recoveryPreviousVolumeId", VolumeId::new)?;
    let until = fields.time("recoveryPreviousVolumeCleanupAfter")?.unwrap_or(now.plus(policy.retention_ms));
    // A record may name the current volume as retained: an admin has gone back to it.
    if let Some(volume) = volume.filter(|volume| me.volume.as_ref() != Some(volume)) {
        me.dispose(Thing::Volume(volume), Cause::Kept, until);
    }
    Ok(())
}

/// What was to be destroyed still is, unless it is what the instance lives on; in a destroy, so is everything that the record names.
fn going(me: &mut Instance, fields: &mut Fields, status: Status, now: Timestamp) -> Result<(), ImportError> {
    let destroying = status == Status::Destroying;
    let cause = if destroying { Cause::Destroyed } else { Cause::LeftOver };
    let machine = fields.name("pendingDestroyMachineId", MachineId::new)?;
    if let Some(machine) = machine.filter(|machine| destroying || !me.uses_machine(machine)) {
        me.dispose(Thing::Machine(machine), cause.clone(), now);
    }
    let volume = fields.name("pendingDestroyVolumeId", VolumeId::new)?;
    if let Some(volume) = volume.clone().filter(|volume| destroying || !me.uses_volume(volume)) {
        me.dispose(Thing::Volume(volume), cause, now);
    }
    if destroying {
        me.everything_goes(now);
    }
    let attempts: u32 = fields.number("destroyVolumeAttempts", "a count")?.unwrap_or_default();
    let counted =
        me.holdings.entries.iter_mut().find(|entry| entry.volume().is_some() && entry.volume() == volume.as_ref());
    if let Some(entry) = counted {
        entry.attempts = attempts;
    }
    Ok(())
}
