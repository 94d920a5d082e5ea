//! What each call sends, to the letter.

use crate::bench::{
    TOKEN, api, call, client, config, identity, machine, name, new_machine, new_volume, shown, shown_volume, update,
    volume,
};
use crate::server::{Answer, Server};
use kiloclaw_lifecycle::adapter::fly::{FlyApi, Token};
use kiloclaw_lifecycle::call::{CallKind, Content, NewMachine, VolumeFilter, WaitFor};
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::guest::{CpuKind, Guest};
use kiloclaw_lifecycle::id::Identity;
use kiloclaw_lifecycle::port::Provider;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_string(), value.to_string())
}

/// One request without a body, whose answer is good.
async fn bare(kind: CallKind, answer: Value, line: &str) {
    let (api, server) = api([Answer::json(200, &answer)]).await;
    call(&api, kind).await.unwrap_or_else(|fault| panic!("{kind}: {fault}"));
    let seen = server.only();
    assert_eq!((seen.line().as_str(), seen.body.as_str()), (line, ""), "{kind}");
    let host = server.url.trim_start_matches("http://").to_string();
    let mut headers = BTreeMap::from([
        header("accept", "application/json"),
        header("authorization", &format!("FlyV1 {TOKEN}")),
        header("host", &host),
        header("user-agent", concat!("kiloclaw-lifecycle/", env!("CARGO_PKG_VERSION"))),
    ]);
    if seen.method == "POST" {
        headers.insert("content-length".to_string(), "0".to_string());
    }
    assert_eq!(seen.headers, headers, "{kind}");
}

#[tokio::test]
async fn calls_without_a_body() {
    let app = "/v1/apps/app-1";
    let ok = json!({ "ok": true });
    bare(CallKind::GetMachine, shown(), &format!("GET {app}/machines/m1")).await;
    let query = "metadata.kiloclaw_sandbox_id=sandbox-1&metadata.kiloclaw_user_id=user-1";
    bare(CallKind::ListMachines, json!([]), &format!("GET {app}/machines?{query}")).await;
    bare(CallKind::StartMachine, ok.clone(), &format!("POST {app}/machines/m1/start")).await;
    bare(CallKind::DestroyMachine, ok.clone(), &format!("DELETE {app}/machines/m1?force=true")).await;
    let wait = format!("GET {app}/machines/m1/wait?state=started&timeout=1");
    bare(CallKind::WaitMachine, ok, &wait).await;
    bare(CallKind::GetVolume, shown_volume(), &format!("GET {app}/volumes/vol_1")).await;
    bare(CallKind::ListVolumes, json!([]), &format!("GET {app}/volumes")).await;
    bare(CallKind::ListSnapshots, json!([]), &format!("GET {app}/volumes/vol_1/snapshots")).await;
    bare(CallKind::DeleteVolume, shown_volume(), &format!("DELETE {app}/volumes/vol_1")).await;
}

/// One request with a body, whose answer is good.
async fn with_body(kind: CallKind, answer: Value, line: &str, body: Value) {
    let (api, server) = api([Answer::json(200, &answer)]).await;
    call(&api, kind).await.unwrap_or_else(|fault| panic!("{kind}: {fault}"));
    let seen = server.only();
    assert_eq!((seen.line().as_str(), seen.json()), (line, body), "{kind}");
    assert_eq!(seen.headers.get("content-type").map(String::as_str), Some("application/json"));
    assert_eq!(seen.headers.get("authorization"), Some(&format!("FlyV1 {TOKEN}")));
}

fn standard_config() -> Value {
    json!({
        "image": "registry.fly.io/gateway:7",
        "env": {},
        "guest": { "cpus": 1, "memory_mb": 3072, "cpu_kind": "performance" },
        "mounts": [{ "volume": "vol_1", "path": "/root" }],
        "metadata": { "kiloclaw_sandbox_id": "sandbox-1", "kiloclaw_user_id": "user-1" },
        "services": [{
            "protocol": "tcp",
            "internal_port": 18789,
            "ports": [{ "port": 443, "handlers": ["tls", "http"] }],
            "autostart": false,
            "autostop": "off",
        }],
        "checks": { "controller": {
            "type": "http",
            "port": 18789,
            "method": "GET",
            "path": "/_kilo/health",
            "interval": "30s",
            "timeout": "5s",
            "grace_period": "120s",
        } },
    })
}

