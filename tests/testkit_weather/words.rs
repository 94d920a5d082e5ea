//! Changes and strikes are written down as JSON, and equal worlds hash alike.

use super::{START, accepted, inhabited, start, stop};
use kiloclaw_lifecycle::observe::{Exit, MachineState, SnapshotStatus};
use kiloclaw_lifecycle::testkit::{Boot, Landing, Said, Strike, WorldChange};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::hash_map::DefaultHasher;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};

fn reads<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, text: Value) {
    assert_eq!(serde_json::to_value(value).expect("it can be written"), text);
    assert_eq!(&serde_json::from_value::<T>(text).expect("it can be read"), value);
}

#[test]
fn every_change_is_written_down() {
    let text = ToString::to_string;
    let (m1, v1) = (text("m1"), text("v1"));
    let exit = Exit { code: Some(1), oom_killed: false, requested_stop: true };
    let written = json!({ "code": 1, "oom_killed": false, "requested_stop": true });
    let rows = [
        (
            WorldChange::Machine { id: m1.clone(), state: MachineState::Failed, exit: None },
            json!({ "machine": { "id": "m1", "state": "failed" } }),
        ),
        (
            WorldChange::Machine { id: m1.clone(), state: MachineState::Stopped, exit: Some(exit) },
            json!({ "machine": { "id": "m1", "state": "stopped", "exit": written } }),
        ),
        (WorldChange::MachineGone { id: m1.clone() }, json!({ "machine_gone": { "id": "m1" } })),
        (WorldChange::VolumeGone { id: v1.clone() }, json!({ "volume_gone": { "id": "v1" } })),
        (WorldChange::Boot { boot: Boot::Created, ms: 5 }, json!({ "boot": { "boot": "created", "ms": 5 } })),
        (WorldChange::Healthy(true), json!({ "healthy": true })),
        (
            WorldChange::Capacity { region: text("iad"), creates: Some(2) },
            json!({ "capacity": { "region": "iad", "creates": 2 } }),
        ),
        (WorldChange::Capacity { region: text("iad"), creates: None }, json!({ "capacity": { "region": "iad" } })),
        (WorldChange::HydrateMs(1), json!({ "hydrate_ms": 1 })),
        (WorldChange::StopMs(1), json!({ "stop_ms": 1 })),
        (WorldChange::DestroyMs(1), json!({ "destroy_ms": 1 })),
        (WorldChange::UnbindMs(1), json!({ "unbind_ms": 1 })),
        (WorldChange::VisibleMs(1), json!({ "visible_ms": 1 })),
        (WorldChange::HostDown { volume: v1.clone() }, json!({ "host_down": { "volume": "v1" } })),
        (WorldChange::HostBack { volume: v1.clone() }, json!({ "host_back": { "volume": "v1" } })),
        (WorldChange::HostLost { volume: v1.clone() }, json!({ "host_lost": { "volume": "v1" } })),
        (
            WorldChange::HostFull { volume: v1.clone(), full: true },
            json!({ "host_full": { "volume": "v1", "full": true } }),
        ),
        (WorldChange::Migrate { machine: m1.clone() }, json!({ "migrate": { "machine": "m1" } })),
        (
            WorldChange::Stuck { volume: v1.clone(), stuck: false },
            json!({ "stuck": { "volume": "v1", "stuck": false } }),
        ),
        (WorldChange::Write { machine: m1 }, json!({ "write": { "machine": "m1" } })),
        (
            WorldChange::Snapshot { volume: v1.clone(), id: text("vs-1"), status: SnapshotStatus::Waiting },
            json!({ "snapshot": { "volume": "v1", "id": "vs-1", "status": "waiting" } }),
        ),
        (
            WorldChange::Foreign { id: text("f1"), volume: Some(v1), sandbox: text("s2") },
            json!({ "foreign": { "id": "f1", "volume": "v1", "sandbox": "s2" } }),
        ),
        (
            WorldChange::ForeignVolume { id: text("f1"), name: text("ours") },
            json!({ "foreign_volume": { "id": "f1", "name": "ours" } }),
        ),
        (WorldChange::Heal, json!("heal")),
        (WorldChange::Purge { before: START }, json!({ "purge": { "before": 1_000_000 } })),
    ];
    for (change, text) in rows {
        reads(&change, text);
    }
    let odd = json!({ "host_down": { "volume": "v1", "machine": "m1" } });
    assert!(serde_json::from_value::<WorldChange>(odd).is_err());
}

#[test]
fn every_strike_is_written_down() {
    let says = [
        (Said::Status(503, "upstream".to_string()), json!({ "status": [503, "upstream"] })),
        (Said::Nothing, json!("nothing")),
        (Said::EmptyList, json!("empty_list")),
        (Said::Without(vec!["m1".to_string()]), json!({ "without": ["m1"] })),
    ];
    let lands =
        [(Landing::Never, json!("never")), (Landing::Now, json!("now")), (Landing::After(5), json!({ "after": 5 }))];
    for (said, what) in &says {
        for (landing, when) in &lands {
            let strike = Strike { said: said.clone(), landing: *landing };
            reads(&strike, json!({ "said": what, "landing": when }));
        }
    }
    let odd = json!({ "said": "nothing", "landing": "now", "nth": 1 });
    assert!(serde_json::from_value::<Strike>(odd).is_err());
    for boot in Boot::ALL {
        reads(&boot, json!(boot.state().as_str()));
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn worlds_that_came_to_the_same_are_the_same() {
    let mut world = inhabited();
    accepted(&mut world, &stop("m1"));
    let stopped = world.clone();
    for _ in 0..3 {
        accepted(&mut world, &start("m1"));
        assert_ne!(world, stopped);
        accepted(&mut world, &stop("m1"));
        assert_eq!((&world, hash(&world)), (&stopped, hash(&stopped)), "what was overtaken leaves nothing behind");
    }
    assert_ne!(hash(&world), hash(&inhabited()));
}
