//! What a machine that goes has mounted may hold the data, and be in nobody's record (D2).

use crate::commands::{destroy, start, stop};
use crate::script::{DAY, HOUR, Script};
use crate::stages::healthy;
use crate::world::{
    Remade, a_machine, a_volume, absent, accepted, limited, machine, machines, missing_volume, refused, seen,
    unauthorized, unknown, volume, volumes, waited, waiting,
};
use kiloclaw_lifecycle::Command;
use kiloclaw_lifecycle::observe::{Machine, Volume};
use serde_json::json;

/// A machine that is to go beside our own is looked at.
fn beside() -> Script {
    let mut script = Script::flat("stopped", json!({ "pendingDestroyMachineId": "m9" }));
    script.ring();
    script
}

#[test]
fn d2_a_volume_nobody_knows_in_a_machine_that_goes_may_hold_the_data() {
    let mut script = beside();
    script.answer(a_machine("m9", "stopped").mounting("vol-9").seen()).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-9"
        on the list volume vol-9 candidate until +7d
        call get_volume vol-9
        alarm +90001ms call_deadline
    "#);
    script.answer(volume("vol-9", "created")).is("
        applied: stopped
        call destroy_machine m9
        alarm +90001ms call_deadline
    ");
    let mut script = beside();
    script.answer(a_machine("m9", "stopped").mounting("vol-1").seen()).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(absent()).is("
        applied: stopped
        call destroy_machine m9
        alarm +90001ms call_deadline
    ");
    let mut script = beside();
    script.answer(a_machine("m9", "stopped").mounting_nothing().seen()).is("
        applied: stopped
        call destroy_machine m9
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_what_was_seen_in_a_machine_and_is_not_ours_by_name_is_let_go_of() {
    let mut script = beside();
    script.answers([
        a_machine("m9", "stopped").mounting("vol-9").seen(),
        volume("vol-9", "created"),
        accepted(),
        absent(),
        machine("m1", "stopped"),
        volume("vol-1", "created"),
    ]);
    healthy(&mut script);
    script.after(7 * DAY);
    script.ring();
    let foreign = Volume { name: "kiloclaw_other".to_string(), ..a_volume("vol-9", "created") };
    script.answer(seen(foreign)).is("
        applied: running
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-9
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn x1_a_volume_nobody_knows_in_a_machine_of_a_destroyed_instance_goes_at_once() {
    let mut script = Script::stopped();
    script.command(destroy());
    script.answer(a_machine("m1", "stopped").mounting("vol-9").seen()).is("
        applied: destroying
        on the list volume vol-9 orphan due now
        call destroy_machine m1
        alarm +59s reconcile
    ");
    script.answers([accepted(), absent()]);
    script.answer(absent()).is(r#"
        applied: destroying
        set pendingDestroyVolumeId "vol-9"
        off the list volume vol-1
        log destroy_volume_ok value=0 by=destroy machine=m1 region=iad volume:"vol-1"
        call get_volume vol-9
        alarm +56s reconcile
    "#);
    let foreign = Volume { name: "kiloclaw_other".to_string(), ..a_volume("vol-9", "created") };
    script.clone().answer(seen(foreign)).is("
        applied: destroying
        set pendingDestroyVolumeId null
        off the list volume vol-9
        call list_volumes ours
        alarm +55s reconcile
    ");
    script.answer(volume("vol-9", "created")).is("
        applied: destroying
        call delete_volume vol-9
        alarm +55s reconcile
    ");
}

/// A machine that is to go has been destroyed, and mounted what nobody knows.
fn destroyed() -> Script {
    let mut script = beside();
    script.answer(a_machine("m9", "destroyed").mounting("vol-9").seen()).is("
        applied: stopped (no commit)
        call get_volume vol-9
        alarm +90001ms call_deadline
    ");
    script
}

#[test]
fn d2_what_a_destroyed_machine_had_mounted_is_kept_if_it_is_alive() {
    for state in ["created", "hydrating", "odd"] {
        destroyed().answer(volume("vol-9", state)).is(r#"
            applied: stopped
            set recoveryPreviousVolumeCleanupAfter +7d
            set recoveryPreviousVolumeId "vol-9"
            on the list volume vol-9 candidate until +7d
            off the list machine m9
            log destroy_machine_ok value=0 by=alarm machine=m9 region=iad
            call get_machine m1
            alarm +90001ms call_deadline
        "#);
    }
    for gone in [absent(), volume("vol-9", "destroyed"), volume("vol-9", "pending_destroy")] {
        destroyed().answer(gone).is("
            applied: stopped
            off the list machine m9
            log destroy_machine_ok value=0 by=alarm machine=m9 region=iad
            call get_machine m1
            alarm +90001ms call_deadline
        ");
    }
}

#[test]
fn d2_what_a_destroyed_machine_had_mounted_and_cannot_be_seen_may_be_there() {
    for fault in [unknown(), limited(), unauthorized(), refused()] {
        destroyed().answer(fault).is(r#"
            applied: stopped
            set recoveryPreviousVolumeCleanupAfter +7d
            set recoveryPreviousVolumeId "vol-9"
            on the list volume vol-9 candidate until +7d
            off the list machine m9
            log destroy_machine_ok value=0 by=alarm machine=m9 region=iad
            call get_machine m1
            alarm +90001ms call_deadline
        "#);
    }
}

#[test]
fn d2_a_look_at_what_a_destroyed_machine_had_mounted_survives_a_crash() {
    destroyed().resume().is("
        applied: stopped
        call get_volume vol-9
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_what_a_machine_has_mounted_when_its_destroy_is_confirmed_is_looked_at() {
    let mut script = beside();
    script.answers([a_machine("m9", "stopped").mounting_nothing().seen(), accepted()]);
    script.answer(a_machine("m9", "destroyed").mounting("vol-9").seen()).is("
        applied: stopped (no commit)
        call get_volume vol-9
        alarm +90001ms call_deadline
    ");
    let mut script = beside();
    script.answers([a_machine("m9", "stopped").mounting("vol-9").seen(), absent(), accepted()]);
    script.answer(a_machine("m9", "destroyed").mounting("vol-9").seen()).is("
        applied: stopped
        off the list machine m9
        log destroy_machine_ok value=0 by=alarm machine=m9 region=iad
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_a_destroyed_machine_is_asked_only_for_what_is_unknown_and_not_anothers() {
    let gone = || a_machine("m9", "destroyed");
    for known in [
        gone().mounting("vol-1"),
        gone().mounting_nothing(),
        gone().unreachable(),
        gone().mounting("vol-9").of_sandbox("sandbox-9"),
    ] {
        beside().answer(known.seen()).is("
            applied: stopped
            off the list machine m9
            log destroy_machine_ok value=0 by=alarm machine=m9 region=iad
            call get_machine m1
            alarm +90001ms call_deadline
        ");
    }
    beside().answer(gone().mounting("vol-9").unlabelled().seen()).is("
        applied: stopped (no commit)
        call get_volume vol-9
        alarm +90001ms call_deadline
    ");
}

#[test]
fn x1_what_a_destroyed_machine_of_a_destroyed_instance_had_mounted_is_found_by_its_name() {
    let mut script = Script::stopped();
    script.command(destroy());
    script.answer(a_machine("m1", "destroyed").mounting("vol-9").seen()).is("
        applied: destroying
        set pendingDestroyMachineId null
        off the list machine m1
        log destroy_machine_ok value=0 by=destroy machine=m1 region=iad
        call get_volume vol-1
        alarm +59s reconcile
    ");
    script.answer(absent()).is(r#"
        applied: destroying
        set pendingDestroyVolumeId null
        off the list volume vol-1
        log destroy_volume_ok value=0 by=destroy machine=m1 region=iad volume:"vol-1"
        call list_volumes ours
        alarm +58s reconcile
    "#);
}

/// A running instance whose record names no volume.
#[test]
fn v3_a_strangers_volume_is_not_adopted_where_none_is_known() {
    let mut script = Script::flat("running", json!({ "flyVolumeId": null }));
    script.alarm();
    script.answer(a_machine("m1", "started").mounting("vol-2").seen());
    script.answer(volume("vol-2", "created")).is(r#"
        applied: running
        log volume_check_failed error="data volume missing" by=alarm machine=m1 region=iad mounted:"vol-2"
        alarm +5m reconcile
    "#);
}

/// The provider has shown the volume and would not mount it; a machine turns up that runs on it.
#[test]
fn v2_a_volume_that_was_refused_and_serves_is_not_missing() {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    script.command(start());
    script.answers([machines([]), volume("vol-1", "created"), volume("vol-1", "created")]);
    script.answers([missing_volume(), volume("vol-1", "created"), missing_volume(), volume("vol-1", "created")]);
    script.answer(volumes([]));
    script.alarm();
    script.answer(machines([a_machine("m5", "started")]));
    script.alarm();
    script.answer(a_machine("m5", "started").seen());
    script.answer(volume("vol-1", "created")).is("
        applied: running
        set lastStartErrorAt null
        set lastStartErrorMessage null
        alarm +5m reconcile
    ");
}

#[test]
fn d2_what_our_machine_mounts_is_in_the_record_before_the_machine_is_replaced() {
    let mut script = Script::running();
    script.ring();
    script.answer(a_machine("m1", "stopped").mounting("vol-9").seen()).is(r#"
        applied: recovering
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-9"
        set recoveryStartedAt now
        on the list volume vol-9 candidate until +7d
        log unexpected_stop_recovery_trigger value=1 by=alarm machine=m1 region=iad fail_count:1 fly_state:"stopped" new_state:"recovering" old_state:"running"
        event instance.unexpected_stop_recovery_started recovering "alarm_stopped" value=1 machine=m1 region=iad
        call get_volume vol-1
        alarm +1m reconcile
    "#);
    // A machine that stays as it is shows at any time what it mounts.
    let mut script = Script::stopped();
    script.ring();
    script.answer(a_machine("m1", "suspended").mounting("vol-9").seen()).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
}

/// Our machine was destroyed by somebody else, and had mounted what nobody knows.
fn destroyed_elsewhere() -> Machine {
    a_machine("m1", "destroyed").mounting("vol-9")
}

#[test]
fn v2_what_our_machine_had_mounted_when_somebody_else_destroyed_it_is_remembered() {
    let mut script = Script::stopped();
    script.ring();
    script.answer(destroyed_elsewhere().seen()).is(r#"
        applied: stopped
        set flyMachineId null
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-9"
        on the list volume vol-9 candidate until +7d
        log sync_status_destroyed stopped by=alarm machine=m1 region=iad fly_state:"destroyed" new_state:"stopped" old_state:"stopped"
        call get_volume vol-1
        alarm +90001ms call_deadline
    "#);
    let mut script = Script::running();
    script.ring();
    script.answer(destroyed_elsewhere().seen()).is(r#"
        applied: stopped
        set flyMachineId null
        set lastStoppedAt now
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-9"
        on the list volume vol-9 candidate until +7d
        log sync_status_destroyed stopped by=alarm machine=m1 region=iad fly_state:"destroyed" new_state:"stopped" old_state:"running"
        call get_volume vol-1
        alarm +90001ms call_deadline
    "#);
    let mut script = Script::stopped();
    script.command(start());
    script.answers([volume("vol-1", "created"), machine("m1", "stopped"), accepted()]);
    script.after(HOUR);
    script.ring();
    script.answer(destroyed_elsewhere().seen()).is(r#"
        applied: stopped
        set flyMachineId null
        set lastStartErrorAt now
        set lastStartErrorMessage "the machine is gone"
        set lastStoppedAt now
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-9"
        set startingAt null
        on the list volume vol-9 candidate until +7d
        log starting_machine_gone by=alarm machine=m1 region=iad
        event instance.provisioning_failed stopped "starting_machine_gone" error="the machine is gone" region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn s5_what_our_machine_had_mounted_when_somebody_else_destroyed_it_is_remembered() {
    let mut script = Script::running();
    script.command(Command::Restart { image: None });
    script.after(HOUR);
    script.ring();
    script.answer(destroyed_elsewhere().seen()).is(r#"
        applied: stopped
        set flyMachineId null
        set lastRestartErrorAt now
        set lastRestartErrorMessage "the machine is gone"
        set lastStoppedAt now
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-9"
        set restartingAt null
        on the list volume vol-9 candidate until +7d
        log restarting_machine_gone stopped error="the machine is gone" by=alarm region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn s4_what_our_machine_had_mounted_when_somebody_else_destroyed_it_is_looked_for() {
    let mut script = Script::running();
    script.command(stop());
    script.answer(accepted());
    script.answer(waited("destroyed")).is("
        applied: stopped
        set flyMachineId null
        set lastStoppedAt now
        on the list machine m1 replaced due now
        event instance.stopped stopped value=86402000 region=iad
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(destroyed_elsewhere().seen()).is("
        applied: stopped (no commit)
        call get_volume vol-9
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_a_machine_that_alone_keeps_what_may_be_the_data_stays_with_it() {
    let mut script = beside();
    script.answer(a_machine("m9", "stopped").mounting("vol-9").seen());
    script.answer(waiting("vol-9", "m9")).is("
        applied: stopped
        on the list machine m9 stray
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    let mut script = beside();
    script.answer(a_machine("m9", "stopped").mounting("vol-1").seen());
    script.answer(waiting("vol-1", "m9")).is("
        applied: stopped
        on the list machine m9 stray
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_a_machine_stays_for_a_while_if_what_it_mounts_cannot_be_seen() {
    let looking = || {
        let mut script = beside();
        script.answer(a_machine("m9", "stopped").mounting("vol-1").seen());
        script
    };
    looking().answer(unknown()).is(r#"
        applied: stopped
        on the list machine m9 left_over due +1m tried 1 "no answer in time (status 503)"
        log destroy_machine_failed value=0 error="no answer in time (status 503)" by=alarm machine=m9 region=iad
        call get_machine m1
        alarm +90001ms call_deadline
    "#);
    looking().answer(refused()).is("
        applied: stopped
        call destroy_machine m9
        alarm +90001ms call_deadline
    ");
    let mut script = looking();
    script.command(destroy());
    script.answer(waiting("vol-1", "m9")).is("
        applied: destroying
        call destroy_machine m9
        alarm +59s reconcile
    ");
}

#[test]
fn d2_what_was_seen_before_a_call_was_lost_is_looked_at_again() {
    let mut script = beside();
    script.answer(a_machine("m9", "stopped").mounting("vol-1").seen());
    script.resume().is("
        applied: stopped
        call get_machine m9
        alarm +90001ms call_deadline
    ");
    script.answers([a_machine("m9", "stopped").mounting("vol-1").seen(), volume("vol-1", "created")]);
    script.resume().is("
        applied: stopped
        call get_machine m9
        alarm +90001ms call_deadline
    ");
}
