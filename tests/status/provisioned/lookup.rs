//! The machine of a registration, looked for by its labels (M1).

use super::{nobody_found, without_machine};
use crate::script::Script;
use crate::world::{
    Remade, a_machine, absent, held, limited, machine, machine_id, machines, refused, unauthorized, unknown, volume,
};
use kiloclaw_lifecycle::observe::Machine;
use kiloclaw_lifecycle::{Command, Timestamp};

#[test]
fn m1_a_machine_found_by_its_labels_is_adopted() {
    for (state, expected) in [
        (
            "started",
            r#"
                applied: running
                set flyMachineId "m1"
                set flyRegion "iad"
                set flyVolumeId "vol-1"
                set lastStartedAt now
                log recover_volume_from_mount by=alarm machine=m1 volume:"vol-1"
                log recover_machine_from_metadata by=alarm machine=m1 region=iad fly_state:"started"
                alarm +5m reconcile
            "#,
        ),
        (
            "stopped",
            r#"
                applied: stopped
                set flyMachineId "m1"
                set flyRegion "iad"
                set flyVolumeId "vol-1"
                set lastStoppedAt now
                log recover_volume_from_mount by=alarm machine=m1 volume:"vol-1"
                log recover_machine_from_metadata by=alarm machine=m1 region=iad fly_state:"stopped"
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
        ),
        (
            "created",
            r#"
                applied: stopped
                set flyMachineId "m1"
                set flyRegion "iad"
                set flyVolumeId "vol-1"
                set lastStoppedAt now
                log recover_volume_from_mount by=alarm machine=m1 volume:"vol-1"
                log recover_machine_from_metadata by=alarm machine=m1 region=iad fly_state:"created"
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
        ),
        (
            "failed",
            r#"
                applied: stopped
                set flyMachineId "m1"
                set flyRegion "iad"
                set flyVolumeId "vol-1"
                set lastStoppedAt now
                log recover_volume_from_mount by=alarm machine=m1 volume:"vol-1"
                log recover_machine_from_metadata by=alarm machine=m1 region=iad fly_state:"failed"
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
        ),
        (
            "starting",
            r#"
                applied: provisioned
                set flyMachineId "m1"
                set flyRegion "iad"
                set flyVolumeId "vol-1"
                log recover_volume_from_mount by=alarm machine=m1 volume:"vol-1"
                log recover_machine_from_metadata by=alarm machine=m1 region=iad fly_state:"starting"
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
        ),
    ] {
        let mut script = Script::provisioned();
        script.alarm();
        script.answer(machines([a_machine("m1", state)]));
        let got = script.answer(volume("vol-1", "created"));
        got.is(expected);
    }
}

