//! What is said of instances that a flat record describes, at the limits where the answer changes.

use crate::script::{Script, absent, accepted, busy, found, no_machines, no_volumes, volume, volume_id, waited};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::instance::{Awaited, Blocked, ErrorKind, ThingView};
use kiloclaw_lifecycle::observe::{MachineState, VolumeState};
use kiloclaw_lifecycle::{Command, Knobs, Policy, Timestamp};
use serde_json::{Value, json};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
/// When the records are read.
const NOW: u64 = 1_775_433_600_000;
/// When a status that lasts began. It is looked at in a minute, and has lasted `LASTED` by then.
const SINCE: u64 = NOW - 10 * SECOND;
const LASTED: u64 = 70 * SECOND;

fn knobs() -> Knobs {
    Knobs { alarm_jitter_ms: 0, ..Knobs::default() }
}

/// Machine `m-1` on volume `vol-1`, with what `changes` says instead.
fn flat(status: &str, changes: Value) -> Script {
    let mut record = json!({
        "userId": "user-1", "sandboxId": "sbx-1", "status": status, "flyMachineId": "m-1", "flyVolumeId": "vol-1",
        "flyRegion": "fra", "provisionedAt": NOW - 1_000 * MINUTE,
    });
    record.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
    Script::imported(knobs(), Timestamp::from_millis(NOW), &record)
}

/// What the next alarm does under these limits.
fn then(script: &Script, limits: Knobs) -> String {
    script.instance.explain(&Policy::new(limits).expect("the knobs make sense")).then
}

#[test]
fn a_start_is_given_up_at_its_limit() {
    let limit = |starting_timeout_ms| Knobs { starting_timeout_ms, ..knobs() };
    let starting = flat("starting", json!({ "startingAt": SINCE }));
    assert_eq!(then(&starting, limit(LASTED)), "goes on with looking at the machine");
    let over = "looks at the machine, and gives the start up unless that is up";
    assert_eq!(then(&starting, limit(LASTED - 1)), over);
    let bare = flat("starting", json!({ "startingAt": SINCE, "flyMachineId": null }));
    assert_eq!(then(&bare, limit(LASTED - 1)), "gives the start up");
}

#[test]
fn a_stop_ends_at_its_limit() {
    let limit = |stopping_timeout_ms| Knobs { stopping_timeout_ms, ..knobs() };
    let mut stopping = flat("running", json!({}));
    stopping.command(Command::Stop { reason: None }).on(CallKind::StopMachine, accepted());
    stopping.on(CallKind::WaitMachine, waited(MachineState::Stopping)).rests();
    let lasts = stopping.instance.alarm().at.since(Timestamp::from_millis(NOW));
    assert!(lasts >= MINUTE, "{lasts}");
    assert_eq!(then(&stopping, limit(lasts)), "goes on with waiting for the machine to stop");
    let over = "looks at the machine, and is running again if that is still up, else stopped";
    assert_eq!(then(&stopping, limit(lasts - 1)), over);
}

#[test]
fn a_restart_that_takes_long_is_reported_and_at_last_given_up() {
    let limits = |soft, hard| Knobs { restarting_timeout_ms: soft, restarting_max_timeout_ms: hard, ..knobs() };
    let restarting = flat("restarting", json!({ "restartingAt": SINCE }));
    assert_eq!(then(&restarting, limits(LASTED, LASTED)), "goes on with looking at the machine");
    let late = "looks at the machine, and reports that the restart takes too long unless that is up";
    assert_eq!(then(&restarting, limits(LASTED - 1, LASTED)), late);
    let over = "looks at the machine, and gives the restart up unless that is up";
    assert_eq!(then(&restarting, limits(LASTED - 1, LASTED - 1)), over);
}

#[test]
fn recoveries_and_restores_are_given_up_at_their_limits() {
    let limit = |ms| Knobs { recovering_timeout_ms: ms, restoring_timeout_ms: ms, ..knobs() };
    let recovering = flat("recovering", json!({ "recoveryStartedAt": SINCE }));
    let goes_on = "goes on with finding out which machine is the replacement";
    assert_eq!(then(&recovering, limit(LASTED)), goes_on);
    assert_eq!(then(&recovering, limit(LASTED - 1)), "gives the recovery up");
    let restoring = flat("restoring", json!({ "restoreStartedAt": "2026-04-05T23:59:50Z" }));
    assert_eq!(then(&restoring, limit(LASTED)), "goes on with waiting for a restore that somebody else began");
    let over = "gives the restore up, and keeps the volume it has";
    assert_eq!(then(&restoring, limit(LASTED - 1)), over);
}

