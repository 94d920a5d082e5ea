//! Volumes and snapshots as they are read.

use crate::bench::{api, identity, new_volume, shown_volume, unreadable, volume, with, without};
use crate::server::Answer;
use kiloclaw_lifecycle::call::Content;
use kiloclaw_lifecycle::fault::Fault;
use kiloclaw_lifecycle::observe::{HostStatus, Snapshot, SnapshotStatus, Volume, VolumeState};
use kiloclaw_lifecycle::port::{CreatedVolume, Provider};
use kiloclaw_lifecycle::time::Timestamp;
use serde_json::{Value, json};

async fn read(shown: &Value) -> Result<Volume, Fault> {
    let (api, server) = api([Answer::json(200, shown)]).await;
    let read = api.get_volume(&identity(), &volume()).await;
    assert_eq!(server.seen().len(), 1);
    read
}

async fn good(shown: &Value) -> Volume {
    read(shown).await.unwrap_or_else(|fault| panic!("{fault}: {shown}"))
}

async fn bad(shown: &Value, why: &str) {
    assert_eq!(read(shown).await, Err(unreadable(200, why)), "{shown}");
}

/// What [`shown_volume`] shows.
fn known() -> Volume {
    Volume {
        id: volume(),
        name: "kiloclaw_x_1".to_string(),
        state: VolumeState::Created,
        region: Some("fra".parse().unwrap()),
        size_gb: Some(10),
        attached_machine: None,
        host_status: HostStatus::Ok,
        created_at: None,
    }
}

#[tokio::test]
async fn a_volume_with_everything() {
    let full = with(shown_volume(), "attached_machine_id", json!("m1"));
    let full = with(full, "created_at", json!("2026-02-03T04:05:06.789Z"));
    let full = with(full, "state", json!("hydrating"));
    let full = with(full, "host_status", json!("unreachable"));
    let full = with(full, "zone", json!("abcd"));
    let wanted = Volume {
        attached_machine: Some("m1".parse().unwrap()),
        created_at: Some(Timestamp::from_millis(1_770_091_506_789)),
        state: VolumeState::Hydrating,
        host_status: HostStatus::Unreachable,
        ..known()
    };
    assert_eq!(good(&full).await, wanted);
    let odd = with(shown_volume(), "state", json!("melting"));
    assert_eq!(good(&odd).await, Volume { state: VolumeState::Other("melting".to_string()), ..known() });
}

#[tokio::test]
async fn what_is_missing_or_odd_is_unknown() {
    for odd in [Value::Null, json!(""), json!(true), json!([])] {
        assert_eq!(good(&with(shown_volume(), "region", odd.clone())).await, Volume { region: None, ..known() });
        assert_eq!(good(&with(shown_volume(), "size_gb", odd.clone())).await, Volume { size_gb: None, ..known() });
        let host_status = HostStatus::Unknown;
        assert_eq!(good(&with(shown_volume(), "host_status", odd.clone())).await, Volume { host_status, ..known() });
        assert_eq!(good(&with(shown_volume(), "created_at", odd.clone())).await, known());
        assert_eq!(good(&with(shown_volume(), "attached_machine_id", odd)).await, known());
    }
    let bare = json!({ "id": "vol_1", "name": "any name at all", "state": "created" });
    let wanted = Volume {
        name: "any name at all".to_string(),
        region: None,
        size_gb: None,
        host_status: HostStatus::Unknown,
        ..known()
    };
    assert_eq!(good(&bare).await, wanted);
}

#[tokio::test]
async fn a_held_volume_does_not_look_free() {
    let held_by = |id: &str| with(shown_volume(), "attached_machine_id", json!(id));
    bad(&held_by("M 1"), "a volume with an impossible holder").await;
    bad(&held_by("\0m1"), "a volume with an impossible holder").await;
    assert_eq!(good(&held_by("\0\0\0\0\0\0\0\0\0\0\0\0\0\0")).await, known());
}

