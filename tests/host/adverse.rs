//! What must not stand still because something beside it does.

use crate::live::Oddity;
use crate::place::{Place, applied, provision, reaches, running, sandbox, start, status};
use kiloclaw_lifecycle::command::Command;
use kiloclaw_lifecycle::host::Settings;
use kiloclaw_lifecycle::observe::MachineState;
use kiloclaw_lifecycle::testkit::WorldChange;
use kiloclaw_lifecycle::{Status, Verdict};
use metrics_exporter_prometheus::PrometheusBuilder;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{sleep, timeout};

const DAY: Duration = Duration::from_secs(86_400);

fn calls(place: &Place, named: &str) -> usize {
    place.fly.sim.with(|world| world.calls().iter().filter(|call| call.call.as_str() == named).count())
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_once_does_not_end_the_alarms() {
    let place = Place::new();
    let host = place.host(Settings::default());
    running(&host, 1).await;
    place.store.panics.store(true, Ordering::SeqCst);
    sleep(DAY).await;
    assert!(!place.store.panics.load(Ordering::SeqCst));
    let before = calls(&place, "get_machine");
    sleep(DAY).await;
    assert!(calls(&place, "get_machine") > before, "alarms ring");
    place.store.panics.store(true, Ordering::SeqCst);
    sleep(DAY).await;
    let before = calls(&place, "get_machine");
    sleep(DAY).await;
    assert!(calls(&place, "get_machine") > before, "alarms ring");
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_hangs_once_does_not_hold_an_instance_for_ever() {
    let place = Place::new();
    let host = place.host(Settings { seats: 1, ..Settings::default() });
    applied(&host, 1, provision(1)).await;
    place.sink.hangs.store(true, Ordering::SeqCst);
    applied(&host, 1, start()).await;
    sleep(Duration::from_secs(60)).await;
    place.sink.hangs.store(false, Ordering::SeqCst);
    sleep(DAY).await;
    assert_eq!((host.at_work(), status(&host, 1).await), (0, Some(Status::Running)));
    running(&host, 2).await;
}

#[tokio::test(start_paused = true)]
async fn events_that_are_never_taken_stop_nobody_elses() {
    let place = Place::new();
    let host = place.host(Settings::default());
    place.sink.down.store(true, Ordering::SeqCst);
    for number in 1..4 {
        running(&host, number).await;
        applied(&host, number, Command::Destroy { reason: None }).await;
        reaches(&host, number, None).await;
    }
    *place.sink.refuses.lock().unwrap() = Some(sandbox(1));
    place.sink.down.store(false, Ordering::SeqCst);
    sleep(DAY).await;
    assert_eq!(place.store.memory.undelivered(), [sandbox(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_when_the_clock_says_that_it_is_lost() {
    let place = Place::new();
    let host = place.host(Settings::default());
    running(&host, 1).await;
    place.fly.be(Some(Oddity::Hangs));
    applied(&host, 1, Command::Stop { reason: None }).await;
    sleep(Duration::from_secs(1)).await;
    // The machine that the host runs on was asleep.
    place.clock.wrong.store(3_600_000, Ordering::SeqCst);
    place.fly.be(None);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(host.at_work(), 0, "the call is not under way any more");
}

#[tokio::test(start_paused = true)]
async fn an_absurd_future_is_forgotten_once_the_clock_is_right() {
    let place = Place::new();
    let host = place.host(Settings::default());
    running(&host, 1).await;
    place.clock.wrong.store(70 * 365 * 86_400_000, Ordering::SeqCst);
    sleep(Duration::from_secs(60)).await;
    place.clock.wrong.store(0, Ordering::SeqCst);
    let before = calls(&place, "get_machine");
    sleep(DAY).await;
    let by_itself = calls(&place, "get_machine") > before;
    drop(host.shutdown(Duration::from_secs(60)).await);
    let next = place.host(Settings::default());
    sleep(DAY).await;
    let after_a_restart = calls(&place, "get_machine") > before;
    assert_eq!((by_itself, after_a_restart), (true, true), "it is looked at");
    drop(next);
}

fn cleanup() -> Command {
    Command::ReassociateVolume { volume: "vol_nowhere".parse().unwrap(), reason: "a trial of the test".to_string() }
}

async fn stopped(place: &Place, host: &kiloclaw_lifecycle::host::Host) {
    running(host, 1).await;
    applied(host, 1, Command::Stop { reason: None }).await;
    reaches(host, 1, Some(Status::Stopped)).await;
    assert_eq!(place.live().0.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_an_end_beyond_the_end_of_the_host() {
    let place = Place::new();
    let host = place.host(Settings::default());
    stopped(&place, &host).await;
    place.fly.be(Some(Oddity::Hangs));
    let taken = host.command(&sandbox(1), cleanup()).await.unwrap();
    assert!(matches!(taken.verdict, Verdict::Pending(_)), "{taken:?}");
    drop(host.shutdown(Duration::from_secs(1)).await);
    assert_eq!(timeout(DAY, taken.end()).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_an_end_that_came_about_elsewhere() {
    let place = Place::new();
    let (one, two) = (place.host(Settings::default()), place.host(Settings::default()));
    stopped(&place, &one).await;
    place.fly.be(Some(Oddity::Hangs));
    let taken = one.command(&sandbox(1), cleanup()).await.unwrap();
    assert!(matches!(taken.verdict, Verdict::Pending(_)), "{taken:?}");
    sleep(Duration::from_secs(1)).await;
    applied(&two, 1, Command::Destroy { reason: None }).await;
    place.fly.be(None);
    reaches(&two, 1, None).await;
    assert_eq!(timeout(DAY, taken.end()).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn where_nobody_may_wait_a_free_seat_is_taken_all_the_same() {
    let place = Place::new();
    let host = place.host(Settings { waiting: 0, ..Settings::default() });
    running(&host, 1).await;
}

#[tokio::test(start_paused = true)]
async fn an_outcome_is_kept_while_others_are_faster() {
    let place = Place::slow(Duration::from_secs(2));
    let host = place.host(Settings::default());
    applied(&host, 1, provision(1)).await;
    applied(&host, 1, start()).await;
    // While the machine is being made, or the volume.
    while place.live().1.is_empty() {
        sleep(Duration::from_millis(100)).await;
    }
    sleep(Duration::from_secs(1)).await;
    place.store.contended.store(8, Ordering::SeqCst);
    let begun = tokio::time::Instant::now();
    reaches(&host, 1, Some(Status::Running)).await;
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert_eq!(calls(&place, "create_machine"), 1);
}

#[test]
fn how_late_an_alarm_is_includes_the_wait_for_a_seat() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let place = Place::new();
            let host = place.host(Settings { seats: 1, ..Settings::default() });
            running(&host, 1).await;
            applied(&host, 2, provision(2)).await;
            place.fly.be(Some(Oddity::Hangs));
            // Its alarm is due in five minutes at the latest, and the only seat is taken again and again.
            for _ in 0..6 {
                drop(host.command(&sandbox(2), start()).await);
                sleep(Duration::from_secs(100)).await;
            }
        });
    });
    let page = page.render();
    let sum = page.lines().find_map(|line| line.strip_prefix("kiloclaw_alarm_lag_seconds_sum ")).unwrap();
    assert!(sum.parse::<f64>().unwrap() > 30.0, "{page}");
}

/// Commands that wait must not keep alarms from ringing.
#[tokio::test(start_paused = true)]
async fn alarms_ring_while_many_commands_wait() {
    let place = Place::slow(Duration::from_secs(1));
    let host = place.host(Settings { seats: 2, ..Settings::default() });
    for number in 0..20 {
        running(&host, number).await;
    }
    for number in 100..300 {
        applied(&host, number, provision(number)).await;
    }
    for number in 100..300 {
        let host = host.clone();
        tokio::spawn(async move { drop(host.command(&sandbox(number), start()).await) });
    }
    sleep(Duration::from_secs(1)).await;
    let machines = place.live().0;
    let stops = WorldChange::Machine { id: machines[0].clone(), state: MachineState::Stopped, exit: None };
    place.fly.sim.with(|world| assert!(world.change(&stops)));
    let begun = tokio::time::Instant::now();
    loop {
        let mut all = Vec::new();
        for number in 0..20 {
            all.push(status(&host, number).await);
        }
        if all.contains(&Some(Status::Recovering)) {
            break;
        }
        sleep(Duration::from_secs(1)).await;
        assert!(begun.elapsed() < DAY);
    }
    assert!(begun.elapsed() < Duration::from_secs(400), "noticed after {:?}", begun.elapsed());
}
