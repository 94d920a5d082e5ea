//! A driver on the client and the probe: an instance is provisioned and started over HTTP.

use crate::bench::{client, config, identity, shown, shown_volume, with};
use crate::server::{Answer, Server};
use async_trait::async_trait;
use kiloclaw_lifecycle::adapter::fly::{Gateway, GatewayProbe, PrepareError, ProbeConfig, Question};
use kiloclaw_lifecycle::command::{Provision, Spec};
use kiloclaw_lifecycle::id::{Identity, MachineId};
use kiloclaw_lifecycle::testkit::MemoryStore;
use kiloclaw_lifecycle::testkit::mocks::{MockClock, MockEventSink};
use kiloclaw_lifecycle::{Command, Driver, Input, Policy, Status, Timestamp, Verdict, persist};
use serde_json::json;

struct At(String);

#[async_trait]
impl Gateway for At {
    async fn question(&self, of: &Identity, machine: &MachineId) -> Result<Question, PrepareError> {
        Ok(Question { url: format!("{}/{}/{machine}", self.0, of.sandbox), headers: Vec::new() })
    }
}

#[tokio::test]
async fn an_instance_is_started() {
    let server = Server::start([
        Answer::json(200, &json!([])),
        Answer::json(200, &json!([])),
        Answer::json(200, &shown_volume()),
        Answer::json(200, &with(shown(), "state", json!("created"))),
        Answer::json(200, &json!({ "ok": true, "state": "started" })),
        Answer::text(200, "ok"),
    ])
    .await;
    let (mut sink, mut clock, store) = (MockEventSink::new(), MockClock::new(), MemoryStore::new());
    sink.expect_deliver().returning(|_| Ok(()));
    clock.expect_now().returning(|| Timestamp::from_millis(1_770_000_000_000));
    let probe = GatewayProbe::new(At(server.url.clone()), ProbeConfig::default()).unwrap();
    let driver = Driver::new(Policy::default(), client(config(&server.url)), probe, store.clone(), sink, clock);
    let sandbox = identity().sandbox;
    let provision = Provision { identity: identity(), seed: 7, spec: Spec::default() };
    // On another task: its futures may move between threads.
    let started = tokio::spawn(async move {
        let provision = Input::Command(Command::Provision(Box::new(provision)));
        driver.handle(&sandbox, provision).await.unwrap();
        driver.handle(&sandbox, Input::Command(Command::Start { reason: None })).await.unwrap()
    });
    let started = started.await.unwrap();
    assert_eq!((started.verdict, started.interrupted), (Verdict::Applied, None));
    let app = "/v1/apps/app-1";
    let labels = "metadata.kiloclaw_sandbox_id=sandbox-1&metadata.kiloclaw_user_id=user-1";
    let lines = [
        format!("GET {app}/machines?{labels}"),
        format!("GET {app}/volumes"),
        format!("POST {app}/volumes"),
        format!("POST {app}/machines"),
        format!("GET {app}/machines/m1/wait?state=started&timeout=60"),
        "GET /sandbox-1/m1".to_string(),
    ];
    assert_eq!(server.lines(), lines);
    let config = server.seen()[3].json()["config"].clone();
    assert_eq!(config["mounts"], json!([{ "volume": "vol_1", "path": "/root" }]));
    let stored = store.record(&identity().sandbox).unwrap();
    assert_eq!(persist::decode(&stored.record).unwrap().status(), Status::Running);
}