#[tokio::test]
async fn what_is_no_answer_about_the_volume() {
    bad(&with(shown_volume(), "id", json!("vol_2")), "it is about another thing").await;
    bad(&with(shown_volume(), "id", json!("vol/1")), "a volume with an impossible id").await;
    bad(&without(shown_volume(), "id"), "a volume without an id").await;
    bad(&without(shown_volume(), "name"), "a volume without a name").await;
    bad(&without(shown_volume(), "state"), "a volume without a state").await;
    bad(&json!(null), "a volume without an id").await;
}

#[tokio::test]
async fn of_a_new_volume_only_the_id_matters() {
    let made = |region: Option<&str>, state: &str| CreatedVolume {
        volume: "vol_5".parse().unwrap(),
        region: region.map(|region| region.parse().unwrap()),
        state: VolumeState::from(state),
    };
    let rows = [
        (json!({ "id": "vol_5", "region": "ams", "state": "creating" }), Ok(made(Some("ams"), "creating"))),
        (json!({ "id": "vol_5" }), Ok(made(None, "unknown"))),
        (json!({ "region": "ams" }), Err("a volume without an id")),
        (json!({ "id": "vol 5" }), Err("a volume with an impossible id")),
    ];
    for (answer, wanted) in rows {
        let (api, server) = api([Answer::json(200, &answer)]).await;
        let got = api.create_volume(&identity(), &new_volume(Content::Empty { size_gb: 10 })).await;
        assert_eq!(got, wanted.map_err(|why| unreadable(200, why)), "{answer}");
        assert_eq!(server.seen().len(), 1, "a create is sent once");
    }
}

async fn snapshots(list: &Value) -> Result<Vec<Snapshot>, Fault> {
    let (api, server) = api([Answer::json(200, list)]).await;
    let read = api.list_snapshots(&identity(), &volume()).await;
    assert_eq!(server.seen().len(), 1);
    read
}

#[tokio::test]
async fn snapshots_have_the_size_of_their_volume_in_whole_gib() {
    let snapshot = |id: &str, status: &str, size_gb: Option<u32>| Snapshot {
        id: id.parse().unwrap(),
        status: SnapshotStatus::from(status),
        size_gb,
    };
    let list = json!([
        { "id": "vs_1", "status": "created", "volume_size": 10_737_418_240_u64, "size": 12 },
        { "id": "vs_2", "status": "created", "volume_size": 10_737_418_241_u64 },
        { "id": "vs_3", "status": "running", "volume_size": 0 },
        { "id": "vs_4", "volume_size": "odd" },
        { "id": "vs_5", "status": "new", "volume_size": u64::MAX },
        // Announced, and without an id until they are finished.
        { "id": "", "status": "waiting" },
        { "status": "pending" },
    ]);
    let wanted = [
        snapshot("vs_1", "created", Some(10)),
        snapshot("vs_2", "created", Some(11)),
        snapshot("vs_3", "running", None),
        snapshot("vs_4", "unknown", None),
        snapshot("vs_5", "new", None),
    ];
    assert_eq!(snapshots(&list).await.unwrap(), wanted);
    assert_eq!(snapshots(&json!([])).await.unwrap(), []);
}

#[tokio::test]
async fn a_list_of_snapshots_is_whole_or_unreadable() {
    let first = json!({ "id": "vs_1", "status": "created" });
    let rows = [
        (json!([first, { "status": "created" }]), "a finished snapshot without an id"),
        (json!([first, { "id": "vs 2" }]), "a snapshot with an impossible id"),
        (json!([first, null]), "a finished snapshot without an id"),
        (json!({ "snapshots": [first] }), "it is not a list"),
        (json!(null), "it is not a list"),
    ];
    for (list, why) in rows {
        assert_eq!(snapshots(&list).await, Err(unreadable(200, why)), "{list}");
    }
}
