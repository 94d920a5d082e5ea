//! How a host ends, and how the next one goes on.

use crate::live::Oddity;
use crate::place::{Place, applied, provision, reaches, running, sandbox, start, status};
use kiloclaw_lifecycle::Status;
use kiloclaw_lifecycle::command::Command;
use kiloclaw_lifecycle::host::{HostError, Settings, Shutdown};
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_calls_and_begins_none() {
    let place = Place::slow(Duration::from_secs(5));
    let host = place.host(Settings::default());
    applied(&host, 1, provision(1)).await;
    applied(&host, 1, start()).await;
    sleep(Duration::from_secs(1)).await;
    let calls = || place.fly.sim.with(|world| world.calls().len());
    assert_eq!((host.at_work(), calls()), (1, 0));
    let end = host.shutdown(Duration::from_secs(60)).await;
    assert_eq!((end, host.at_work()), (Shutdown { unfinished: vec![] }, 0));
    let made = calls();
    assert_eq!(made, 1, "the one that was under way");
    assert_eq!(host.command(&sandbox(1), start()).await.unwrap_err(), HostError::ShuttingDown);
    assert_eq!(host.command(&sandbox(2), provision(2)).await.unwrap_err(), HostError::ShuttingDown);
    sleep(Duration::from_secs(3600)).await;
    assert_eq!((calls(), status(&host, 1).await), (made, Some(Status::Starting)));
    let next = place.host(Settings::default());
    reaches(&next, 1, Some(Status::Running)).await;
}

#[tokio::test(start_paused = true)]
async fn what_does_not_end_in_time_is_named_and_left_to_the_next() {
    let place = Place::new();
    let host = place.host(Settings::default());
    running(&host, 1).await;
    running(&host, 2).await;
    place.fly.be(Some(Oddity::Hangs));
    applied(&host, 1, Command::Stop { reason: None }).await;
    sleep(Duration::from_secs(1)).await;
    let end = host.shutdown(Duration::from_secs(3)).await;
    assert_eq!(end, Shutdown { unfinished: vec![sandbox(1)] });
    assert_eq!(host.at_work(), 0);
    place.fly.be(None);
    let next = place.host(Settings::default());
    reaches(&next, 1, Some(Status::Stopped)).await;
    assert_eq!(status(&next, 2).await, Some(Status::Running));
}

/// All work is broken off where it is: what is left is the store and the world.
#[tokio::test(start_paused = true)]
async fn what_was_begun_is_gone_on_with_wherever_it_was_broken_off() {
    for after in (0..40).map(|quarters| Duration::from_millis(quarters * 250)) {
        let place = Place::slow(Duration::from_millis(400));
        let first = place.host(Settings::default());
        applied(&first, 1, provision(1)).await;
        applied(&first, 1, start()).await;
        sleep(after).await;
        drop(first.shutdown(Duration::ZERO).await);
        let second = place.host(Settings::default());
        reaches(&second, 1, Some(Status::Running)).await;
        sleep(Duration::from_secs(1200)).await;
        let (machines, volumes) = place.live();
        assert_eq!((machines.len(), volumes.len()), (1, 1), "broken off after {after:?}");
        assert_eq!(place.store.memory.undelivered(), []);
    }
}
