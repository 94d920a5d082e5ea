//! Machines as they are read.

use crate::bench::{api, identity, labels, machine, new_machine, shown, unreadable, with, without};
use crate::server::Answer;
use kiloclaw_lifecycle::fault::Fault;
use kiloclaw_lifecycle::guest::Guest;
use kiloclaw_lifecycle::observe::{Exit, HostStatus, Machine, MachineConfig, MachineState, Mount};
use kiloclaw_lifecycle::port::{CreatedMachine, Provider};
use kiloclaw_lifecycle::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

async fn read(shown: &Value) -> Result<Machine, Fault> {
    let (api, server) = api([Answer::json(200, shown)]).await;
    let read = api.get_machine(&identity(), &machine()).await;
    assert_eq!(server.seen().len(), 1);
    read
}

async fn good(shown: &Value) -> Machine {
    read(shown).await.unwrap_or_else(|fault| panic!("{fault}: {shown}"))
}

async fn bad(shown: &Value, why: &str) {
    assert_eq!(read(shown).await, Err(unreadable(200, why)), "{shown}");
}

/// What [`shown`] shows.
fn known() -> Machine {
    Machine {
        id: machine(),
        name: Some("sandbox-1-9".parse().unwrap()),
        state: MachineState::Started,
        region: Some("fra".parse().unwrap()),
        version: Some("01HV".parse().unwrap()),
        config: Some(MachineConfig {
            mounts: vec![Mount { volume: "vol_1".parse().unwrap(), path: "/root".to_string() }],
            metadata: labels(),
            guest: Some(Guest::STANDARD),
            image: Some("registry.fly.io/gateway:7".parse().unwrap()),
        }),
        host_status: HostStatus::Ok,
        updated_at: None,
        exit: None,
    }
}

#[tokio::test]
async fn a_machine_with_everything() {
    let end =
        |code: Value, oom: bool, asked: bool| json!({ "exit_code": code, "oom_killed": oom, "requested_stop": asked });
    let full = with(shown(), "updated_at", json!("2026-02-03T04:05:06.789Z"));
    let full = with(
        full,
        "events",
        json!([
            { "type": "start", "timestamp": 9_000, "request": {} },
            { "type": "launch", "timestamp": 9_000, "request": null },
            { "type": "exit", "timestamp": 8_000, "request": { "MonitorEvent": { "exit_event": end(json!(137), true, false) },
              "exit_event": end(json!(1), false, true) } },
            { "type": "exit", "timestamp": 7_000, "request": { "exit_event": end(json!(2), false, true) } },
        ]),
    );
    let full = with(full, "something_new", json!({ "deep": [1, 2, 3] }));
    let wanted = Machine {
        updated_at: Some(Timestamp::from_millis(1_770_091_506_789)),
        exit: Some(Exit { code: Some(137), oom_killed: true, requested_stop: false }),
        ..known()
    };
    assert_eq!(good(&full).await, wanted);
}

#[tokio::test]
async fn the_last_end_is_the_newest_in_whatever_order() {
    let end = |at: Value, code: Value| json!({ "timestamp": at, "request": { "exit_event": { "exit_code": code } } });
    let exit = |code: Option<i32>| Some(Exit { code, oom_killed: false, requested_stop: false });
    let rows = [
        (json!([end(json!(1), json!(1)), end(json!(3), json!(3)), end(json!(2), json!(2))]), exit(Some(3))),
        (json!([end(json!(5), json!(1)), end(json!(5), json!(2))]), exit(Some(1))),
        (json!([end(Value::Null, json!(1)), end(Value::Null, json!(2))]), exit(Some(1))),
        // A 0 is left out.
        (json!([{ "request": { "exit_event": {} } }]), exit(None)),
        (json!([end(json!(1), json!("x"))]), exit(None)),
        (json!([end(json!(1), json!(i64::MAX))]), exit(None)),
        (
            json!([{ "request": { "MonitorEvent": { "exit_event": null }, "exit_event": { "exit_code": 4 } } }]),
            exit(Some(4)),
        ),
        (json!([{ "request": "odd" }, null, 7]), None),
        (json!([]), None),
        (json!("odd"), None),
        (Value::Null, None),
    ];
    for (events, exit) in rows {
        assert_eq!(good(&with(shown(), "events", events.clone())).await, Machine { exit, ..known() }, "{events}");
    }
}

#[tokio::test]
async fn what_is_missing_or_odd_is_unknown() {
    for name in ["name", "region", "instance_id", "updated_at", "events"] {
        for odd in [Value::Null, json!(""), json!(7), json!({}), json!("€ !"), json!("x".repeat(200))] {
            let read = good(&with(shown(), name, odd.clone())).await;
            let mut wanted = known();
            match name {
                "name" => wanted.name = None,
                "region" => wanted.region = None,
                "instance_id" => wanted.version = None,
                _ => {}
            }
            assert_eq!(read, wanted, "{name}: {odd}");
        }
    }
    let bare = Machine {
        id: machine(),
        name: None,
        state: MachineState::Other("hibernating".to_string()),
        region: None,
        version: None,
        config: None,
        host_status: HostStatus::Unknown,
        updated_at: None,
        exit: None,
    };
    assert_eq!(good(&json!({ "id": "m1", "state": "hibernating" })).await, bare);
    let before = with(shown(), "updated_at", json!("1960-01-01T00:00:00Z"));
    assert_eq!(good(&before).await.updated_at, None);
}

