//! What the host adds to a machine, and what of it wins.

use crate::bench::{config, identity, labels, new_machine, shown, update, volume};
use crate::server::{Answer, Server};
use async_trait::async_trait;
use kiloclaw_lifecycle::adapter::fly::{Draft, FlyApi, MachineSettings, MachineTemplate, PrepareError};
use kiloclaw_lifecycle::call::{MachineUpdate, NewMachine};
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::guest::Guest;
use kiloclaw_lifecycle::id::Identity;
use kiloclaw_lifecycle::port::Provider;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Settings that are the same each time, and what was asked for.
#[derive(Clone)]
struct Fixed {
    answer: Result<MachineSettings, PrepareError>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Fixed {
    fn new(answer: Result<MachineSettings, PrepareError>) -> Self {
        Self { answer, asked: Arc::default() }
    }

    fn config(config: &Value) -> Self {
        let config = config.as_object().expect("an object").clone();
        Self::new(Ok(MachineSettings { config, min_secrets_version: None }))
    }
}

#[async_trait]
impl MachineTemplate for Fixed {
    async fn settings(&self, of: &Identity, draft: Draft<'_>) -> Result<MachineSettings, PrepareError> {
        let Draft { machine, image, guest, .. } = draft;
        let asked = format!("{} {machine:?} {image:?} {}", of.sandbox, guest.memory_mb());
        self.asked.lock().unwrap().push(asked);
        self.answer.clone()
    }
}

async fn with_template(template: Fixed, answers: usize) -> (FlyApi<Fixed>, Server) {
    let server = Server::start((0..answers).map(|_| Answer::json(200, &shown()))).await;
    (FlyApi::new(config(&server.url), template).unwrap(), server)
}

#[tokio::test]
async fn what_the_core_has_decided_wins() {
    let theirs = Fixed::config(&json!({
        "image": "their/image:1",
        "env": { "KEY": "value" },
        "guest": { "cpus": 8, "gpu_kind": "a100" },
        "mounts": [{ "volume": "vol_other", "path": "/elsewhere" }],
        "metadata": { "kiloclaw_sandbox_id": "sandbox-2", "team": "red" },
        "restart": { "policy": "no" },
        "stop_config": { "signal": "SIGTERM", "timeout": "30s" },
        "init": { "cmd": ["serve"] },
    }));
    let (api, server) = with_template(theirs, 1).await;
    let image = Some("ours:2".parse().unwrap());
    api.create_machine(&identity(), &NewMachine { image, ..new_machine() }).await.unwrap();
    let mut metadata = json!(labels());
    metadata["team"] = json!("red");
    let body = json!({
        "name": "sandbox-1-9",
        "region": "fra",
        "config": {
            "image": "their/image:1",
            "env": { "KEY": "value" },
            "guest": { "cpus": 1, "memory_mb": 3072, "cpu_kind": "performance" },
            "mounts": [{ "volume": volume(), "path": "/root" }],
            "metadata": metadata,
            "restart": { "policy": "no" },
            "stop_config": { "signal": "SIGTERM", "timeout": "30s" },
            "init": { "cmd": ["serve"] },
        },
    });
    assert_eq!(server.only().json(), body, "the host may put the instance's image under another name");
}

#[tokio::test]
async fn without_an_image_the_instance_s_is_used_and_without_that_nothing_is_sent() {
    for nothing in [json!({}), json!({ "image": null, "metadata": "odd" })] {
        let (api, server) = with_template(Fixed::config(&nothing), 1).await;
        let refused = api.create_machine(&identity(), &new_machine()).await.unwrap_err();
        let text = "neither the instance nor the host names an image";
        assert_eq!(refused, Fault::new(FaultKind::Refused, None, text));
        assert_eq!(api.update_machine(&identity(), &update()).await.unwrap_err(), refused);
        let image = Some("ours:2".parse().unwrap());
        api.create_machine(&identity(), &NewMachine { image, ..new_machine() }).await.unwrap();
        assert_eq!(server.only().json()["config"]["image"], json!("ours:2"));
    }
}

#[tokio::test]
async fn the_host_is_told_what_the_machine_is_for() {
    let settings =
        MachineSettings { config: json!({ "image": "i" }).as_object().unwrap().clone(), min_secrets_version: Some(12) };
    let template = Fixed::new(Ok(settings));
    let (api, server) = with_template(template.clone(), 2).await;
    let guest = Guest::new(1, 256, None).unwrap();
    let image = Some("ours:2".parse().unwrap());
    api.create_machine(&identity(), &NewMachine { guest, ..new_machine() }).await.unwrap();
    api.update_machine(&identity(), &MachineUpdate { image, ..update() }).await.unwrap();
    let asked = template.asked.lock().unwrap().clone();
    assert_eq!(asked, ["sandbox-1 None None 256", "sandbox-1 Some(MachineId(\"m1\")) Some(Image(\"ours:2\")) 3072"]);
    let versions: Vec<Value> = server.seen().iter().map(|seen| seen.json()["min_secrets_version"].clone()).collect();
    assert_eq!(versions, [json!(12), json!(12)]);
}

#[tokio::test]
async fn a_host_that_cannot_say_keeps_the_call_from_being_made() {
    for (error, kind, text) in [
        (
            PrepareError::Unavailable("the vault is sealed".to_string()),
            FaultKind::Busy,
            "not asked: the vault is sealed",
        ),
        (PrepareError::Refused("no such plan".to_string()), FaultKind::Refused, "not asked: no such plan"),
    ] {
        let (api, server) = with_template(Fixed::new(Err(error)), 0).await;
        let fault = Fault::new(kind, None, text);
        assert_eq!(api.create_machine(&identity(), &new_machine()).await, Err(fault.clone()));
        assert_eq!(api.update_machine(&identity(), &update()).await, Err(fault));
        assert_eq!(server.seen().len(), 0);
    }
}

/// Never says anything.
struct Silent;

#[async_trait]
impl MachineTemplate for Silent {
    async fn settings(&self, _: &Identity, _: Draft<'_>) -> Result<MachineSettings, PrepareError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_host_that_says_nothing_does_not_hold_up_the_call() {
    let server = Server::start([]).await;
    let mut config = config(&server.url);
    config.mutation_timeout = Duration::from_millis(50);
    let api = FlyApi::new(config, Silent).unwrap();
    let late = Fault::new(FaultKind::Busy, None, "not asked: the host's settings did not come in time");
    assert_eq!(api.create_machine(&identity(), &new_machine()).await, Err(late));
    assert_eq!(server.seen().len(), 0);
}
