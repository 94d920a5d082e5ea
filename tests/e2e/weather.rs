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
            assert_eq!(host.command(sandbox, "destroy").await.0, 200);
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

#[tokio::test]
async fn a_host_may_be_there_before_fly_is() {
    let stage = Stage::new(&[]).await;
    stage.fly.does("/_control/pause", json!({ "ms": 3000 })).await;
    let host = stage.host().await;
    host.provision("s-0").await;
    assert_eq!(host.command("s-0", "start").await.0, 200);
    for _ in 0..100 {
        if host.status("s-0").await.as_deref() == Some("stopped") {
            host.command("s-0", "start").await;
        }
        sleep(Duration::from_millis(100)).await;
        if host.status("s-0").await.as_deref() == Some("running") {
            break;
        }
    }
    host.reaches("s-0", Some("running")).await;
    stage.judge(&host, &sandboxes(1)).await;
}