#[test]
fn m1_the_mounted_volume_is_adopted_only_when_it_exists() {
    let mut script = Script::provisioned();
    script.alarm();
    script.answer(machines([a_machine("m1", "stopped")])).is("
        applied: provisioned (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(absent()).is(r#"
        applied: stopped
        set flyMachineId "m1"
        set flyRegion "iad"
        set lastStoppedAt now
        log recover_machine_from_metadata by=alarm machine=m1 region=iad fly_state:"stopped"
        call get_machine m1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn m1_an_unconfirmed_mount_leaves_the_look_up_inconclusive() {
    let mut script = Script::provisioned();
    script.alarm();
    script.answer(machines([a_machine("m1", "stopped")]));
    script.answer(unknown()).is(r#"
        applied: provisioned
        log metadata_recovery_failed error="no answer in time (status 503)" by=alarm
        alarm +30m reconcile
    "#);
}

#[test]
fn m1_the_preferred_state_wins_then_the_newest_and_the_rest_are_strays() {
    let at = |id: &str, state: &str, ms: u64| Machine {
        updated_at: Some(Timestamp::from_millis(ms)),
        ..a_machine(id, state).mounting_nothing()
    };
    let mut script = Script::provisioned();
    script.alarm();
    let list = [
        at("m1", "failed", 9),
        at("m2", "stopped", 1),
        at("m3", "stopped", 2),
        at("m4", "destroying", 9),
        at("m5", "destroyed", 9),
        at("m6", "created", 9),
    ];
    script.answer(machines(list)).is(r#"
        applied: stopped
        set flyMachineId "m3"
        set flyRegion "iad"
        set lastStoppedAt now
        on the list machine m1 stray
        on the list machine m2 stray
        on the list machine m6 stray
        log multiple_machines_found value=3 by=alarm machine=m3
        log recover_machine_from_metadata by=alarm machine=m3 region=iad fly_state:"stopped"
        call get_machine m3
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn m1_every_state_has_its_rank() {
    let order =
        ["started", "starting", "stopped", "created", "stopping", "replacing", "updating", "suspended", "failed"];
    for pair in order.windows(2) {
        let list = [a_machine("m2", pair[1]).mounting_nothing(), a_machine("m1", pair[0]).mounting_nothing()];
        let mut script = Script::provisioned();
        script.alarm();
        script.answer(machines(list));
        let machine = script.instance.as_ref().and_then(|instance| instance.machine().cloned());
        assert_eq!(machine, Some(machine_id("m1")), "{} before {}", pair[0], pair[1]);
    }
}

#[test]
fn m1_an_error_is_inconclusive_and_the_cooldown_holds() {
    for (fault, said) in [
        (unknown(), "no answer in time (status 503)"),
        (unauthorized(), "who are you (status 401)"),
        (limited(), "slow down (status 429)"),
        (refused(), "makes no sense (status 422)"),
    ] {
        let mut script = Script::provisioned();
        script.alarm();
        script.answer(fault).is(&format!(
            "
            applied: provisioned
            log metadata_recovery_failed error={said:?} by=alarm
            alarm +30m reconcile
            "
        ));
        script.ring().is("
            applied: provisioned (no commit)
            call list_volumes ours
            alarm +90001ms call_deadline
        ");
    }
}

#[test]
fn m1_hidden_labels_are_nobodys() {
    let mut script = Script::provisioned();
    script.alarm();
    script.answer(machines([a_machine("m1", "started").unreachable()])).is(r#"
        applied: provisioned
        log metadata_recovery_failed error="labels hidden" by=alarm
        alarm +30m reconcile
    "#);
}

#[test]
fn m1_retry_lookup_clears_the_cooldown_and_pulls_the_alarm_in() {
    let mut script = nobody_found();
    script.answer(unknown());
    script.command(Command::RetryLookup).is("
        applied: provisioned
        set lastMetadataRecoveryAt null
        alarm now reconcile
    ");
    script.alarm().is("
        applied: provisioned (no commit)
        set lastMetadataRecoveryAt now
        call list_machines ours
        alarm +90001ms call_deadline
    ");
}

#[test]
fn m1_a_holder_that_is_not_listed_is_asked() {
    let asked = || {
        let mut script = without_machine();
        script.alarm();
        script
    };
    let mut script = asked();
    script.answer(machines([])).is("
        applied: provisioned (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(held("vol-1", "m7")).is("
        applied: provisioned (no commit)
        call get_machine m7
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m7", "stopped")).is(r#"
        applied: stopped
        set flyMachineId "m7"
        set lastStoppedAt now
        log recover_machine_from_metadata by=alarm machine=m7 region=iad fly_state:"stopped"
        call get_volume vol-1
        alarm +90001ms call_deadline
    "#);
    for (answer, expected) in [
        (
            absent(),
            "
                applied: provisioned (no commit)
                call get_volume vol-1
                alarm +90001ms call_deadline
            ",
        ),
        (
            machine("m7", "destroyed"),
            "
                applied: provisioned (no commit)
                call get_volume vol-1
                alarm +90001ms call_deadline
            ",
        ),
        (
            a_machine("m7", "started").of_sandbox("sandbox-9").seen(),
            "
                applied: provisioned (no commit)
                call get_volume vol-1
                alarm +90001ms call_deadline
            ",
        ),
        (
            a_machine("m7", "started").unlabelled().seen(),
            r#"
                applied: provisioned
                log metadata_recovery_failed error="the volume's holder shows no labels" by=alarm region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            a_machine("m7", "started").unreachable().seen(),
            r#"
                applied: provisioned
                log metadata_recovery_failed error="the volume's holder shows no labels" by=alarm region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            unknown(),
            r#"
                applied: provisioned
                log metadata_recovery_failed error="no answer in time (status 503)" by=alarm region=iad
                alarm +30m reconcile
            "#,
        ),
    ] {
        let mut script = asked();
        script.answers([machines([]), held("vol-1", "m7")]);
        script.answer(answer).is(expected);
    }
    let mut script = asked();
    script.answer(machines([]));
    script.answer(unknown()).is(r#"
        applied: provisioned
        log metadata_recovery_failed error="no answer in time (status 503)" by=alarm region=iad
        alarm +30m reconcile
    "#);
    let mut script = asked();
    script.answer(machines([]));
    script.answer(absent()).is("
        applied: provisioned (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
}
