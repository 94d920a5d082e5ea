//! A new configuration is being rolled onto the machine.

mod limits;

use crate::commands::{any, restart};
use crate::script::{LATENCY_MS, MINUTE, NOON, Script};
use crate::world::{
    Remade, a_machine, absent, accepted, busy, limited, machine, refused, unauthorized, unknown, waited,
};
use kiloclaw_lifecycle::command::CommandKind;
use kiloclaw_lifecycle::id::Image;
use kiloclaw_lifecycle::{Command, Timestamp};
use serde_json::json;

/// The version is known; the update is in flight.
fn updating() -> Script {
    let mut script = Script::running();
    script.command(restart());
    script.answer(machine("m1", "started"));
    script
}

/// The update was accepted; the machine is looked at.
fn sent() -> Script {
    let mut script = updating();
    script.answer(accepted());
    script
}

fn waiting() -> Script {
    let mut script = sent();
    script.answer(a_machine("m1", "replacing").version("v2").seen());
    script
}

/// The update is accepted or was refused, and an alarm looks `ms` after the beginning.
fn looking(accept: bool, ms: u64) -> Script {
    let mut script = updating();
    script.answer(if accept { accepted() } else { refused() });
    if accept {
        script.answer(a_machine("m1", "replacing").version("v2").seen());
        script.answer(waited("replacing"));
    }
    script.now = Timestamp::from_millis(NOON + ms - LATENCY_MS);
    script.ring();
    script
}

const SOON: u64 = MINUTE;

