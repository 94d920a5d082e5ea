//! Adapters that hang, panic or fail.

use crate::live::Oddity;
use crate::place::{Place, applied, provision, reaches, running, sandbox, start, status};
use kiloclaw_lifecycle::command::Command;
use kiloclaw_lifecycle::driver::DriverError;
use kiloclaw_lifecycle::host::{HostError, Settings};
use kiloclaw_lifecycle::port::StoreError;
use kiloclaw_lifecycle::{Status, persist};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_is_ended_at_its_deadline() {
    let place = Place::new();
    let host = place.host(Settings::default());
    running(&host, 1).await;
    place.fly.be(Some(Oddity::Hangs));
    applied(&host, 1, Command::Stop { reason: None }).await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!((status(&host, 1).await, host.at_work()), (Some(Status::Stopping), 1));
    place.fly.be(None);
    reaches(&host, 1, Some(Status::Stopped)).await;
    sleep(Duration::from_secs(600)).await;
    assert_eq!(host.at_work(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_is_lost_and_frees_the_seat() {
    let place = Place::new();
    let host = place.host(Settings { seats: 1, ..Settings::default() });
    running(&host, 1).await;
    place.fly.be(Some(Oddity::Panics));
    applied(&host, 1, Command::Stop { reason: None }).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(host.at_work(), 0);
    place.fly.be(None);
    running(&host, 2).await;
    reaches(&host, 1, Some(Status::Stopped)).await;
}

#[tokio::test(start_paused = true)]
async fn an_outcome_is_kept_while_the_store_is_down() {
    let place = Place::slow(Duration::from_secs(2));
    let host = place.host(Settings::default());
    applied(&host, 1, provision(1)).await;
    applied(&host, 1, start()).await;
    // A machine has been made, and its answer finds the store down.
    while place.live().0.is_empty() {
        sleep(Duration::from_millis(100)).await;
    }
    place.store.down.store(true, Ordering::SeqCst);
    sleep(Duration::from_secs(30)).await;
    let error = host.command(&sandbox(1), Command::Stop { reason: None }).await.unwrap_err();
    let down = StoreError::Unavailable("the store is down".to_string());
    assert_eq!(error, HostError::Driver(DriverError::Store(down)));
    place.store.down.store(false, Ordering::SeqCst);
    reaches(&host, 1, Some(Status::Running)).await;
    let calls =
        place.fly.sim.with(|world| world.calls().iter().filter(|call| call.call.as_str() == "create_machine").count());
    assert_eq!(calls, 1, "the answer was not lost, and nobody has to look for the machine");
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_was_written_and_not_said_is_gone_on_with() {
    for commits in 0..12 {
        let place = Place::new();
        let host = place.host(Settings::default());
        applied(&host, 1, provision(1)).await;
        applied(&host, 1, start()).await;
        place.store.unsure.store(commits, Ordering::SeqCst);
        sleep(Duration::from_secs(600)).await;
        place.store.unsure.store(0, Ordering::SeqCst);
        // Where too much was unsure the start has run out of time, and said so.
        if status(&host, 1).await == Some(Status::Stopped) {
            applied(&host, 1, start()).await;
        }
        reaches(&host, 1, Some(Status::Running)).await;
        sleep(Duration::from_secs(600)).await;
        let (machines, volumes) = place.live();
        assert_eq!((machines.len(), volumes.len()), (1, 1), "after {commits}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_finds_the_store_down_rings_again() {
    let place = Place::new();
    let host = place.host(Settings::default());
    running(&host, 1).await;
    let looks = || place.fly.sim.with(|world| world.calls().len());
    place.store.down.store(true, Ordering::SeqCst);
    sleep(Duration::from_secs(3600)).await;
    let before = looks();
    place.store.down.store(false, Ordering::SeqCst);
    sleep(Duration::from_secs(10)).await;
    assert!(looks() > before, "it is looked at as soon as that is possible");
    assert_eq!(status(&host, 1).await, Some(Status::Running));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_stays_and_stops_nobody_else() {
    let place = Place::new();
    let host = place.host(Settings { seats: 1, ..Settings::default() });
    running(&host, 1).await;
    let due = place.store.memory.alarm(&sandbox(1));
    place.store.memory.put(&sandbox(1), "{\"version\":99}", due);
    let error = host.command(&sandbox(1), start()).await.unwrap_err();
    assert!(matches!(&error, HostError::Driver(DriverError::Record(_))), "{error:?}");
    let loads = || place.store.loads.load(Ordering::SeqCst);
    let before = loads();
    sleep(Duration::from_secs(3600)).await;
    assert!((40..80).contains(&(loads() - before)), "about once a minute: {}", loads() - before);
    running(&host, 2).await;
    let kept = place.store.memory.record(&sandbox(1)).unwrap();
    assert_eq!(kept.record, "{\"version\":99}");
    assert!(persist::decode(&kept.record).is_err());
}

#[tokio::test(start_paused = true)]
async fn events_wait_for_the_sink_and_outlive_their_instance() {
    let place = Place::new();
    let host = place.host(Settings::default());
    place.sink.down.store(true, Ordering::SeqCst);
    running(&host, 1).await;
    applied(&host, 1, Command::Destroy { reason: None }).await;
    reaches(&host, 1, None).await;
    assert_eq!(place.sink.told(), Vec::<String>::new());
    assert_eq!(place.store.memory.undelivered(), [sandbox(1)]);
    place.sink.down.store(false, Ordering::SeqCst);
    sleep(Duration::from_secs(60)).await;
    let told = place.sink.told();
    let life: Vec<&str> = told.iter().map(String::as_str).filter(|name| name.starts_with("instance.")).collect();
    assert_eq!(life, ["instance.provisioned", "instance.started", "instance.destroy_started"]);
    assert_eq!(told.last().map(String::as_str), Some("reconcile.destroy_complete"));
    assert_eq!(place.store.memory.undelivered(), []);
}