#[tokio::test]
async fn calls_with_a_body() {
    let machines = "POST /v1/apps/app-1/machines";
    let create = json!({ "name": "sandbox-1-9", "region": "fra", "config": standard_config() });
    with_body(CallKind::CreateMachine, shown(), machines, create).await;
    let update = json!({ "config": standard_config() });
    with_body(CallKind::UpdateMachine, shown(), &format!("{machines}/m1"), update).await;
    with_body(CallKind::StopMachine, json!({ "ok": true }), &format!("{machines}/m1/stop"), json!({})).await;
    let volume = json!({
        "name": "kiloclaw_x_1",
        "region": "fra",
        "size_gb": 10,
        "encrypted": true,
        "require_unique_zone": false,
        "compute": { "cpus": 1, "memory_mb": 3072, "cpu_kind": "performance" },
    });
    with_body(CallKind::CreateVolume, shown_volume(), "POST /v1/apps/app-1/volumes", volume).await;
}

#[tokio::test]
async fn a_volume_says_where_its_content_comes_from() {
    let compute = json!({ "cpus": 1, "memory_mb": 3072, "cpu_kind": "performance" });
    let rows = [
        (
            Content::Fork { source: volume() },
            json!({ "name": "kiloclaw_x_1", "region": "fra", "source_volume_id": "vol_1", "require_unique_zone": false,
                    "compute": compute, "snapshot_retention": 7 }),
        ),
        (
            Content::Snapshot { snapshot: "vs_1".parse().unwrap(), size_gb: 11 },
            json!({ "name": "kiloclaw_x_1", "region": "fra", "snapshot_id": "vs_1", "size_gb": 11, "encrypted": true,
                    "require_unique_zone": false, "compute": compute, "snapshot_retention": 7 }),
        ),
    ];
    for (content, body) in rows {
        let server = Server::start([Answer::json(200, &shown_volume())]).await;
        let mut config = config(&server.url);
        config.snapshot_retention_days = Some(7);
        client(config).create_volume(&identity(), &new_volume(content)).await.unwrap();
        assert_eq!(server.only().json(), body);
    }
}

#[tokio::test]
async fn what_is_not_decided_is_left_out() {
    let server = Server::start([Answer::json(200, &shown()), Answer::json(200, &shown())]).await;
    let mut config = config(&server.url);
    config.mount_path = "/data".to_string();
    let api = client(config);
    let guest = Guest::new(2, 512, None).unwrap();
    let image = Some("registry.fly.io/other@sha256:0".parse().unwrap());
    let new = NewMachine { region: None, guest, image: image.clone(), ..new_machine() };
    api.create_machine(&identity(), &new).await.unwrap();
    let shared = Guest::new(2, 512, Some(CpuKind::Shared)).unwrap();
    let update = kiloclaw_lifecycle::call::MachineUpdate { guest: shared, image, ..update() };
    api.update_machine(&identity(), &update).await.unwrap();
    let mut config = standard_config();
    config["image"] = json!("registry.fly.io/other@sha256:0");
    config["mounts"] = json!([{ "volume": "vol_1", "path": "/data" }]);
    config["guest"] = json!({ "cpus": 2, "memory_mb": 512 });
    let seen = server.seen();
    assert_eq!(seen[0].json(), json!({ "name": "sandbox-1-9", "config": config }));
    config["guest"] = json!({ "cpus": 2, "memory_mb": 512, "cpu_kind": "shared" });
    assert_eq!(seen[1].json(), json!({ "config": config }));
}

