//! A small storm, with the real limits and realistic times.

use crate::storm::{Fleet, Outcome, Storm, latency};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::{Knobs, Policy, Status};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const INSTANCES: usize = 2_000;
const STOPS: usize = 800;

/// All that the storm has left is put away in the end: one machine and one volume for each instance, all of which run.
async fn is_over(fleet: &Fleet, storm: &Storm) {
    let count = || storm.world(|world| (world.live_machines().count(), world.live_volumes().count()));
    let begun = Instant::now();
    while count() != (INSTANCES, INSTANCES) {
        assert!(begun.elapsed() < Duration::from_secs(7_200), "machines and volumes after two hours: {:?}", count());
        sleep(Duration::from_secs(10)).await;
    }
    for member in &fleet.members {
        let instance = storm.instance(&member.sandbox);
        assert_eq!(instance.status(), Status::Running, "{}", member.sandbox);
        let (machine, volume) = (instance.machine().expect("a machine"), instance.volume().expect("a volume"));
        let writers = storm.world(|world| world.writers(volume.as_str()).into_iter().cloned().collect::<Vec<_>>());
        assert_eq!(writers, [machine.as_str()], "{}", member.sandbox);
    }
}

/// As long as it takes where all wait for one limit.
fn patient() -> Policy {
    Policy::new(Knobs { recovering_timeout_ms: 3_600_000, ..Knobs::default() }).expect("a policy")
}

async fn play(fleet: &Fleet) -> Outcome {
    let mut storm = Storm::gather(fleet, patient(), 64);
    sleep(Duration::from_secs(60)).await;
    storm.breaks(fleet, STOPS).await;
    storm.ends().await;
    is_over(fleet, &storm).await;
    storm.outcome(fleet).await
}

#[tokio::test(start_paused = true)]
async fn after_a_storm_all_run_again_and_no_limit_was_exceeded() {
    let fleet = Fleet::running(INSTANCES);
    for (fleet, shared) in [(fleet.clone(), false), (fleet.in_one_app(), true)] {
        let outcome = play(&fleet).await;
        assert_eq!((outcome.recovered.len(), outcome.given_up), (STOPS, 0), "{outcome:?}");
        assert_eq!((outcome.repaired.len(), outcome.running), (STOPS, INSTANCES));
        assert_eq!((outcome.exceeded, outcome.lost), (0, 0));
        // Where all share an app a machine can be made each second, and so the storm takes as many seconds as machines stop. More is asked
        // for than may be made, and is held back.
        assert_eq!(outcome.held > 0, shared, "{outcome:?}");
        assert_eq!(outcome.drained_ms > 1_000 * (STOPS as u64 - 3), shared, "{outcome:?}");
        let quickest: u64 = [CallKind::CreateVolume, CallKind::CreateMachine].map(latency::usual_ms).iter().sum();
        assert!(outcome.repaired.iter().all(|took| *took > quickest / 2), "{outcome:?}");
        let (mean, most) = outcome.per_second;
        assert!(mean > 0.0 && mean < f64::from(most) && outcome.most_away <= 64, "{outcome:?}");
    }
}
