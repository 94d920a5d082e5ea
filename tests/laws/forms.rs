//! The laws about the forms of a record: stored, flat, flat without what only this library knows, and flat as changed by somebody else.

use crate::laws::{Broken, Seen, bytes, demand, differing, fields};
use crate::run::Run;
use crate::world::Known;
use kiloclaw_lifecycle::persist::{self, flat};
use kiloclaw_lifecycle::{Instance, Status};
use serde_json::{Map, Value};

/// The stored form holds everything.
pub(crate) fn stored(seen: &Seen) -> Result<(), Broken> {
    let Some(next) = &seen.next else { return Ok(()) };
    let text = bytes(Some(next));
    let read = persist::decode(&text).map_err(|error| Broken(format!("cannot be read: {error}\n{text}")))?;
    demand(*read == *next, || format!("reads as another record: {text}"))?;
    demand(bytes(Some(&read)) == text, || format!("is written in another way the second time: {text}"))
}

/// The flat form with `lifecycle` holds everything; without it, it is accepted and names the same volumes.
pub(crate) fn migrated(run: &Run, seen: &Seen) -> Result<(), Broken> {
    let Some(next) = &seen.next else { return Ok(()) };
    let mut record = flat::export(next);
    let read = flat::import(&record, 1, &run.policy, seen.now)
        .map_err(|error| Broken(format!("cannot be imported: {error}\n{record:?}")))?;
    let read = read.ok_or_else(|| Broken("an export is taken for no instance".to_string()))?;
    let (mut one, mut other) = (fields(Some(next)), fields(Some(&read)));
    in_step(&mut one);
    in_step(&mut other);
    let changed = differing(&one, &other);
    demand(changed.is_empty(), || format!("flat: {changed:?} do not survive an export: {one:?} {other:?}"))?;
    demand(flat::export(&read) == record, || "flat: is exported in another way the second time".to_string())?;

    record.remove("lifecycle");
    let read = flat::import(&record, 1, &run.policy, seen.now)
        .map_err(|error| Broken(format!("cannot be imported without lifecycle: {error}\n{record:?}")))?;
    let read = read.ok_or_else(|| Broken("an export without lifecycle is taken for no instance".to_string()))?;
    imported(&record, &read)?;
    let status = if next.status() == Status::Stopping { Status::Running } else { next.status() };
    demand(read.status() == status, || format!("flat: {} is imported as {}", next.status(), read.status()))?;
    let unknown = next.admin_view().identity == read.admin_view().identity;
    demand(unknown, || "flat: the identity does not survive".to_string())?;
    edited(run, seen, next)
}

/// Whoever changes the flat fields has their way, and makes the instance forget nothing.
fn edited(run: &Run, seen: &Seen, next: &Instance) -> Result<(), Broken> {
    let mut record = flat::export(next);
    record.insert("flyVolumeId".to_string(), "v_edited".into());
    record.insert("status".to_string(), "stopped".into());
    let read = flat::import(&record, 1, &run.policy, seen.now)
        .map_err(|error| Broken(format!("cannot be imported after an edit: {error}\n{record:?}")))?;
    let read = read.ok_or_else(|| Broken("an edited export is taken for no instance".to_string()))?;
    demand(read.volume().is_some_and(|volume| volume.as_str() == "v_edited"), || "flat: an edit is lost".to_string())?;
    let (old, new) = (Known::of(next), Known::of(&read));
    // The target of a reassociation is not owned before it is taken.
    let wished = old.pending.clone().filter(|_| next.status() == Status::Stopped);
    let lost = old.volumes.iter().filter(|volume| !new.volumes.contains(volume) && Some(*volume) != wished.as_ref());
    let lost: Vec<_> = lost.collect();
    demand(lost.is_empty(), || format!("flat: an edit makes the instance forget {lost:?}"))?;
    let lost: Vec<_> = old.machines.difference(&new.machines).collect();
    demand(lost.is_empty(), || format!("flat: an edit makes the instance forget {lost:?}"))
}

/// What repeats the flat fields is written anew by each export.
fn in_step(record: &mut Map<String, Value>) {
    if let Some(Value::Object(extra)) = record.get_mut("extra") {
        extra.remove("providerState");
    }
}

/// An imported instance knows everything that its flat record names.
pub(crate) fn imported(record: &Map<String, Value>, instance: &Instance) -> Result<(), Broken> {
    let known = Known::of(instance);
    let named = |key: &str| record.get(key).and_then(Value::as_str);
    demand(known.volume.as_ref().map(|id| id.as_str()) == named("flyVolumeId"), || {
        "the volume is another".to_string()
    })?;
    demand(known.machine.as_ref().map(|id| id.as_str()) == named("flyMachineId"), || {
        "the machine is another".to_string()
    })?;
    let volumes =
        ["pendingRecoveryVolumeId", "recoveryPreviousVolumeId", "pendingRestoreVolumeId", "pendingDestroyVolumeId"];
    for volume in volumes.into_iter().filter_map(named) {
        let is_known = known.volumes.iter().any(|id| id.as_str() == volume);
        demand(is_known, || format!("flat: the import forgets {volume}"))?;
    }
    if let Some(machine) = named("pendingDestroyMachineId") {
        let is_known = known.machines.iter().any(|id| id.as_str() == machine);
        demand(is_known, || format!("flat: the import forgets {machine}"))?;
    }
    let again = flat::export(instance);
    for (key, value) in record.iter().filter(|(key, _)| *key == "nobodyKnows" || *key == "orgId") {
        demand(again.get(key) == Some(value), || format!("flat: {key} does not survive"))?;
    }
    Ok(())
}