#[tokio::test]
async fn waits_name_version_state_and_a_time_that_fly_allows() {
    let ok = || Answer::json(200, &json!({ "ok": true, "state": "stopped" }));
    let (api, server) = api([ok(), ok(), ok()]).await;
    let version = "01HV".parse().unwrap();
    for (version, state, timeout_s) in
        [(Some(&version), WaitFor::Stopped, 60), (None, WaitFor::Started, 0), (None, WaitFor::Stopped, 600)]
    {
        api.wait_machine(&identity(), &machine(), version, state, timeout_s).await.unwrap();
    }
    let wait = "GET /v1/apps/app-1/machines/m1/wait";
    assert_eq!(
        server.lines(),
        [
            format!("{wait}?state=stopped&timeout=60&version=01HV"),
            format!("{wait}?state=started&timeout=1"),
            format!("{wait}?state=stopped&timeout=60"),
        ]
    );
}

#[tokio::test]
async fn what_labels_hold_is_escaped() {
    let (api, server) = api([Answer::json(200, &json!([]))]).await;
    let labels = BTreeMap::from([("k&y".to_string(), "a b/ü?=&#".to_string())]);
    api.list_machines(&identity(), &labels).await.unwrap();
    assert_eq!(server.lines(), ["GET /v1/apps/app-1/machines?metadata.k%26y=a+b%2F%C3%BC%3F%3D%26%23"]);
}

#[tokio::test]
async fn the_app_is_the_instance_s_or_else_the_host_s() {
    let server = Server::start([Answer::json(200, &shown()), Answer::json(200, &shown())]).await;
    let mut config = config(&format!("{}/proxy/", server.url));
    config.app = Some("shared".parse().unwrap());
    let api = client(config.clone());
    let nameless = Identity { app: None, ..identity() };
    api.get_machine(&identity(), &machine()).await.unwrap();
    api.get_machine(&nameless, &machine()).await.unwrap();
    assert_eq!(server.lines(), ["GET /proxy/v1/apps/app-1/machines/m1", "GET /proxy/v1/apps/shared/machines/m1"]);
    config.app = None;
    let refused = client(config).start_machine(&nameless, &machine()).await.unwrap_err();
    let text = "neither the instance nor the host names an app";
    assert_eq!(refused, Fault::new(FaultKind::Refused, None, text));
    assert_eq!(server.seen().len(), 2, "nothing was sent");
}

#[tokio::test]
async fn tokens_have_schemes() {
    let rows = [
        ("fm2_a,fm2_b", "FlyV1 fm2_a,fm2_b"),
        ("fm1r_a", "FlyV1 fm1r_a"),
        ("FlyV1 fm2_a,fo1_b", "FlyV1 fm2_a,fo1_b"),
        (" fo1_a\n", "Bearer fo1_a"),
        ("Bearer fo1_a", "Bearer fo1_a"),
        ("FlyV1x", "Bearer FlyV1x"),
    ];
    for (token, sent) in rows {
        let server = Server::start([Answer::json(200, &json!({ "ok": true }))]).await;
        let mut config = config(&server.url);
        config.token = Token::new(token).unwrap();
        config.user_agent = "host/2".to_string();
        FlyApi::new(config, crate::bench::template()).unwrap().start_machine(&identity(), &machine()).await.unwrap();
        let headers = server.only().headers;
        assert_eq!((headers["authorization"].as_str(), headers["user-agent"].as_str()), (sent, "host/2"));
    }
}

#[tokio::test]
async fn a_list_of_volumes_is_asked_for_whole_and_filtered_here() {
    let filter = VolumeFilter::Ours { shared: Some(name("kiloclaw_s")), prefix: name("kiloclaw_x_") };
    let named = |id: &str, name: &str| json!({ "id": id, "name": name, "state": "created" });
    let list = json!([
        named("vol_1", "kiloclaw_x_1"),
        named("vol_2", "kiloclaw_s"),
        named("vol_3", "kiloclaw_s2"),
        // Not ours, and strange.
        { "name": "other", "id": 7 },
    ]);
    let (api, server) = api([Answer::json(200, &list)]).await;
    let found = api.list_volumes(&identity(), &filter).await.unwrap();
    let ids: Vec<&str> = found.iter().map(|volume| volume.id.as_str()).collect();
    assert_eq!(ids, ["vol_1", "vol_2"]);
    assert_eq!(server.lines(), ["GET /v1/apps/app-1/volumes"]);
}
