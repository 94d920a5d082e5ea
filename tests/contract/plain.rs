//! A provider over HTTP as short as it can be: what comes back is read as it is, or not at all.

use async_trait::async_trait;
use kiloclaw_lifecycle::adapter::fly::answer::{classify, still_in};
use kiloclaw_lifecycle::call::{CallKind, Content, Done, NewVolume};
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::guest::Guest;
use kiloclaw_lifecycle::id::{Identity, Image, VolumeId};
use kiloclaw_lifecycle::observe::{
    Exit, HostStatus, Machine, MachineConfig, MachineState, Mount, Snapshot, SnapshotStatus, Volume, VolumeState,
};
use kiloclaw_lifecycle::testkit::{Answers, Request};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) struct Plain {
    pub(crate) client: reqwest::Client,
    pub(crate) base: String,
}

fn unreadable() -> Fault {
    Fault::new(FaultKind::Unknown, Some(200), "unreadable answer")
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

fn id<T: TryFrom<String>>(value: &Value, name: &str) -> Option<T> {
    T::try_from(text(value, name)?.to_string()).ok()
}

impl Plain {
    async fn send(
        &self,
        kind: CallKind,
        method: Method,
        of: &Identity,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Fault> {
        let app = of.app.as_ref().expect("an app");
        let mut request = self.client.request(method, format!("{}/v1/apps/{app}/{path}", self.base));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let Ok(response) = request.send().await else { return Err(Fault::lost()) };
        let status = response.status().as_u16();
        let Ok(text) = response.text().await else { return Err(Fault::lost()) };
        match status {
            200..=299 => serde_json::from_str(&text).map_err(|_| unreadable()),
            _ => Err(classify(kind, Some(status), &text)),
        }
    }
}

fn read_all<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, Fault> {
    let items = value.as_array().ok_or_else(unreadable)?;
    items.iter().map(|item| read(item).ok_or_else(unreadable)).collect()
}

fn machine(value: &Value) -> Option<Machine> {
    let config = value.get("config").filter(|config| config.is_object());
    Some(Machine {
        id: id(value, "id")?,
        name: id(value, "name"),
        state: MachineState::from(text(value, "state")?),
        region: id(value, "region"),
        version: id(value, "instance_id"),
        config: config.and_then(machine_config),
        host_status: HostStatus::from(text(value, "host_status")?),
        updated_at: None,
        exit: value.get("events").and_then(Value::as_array).and_then(|events| events.iter().find_map(exit)),
    })
}

fn machine_config(config: &Value) -> Option<MachineConfig> {
    let mounts = config.get("mounts")?.as_array()?.iter();
    let mount = |mount: &Value| Some(Mount { volume: id(mount, "volume")?, path: text(mount, "path")?.to_string() });
    let labels = config.get("metadata")?.as_object()?.iter();
    Some(MachineConfig {
        mounts: mounts.map(mount).collect::<Option<_>>()?,
        metadata: labels.map(|(key, label)| Some((key.clone(), label.as_str()?.to_string()))).collect::<Option<_>>()?,
        guest: serde_json::from_value::<Guest>(config.get("guest")?.clone()).ok(),
        image: id::<Image>(config, "image"),
    })
}

fn exit(event: &Value) -> Option<Exit> {
    let exit = event.get("request")?.get("exit_event")?;
    Some(Exit {
        code: exit.get("exit_code").and_then(Value::as_i64).and_then(|code| code.try_into().ok()),
        oom_killed: exit.get("oom_killed")?.as_bool()?,
        requested_stop: exit.get("requested_stop")?.as_bool()?,
    })
}

fn volume(value: &Value) -> Option<Volume> {
    Some(Volume {
        id: id(value, "id")?,
        name: text(value, "name")?.to_string(),
        state: VolumeState::from(text(value, "state")?),
        region: id(value, "region"),
        size_gb: value.get("size_gb").and_then(Value::as_u64).and_then(|size| size.try_into().ok()),
        attached_machine: id(value, "attached_machine_id"),
        host_status: HostStatus::from(text(value, "host_status")?),
        created_at: None,
    })
}

fn snapshot(value: &Value) -> Option<Snapshot> {
    let bytes = value.get("volume_size")?.as_u64()?;
    Some(Snapshot {
        id: id(value, "id")?,
        status: SnapshotStatus::from(text(value, "status")?),
        size_gb: u32::try_from(bytes >> 30).ok(),
    })
}

fn config(guest: Guest, volume: &VolumeId, metadata: &BTreeMap<String, String>, image: Option<&Image>) -> Value {
    json!({
        "guest": guest, "mounts": [{ "volume": volume, "path": "/root" }], "metadata": metadata, "image": image,
        "env": { "SECRET": "s3cr3t" },
    })
}

fn made_machine(made: &Value) -> Option<Done> {
    Some(Done::MachineCreated { machine: id(made, "id")?, region: id(made, "region") })
}

fn made_volume(made: &Value) -> Option<Done> {
    let seen = volume(made)?;
    Some(Done::VolumeCreated { volume: seen.id, region: seen.region, state: seen.state })
}

#[async_trait]
impl Answers for Plain {
    async fn answer(&self, of: &Identity, request: &Request) -> Result<Done, Fault> {
        let (method, path, body) = sent(request);
        let answer = self.send(request.kind(), method, of, &path, body).await;
        match request {
            Request::GetMachine(_) => {
                machine(&answer?).map(|seen| Done::Machine(Box::new(seen))).ok_or_else(unreadable)
            }
            Request::ListMachines(_) => read_all(&answer?, machine).map(Done::Machines),
            Request::CreateMachine(_) => made_machine(&answer?).ok_or_else(unreadable),
            Request::WaitMachine { .. } => waited(answer),
            Request::GetVolume(_) => volume(&answer?).map(|seen| Done::Volume(Box::new(seen))).ok_or_else(unreadable),
            Request::ListVolumes(filter) => {
                let mut all = read_all(&answer?, volume)?;
                all.retain(|volume| filter.admits(&volume.name));
                Ok(Done::Volumes(all))
            }
            Request::ListSnapshots(_) => read_all(&answer?, snapshot).map(Done::Snapshots),
            Request::CreateVolume(_) => made_volume(&answer?).ok_or_else(unreadable),
            Request::UpdateMachine(_)
            | Request::StartMachine(_)
            | Request::StopMachine(_)
            | Request::DestroyMachine(_)
            | Request::DeleteVolume(_) => answer.map(|_| Done::Accepted),
            Request::ProbeHealth { .. } => unreachable!("the suite asks for no health"),
        }
    }
}

fn waited(answer: Result<Value, Fault>) -> Result<Done, Fault> {
    let state = match answer {
        Ok(reached) => text(&reached, "state").map(MachineState::from).ok_or_else(unreadable),
        Err(fault) if fault.status == Some(408) => still_in(&fault.message).ok_or(fault),
        Err(fault) => Err(fault),
    };
    state.map(|state| Done::Waited { state })
}

/// Method, path below the app, and body.
fn sent(request: &Request) -> (Method, String, Option<Value>) {
    match request {
        Request::GetMachine(machine) => (Method::GET, format!("machines/{machine}"), None),
        Request::ListMachines(metadata) => {
            let labels: Vec<String> = metadata.iter().map(|(key, label)| format!("metadata.{key}={label}")).collect();
            (Method::GET, format!("machines?{}", labels.join("&")), None)
        }
        Request::CreateMachine(new) => {
            let config = config(new.guest, &new.volume, &new.metadata, new.image.as_ref());
            let body = json!({ "name": new.name, "region": new.region, "config": config });
            (Method::POST, "machines".to_string(), Some(body))
        }
        Request::UpdateMachine(update) => {
            let config = config(update.guest, &update.volume, &update.metadata, update.image.as_ref());
            (Method::POST, format!("machines/{}", update.machine), Some(json!({ "config": config })))
        }
        Request::StartMachine(machine) => (Method::POST, format!("machines/{machine}/start"), Some(json!({}))),
        Request::StopMachine(machine) => (Method::POST, format!("machines/{machine}/stop"), Some(json!({}))),
        Request::DestroyMachine(machine) => (Method::DELETE, format!("machines/{machine}?force=true"), None),
        Request::WaitMachine { machine, version, state, timeout_s } => {
            let version = version.as_ref().map(|version| format!("&version={version}")).unwrap_or_default();
            let path = format!("machines/{machine}/wait?state={}&timeout={timeout_s}{version}", state.state());
            (Method::GET, path, None)
        }
        Request::GetVolume(volume) => (Method::GET, format!("volumes/{volume}"), None),
        Request::ListVolumes(_) => (Method::GET, "volumes".to_string(), None),
        Request::ListSnapshots(volume) => (Method::GET, format!("volumes/{volume}/snapshots"), None),
        Request::CreateVolume(new) => (Method::POST, "volumes".to_string(), Some(new_volume(new))),
        Request::DeleteVolume(volume) => (Method::DELETE, format!("volumes/{volume}"), None),
        Request::ProbeHealth { .. } => unreachable!("the suite asks for no health"),
    }
}

fn new_volume(new: &NewVolume) -> Value {
    let mut body = json!({ "name": new.name, "region": new.region, "compute": new.guest });
    match &new.content {
        Content::Empty { size_gb } => body["size_gb"] = json!(size_gb),
        Content::Fork { source } => body["source_volume_id"] = json!(source),
        Content::Snapshot { snapshot, size_gb } => {
            (body["snapshot_id"], body["size_gb"]) = (json!(snapshot), json!(size_gb));
        }
    }
    body
}
