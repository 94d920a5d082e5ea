//! Machines.

use super::{Unreadable, is_about, text, time};
use crate::guest::{CpuKind, Guest};
use crate::id::{Image, MachineId, MachineVersion, Region, ResourceName, VolumeId};
use crate::observe::{Exit, HostStatus, Machine, MachineConfig, MachineState, Mount};
use crate::port::CreatedMachine;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::Value;

/// A machine, the wanted one if one is.
pub(in super::super) fn machine(value: &Value, wanted: Option<&MachineId>) -> Result<Machine, Unreadable> {
    let id = id(value)?;
    is_about(id.as_str(), wanted.map(MachineId::as_str))?;
    let host_status = host_status(value);
    Ok(Machine {
        id,
        name: text(value, "name").and_then(|name| ResourceName::new(name).ok()),
        state: text(value, "state").map(MachineState::from).ok_or(Unreadable("a machine without a state"))?,
        region: text(value, "region").and_then(|region| Region::new(region).ok()),
        version: text(value, "instance_id").and_then(|version| MachineVersion::new(version).ok()),
        config: config(value, &host_status)?,
        host_status,
        updated_at: time(value, "updated_at"),
        exit: exit(value),
    })
}

/// A machine that was just made. Only its id matters: without it nobody would know what to look after.
pub(in super::super) fn created(value: &Value) -> Result<CreatedMachine, Unreadable> {
    let region = text(value, "region").and_then(|region| Region::new(region).ok());
    Ok(CreatedMachine { machine: id(value)?, region })
}

fn id(value: &Value) -> Result<MachineId, Unreadable> {
    let id = text(value, "id").ok_or(Unreadable("a machine without an id"))?;
    MachineId::new(id).map_err(|_| Unreadable("a machine with an impossible id"))
}

/// A configuration is only shown while the host answers, so the one proves the other where it is not said.
fn host_status(value: &Value) -> HostStatus {
    match text(value, "host_status") {
        Some(word) => HostStatus::from(word),
        None if value.get("config").is_some_and(Value::is_object) => HostStatus::Ok,
        None => HostStatus::Unknown,
    }
}

/// What is not shown is unknown, and so is what is shown as empty by a host that does not answer.
fn config(value: &Value, host_status: &HostStatus) -> Result<Option<MachineConfig>, Unreadable> {
    let Some(config) = value.get("config").filter(|config| config.is_object()) else { return Ok(None) };
    let (mounts, metadata) = (mounts(config)?, metadata(config));
    if *host_status != HostStatus::Ok && metadata.is_empty() {
        return Ok(None);
    }
    let guest = config.get("guest").and_then(guest);
    let image = text(config, "image").and_then(|image| Image::new(image).ok());
    Ok(Some(MachineConfig { mounts, metadata, guest, image }))
}

fn mounts(config: &Value) -> Result<Vec<Mount>, Unreadable> {
    match config.get("mounts") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(mounts) => mounts.as_array().ok_or(Unreadable("mounts that are no list"))?.iter().map(mount).collect(),
    }
}

/// A mount whose volume cannot be read must not look as if nothing were mounted.
fn mount(value: &Value) -> Result<Mount, Unreadable> {
    let volume = text(value, "volume").ok_or(Unreadable("a mount without a volume"))?;
    let volume = VolumeId::new(volume).map_err(|_| Unreadable("a mount with an impossible volume"))?;
    Ok(Mount { volume, path: text(value, "path").unwrap_or_default().to_string() })
}

/// Labels that are texts; ours are.
pub(super) fn metadata(config: &Value) -> BTreeMap<String, String> {
    let labels = config.get("metadata").and_then(Value::as_object).into_iter().flatten();
    labels.filter_map(|(key, label)| Some((key.clone(), label.as_str()?.to_string()))).collect()
}

/// `None` for sizes this library does not make.
fn guest(value: &Value) -> Option<Guest> {
    let number = |name: &str| value.get(name).and_then(Value::as_u64);
    let cpu_kind = match text(value, "cpu_kind") {
        Some("shared") => Some(CpuKind::Shared),
        Some("performance") => Some(CpuKind::Performance),
        Some(_) | None => None,
    };
    Guest::new(number("cpus")?, number("memory_mb")?, cpu_kind).ok()
}

/// The newest of the ends that the events tell of. They come newest first, and each says when it was.
fn exit(value: &Value) -> Option<Exit> {
    let events = value.get("events").and_then(Value::as_array)?;
    let when = |event: &Value| event.get("timestamp").and_then(Value::as_u64).unwrap_or_default();
    let ends = events.iter().rev().filter_map(|event| Some((when(event), end_in(event)?)));
    let (_, end) = ends.max_by_key(|(at, _)| *at)?;
    let says = |name: &str| end.get(name).and_then(Value::as_bool).unwrap_or_default();
    Some(Exit {
        code: end.get("exit_code").and_then(Value::as_i64).and_then(|code| i32::try_from(code).ok()),
        oom_killed: says("oom_killed"),
        requested_stop: says("requested_stop"),
    })
}

fn end_in(event: &Value) -> Option<&Value> {
    let request = event.get("request")?;
    let monitored = request.get("MonitorEvent").and_then(|monitor| monitor.get("exit_event"));
    monitored.filter(|end| end.is_object()).or_else(|| request.get("exit_event").filter(|end| end.is_object()))
}
