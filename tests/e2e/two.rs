//! Two hosts on one file.

use crate::stage::{Stage, keys, sandboxes};

#[tokio::test]
async fn two_hosts_on_one_file_do_no_harm() {
    let stage = Stage::new(&[]).await;
    let (one, two) = (stage.host().await, stage.host().await);
    let all = sandboxes(8);
    for (number, sandbox) in all.iter().enumerate() {
        let (host, other) = if number % 2 == 0 { (&one, &two) } else { (&two, &one) };
        host.provision(sandbox).await;
        assert_eq!(other.command(sandbox, "start").await.0, 200);
    }
    for round in 1..=3 {
        for sandbox in &all {
            one.reaches(sandbox, Some("running")).await;
        }
        stage.stop_all().await;
        for sandbox in &all {
            two.lives_to_see_again(sandbox, "instance.unexpected_stop_recovery_started", round).await;
        }
    }
    // One is gone in the middle of it, and the other does the rest.
    one.kill().await;
    for sandbox in &all {
        two.reaches(sandbox, Some("running")).await;
    }
    stage.judge(&two, &all).await;
    for sandbox in &all {
        two.destroy(sandbox).await;
    }
    for sandbox in &all {
        two.reaches(sandbox, None).await;
    }
    assert_eq!((stage.live("machines").await.len(), stage.live("volumes").await.len()), (0, 0));
    keys(&two).await;
}
