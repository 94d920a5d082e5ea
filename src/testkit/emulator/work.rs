//! What a request asks for, read off its path, its query and its body.
//!
//! *Knows nothing of* the state of the world.

use super::fields::{Fields, body};
use super::http::{Answer, Asked};
use super::route::Route;
use crate::call::{Content, MachineUpdate, NewMachine, NewVolume};
use crate::guest::{CpuKind, Guest};
use crate::id::{Image, MachineId, Region, ResourceName, SnapshotId, VolumeId};
use crate::testkit::request::Request;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Value, json};

/// What is to be done.
#[derive(Clone)]
pub(super) enum Work {
    App,
    Ask(Request),
    /// With the whole configuration, of which the world knows only a part.
    Make(Box<NewMachine>, Value),
    Configure(Box<MachineUpdate>, Value, Option<String>),
    /// Running ones as well, or only those that do not run.
    Destroy(MachineId, bool),
    List(Wanted),
    ListVolumes,
    Wait(Wait),
    Events(MachineId, usize),
    /// With what the client wants beyond what the world knows.
    MakeVolume(Box<NewVolume>, Value),
    TakeSnapshot(VolumeId),
}

/// Which machines a list holds.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) deleted: bool,
    pub(super) states: Vec<String>,
    pub(super) region: Option<String>,
    pub(super) summary: bool,
}

/// A wait.
#[derive(Clone)]
pub(super) struct Wait {
    pub(super) machine: MachineId,
    pub(super) version: Option<String>,
    pub(super) states: Vec<String>,
    pub(super) timeout_s: u64,
}

const MACHINE_STATES: [&str; 6] = ["started", "stopped", "suspended", "destroyed", "failed", "settled"];

/// What the request asks for, or why it cannot be served.
pub(super) fn read(number: u64, route: &Route, asked: &Asked) -> Result<Work, Answer> {
    match route {
        Route::App => Ok(Work::App),
        Route::ListMachines => Ok(Work::List(wanted(asked))),
        Route::CreateMachine => invalid(new_machine(number, &asked.body)),
        Route::GetMachine(id) => Ok(Work::Ask(Request::GetMachine(machine(id)?))),
        Route::UpdateMachine(id) => invalid(update(machine(id)?, &asked.body)),
        Route::DestroyMachine(id) => Ok(Work::Destroy(machine(id)?, is_yes(asked, "force"))),
        Route::StartMachine(id) => Ok(Work::Ask(Request::StartMachine(machine(id)?))),
        Route::StopMachine(id) => {
            invalid(body(&asked.body))?;
            Ok(Work::Ask(Request::StopMachine(machine(id)?)))
        }
        Route::WaitMachine(id) => {
            let machine = machine(id)?;
            invalid(wait(machine, asked))
        }
        Route::ListEvents(id) => {
            let limit = asked.asks("limit").and_then(|limit| limit.parse().ok()).unwrap_or(20);
            Ok(Work::Events(machine(id)?, limit.clamp(1, 50)))
        }
        Route::ListVolumes => Ok(Work::ListVolumes),
        Route::CreateVolume => invalid(new_volume(&asked.body)),
        Route::GetVolume(id) => Ok(Work::Ask(Request::GetVolume(volume(id)?))),
        Route::DeleteVolume(id) => Ok(Work::Ask(Request::DeleteVolume(volume(id)?))),
        Route::ListSnapshots(id) => Ok(Work::Ask(Request::ListSnapshots(volume(id)?))),
        Route::TakeSnapshot(id) => Ok(Work::TakeSnapshot(volume(id)?)),
    }
}

fn invalid<T>(read: Result<T, String>) -> Result<T, Answer> {
    read.map_err(|why| Answer::error(400, format!("invalid_argument: {why}")))
}

/// What cannot be the id of a machine is not the id of one.
fn machine(id: &str) -> Result<MachineId, Answer> {
    MachineId::new(id).map_err(|_| Answer::error(404, "machine not found"))
}

fn volume(id: &str) -> Result<VolumeId, Answer> {
    VolumeId::new(id).map_err(|_| Answer::error(404, "volume not found"))
}

fn is_yes(asked: &Asked, name: &str) -> bool {
    asked.asks(name).is_some_and(|value| ["true", "1"].contains(&value.as_str()))
}

fn wanted(asked: &Asked) -> Wanted {
    let label = |(name, value): (String, String)| Some((name.strip_prefix("metadata.")?.to_string(), value));
    let words = |list: String| list.split(',').map(ToString::to_string).collect();
    Wanted {
        labels: asked.query().into_iter().filter_map(label).collect(),
        deleted: is_yes(asked, "include_deleted"),
        states: asked.asks("state").map(words).unwrap_or_default(),
        region: asked.asks("region"),
        summary: is_yes(asked, "summary"),
    }
}

fn wait(machine: MachineId, asked: &Asked) -> Result<Work, String> {
    let states = asked.query().into_iter().filter(|(name, _)| name == "state");
    let mut states: Vec<String> =
        states.flat_map(|(_, words)| words.split(',').map(ToString::to_string).collect::<Vec<_>>()).collect();
    if states.is_empty() {
        states.push("started".to_string());
    }
    if let Some(state) = states.iter().find(|state| !MACHINE_STATES.contains(&state.as_str())) {
        return Err(format!("state: expected one of {}, got {state:?}", MACHINE_STATES.join(", ")));
    }
    let timeout = asked.asks("timeout").unwrap_or_else(|| "60".to_string());
    let seconds = timeout.trim_end_matches('s').parse().ok().filter(|seconds| (1..=60).contains(seconds));
    let timeout_s = seconds.ok_or_else(|| format!("timeout {timeout:?}: value must be inside range [1s, 1m0s]"))?;
    let version = asked.asks("version").or_else(|| asked.asks("instance_id"));
    Ok(Work::Wait(Wait { machine, version, states, timeout_s }))
}

