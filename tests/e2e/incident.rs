//! An unexpected stop, over sockets.

use crate::stage::{Stage, keys, sandboxes};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;

const STORY: [&str; 4] = [
    "instance.provisioned",
    "instance.started",
    "instance.unexpected_stop_recovery_started",
    "instance.unexpected_stop_recovery_succeeded",
];

#[tokio::test]
async fn a_machine_that_stops_is_replaced_and_its_volume_goes_at_once() {
    let stage = Stage::new(&[]).await;
    let host = stage.host().await;
    host.provision("s-0").await;
    assert_eq!(host.command("s-0", "start").await.0, 200);
    host.reaches("s-0", Some("running")).await;
    let (machines, volumes) = (stage.live("machines").await, stage.live("volumes").await);
    stage.stop_all().await;
    host.lives_to_see("s-0", "instance.retained_volume_deleted").await;
    assert_eq!(host.life("s-0").await, [&STORY[..], &["instance.retained_volume_deleted"]].concat());
    host.reaches("s-0", Some("running")).await;
    stage.judge(&host, &sandboxes(1)).await;
    let (machines_then, volumes_then) = (stage.live("machines").await, stage.live("volumes").await);
    assert_eq!((machines_then.len(), volumes_then.len()), (1, 1));
    assert!(machines.keys().ne(machines_then.keys()) && volumes.keys().ne(volumes_then.keys()), "both are others");
    assert_eq!(host.command("s-0", "destroy").await.0, 200);
    host.reaches("s-0", None).await;
    assert_eq!((stage.live("machines").await.len(), stage.live("volumes").await.len()), (0, 0));
    keys(&host).await;
    host.signal("-TERM");
    assert_eq!(host.ends().await, Some(0));
}

#[tokio::test]
async fn a_volume_with_snapshots_is_kept_until_an_admin_does_away_with_it() {
    let stage = Stage::new(&[]).await;
    let host = stage.host().await;
    host.provision("s-0").await;
    host.command("s-0", "start").await;
    host.reaches("s-0", Some("running")).await;
    let volume = stage.live("volumes").await.into_keys().next().unwrap();
    let snapshots = json!([{ "id": "vs_1", "status": "created", "size_gb": 10 }]);
    stage.fly.does("/_control/snapshots", json!({ "volume": volume, "snapshots": snapshots })).await;
    stage.stop_all().await;
    host.lives_to_see("s-0", STORY[3]).await;
    sleep(Duration::from_secs(2)).await;
    assert!(stage.live("volumes").await.contains_key(&volume), "it is kept");
    let admin = host.admin("s-0").await;
    let retained = admin["retained"].as_array().unwrap();
    assert_eq!(retained.iter().map(|kept| &kept["volume"]).collect::<Vec<_>>(), [&json!(volume)]);
    stage.judge(&host, &sandboxes(1)).await;
    let (status, answer) = host.command("s-0", "cleanup-retained-volume").await;
    assert_eq!((status, &answer["end"]), (200, &json!({ "deleted": volume })));
    assert!(!stage.live("volumes").await.contains_key(&volume));
    assert_eq!(host.command("s-0", "cleanup-retained-volume").await.1["end"], json!({ "deleted": Value::Null }));
}
