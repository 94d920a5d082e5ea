//! A Fly that is slow, silent or stormy.

use crate::stage::{Stage, sandboxes};
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test]
async fn a_storm_passes_and_nothing_is_left_behind() {
    for seed in ["3", "11"] {
        let stage = Stage::new(&["--weather", "stormy", "--seed", seed]).await;
        let host = stage.host().await;
        let all = sandboxes(8);
        for sandbox in &all {
            host.provision(sandbox).await;
            assert_eq!(host.command(sandbox, "start").await.0, 200);
        }
        for _ in 0..3 {
            sleep(Duration::from_secs(3)).await;
            stage.stop_all().await;
        }
        stage.fly.does("/_control/weather", json!({ "weather": "calm" })).await;
        for sandbox in &all {
            comes_to_rest(&host, sandbox).await;
        }
        stage.judge_leaks(&host, &all).await;
        for sandbox in &all {
            host.destroy(sandbox).await;
        }
        for sandbox in &all {
            host.reaches(sandbox, None).await;
        }
        assert_eq!((stage.live("machines").await.len(), stage.live("volumes").await.len()), (0, 0));
    }
}

/// Runs in the end; where the storm has ended it, somebody starts it again.
async fn comes_to_rest(host: &crate::stage::Server, sandbox: &str) {
    for _ in 0..600 {
        match host.status(sandbox).await.as_deref() {
            Some("running") => return,
            Some("stopped" | "provisioned") => drop(host.command(sandbox, "start").await),
            Some(_) => {}
            None => panic!("{sandbox} is gone"),
        }
        sleep(Duration::from_millis(200)).await;
    }
    panic!("{sandbox} does not come to rest: {}", host.admin(sandbox).await);
}

#[tokio::test]
async fn while_nothing_answers_commands_are_taken_on_and_done_later() {
    let stage = Stage::new(&[]).await;
    let host = stage.host().await;
    let all = sandboxes(3);
    for sandbox in &all {
        host.provision(sandbox).await;
        host.command(sandbox, "start").await;
        host.reaches(sandbox, Some("running")).await;
    }
    stage.fly.signal("-STOP");
    for sandbox in &all {
        assert_eq!(host.command(sandbox, "stop").await.0, 200);
    }
    sleep(Duration::from_secs(4)).await;
    for sandbox in &all {
        assert!(host.status(sandbox).await.is_some());
    }
    stage.fly.signal("-CONT");
    for sandbox in &all {
        host.reaches(sandbox, Some("stopped")).await;
    }
    stage.judge(&host, &all).await;
}

/// What runs is said to be missing by a Fly that has never heard of it. What was only registered is made there.
#[tokio::test]
async fn a_fly_that_is_gone_for_a_while_and_comes_back_empty() {
    let mut stage = Stage::new(&[]).await;
    let host = stage.host().await;
    let all = sandboxes(2);
    for sandbox in &all {
        host.provision(sandbox).await;
    }
    host.command("s-0", "start").await;
    host.reaches("s-0", Some("running")).await;
    let volume = host.admin("s-0").await["volume"].clone();
    let before = stage.world().await;
    stage.replace_fly().await;
    comes_to_rest(&host, "s-1").await;
    for _ in 0..100 {
        if host.status("s-0").await.as_deref() == Some("stopped") {
            host.command("s-0", "start").await;
        }
        if !host.admin("s-0").await["missing"].is_null() {
            break;
        }
        sleep(Duration::from_millis(200)).await;
    }
    let admin = host.admin("s-0").await;
    assert_eq!(admin["missing"]["volume"], volume, "{admin}");
    assert_eq!(admin["volume"], volume, "nothing takes its place: {before}");
    assert_eq!(stage.live("volumes").await.len(), 1, "that of the other");
    let (status, answer) = host.command("s-0", "start").await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("data_volume_missing")), "{answer}");
    host.does("/v1/instances/s-0/accept-data-loss", json!({})).await;
    comes_to_rest(&host, "s-0").await;
    stage.judge_leaks(&host, &all).await;
}

#[tokio::test]
async fn while_fly_is_silent_starts_are_given_up_and_work_later() {
    let stage = Stage::new(&[]).await;
    stage.fly.does("/_control/pause", json!({ "ms": 3000 })).await;
    let host = stage.host().await;
    host.provision("s-0").await;
    assert_eq!(host.command("s-0", "start").await.0, 200);
    comes_to_rest(&host, "s-0").await;
    stage.judge(&host, &sandboxes(1)).await;
}
