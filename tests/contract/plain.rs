//! A provider over HTTP as short as it can be: what comes back is read as it is, or not at all.

use async_trait::async_trait;
use kiloclaw_lifecycle::adapter::fly::answer::{classify, still_in};
use kiloclaw_lifecycle::call::{CallKind, Content, MachineUpdate, NewMachine, NewVolume, VolumeFilter, WaitFor};
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::guest::Guest;
use kiloclaw_lifecycle::id::{Identity, Image, MachineId, MachineVersion, VolumeId};
use kiloclaw_lifecycle::observe::{
    Exit, HostStatus, Machine, MachineConfig, MachineState, Mount, Snapshot, SnapshotStatus, Volume, VolumeState,
};
use kiloclaw_lifecycle::port::{CreatedMachine, CreatedVolume, Provider};
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
        method: reqwest::Method,
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

    async fn get(&self, kind: CallKind, of: &Identity, path: &str) -> Result<Value, Fault> {
        self.send(kind, reqwest::Method::GET, of, path, None).await
    }

    async fn post(&self, kind: CallKind, of: &Identity, path: &str, body: Value) -> Result<Value, Fault> {
        self.send(kind, reqwest::Method::POST, of, path, Some(body)).await
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

#[async_trait]
impl Provider for Plain {
    async fn get_machine(&self, of: &Identity, wanted: &MachineId) -> Result<Machine, Fault> {
        let seen = self.get(CallKind::GetMachine, of, &format!("machines/{wanted}")).await?;
        machine(&seen).ok_or_else(unreadable)
    }

    async fn list_machines(&self, of: &Identity, metadata: &BTreeMap<String, String>) -> Result<Vec<Machine>, Fault> {
        let labels: Vec<String> = metadata.iter().map(|(key, label)| format!("metadata.{key}={label}")).collect();
        let listed = self.get(CallKind::ListMachines, of, &format!("machines?{}", labels.join("&"))).await?;
        read_all(&listed, machine)
    }

    async fn create_machine(&self, of: &Identity, new: &NewMachine) -> Result<CreatedMachine, Fault> {
        let config = config(new.guest, &new.volume, &new.metadata, new.image.as_ref());
        let body = json!({ "name": new.name, "region": new.region, "config": config });
        let made = self.post(CallKind::CreateMachine, of, "machines", body).await?;
        Ok(CreatedMachine { machine: id(&made, "id").ok_or_else(unreadable)?, region: id(&made, "region") })
    }

    async fn update_machine(&self, of: &Identity, update: &MachineUpdate) -> Result<(), Fault> {
        let config = config(update.guest, &update.volume, &update.metadata, update.image.as_ref());
        let path = format!("machines/{}", update.machine);
        self.post(CallKind::UpdateMachine, of, &path, json!({ "config": config })).await.map(|_| ())
    }

    async fn start_machine(&self, of: &Identity, machine: &MachineId) -> Result<(), Fault> {
        self.post(CallKind::StartMachine, of, &format!("machines/{machine}/start"), json!({})).await.map(|_| ())
    }

    async fn stop_machine(&self, of: &Identity, machine: &MachineId) -> Result<(), Fault> {
        self.post(CallKind::StopMachine, of, &format!("machines/{machine}/stop"), json!({})).await.map(|_| ())
    }

    async fn destroy_machine(&self, of: &Identity, machine: &MachineId) -> Result<(), Fault> {
        let path = format!("machines/{machine}?force=true");
        self.send(CallKind::DestroyMachine, reqwest::Method::DELETE, of, &path, None).await.map(|_| ())
    }

    async fn wait_machine<'a>(
        &self,
        of: &Identity,
        machine: &MachineId,
        version: Option<&'a MachineVersion>,
        state: WaitFor,
        timeout_s: u32,
    ) -> Result<MachineState, Fault> {
        let version = version.map(|version| format!("&version={version}")).unwrap_or_default();
        let path = format!("machines/{machine}/wait?state={}&timeout={timeout_s}{version}", state.state());
        match self.get(CallKind::WaitMachine, of, &path).await {
            Ok(reached) => text(&reached, "state").map(MachineState::from).ok_or_else(unreadable),
            Err(fault) if fault.status == Some(408) => still_in(&fault.message).ok_or(fault),
            Err(fault) => Err(fault),
        }
    }

    async fn get_volume(&self, of: &Identity, wanted: &VolumeId) -> Result<Volume, Fault> {
        let seen = self.get(CallKind::GetVolume, of, &format!("volumes/{wanted}")).await?;
        volume(&seen).ok_or_else(unreadable)
    }

    async fn list_volumes(&self, of: &Identity, filter: &VolumeFilter) -> Result<Vec<Volume>, Fault> {
        let all = read_all(&self.get(CallKind::ListVolumes, of, "volumes").await?, volume)?;
        Ok(all.into_iter().filter(|volume| filter.admits(&volume.name)).collect())
    }

    async fn list_snapshots(&self, of: &Identity, volume: &VolumeId) -> Result<Vec<Snapshot>, Fault> {
        let listed = self.get(CallKind::ListSnapshots, of, &format!("volumes/{volume}/snapshots")).await?;
        read_all(&listed, snapshot)
    }

    async fn create_volume(&self, of: &Identity, new: &NewVolume) -> Result<CreatedVolume, Fault> {
        let mut body = json!({ "name": new.name, "region": new.region, "compute": new.guest });
        match &new.content {
            Content::Empty { size_gb } => body["size_gb"] = json!(size_gb),
            Content::Fork { source } => body["source_volume_id"] = json!(source),
            Content::Snapshot { snapshot, size_gb } => {
                (body["snapshot_id"], body["size_gb"]) = (json!(snapshot), json!(size_gb));
            }
        }
        let made = self.post(CallKind::CreateVolume, of, "volumes", body).await?;
        let seen = volume(&made).ok_or_else(unreadable)?;
        Ok(CreatedVolume { volume: seen.id, region: seen.region, state: seen.state })
    }

    async fn delete_volume(&self, of: &Identity, volume: &VolumeId) -> Result<(), Fault> {
        let path = format!("volumes/{volume}");
        self.send(CallKind::DeleteVolume, reqwest::Method::DELETE, of, &path, None).await.map(|_| ())
    }
}
