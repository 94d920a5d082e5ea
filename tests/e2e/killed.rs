//! The host is killed, again and again, at whatever it happens to be doing; the next one goes on.

use crate::stage::{Stage, keys, sandboxes};
use std::time::Duration;
use tokio::time::sleep;

const INSTANCES: usize = 20;
/// Odd, so that kills do not fall into step with what is killed.
const LIVES_MS: [u64; 12] = [40, 90, 150, 220, 310, 70, 430, 130, 560, 30, 260, 190];

/// Hosts that live that long each, and then one that stays.
async fn haunted(stage: &Stage) -> crate::stage::Server {
    for ms in LIVES_MS {
        let doomed = stage.host().await;
        sleep(Duration::from_millis(ms)).await;
        doomed.kill().await;
    }
    stage.host().await
}

#[tokio::test]
async fn starts_recoveries_and_destroys_of_twenty_survive_kills() {
    let stage = Stage::new(&[]).await;
    let all = sandboxes(INSTANCES);
    let host = stage.host().await;
    for sandbox in &all {
        host.provision(sandbox).await;
        assert_eq!(host.command(sandbox, "start").await.0, 200);
    }
    host.kill().await;
    let host = haunted(&stage).await;
    for sandbox in &all {
        host.reaches(sandbox, Some("running")).await;
    }
    stage.judge(&host, &all).await;
    assert_eq!(stage.live("machines").await.len(), INSTANCES);
    host.kill().await;

    stage.stop_all().await;
    let host = haunted(&stage).await;
    for sandbox in &all {
        host.lives_to_see(sandbox, "instance.unexpected_stop_recovery_succeeded").await;
        host.reaches(sandbox, Some("running")).await;
    }
    stage.judge(&host, &all).await;
    for sandbox in &all {
        host.lives_to_see(sandbox, "instance.retained_volume_deleted").await;
    }
    assert_eq!(stage.live("volumes").await.len(), INSTANCES);
    assert_eq!(stage.live("machines").await.len(), INSTANCES);

    for sandbox in &all {
        host.destroy(sandbox).await;
    }
    host.kill().await;
    let host = haunted(&stage).await;
    for sandbox in &all {
        host.reaches(sandbox, None).await;
    }
    assert_eq!((stage.live("machines").await.len(), stage.live("volumes").await.len()), (0, 0));
    let told = keys(&host).await;
    assert!(told.len() >= 5 * INSTANCES, "{} events", told.len());
}
