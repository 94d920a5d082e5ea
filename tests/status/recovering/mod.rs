//! An unexpected stop is being repaired.

mod calls;
mod failures;
mod imported;
mod kept;
mod replacement;
mod retention;
mod source;

use crate::commands::{any, restart};
use crate::script::{MINUTE, Script, knobs};
use crate::stages::{Recovery as R, fork, past_old_machine, recovering};
use crate::world::{accepted, health, machine, machine_made, snapshots, volume, volume_made, waited};
use kiloclaw_lifecycle::Knobs;
use kiloclaw_lifecycle::command::CommandKind;

fn regions(list: [&str; 3]) -> Knobs {
    Knobs { regions: list.map(String::from).to_vec(), ..knobs() }
}

/// The replacement was seen on its way, and `ms` after the beginning an alarm looks at it.
fn looking(ms: u64) -> Script {
    let mut script = recovering(R::Wait);
    script.answer(waited("starting"));
    script.after(MINUTE);
    script.ring();
    past_old_machine(&mut script);
    script.answer(machine("m2", "starting"));
    let began = script.instance.as_ref().unwrap().admin_view().recovery.started_at.unwrap();
    script.now = began.plus(ms);
    script.ring();
    script
}

#[test]
fn a_recovery_with_snapshots() {
    let mut script = Script::running();
    script.alarm();
    script.answer(machine("m1", "stopped")).is(r#"
        applied: recovering
        set recoveryStartedAt now
        log unexpected_stop_recovery_trigger value=1 by=alarm machine=m1 region=iad fail_count:1 fly_state:"stopped" new_state:"recovering" old_state:"running"
        event instance.unexpected_stop_recovery_started recovering "alarm_stopped" value=1 machine=m1 region=iad
        call get_volume vol-1
        alarm +1m reconcile
    "#);
    script.answer(volume("vol-1", "created")).is("
        applied: recovering
        on the list machine m1 replaced due +1m
        call destroy_machine m1
        alarm +59s reconcile
    ");
    script.answer(accepted()).is("
        applied: recovering
        set flyMachineId null
        call create_volume #1 in eu fork of vol-1
        alarm +58s reconcile
    ");
    script.answer(volume_made("vol-2", "ord", "hydrating")).is(r#"
        applied: recovering
        set pendingRecoveryVolumeId "vol-2"
        call create_machine #2 ours on vol-2 in ord
        alarm +57s reconcile
    "#);
    script.answer(machine_made("m2", "ord")).is(r#"
        applied: recovering
        set flyMachineId "m2"
        call wait_machine m2 started 60s
        alarm +56s reconcile
    "#);
    script.answer(waited("started")).is("
        applied: recovering
        log unexpected_stop_recovery_machine_started by=alarm machine=m2 region=iad
        call get_volume vol-2
        alarm +55s reconcile
    ");
    script.answer(fork("created")).is("
        applied: recovering (no commit)
        call probe_health m2 60s every 3000ms
        alarm +54s reconcile
    ");
    script.answer(health(true)).is("
        applied: recovering (no commit)
        call list_snapshots vol-1
        alarm +53s reconcile
    ");
    script.answer(snapshots(&[("vs-1", "created", 10)])).is(r#"
        applied: running
        set flyRegion "ord"
        set flyVolumeId "vol-2"
        set lastStartedAt now
        set pendingRecoveryVolumeId null
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        set recoveryStartedAt null
        on the list volume vol-1 retained until +7d for vol-2 healthy hydrated
        event instance.unexpected_stop_recovery_succeeded running "alarm_relocated" took=8s machine=m2 region=ord
        alarm +53s disposal
    "#);
}

#[test]
fn commands() {
    use CommandKind as K;
    for (kind, expected) in [
        (K::Provision, "denied recovering: recovering"),
        (K::Start, "denied recovering: recovering"),
        (K::Stop, "ignored nothing_to_do: recovering"),
        (K::Restart, "denied busy: recovering"),
        (K::Destroy, "denied recovering: recovering"),
        (K::CleanupRetainedVolume, "denied recovering: recovering"),
        (K::ReassociateVolume, "denied recovering: recovering"),
        (K::Resize, "denied recovering: recovering"),
        (K::RestoreSnapshot, "denied recovering: recovering"),
        (
            K::RetryLookup,
            "
                applied: recovering
                alarm now reconcile
            ",
        ),
        (K::AcceptDataLoss, "denied recovering: recovering"),
        (K::Refresh, "ignored nothing_to_do: recovering"),
    ] {
        recovering(R::Wait).command(any(kind)).is(expected);
    }
    recovering(R::Fork).command(restart()).is("denied no_machine: recovering");
}