#[test]
fn s5_a_restart() {
    let mut script = Script::running();
    script.command(restart()).is(r#"
        applied: restarting
        set restartingAt now
        event instance.restarting restarting "redeploy-same-image" machine=m1 region=iad
        call get_machine m1
        alarm +1m reconcile
    "#);
    script.answer(machine("m1", "started")).is("
        applied: restarting
        call update_machine m1 ours on vol-1
        alarm +59s reconcile
    ");
    script.answer(accepted()).is("
        applied: restarting
        set restartUpdateSent true
        call get_machine m1
        alarm +58s reconcile
    ");
    script.answer(a_machine("m1", "replacing").version("v2").seen()).is("
        applied: restarting (no commit)
        call wait_machine m1 of version v2 started 60s
        alarm +57s reconcile
    ");
    script.answer(waited("started")).is("
        applied: running
        set lastStartedAt now
        set restartUpdateSent false
        set restartingAt null
        log restarting_reconcile_success by=restart machine=m1 region=iad
        alarm +5m reconcile
    ");
}

#[test]
fn s5_a_new_image_is_pinned() {
    let mut script = Script::running();
    script.command(Command::Restart { image: Some(Image::new("app:2").unwrap()) }).is(r#"
        applied: restarting
        set restartingAt now
        set trackedImageTag "app:2"
        event instance.restarting restarting "pin-to-tag:app:2" machine=m1 region=iad
        call get_machine m1
        alarm +1m reconcile
    "#);
    script.answer(machine("m1", "started")).is("
        applied: restarting
        call update_machine m1 ours on vol-1 running app:2
        alarm +59s reconcile
    ");
}

#[test]
fn s5_a_stopped_machine_is_started_after_the_update() {
    let mut script = Script::stopped();
    script.command(restart()).is(r#"
        applied: restarting
        set restartingAt now
        event instance.restarting restarting "redeploy-same-image" machine=m1 region=iad
        call get_machine m1
        alarm +1m reconcile
    "#);
    script.answer(machine("m1", "stopped")).is("
        applied: restarting
        call update_machine m1 ours on vol-1
        alarm +59s reconcile
    ");
    script.answer(accepted()).is("
        applied: restarting
        set restartUpdateSent true
        call get_machine m1
        alarm +58s reconcile
    ");
    script.answer(a_machine("m1", "stopped").version("v2").seen()).is("
        applied: restarting
        call start_machine m1
        alarm +57s reconcile
    ");
    script.answer(accepted()).is("
        applied: restarting
        call wait_machine m1 started 60s
        alarm +56s reconcile
    ");
    script.answer(waited("started")).is("
        applied: running
        set lastStartedAt now
        set restartUpdateSent false
        set restartingAt null
        log restarting_reconcile_success by=restart machine=m1 region=iad
        alarm +5m reconcile
    ");
}

#[test]
fn s5_a_refused_update_is_reported_and_watched() {
    let mut script = updating();
    script.answer(refused()).is(r#"
        applied: restarting
        set lastRestartErrorAt now
        set lastRestartErrorMessage "makes no sense (status 422)"
        alarm +1m reconcile
    "#);
    script.alarm().is("
        applied: restarting (no commit)
        call get_machine m1
        alarm +1m reconcile
    ");
    script.answer(machine("m1", "started")).is("
        applied: restarting
        alarm +1m reconcile
    ");
    script.alarm();
    script.answer(machine("m1", "stopped")).is("
        applied: restarting
        alarm +1m reconcile
    ");
}

#[test]
fn s5_transient_faults_are_retried() {
    for fault in [busy(), limited(), unauthorized()] {
        let mut script = updating();
        script.answer(fault).is("
            applied: restarting
            alarm +1s retry
        ");
        script.alarm().is("
            applied: restarting (no commit)
            call get_machine m1
            alarm +1m reconcile
        ");
    }
}

#[test]
fn s5_an_unknown_outcome_counts_as_sent_if_the_version_changed() {
    let mut script = updating();
    script.answer(unknown()).is("
        applied: restarting
        alarm +1s retry
    ");
    script.alarm().is("
        applied: restarting (no commit)
        call get_machine m1
        alarm +1m reconcile
    ");
    script.answer(a_machine("m1", "replacing").version("v2").seen()).is("
        applied: restarting
        set restartUpdateSent true
        alarm +1m reconcile
    ");
    let mut script = updating();
    script.answer(unknown());
    script.alarm();
    script.answer(machine("m1", "started")).is("
        applied: restarting (no commit)
        call get_machine m1
        alarm +59s reconcile
    ");
}

#[test]
fn s5_a_wait_that_is_not_over_is_handed_to_the_alarm() {
    for answer in [waited("replacing"), waited("stopped"), waited("failed"), unknown()] {
        let mut script = waiting();
        script.answer(answer).is("
            applied: restarting
            alarm +1m reconcile
        ");
        script.alarm().is("
            applied: restarting (no commit)
            call get_machine m1
            alarm +1m reconcile
        ");
    }
}

#[test]
fn s5_what_the_alarm_sees_when_the_update_was_sent() {
    for (answer, expected) in [
        (
            machine("m1", "started"),
            "
                applied: running
                set lastStartedAt now
                set restartUpdateSent false
                set restartingAt null
                log restarting_reconcile_success by=alarm machine=m1 region=iad
                alarm +5m reconcile
            ",
        ),
        (
            machine("m1", "stopped"),
            "
                applied: restarting
                log restarting_retry_start by=alarm machine=m1 region=iad
                call start_machine m1
                alarm +59s reconcile
            ",
        ),
        (
            machine("m1", "replacing"),
            "
                applied: restarting
                alarm +1m reconcile
            ",
        ),
        (
            machine("m1", "failed"),
            "
                applied: restarting
                alarm +1m reconcile
            ",
        ),
        (
            machine("m1", "destroyed"),
            r#"
                applied: stopped
                set flyMachineId null
                set lastRestartErrorAt now
                set lastRestartErrorMessage "the machine is gone"
                set lastStoppedAt now
                set restartUpdateSent false
                set restartingAt null
                log restarting_machine_gone stopped error="the machine is gone" by=alarm region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            absent(),
            r#"
                applied: stopped
                set flyMachineId null
                set lastRestartErrorAt now
                set lastRestartErrorMessage "the machine is gone"
                set lastStoppedAt now
                set restartUpdateSent false
                set restartingAt null
                log restarting_machine_gone stopped error="the machine is gone" by=alarm region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            unknown(),
            "
                applied: restarting
                alarm +1m reconcile
            ",
        ),
        (
            a_machine("m1", "started").unreachable().seen(),
            "
                applied: restarting
                alarm +1m reconcile
            ",
        ),
    ] {
        looking(true, SOON).answer(answer).is(expected);
    }
}

#[test]
fn s5_a_machine_that_goes_meanwhile_ends_it() {
    updating().answer(absent()).is(r#"
        applied: stopped
        set flyMachineId null
        set lastRestartErrorAt now
        set lastRestartErrorMessage "the machine is gone"
        set lastStoppedAt now
        set restartingAt null
        log restarting_machine_gone stopped error="the machine is gone" by=restart region=iad
        alarm +30m reconcile
    "#);
    waiting().answer(absent()).is(r#"
        applied: stopped
        set flyMachineId null
        set lastRestartErrorAt now
        set lastRestartErrorMessage "the machine is gone"
        set lastStoppedAt now
        set restartUpdateSent false
        set restartingAt null
        log restarting_machine_gone stopped error="the machine is gone" by=restart region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn s5_imported_without_a_machine_it_is_stopped() {
    let mut script = Script::flat("restarting", json!({ "restartingAt": NOON, "flyMachineId": null }));
    script.alarm().is(r#"
        applied: stopped
        set lastRestartErrorAt now
        set lastRestartErrorMessage "there is no machine to restart"
        set lastStoppedAt now
        set restartingAt null
        log restarting_machine_gone stopped error="there is no machine to restart" by=alarm region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn t6_resume_in_every_stage() {
    let mut script = Script::running();
    script.command(restart());
    script.resume().is("
        applied: restarting
        call get_machine m1
        alarm +1m reconcile
    ");
    let mut script = updating();
    script.resume().is("
        applied: restarting
        alarm +1s retry
    ");
    script.alarm().is("
        applied: restarting (no commit)
        call get_machine m1
        alarm +1m reconcile
    ");
    sent().resume().is("
        applied: restarting
        call get_machine m1
        alarm +58s reconcile
    ");
    waiting().resume().is("
        applied: restarting
        call wait_machine m1 of version v2 started 60s
        alarm +57s reconcile
    ");
}

#[test]
fn commands() {
    use CommandKind as K;
    for (kind, expected) in [
        (
            K::Provision,
            "
                applied: restarting (no commit)
                alarm +57s reconcile
            ",
        ),
        (K::Start, "denied busy: restarting"),
        (K::Stop, "ignored nothing_to_do: restarting"),
        (K::Restart, "denied busy: restarting"),
        (
            K::Destroy,
            r#"
                applied: destroying
                set pendingDestroyMachineId "m1"
                set pendingDestroyVolumeId "vol-1"
                set restartUpdateSent false
                set restartingAt null
                on the list machine m1 destroyed due now
                on the list volume vol-1 destroyed due now
                event instance.destroy_started destroying value=86403000 machine=m1 region=iad
                call get_machine m1
                alarm +1m reconcile
            "#,
        ),
        (
            K::CleanupRetainedVolume,
            "
                pending: restarting
                reply deleted nothing
                alarm +57s reconcile
            ",
        ),
        (K::ReassociateVolume, "denied must_be_stopped: restarting"),
        (K::Resize, "denied busy: restarting"),
        (K::RestoreSnapshot, "denied busy: restarting"),
        (
            K::RetryLookup,
            "
                applied: restarting
                alarm now reconcile
            ",
        ),
        (K::AcceptDataLoss, "denied busy: restarting"),
        (K::Refresh, "ignored nothing_to_do: restarting"),
    ] {
        waiting().command(any(kind)).is(expected);
    }
}