#[test]
fn a_registration_is_stale_past_its_age() {
    let looked_at = NOW + 30 * MINUTE;
    let registered = |at: u64| flat("provisioned", json!({ "provisionedAt": at, "flyMachineId": null }));
    let stale = Knobs { stale_provision_ms: 60 * MINUTE, ..knobs() };
    let at_the_limit = registered(looked_at - 60 * MINUTE);
    assert_eq!(then(&at_the_limit, stale.clone()), "looks for a machine, and checks the volume");
    let past = registered(looked_at - 60 * MINUTE - 1);
    assert_eq!(then(&past, stale), "is removed as never used, unless a machine of it turns up");
}

#[test]
fn without_a_machine_an_accepted_loss_brings_an_empty_volume() {
    let mut lost = flat("stopped", json!({ "flyMachineId": null, "lastStartedAt": NOW - MINUTE }));
    lost.alarm().on(CallKind::ListMachines, no_machines()).on(CallKind::GetVolume, absent());
    lost.on(CallKind::GetVolume, absent()).on(CallKind::ListVolumes, no_volumes()).rests();
    lost.command(Command::AcceptDataLoss).rests();
    assert_eq!(then(&lost, knobs()), "makes an empty volume in place of the one that was lost");
}

#[test]
fn why_it_is_stopped_when_nobody_has_said_so() {
    let why = |changes: Value| flat("stopped", changes).instance.explain(&Policy::default()).why;
    let down = "The instance has been stopped, because a stop was asked for, or its machine was found down";
    assert_eq!(why(json!({})), down);
    let gone = "The instance has been stopped, because its machine is gone or was never made";
    assert_eq!(why(json!({ "flyMachineId": null })), gone);
}

#[test]
fn the_status_began_with_the_last_start_unless_it_was_stopped_since() {
    let since = |stopped: u64| {
        let record = json!({ "lastStartedAt": SINCE, "lastStoppedAt": stopped });
        flat("running", record).instance.user_view().since.map(Timestamp::as_millis)
    };
    assert_eq!(since(SINCE - 1), Some(SINCE));
    assert_eq!(since(SINCE), Some(SINCE));
    assert_eq!(since(SINCE + 1), None);
}

#[test]
fn an_error_before_the_last_start_is_over_unless_it_is_that_of_a_restart() {
    let shown = |kind: &str, at: u64| {
        let record = json!({
            "lastStartedAt": SINCE,
            format!("last{kind}ErrorMessage"): "no luck",
            format!("last{kind}ErrorAt"): at,
        });
        flat("running", record).instance.user_view().last_error.map(|error| error.kind)
    };
    assert_eq!(shown("Start", SINCE - 1), None);
    assert_eq!(shown("Start", SINCE), Some(ErrorKind::Start));
    assert_eq!(shown("Start", SINCE + 1), Some(ErrorKind::Start));
    assert_eq!(shown("Recovery", SINCE - 1), None);
    assert_eq!(shown("Restart", SINCE - 1), Some(ErrorKind::Restart));
}

/// The removal of what the record names beside the current volume fails once, and is given up.
fn given_up(changes: Value) -> Script {
    let mut script = flat("stopped", changes);
    script.policy = Policy::new(Knobs { disposal_max_attempts: 1, ..knobs() }).expect("the knobs make sense");
    script.alarm();
    script
}

#[test]
fn what_was_given_up_is_not_what_is_waited_for() {
    let mut script = given_up(json!({
        "pendingDestroyVolumeId": "vol-3",
        "recoveryPreviousVolumeId": "vol-0", "recoveryPreviousVolumeCleanupAfter": NOW + 10 * MINUTE,
    }));
    script.on(CallKind::GetVolume, busy()).on(CallKind::GetMachine, absent());
    script.on(CallKind::GetVolume, found(volume("vol-1", VolumeState::Created)));
    let explanation = script.instance.explain(&script.policy);
    let kept = ThingView::Volume(volume_id("vol-0"));
    assert_eq!(explanation.waiting_for, Awaited::Disposal { thing: Some(kept.clone()) });
    let expected =
        format!("tries to remove {kept}, then looks for a machine that belongs to it, and checks the volume");
    assert_eq!(explanation.then, expected);
}

#[test]
fn a_retained_volume_that_was_given_up_is_shown_once() {
    let mut script = given_up(json!({
        "recoveryPreviousVolumeId": "vol-0", "recoveryPreviousVolumeCleanupAfter": NOW,
    }));
    script.on(CallKind::GetVolume, busy());
    let blocked = script.instance.explain(&script.policy).blocked;
    let thing = ThingView::Volume(volume_id("vol-0"));
    let error = Some("still bound (status 412)".to_string());
    assert_eq!(blocked, [Blocked::Abandoned { thing, attempts: 1, error }]);
}

#[test]
fn running_without_a_machine_it_looks_for_one() {
    let lost = flat("running", json!({ "flyMachineId": null }));
    assert_eq!(then(&lost, knobs()), "looks for its machine, and is stopped if there is none");
}
