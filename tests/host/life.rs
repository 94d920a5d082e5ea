//! What instances live through under a host, and how many of them at once.

use crate::live::TokioClock;
use crate::place::{Place, applied, provision, reaches, running, sandbox, start, status};
use kiloclaw_lifecycle::command::{Answer, Code, Command};
use kiloclaw_lifecycle::host::{HostError, Settings};
use kiloclaw_lifecycle::observe::{MachineState, SnapshotStatus};
use kiloclaw_lifecycle::testkit::WorldChange;
use kiloclaw_lifecycle::{Clock, Status, Verdict};
use std::time::Duration;
use tokio::time::sleep;

fn stops(id: &str) -> WorldChange {
    WorldChange::Machine { id: id.to_string(), state: MachineState::Stopped, exit: None }
}

#[tokio::test(start_paused = true)]
async fn an_unexpected_stop_is_recovered_by_alarms_alone() {
    let place = Place::new();
    let host = place.host(Settings::default());
    running(&host, 1).await;
    let (machines, volumes) = place.live();
    assert_eq!((machines.len(), volumes.len()), (1, 1));
    place.fly.sim.with(|world| assert!(world.change(&stops(&machines[0]))));
    reaches(&host, 1, Some(Status::Recovering)).await;
    reaches(&host, 1, Some(Status::Running)).await;
    sleep(Duration::from_secs(3600)).await;
    let (machines_then, volumes_then) = place.live();
    assert_eq!((machines_then.len(), volumes_then.len()), (1, 1), "nothing is left over");
    assert_ne!((machines_then, volumes_then), (machines, volumes), "both are others");
    let told = place.sink.told();
    let life: Vec<&str> = told.iter().map(String::as_str).filter(|name| name.starts_with("instance.")).collect();
    assert_eq!(
        life,
        [
            "instance.provisioned",
            "instance.started",
            "instance.unexpected_stop_recovery_started",
            "instance.unexpected_stop_recovery_succeeded",
            "instance.retained_volume_deleted",
        ]
    );
    applied(&host, 1, Command::Destroy { reason: None }).await;
    reaches(&host, 1, None).await;
    assert_eq!(place.live(), (vec![], vec![]));
    assert_eq!(host.instances(None, 9).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_pending_command_is_answered_with_its_end() {
    let place = Place::new();
    let host = place.host(Settings::default());
    running(&host, 1).await;
    let volume = place.live().1[0].clone();
    let status = SnapshotStatus::from("created");
    let snapshot = WorldChange::Snapshot { volume, id: "vs-1".to_string(), status };
    place.fly.sim.with(|world| assert!(world.change(&snapshot)));
    applied(&host, 1, Command::Stop { reason: None }).await;
    reaches(&host, 1, Some(Status::Stopped)).await;
    let of = |id: &str| Command::ReassociateVolume {
        volume: id.parse().unwrap(),
        reason: "a trial of the test".to_string(),
    };
    let taken = host.command(&sandbox(1), of("vol_nowhere")).await.unwrap();
    assert!(matches!(taken.verdict, Verdict::Pending(_)), "{taken:?}");
    let end = taken.end().await.expect("an end").expect_err("there is no such volume");
    assert_eq!(end.code, Code::VolumeNotFound);
    let taken = host.command(&sandbox(1), Command::CleanupRetainedVolume { volume: None }).await.unwrap();
    assert_eq!(taken.end().await, Some(Ok(Answer::Deleted(None))), "there is nothing to delete");
}

#[tokio::test(start_paused = true)]
async fn no_more_are_worked_on_than_there_are_seats() {
    let place = Place::slow(Duration::from_secs(1));
    let host = place.host(Settings { seats: 3, ..Settings::default() });
    for number in 0..20 {
        applied(&host, number, provision(number)).await;
    }
    let starts: Vec<_> = (0..20)
        .map(|number| {
            let host = host.clone();
            tokio::spawn(async move { applied(&host, number, start()).await })
        })
        .collect();
    for started in starts {
        started.await.unwrap();
    }
    for number in 0..20 {
        reaches(&host, number, Some(Status::Running)).await;
    }
    assert_eq!(place.fly.most_at_once(), 3, "all seats were taken, and no more");
    let (machines, volumes) = place.live();
    assert_eq!((machines.len(), volumes.len()), (20, 20));
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_too_much_is_turned_away_and_nothing_is_decided() {
    let place = Place::slow(Duration::from_secs(10));
    let host = place.host(Settings { seats: 1, waiting: 1, waiting_each: 1, ..Settings::default() });
    applied(&host, 1, provision(1)).await;
    applied(&host, 2, provision(2)).await;
    applied(&host, 1, start()).await;
    // The seat is taken for a while; one may wait for it.
    let waits = tokio::spawn({
        let host = host.clone();
        async move { applied(&host, 2, start()).await }
    });
    sleep(Duration::from_millis(1)).await;
    assert_eq!(host.at_work(), 1);
    assert_eq!(host.command(&sandbox(3), provision(3)).await.unwrap_err(), HostError::Overloaded);
    assert_eq!(host.instance(&sandbox(3)).await.unwrap(), None);
    // What is worked on takes commands meanwhile.
    let denied = host.command(&sandbox(1), Command::Stop { reason: None }).await.unwrap();
    assert!(!matches!(denied.verdict, Verdict::Pending(_)), "{denied:?}");
    waits.await.unwrap();
    reaches(&host, 2, Some(Status::Running)).await;
    applied(&host, 3, provision(3)).await;
    assert_eq!(status(&host, 3).await, Some(Status::Provisioned));
}

#[tokio::test(start_paused = true)]
async fn a_destroy_is_taken_on_while_a_call_is_under_way() {
    let place = Place::slow(Duration::from_secs(20));
    let host = place.host(Settings::default());
    applied(&host, 1, provision(1)).await;
    applied(&host, 1, start()).await;
    sleep(Duration::from_secs(70)).await;
    assert_eq!(status(&host, 1).await, Some(Status::Starting));
    applied(&host, 1, Command::Destroy { reason: None }).await;
    assert_eq!(status(&host, 1).await, Some(Status::Destroying));
    reaches(&host, 1, None).await;
    assert_eq!(place.live(), (vec![], vec![]), "what was being made is removed as well");
}

#[tokio::test(start_paused = true)]
async fn two_hosts_on_one_store_do_no_harm() {
    let place = Place::new();
    let (one, two) = (place.host(Settings::default()), place.host(Settings::default()));
    for number in 0..6 {
        let (host, other) = if number % 2 == 0 { (&one, &two) } else { (&two, &one) };
        running(host, number).await;
        let (machines, _) = place.live();
        let mut stopped = Vec::new();
        place.fly.sim.with(|world| {
            for id in machines {
                if world.change(&stops(&id)) {
                    stopped.push(id);
                }
            }
        });
        reaches(other, number, Some(Status::Recovering)).await;
        reaches(host, number, Some(Status::Running)).await;
    }
    for number in 0..6 {
        reaches(&one, number, Some(Status::Running)).await;
    }
    sleep(Duration::from_secs(7200)).await;
    let (machines, volumes) = place.live();
    assert_eq!((machines.len(), volumes.len()), (6, 6), "one each, whoever has worked on it");
    let keys = place.sink.keys();
    let different: std::collections::BTreeSet<_> = keys.iter().collect();
    assert!(different.len() <= keys.len(), "an event may come twice, under its key");
    for number in 0..6 {
        applied(&two, number, Command::Destroy { reason: None }).await;
        reaches(&one, number, None).await;
    }
    assert_eq!(place.live(), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn the_clock_is_the_one_that_was_given() {
    let clock = TokioClock::new();
    let before = clock.now();
    sleep(Duration::from_secs(5)).await;
    assert_eq!(clock.now().since(before), 5000);
}
