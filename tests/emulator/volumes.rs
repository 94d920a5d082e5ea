//! Volumes and snapshots.

use crate::{Bench, error, new_machine, said, text};
use serde_json::{Value, json};

#[test]
fn a_new_volume_is_shown_whole() {
    let mut bench = Bench::calm();
    let made =
        bench.post("volumes", &json!({ "name": "data_1", "region": "iad", "size_gb": 10, "snapshot_retention": 7 }));
    let shown = made.value();
    let id = text(&shown["id"]);
    assert!(id.len() == 20 && id.starts_with("vol_"), "{id}");
    let expected = json!({
        "id": id, "name": "data_1", "state": "created", "region": "iad", "size_gb": 10, "zone": shown["zone"],
        "attached_machine_id": null, "attached_alloc_id": null, "created_at": "2027-01-15T08:00:00.000Z",
        "host_status": "ok", "type": "local", "fstype": "ext4", "encrypted": true, "auto_backup_enabled": true,
        "snapshot_retention": 7, "block_size": 4096, "blocks": 2_621_440, "blocks_free": 2_621_440,
        "blocks_avail": 2_621_440, "bytes_total": 10_737_418_240_u64, "bytes_used": 0,
    });
    assert_eq!(said(made), (200, expected.clone()));
    assert_eq!(said(bench.get(&format!("volumes/{id}"))), (200, expected.clone()));
    assert_eq!(said(bench.get("volumes")), (200, json!([expected])));
}

#[test]
fn a_mounted_volume_shows_its_holder_and_is_not_deleted() {
    let mut bench = Bench::calm();
    let (machine, volume) = bench.machine("one-1");
    assert_eq!(bench.get(&format!("volumes/{volume}")).value()["attached_machine_id"], json!(machine));
    let bound = format!("failed_precondition: volume is currently bound to machine: {machine}");
    assert_eq!(said(bench.delete(&format!("volumes/{volume}"))), (412, error(&bound)));
    let claimed = format!("failed_precondition: volume already claimed by machine {machine}");
    let second = bench.post("machines", &new_machine("one-2", &volume));
    assert_eq!(said(second), (412, error(&claimed)));
    bench.delete(&format!("machines/{machine}?force=true"));
    let deleted = bench.delete(&format!("volumes/{volume}"));
    assert_eq!((deleted.status, &deleted.value()["id"]), (200, &json!(volume)));
    assert_eq!(deleted.value()["state"], "destroyed");
    assert_eq!(said(bench.get(&format!("volumes/{volume}"))), (404, error("volume not found")));
    assert_eq!(said(bench.delete(&format!("volumes/{volume}"))), (404, error("volume not found")));
    assert_eq!(said(bench.get("volumes")), (200, json!([])));
}

#[test]
fn a_fork_reads_from_its_source_for_a_while() {
    let mut bench = Bench::calm();
    bench.tell("change", &json!({ "hydrate_ms": 60_000 }));
    let source = bench.volume("data");
    let fork = bench.post("volumes", &json!({ "name": "copy", "region": "ord", "source_volume_id": source }));
    let shown = fork.value();
    assert_eq!(
        (&shown["state"], &shown["size_gb"], &shown["region"]),
        (&json!("hydrating"), &json!(10), &json!("ord"))
    );
    let id = text(&shown["id"]);
    assert_eq!(bench.truth()["volumes"][&id]["reads_from"], json!(source));
    bench.pass(60_000);
    assert_eq!(bench.get(&format!("volumes/{id}")).value()["state"], "created");
    assert_eq!(bench.truth()["volumes"][&id]["reads_from"], Value::Null);
}

#[test]
fn snapshots_are_taken_listed_and_restored() {
    let mut bench = Bench::calm();
    let volume = bench.volume("data");
    let path = format!("volumes/{volume}/snapshots");
    assert_eq!(said(bench.get(&path)), (200, json!([])));
    assert_eq!(bench.post(&path, &json!({})).status, 200);
    let listed = bench.get(&path).value();
    let id = text(&listed[0]["id"]);
    assert!(id.starts_with("vs_") && id.len() == 19, "{id}");
    let expected = json!([{
        "id": id, "status": "created", "size": 0, "volume_size": 10_737_418_240_u64, "digest": listed[0]["digest"],
        "created_at": "2027-01-15T08:00:00.000Z", "retention_days": 5,
    }]);
    assert_eq!(listed, expected);
    let small = bench.post("volumes", &json!({ "name": "small", "region": "iad", "size_gb": 9, "snapshot_id": id }));
    assert_eq!(said(small), (422, error("volume size (9 GiB) is smaller than the snapshot size (10 GiB)")));
    let large = bench.post("volumes", &json!({ "name": "large", "region": "iad", "size_gb": 11, "snapshot_id": id }));
    assert_eq!((large.status, &large.value()["size_gb"]), (200, &json!(11)));
    // They outlive their volume.
    bench.delete(&format!("volumes/{volume}"));
    assert_eq!(said(bench.get(&path)), (200, expected));
    let nothing = bench.get("volumes/vol_nothing/snapshots");
    assert_eq!(said(nothing), (404, error("volume not found")));
}

#[test]
fn a_copy_holds_what_its_origin_held() {
    let mut bench = Bench::calm();
    let volume = bench.volume("data");
    bench.tell("write", &json!({ "volume": volume }));
    bench.post(&format!("volumes/{volume}/snapshots"), &json!({}));
    bench.tell("write", &json!({ "volume": volume }));
    let snapshot = text(&bench.get(&format!("volumes/{volume}/snapshots")).value()[0]["id"]);
    let restored = json!({ "name": "restored", "region": "iad", "size_gb": 10, "snapshot_id": snapshot });
    let restored = text(&bench.post("volumes", &restored).value()["id"]);
    let forked = json!({ "name": "forked", "region": "iad", "source_volume_id": volume });
    let forked = text(&bench.post("volumes", &forked).value()["id"]);
    let truth = bench.truth();
    let generation = |id: &str| truth["volumes"][id]["generation"].as_u64();
    assert_eq!((generation(&volume), generation(&restored), generation(&forked)), (Some(2), Some(1), Some(2)));
}
