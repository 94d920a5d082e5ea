//! Whose machines the calls are about, clients, and one call of each kind.

use crate::server::{Answer, REQUEST, Server};
use kiloclaw_lifecycle::adapter::fly::{FlyApi, FlyConfig, StandardTemplate, Token};
use kiloclaw_lifecycle::call::{CallKind, Content, MachineUpdate, NewMachine, NewVolume, VolumeFilter, WaitFor};
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::guest::Guest;
use kiloclaw_lifecycle::id::{Identity, MachineId, ResourceName, VolumeId};
use kiloclaw_lifecycle::port::Provider;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) type Api = FlyApi<StandardTemplate>;

pub(crate) const TOKEN: &str = "fm2_s3cr3t-token";

pub(crate) fn identity() -> Identity {
    Identity {
        user: "user-1".parse().unwrap(),
        sandbox: "sandbox-1".parse().unwrap(),
        app: Some("app-1".parse().unwrap()),
    }
}

pub(crate) fn machine() -> MachineId {
    "m1".parse().unwrap()
}

pub(crate) fn volume() -> VolumeId {
    "vol_1".parse().unwrap()
}

pub(crate) fn name(text: &str) -> ResourceName {
    text.parse().unwrap()
}

pub(crate) fn labels() -> BTreeMap<String, String> {
    BTreeMap::from([
        ("kiloclaw_sandbox_id".to_string(), "sandbox-1".to_string()),
        ("kiloclaw_user_id".to_string(), "user-1".to_string()),
    ])
}

pub(crate) fn new_machine() -> NewMachine {
    NewMachine {
        name: name("sandbox-1-9"),
        region: Some("fra".parse().unwrap()),
        guest: Guest::STANDARD,
        volume: volume(),
        metadata: labels(),
        image: None,
    }
}

pub(crate) fn update() -> MachineUpdate {
    MachineUpdate { machine: machine(), guest: Guest::STANDARD, volume: volume(), metadata: labels(), image: None }
}

pub(crate) fn new_volume(content: Content) -> NewVolume {
    NewVolume { name: name("kiloclaw_x_1"), region: "fra".parse().unwrap(), guest: Guest::STANDARD, content }
}

/// No limits, no repetitions, short times.
pub(crate) fn config(url: &str) -> FlyConfig {
    let mut config = FlyConfig::new(Token::new(TOKEN).unwrap());
    config.base_url = url.to_string();
    config.limits = None;
    config.read_retries = 0;
    config.read_timeout = Duration::from_secs(10);
    config.mutation_timeout = Duration::from_secs(10);
    config.wait_margin = Duration::from_secs(10);
    config
}

pub(crate) fn template() -> StandardTemplate {
    StandardTemplate::new("registry.fly.io/gateway:7".parse().unwrap())
}

pub(crate) fn client(config: FlyConfig) -> Api {
    FlyApi::new(config, template()).unwrap()
}

pub(crate) async fn api(answers: impl IntoIterator<Item = Answer>) -> (Api, Server) {
    let server = Server::start(answers).await;
    (client(config(&server.url)), server)
}

/// What a call brings, as text.
pub(crate) type Brought = Result<String, Fault>;

/// Makes a call of this kind.
pub(crate) async fn call(api: &Api, kind: CallKind) -> Brought {
    let (of, id, vol) = (identity(), machine(), volume());
    let filter = VolumeFilter::Named(name("kiloclaw_x_1"));
    match kind {
        CallKind::GetMachine => text(api.get_machine(&of, &id).await),
        CallKind::ListMachines => text(api.list_machines(&of, &labels()).await),
        CallKind::CreateMachine => text(api.create_machine(&of, &new_machine()).await),
        CallKind::UpdateMachine => text(api.update_machine(&of, &update()).await),
        CallKind::StartMachine => text(api.start_machine(&of, &id).await),
        CallKind::StopMachine => text(api.stop_machine(&of, &id).await),
        CallKind::DestroyMachine => text(api.destroy_machine(&of, &id).await),
        CallKind::WaitMachine => text(api.wait_machine(&of, &id, None, WaitFor::Started, 1).await),
        CallKind::GetVolume => text(api.get_volume(&of, &vol).await),
        CallKind::ListVolumes => text(api.list_volumes(&of, &filter).await),
        CallKind::ListSnapshots => text(api.list_snapshots(&of, &vol).await),
        CallKind::CreateVolume => text(api.create_volume(&of, &new_volume(Content::Empty { size_gb: 10 })).await),
        CallKind::DeleteVolume => text(api.delete_volume(&of, &vol).await),
        CallKind::ProbeHealth => panic!("a probe is not a call of the provider"),
    }
}

fn text<T: std::fmt::Debug>(brought: Result<T, Fault>) -> Brought {
    brought.map(|brought| format!("{brought:?}"))
}

/// The calls of the provider.
pub(crate) fn kinds() -> impl Iterator<Item = CallKind> {
    CallKind::ALL.iter().copied().filter(|kind| *kind != CallKind::ProbeHealth)
}

/// A fault as an answer of the servers makes it.
pub(crate) fn fault(kind: FaultKind, status: u16, said: &str) -> Fault {
    Fault { kind, status: Some(status), message: format!("{said} [request {REQUEST}]") }
}

pub(crate) fn unreadable(status: u16, why: &str) -> Fault {
    fault(FaultKind::Unknown, status, &format!("unreadable answer: {why}"))
}

/// The machine `m1`, as Fly shows it.
pub(crate) fn shown() -> Value {
    json!({
        "id": "m1",
        "name": "sandbox-1-9",
        "state": "started",
        "region": "fra",
        "instance_id": "01HV",
        "host_status": "ok",
        "config": {
            "image": "registry.fly.io/gateway:7",
            "env": { "A": "b" },
            "guest": { "cpus": 1, "memory_mb": 3072, "cpu_kind": "performance" },
            "mounts": [{ "volume": "vol_1", "path": "/root", "size_gb": 10 }],
            "metadata": labels(),
        },
    })
}

/// The volume `vol_1`, as Fly shows it.
pub(crate) fn shown_volume() -> Value {
    json!({ "id": "vol_1", "name": "kiloclaw_x_1", "state": "created", "region": "fra", "size_gb": 10, "host_status": "ok" })
}

/// The value with one member changed.
pub(crate) fn with(mut value: Value, name: &str, member: Value) -> Value {
    value[name] = member;
    value
}

pub(crate) fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().expect("an object").remove(name);
    value
}