/// What a machine is configured with, as far as the world knows it.
struct Config {
    guest: Guest,
    volume: VolumeId,
    metadata: BTreeMap<String, String>,
    image: Option<Image>,
    whole: Value,
}

fn config(of: &Fields<'_>) -> Result<Config, String> {
    for unserved in ["skip_launch", "lease_ttl"] {
        if of.get(unserved).is_some_and(|value| ![json!(false), json!(0)].contains(value)) {
            return Err(format!("{unserved}: is not emulated"));
        }
    }
    let config = of.object("config")?;
    let config = of.need("config", "an object", config)?;
    let mounts = config.objects("mounts")?.unwrap_or_default();
    let [mount] = mounts.as_slice() else { return Err("config.mounts: expected one volume".to_string()) };
    let volume = mount.parsed("volume", VolumeId::new)?;
    mount.need("path", "text", mount.text("path")?)?;
    let image = config.parsed("image", Image::new)?;
    Ok(Config {
        guest: guest(&config, "guest")?,
        volume: mount.need("volume", "the id of a volume", volume)?,
        metadata: config.texts("metadata")?,
        image: Some(config.need("image", "text", image)?),
        whole: of.get("config").cloned().unwrap_or_default(),
    })
}

/// The smallest one where nothing is said.
fn guest(of: &Fields<'_>, name: &str) -> Result<Guest, String> {
    let Some(guest) = of.object(name)? else {
        return Guest::new(1, 256, Some(CpuKind::Shared)).map_err(|error| error.to_string());
    };
    let kind = guest.parsed("cpu_kind", |word| match word {
        "shared" => Ok(CpuKind::Shared),
        "performance" => Ok(CpuKind::Performance),
        _ => Err(format!("expected shared or performance, got {word:?}")),
    })?;
    let (cpus, memory) = (guest.whole("cpus")?.unwrap_or(1), guest.whole("memory_mb")?.unwrap_or(256));
    Guest::new(cpus, memory, kind).map_err(|error| error.to_string())
}

fn new_machine(number: u64, bytes: &[u8]) -> Result<Work, String> {
    let body = body(bytes)?;
    let fields = Fields::of(&body)?;
    let config = config(&fields)?;
    let name = fields.parsed("name", ResourceName::new)?;
    let made_up = || ResourceName::new(format!("machine-{number}")).map_err(|error| error.to_string());
    let new = NewMachine {
        name: name.map_or_else(made_up, Ok)?,
        region: fields.parsed("region", Region::new)?,
        guest: config.guest,
        volume: config.volume,
        metadata: config.metadata,
        image: config.image,
    };
    Ok(Work::Make(Box::new(new), config.whole))
}

fn update(machine: MachineId, bytes: &[u8]) -> Result<Work, String> {
    let body = body(bytes)?;
    let fields = Fields::of(&body)?;
    let config = config(&fields)?;
    let expected = fields.text("current_version")?.map(ToString::to_string);
    let update = MachineUpdate {
        machine,
        guest: config.guest,
        volume: config.volume,
        metadata: config.metadata,
        image: config.image,
    };
    Ok(Work::Configure(Box::new(update), config.whole, expected))
}

fn new_volume(bytes: &[u8]) -> Result<Work, String> {
    let body = body(bytes)?;
    let fields = Fields::of(&body)?;
    let name = fields.parsed("name", volume_name)?;
    let region = fields.parsed("region", Region::new)?;
    let size_gb = fields.whole_u32("size_gb")?;
    let size = size_gb.unwrap_or(3);
    if !(1..=500).contains(&size) {
        return Err(format!("size_gb: expected 1 to 500, got {size}"));
    }
    let source = fields.parsed("source_volume_id", VolumeId::new)?;
    let content = match (source, fields.parsed("snapshot_id", SnapshotId::new)?) {
        (Some(_), Some(_)) => return Err("snapshot_id: expected nothing beside source_volume_id".to_string()),
        (Some(source), None) => Content::Fork { source },
        (None, Some(snapshot)) => Content::Snapshot { snapshot, size_gb: size },
        (None, None) => Content::Empty { size_gb: size },
    };
    let new = NewVolume {
        name: fields.need("name", "text", name)?,
        region: fields.need("region", "text", region)?,
        guest: guest(&fields, "compute")?,
        content,
    };
    let kept = json!({
        "encrypted": fields.yes_or_no("encrypted")?.unwrap_or(true),
        "auto_backup_enabled": fields.yes_or_no("auto_backup_enabled")?.unwrap_or(true),
        "snapshot_retention": fields.whole("snapshot_retention")?.unwrap_or(5),
        "fstype": fields.text("fstype")?.unwrap_or("ext4"),
    });
    Ok(Work::MakeVolume(Box::new(new), kept))
}

fn volume_name(name: &str) -> Result<ResourceName, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.len() > 30 || !name.chars().all(fits) {
        return Err(format!("expected at most 30 of a-z 0-9 _, got {name:?}"));
    }
    ResourceName::new(name).map_err(|error| error.to_string())
}