#[tokio::test]
async fn states_are_words() {
    for word in ["created", "replacing", "destroyed", "suspended", "launch_failed", "migrated"] {
        let read = good(&with(shown(), "state", json!(word))).await;
        assert_eq!(read, Machine { state: MachineState::from(word), ..known() });
    }
}

#[tokio::test]
async fn the_configuration_of_a_host_that_does_not_answer_is_unknown() {
    for host in ["unreachable", "unknown", "on fire"] {
        let gone = with(shown(), "host_status", json!(host));
        let wanted = Machine { host_status: HostStatus::from(host), config: None, ..known() };
        let partial = with(with(gone.clone(), "config", Value::Null), "incomplete_config", shown()["config"].clone());
        assert_eq!(good(&partial).await, wanted);
        assert_eq!(good(&without(gone.clone(), "config")).await, wanted);
        assert_eq!(good(&with(gone.clone(), "config", json!({}))).await, wanted);
        let whole = Machine { host_status: HostStatus::from(host), ..known() };
        assert_eq!(good(&gone).await, whole, "what it does show is true");
    }
    assert_eq!(good(&with(shown(), "config", json!("odd"))).await, Machine { config: None, ..known() });
    assert_eq!(good(&without(shown(), "host_status")).await, known());
    let nothing = good(&without(without(shown(), "host_status"), "config")).await;
    assert_eq!(nothing, Machine { host_status: HostStatus::Unknown, config: None, ..known() });
}

#[tokio::test]
async fn configurations() {
    let config = |config: Value| with(shown(), "config", config);
    let empty = MachineConfig { mounts: Vec::new(), metadata: BTreeMap::new(), guest: None, image: None };
    for odd in [
        json!({}),
        json!({ "mounts": null, "metadata": null, "guest": null, "image": null }),
        json!({ "mounts": [], "metadata": { "a": 7 }, "guest": { "cpus": 64, "memory_mb": 512 }, "image": "a b" }),
        json!({ "metadata": "odd", "guest": "odd", "image": 7 }),
        json!({ "guest": { "cpus": 1 } }),
    ] {
        assert_eq!(good(&config(odd.clone())).await.config, Some(empty.clone()), "{odd}");
    }
    let odd_kind = good(&config(json!({ "guest": { "cpus": 2, "memory_mb": 512, "cpu_kind": "gpu" } }))).await;
    assert_eq!(odd_kind.config.unwrap().guest, Some(Guest::new(2, 512, None).unwrap()));
    let two = json!({ "mounts": [{ "volume": "vol_1", "path": "/root" }, { "volume": "vol_2" }] });
    let mounts = good(&config(two)).await.config.unwrap().mounts;
    let mount = |volume: &str, path: &str| Mount { volume: volume.parse().unwrap(), path: path.to_string() };
    assert_eq!(mounts, [mount("vol_1", "/root"), mount("vol_2", "")]);
    // A mount that cannot be read must not look as if nothing were mounted.
    bad(&config(json!({ "mounts": [{ "path": "/root" }] })), "a mount without a volume").await;
    bad(&config(json!({ "mounts": [{ "volume": "../x" }] })), "a mount with an impossible volume").await;
    bad(&config(json!({ "mounts": {} })), "mounts that are no list").await;
}

#[tokio::test]
async fn what_is_no_answer_about_the_machine() {
    bad(&with(shown(), "id", json!("m2")), "it is about another thing").await;
    bad(&with(shown(), "id", json!("M1")), "a machine with an impossible id").await;
    bad(&with(shown(), "id", json!("../m1")), "a machine with an impossible id").await;
    for none in [Value::Null, json!(""), json!(1)] {
        bad(&with(shown(), "id", none.clone()), "a machine without an id").await;
        bad(&with(shown(), "state", none), "a machine without a state").await;
    }
    for odd in [json!([shown()]), json!({}), json!("m1"), json!(null)] {
        bad(&odd, "a machine without an id").await;
    }
}

#[tokio::test]
async fn of_a_new_machine_only_the_id_matters() {
    let rows = [
        (json!({ "id": "m5" }), Ok(None)),
        (json!({ "id": "m5", "region": "fra", "state": 7 }), Ok(Some("fra"))),
        (json!({ "id": "m5", "region": "f r a" }), Ok(None)),
        (json!({ "region": "fra" }), Err("a machine without an id")),
        (json!({ "id": "M 5" }), Err("a machine with an impossible id")),
        (json!([]), Err("a machine without an id")),
    ];
    for (answer, wanted) in rows {
        let (api, server) = api([Answer::json(201, &answer)]).await;
        let made = api.create_machine(&identity(), &new_machine()).await;
        let wanted = wanted
            .map(|region| CreatedMachine {
                machine: "m5".parse().unwrap(),
                region: region.map(|region| region.parse().unwrap()),
            })
            .map_err(|why| unreadable(201, why));
        assert_eq!(made, wanted, "{answer}");
        assert_eq!(server.seen().len(), 1, "a create is sent once");
    }
}
