//! A Fly that does not tell the truth.

use crate::stage::{Stage, sandboxes};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test]
async fn lies_destroy_nothing_and_leave_nothing_behind() {
    let stage = Stage::new(&[]).await;
    let host = stage.host().await;
    let all = sandboxes(4);
    for sandbox in &all {
        host.provision(sandbox).await;
        host.command(sandbox, "start").await;
        host.reaches(sandbox, Some("running")).await;
    }
    for mode in ["wrong_ids", "huge_bodies", "path_characters", "html", "foreign_holder", "empty_lists"] {
        let before: BTreeSet<String> = stage.live("volumes").await.into_keys().collect();
        stage.fly.does("/_control/hostile", json!({ "mode": mode })).await;
        stage.stop_all().await;
        sleep(Duration::from_secs(4)).await;
        let there: BTreeSet<String> = stage.live("volumes").await.into_keys().collect();
        let lost: Vec<_> = before.difference(&there).collect();
        stage.fly.does("/_control/hostile", json!({ "mode": Value::Null })).await;
        for sandbox in &all {
            for _ in 0..300 {
                match host.status(sandbox).await.as_deref() {
                    Some("running") => break,
                    Some("stopped") => drop(host.command(sandbox, "start").await),
                    Some(_) => {}
                    None => panic!("{sandbox} is gone"),
                }
                sleep(Duration::from_millis(100)).await;
            }
            host.reaches(sandbox, Some("running")).await;
        }
        stage.judge(&host, &all).await;
        assert!(lost.is_empty() || mode == "empty_lists" || mode == "foreign_holder", "{mode}: {lost:?} are gone");
    }
}

#[tokio::test]
async fn another_tenants_machine_on_our_volume_is_not_touched() {
    let stage = Stage::new(&[]).await;
    let host = stage.host().await;
    host.provision("s-0").await;
    host.command("s-0", "start").await;
    host.reaches("s-0", Some("running")).await;
    host.command("s-0", "stop").await;
    host.reaches("s-0", Some("stopped")).await;
    let volume = stage.live("volumes").await.into_keys().next().unwrap();
    let machine = stage.live("machines").await.into_keys().next().unwrap();
    stage.fly.does("/_control/change", json!({ "machine_gone": { "id": machine } })).await;
    let foreign = json!({ "foreign": { "id": "e784foreign", "volume": volume, "sandbox": "somebody-else" } });
    stage.fly.does("/_control/change", foreign).await;
    host.command("s-0", "start").await;
    sleep(Duration::from_secs(3)).await;
    host.destroy("s-0").await;
    sleep(Duration::from_secs(4)).await;
    let machines = stage.live("machines").await;
    assert_eq!(machines["e784foreign"]["state"], "started");
    assert!(stage.live("volumes").await.contains_key(&volume), "what somebody else's machine holds stays");
    assert_eq!(host.status("s-0").await.as_deref(), Some("destroying"));
    let why = host.get("/v1/instances/s-0/admin").await;
    let left = why["view"]["disposal"].to_string();
    assert!(left.contains("somebody-else"), "it says whose it is: {left}");
}
