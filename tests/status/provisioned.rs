//! Registered, never started.

use crate::commands::{any, restart, start};
use crate::script::{DAY, HOUR, LATENCY_MS, NOON, SECOND, Script, identity, knobs, provision};
use crate::stages::QUIET;
use crate::world::{
    Remade, a_machine, a_volume, absent, accepted, busy, held, limited, machine, machine_id, machines, no_room,
    refused, region_full, unauthorized, unknown, volume, volume_id, volume_made, volumes,
};
use kiloclaw_lifecycle::call::Done;
use kiloclaw_lifecycle::command::{CommandKind, Provision, Spec};
use kiloclaw_lifecycle::id::{Identity, Image, UserId};
use kiloclaw_lifecycle::observe::{Machine, Volume, VolumeState};
use kiloclaw_lifecycle::{Command, Knobs, Timestamp};
use serde_json::json;

fn with_machine() -> Script {
    Script::flat("provisioned", json!({ "provisionedAt": NOON, "lastStartedAt": null }))
}

fn without_machine() -> Script {
    Script::flat("provisioned", json!({ "provisionedAt": NOON, "lastStartedAt": null, "flyMachineId": null }))
}

/// Registered at `at`, with nothing.
fn registered(at: u64) -> Script {
    let record = json!({ "provisionedAt": at, "lastStartedAt": null, "flyMachineId": null, "flyVolumeId": null });
    Script::flat("provisioned", record)
}

/// Nobody is found by labels, and no volume is known.
fn nobody_found() -> Script {
    let mut script = Script::provisioned();
    script.alarm();
    script.answer(machines([]));
    script
}

/// A volume is being made.
fn placing() -> Script {
    let mut script = nobody_found();
    script.answer(volumes([]));
    script
}

#[test]
fn v1_the_first_alarm_makes_the_volume() {
    let mut script = Script::provisioned();
    script.alarm().is("
        applied: provisioned (no commit)
        set lastMetadataRecoveryAt now
        call list_machines ours
        alarm +90001ms call_deadline
    ");
    script.answer(machines([])).is("
        applied: provisioned (no commit)
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
    script.answer(volumes([])).is("
        applied: provisioned
        call create_volume #1 in eu empty 10 GB
        alarm +90001ms call_deadline
    ");
    script.answer(volume_made("vol-9", "ams", "created")).is(r#"
        applied: provisioned
        set flyRegion "ams"
        set flyVolumeId "vol-9"
        alarm +30m reconcile
    "#);
    script.alarm().is("
        applied: provisioned (no commit)
        set lastMetadataRecoveryAt now
        call list_machines ours
        alarm +90001ms call_deadline
    ");
}

#[test]
fn v1_a_volume_under_our_name_is_adopted_before_one_is_made() {
    let at =
        |id: &str, state: &str, ms: u64| Volume { created_at: Some(Timestamp::from_millis(ms)), ..a_volume(id, state) };
    let foreign = Volume { name: "kiloclaw_other".to_string(), ..at("vol-4", "created", 9) };
    let list = [at("vol-1", "created", 1), at("vol-2", "created", 3), at("vol-3", "pending_destroy", 5), foreign];
    nobody_found().answer(volumes(list)).is(r#"
        applied: provisioned
        set flyRegion "iad"
        set flyVolumeId "vol-2"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list volume vol-1 candidate until +7d
        log recover_volume_by_name by=alarm volume:"vol-2"
        alarm +30m reconcile
    "#);
}

#[test]
fn v1_a_failed_look_up_creates_nothing() {
    for fault in [unknown(), unauthorized(), limited(), refused()] {
        nobody_found().answer(fault).is("
            applied: provisioned
            alarm +30m reconcile
        ");
    }
}

#[test]
fn v1_every_refusal_for_room_moves_on_and_hints() {
    let mut script = placing();
    script.answer(no_room()).is(r#"
        applied: provisioned
        event region.capacity_eviction "insufficient_resources" region=eu
        evict eu insufficient_resources
        call create_volume #1 in us empty 10 GB
        alarm +90001ms call_deadline
    "#);
    script.answer(region_full()).is(r#"
        applied: provisioned
        event region.capacity_eviction "no_capacity" region=us
        evict us no_capacity
        log create_volume_failed error="no capacity in the region (status 403)" by=alarm
        alarm +30m reconcile
    "#);
    script.alarm().is("
        applied: provisioned (no commit)
        set lastMetadataRecoveryAt now
        call list_machines ours
        alarm +90001ms call_deadline
    ");
    script.answer(machines([])).is("
        applied: provisioned (no commit)
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
}

#[test]
fn v1_a_refusal_ends_the_attempt_until_the_next_alarm() {
    placing().answer(refused()).is(r#"
        applied: provisioned
        log create_volume_failed error="makes no sense (status 422)" by=alarm
        alarm +30m reconcile
    "#);
}

#[test]
fn t5_a_lost_create_is_looked_up_and_adopted() {
    let mut script = placing();
    script.answer(unknown()).is("
        applied: provisioned
        alarm +1s retry
    ");
    script.alarm().is("
        applied: provisioned (no commit)
        call list_volumes named #1
        alarm +90001ms call_deadline
    ");
    let name = script.names.get(1);
    let found = Volume { name: name.to_string(), ..a_volume("vol-9", "created") };
    script.answer(volumes([found])).is(r#"
        applied: provisioned
        set flyRegion "iad"
        set flyVolumeId "vol-9"
        alarm +30m reconcile
    "#);
}

#[test]
fn t5_an_empty_look_up_lets_it_be_made_again_under_the_same_intent() {
    let mut script = placing();
    script.answer(unknown());
    script.alarm();
    script.answer(volumes([])).is("
        applied: provisioned
        call create_volume #1 in eu empty 10 GB
        alarm +90001ms call_deadline
    ");
    script.answer(volume_made("vol-9", "ams", "created")).is(r#"
        applied: provisioned
        set flyRegion "ams"
        set flyVolumeId "vol-9"
        on the list volume named #1 late_create due +117001ms
        alarm +117001ms disposal
    "#);
    // The first create may land until its call is dead.
    script.alarm().is("
        applied: provisioned (no commit)
        call list_volumes named #1
        alarm +90001ms call_deadline
    ");
    let name = script.names.get(1);
    let ours = Volume { name: name.to_string(), ..a_volume("vol-9", "created") };
    let late = Volume { name: name.to_string(), ..a_volume("vol-10", "created") };
    script.answer(volumes([ours, late])).is("
        applied: provisioned
        on the list volume named #1 late_create due +1m tried 1
        on the list volume vol-10 late_create due now
        log dispose_late_create by=alarm region=ams
        call get_volume vol-10
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-10", "created")).is("
        applied: provisioned
        call delete_volume vol-10
        alarm +90001ms call_deadline
    ");
    script.answer(accepted()).is("
        applied: provisioned
        call get_volume vol-10
        alarm +90001ms call_deadline
    ");
    script.answer(absent()).is(r#"
        applied: provisioned
        off the list volume vol-10
        log destroy_volume_ok value=0 by=alarm region=ams volume:"vol-10"
        call get_volume vol-9
        alarm +90001ms call_deadline
    "#);
    script.alarm().is("
        applied: provisioned
        call list_volumes named #1
        alarm +90001ms call_deadline
    ");
    script.answer(volumes([])).is("
        applied: provisioned
        off the list volume named #1
        call get_volume vol-9
        alarm +90001ms call_deadline
    ");
}

#[test]
fn t5_of_two_finds_one_is_adopted_and_the_other_disposed_of() {
    let mut script = placing();
    script.answer(unknown());
    script.alarm();
    script.answer(volumes([]));
    script.answer(unknown()).is("
        applied: provisioned
        alarm +5s retry
    ");
    script.alarm().is("
        applied: provisioned (no commit)
        call list_volumes named #1
        alarm +90001ms call_deadline
    ");
    let name = script.names.get(1);
    let found = |id: &str| Volume { name: name.to_string(), ..a_volume(id, "created") };
    script.answer(volumes([found("vol-9"), found("vol-10")])).is(r#"
        applied: provisioned
        set flyRegion "iad"
        set flyVolumeId "vol-9"
        on the list volume named #1 late_create due +114001ms
        on the list volume vol-10 late_create due now
        call get_volume vol-10
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn v1_a_volume_that_does_not_say_where_it_is_is_where_it_was_asked_for() {
    let made = || {
        let (volume, state) = (volume_id("vol-9"), VolumeState::Created);
        Ok(Done::VolumeCreated { volume, region: None, state })
    };
    placing().answer(made()).is(r#"
        applied: provisioned
        set flyVolumeId "vol-9"
        alarm +30m reconcile
    "#);
    let mut script = Script::none(Knobs { regions: vec!["iad".to_string()], ..knobs() });
    script.command(provision(Spec::default()));
    script.alarm();
    script.answers([machines([]), volumes([])]);
    script.answer(made()).is(r#"
        applied: provisioned
        set flyRegion "iad"
        set flyVolumeId "vol-9"
        alarm +30m reconcile
    "#);
}

#[test]
fn t5_the_name_is_looked_up_again_when_it_cannot_be_asked() {
    let mut script = placing();
    script.answer(unknown());
    script.alarm();
    for fault in [unknown(), limited(), unauthorized()] {
        script.answer(fault);
        script.alarm().is("
            applied: provisioned (no commit)
            call list_volumes named #1
            alarm +90001ms call_deadline
        ");
    }
}

#[test]
fn t6_a_create_lost_by_a_crash_is_looked_up() {
    let mut script = placing();
    script.resume().is("
        applied: provisioned
        alarm +1s retry
    ");
}

#[test]
fn t5_an_alarm_does_not_forget_a_volume_that_is_being_made() {
    let mut script = placing();
    script.after(30 * SECOND);
    script.ring().is("
        applied: provisioned (no commit)
        alarm +60001ms call_deadline
    ");
    script.after(61 * SECOND);
    script.ring().is("
        applied: provisioned
        call list_volumes named #1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn start_takes_over_the_volume_that_is_being_made() {
    let mut script = placing();
    script.command(start()).is("
        applied: starting
        set startingAt now
        alarm +1m reconcile
    ");
    script.answer(volume_made("vol-9", "ams", "created")).is(r#"
        applied: starting
        set flyRegion "ams"
        set flyVolumeId "vol-9"
        call list_machines ours
        alarm +59s reconcile
    "#);
    script.answer(machines([])).is("
        applied: starting (no commit)
        call get_volume vol-9
        alarm +58s reconcile
    ");
}

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
        call list_volumes ours
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
        call list_volumes ours
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

#[test]
fn m2_a_stale_registration_is_destroyed() {
    let mut script = registered(NOON - 8 * HOUR);
    script.ring();
    script.answer(machines([])).is(r#"
        applied: destroying
        log auto_destroy_stale_provision by=alarm region=iad
        event instance.destroy_started destroying "stale_provision_cleanup" region=iad
        call list_volumes ours
        alarm +1m reconcile
    "#);
}

#[test]
fn m2_older_means_older_and_never_started_means_never() {
    let begun = Script::flat("provisioned", json!({ "flyMachineId": null, "flyVolumeId": null }));
    for mut script in [registered(NOON - 8 * HOUR + LATENCY_MS), begun] {
        script.ring();
        script.answer(machines([])).is("
            applied: provisioned (no commit)
            call list_volumes ours
            alarm +90001ms call_deadline
        ");
    }
    let mut script = registered(NOON - DAY);
    script.ring();
    script.answer(unknown()).is(r#"
        applied: provisioned
        log metadata_recovery_failed error="no answer in time (status 503)" by=alarm region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn v2_a_lost_volume_of_a_never_started_instance_is_replaced() {
    for gone in
        [absent(), volume("vol-1", "destroyed"), volume("vol-1", "pending_destroy"), volume("vol-1", "fork_cleanup")]
    {
        let mut script = without_machine();
        script.alarm();
        script.answers([machines([]), volume("vol-1", "created")]);
        script.answer(gone).is(r#"
            applied: provisioned
            set flyVolumeId null
            on the list volume vol-1 late_create due +30s
            log replace_lost_volume by=alarm region=iad data_loss:false volume:"vol-1"
            call list_volumes ours
            alarm +90001ms call_deadline
        "#);
        script.answer(volumes([])).is("
            applied: provisioned
            call create_volume #1 in eu empty 10 GB
            alarm +90001ms call_deadline
        ");
    }
}

#[test]
fn reconcile_the_machine_says_what_the_status_is() {
    for (answer, expected) in [
        (
            machine("m1", "started"),
            r#"
                applied: running
                set lastStartedAt now
                log sync_status running by=alarm machine=m1 region=iad fly_state:"started" new_state:"running" old_state:"provisioned"
                alarm +5m reconcile
            "#,
        ),
        (
            machine("m1", "failed"),
            r#"
                applied: stopped
                set lastStoppedAt now
                log sync_status_failed stopped by=alarm machine=m1 region=iad fly_state:"failed" new_state:"stopped" old_state:"provisioned"
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
        ),
        (
            machine("m1", "destroyed"),
            r#"
                applied: stopped
                set flyMachineId null
                set lastStoppedAt now
                log sync_status_destroyed stopped by=alarm machine=m1 region=iad fly_state:"destroyed" new_state:"stopped" old_state:"provisioned"
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
        ),
        (
            absent(),
            r#"
                applied: stopped
                set flyMachineId null
                set lastStoppedAt now
                log clear_stale_machine stopped by=alarm machine=m1 region=iad fly_state:"gone" new_state:"stopped" old_state:"provisioned"
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
        ),
    ] {
        let mut script = with_machine();
        script.alarm().is("
            applied: provisioned (no commit)
            call get_machine m1
            alarm +90001ms call_deadline
        ");
        script.answer(answer).is(expected);
    }
}

#[test]
fn reconcile_other_states_mean_nothing() {
    for state in QUIET.into_iter().chain(["stopped", "created"]) {
        let mut script = with_machine();
        script.alarm();
        script.answer(machine("m1", state)).is("
            applied: provisioned (no commit)
            call get_volume vol-1
            alarm +90001ms call_deadline
        ");
        script.answer(volume("vol-1", "created")).is("
            applied: provisioned
            alarm +30m reconcile
        ");
    }
}

#[test]
fn reconcile_could_not_ask_is_never_gone() {
    for fault in [unknown(), busy(), limited(), unauthorized(), refused()] {
        let mut script = with_machine();
        script.alarm();
        script.answer(fault).is("
            applied: provisioned
            alarm +30m reconcile
        ");
    }
    let mut script = with_machine();
    script.alarm();
    script.answer(a_machine("m1", "destroyed").unreachable().seen()).is("
        applied: provisioned
        alarm +30m reconcile
    ");
}

#[test]
fn commands() {
    use CommandKind as K;
    for (kind, expected) in [
        (
            K::Provision,
            "
                applied: provisioned (no commit)
                alarm +30m reconcile
            ",
        ),
        (
            K::Start,
            "
                applied: starting
                set startingAt now
                call get_volume vol-1
                alarm +1m reconcile
            ",
        ),
        (K::Stop, "ignored nothing_to_do: provisioned"),
        (K::Restart, "denied busy: provisioned"),
        (
            K::Destroy,
            r#"
                applied: destroying
                set pendingDestroyMachineId "m1"
                set pendingDestroyVolumeId "vol-1"
                on the list machine m1 destroyed due now
                on the list volume vol-1 destroyed due now
                event instance.destroy_started destroying machine=m1 region=iad
                call get_machine m1
                alarm +1m reconcile
            "#,
        ),
        (
            K::CleanupRetainedVolume,
            "
                pending: provisioned
                reply deleted nothing
                alarm +30m reconcile
            ",
        ),
        (K::ReassociateVolume, "denied must_be_stopped: provisioned"),
        (
            K::Resize,
            r#"
                applied: provisioned
                set machineSize {"cpus":2,"memory_mb":4096}
                alarm +30m reconcile
            "#,
        ),
        (
            K::RestoreSnapshot,
            r#"
                applied: restoring
                set preRestoreStatus "provisioned"
                set restoreStartedAt "2026-04-06T12:00:00.000Z"
                event instance.restore_enqueued restoring "admin_snapshot_restore" machine=m1 region=iad
                call list_snapshots vol-1
                alarm +1m reconcile
            "#,
        ),
        (
            K::RetryLookup,
            "
                applied: provisioned
                alarm now reconcile
            ",
        ),
        (K::AcceptDataLoss, "denied nothing_lost: provisioned"),
        (K::Refresh, "ignored nothing_to_do: provisioned"),
    ] {
        with_machine().command(any(kind)).is(expected);
    }
    Script::provisioned().command(restart()).is("denied no_machine: provisioned");
}

#[test]
fn provision_given_again_replaces_what_is_given() {
    let mut script = Script::provisioned();
    let spec = Spec { volume_size_gb: Some(20), ..Spec::default() };
    script.command(provision(spec)).is("
        applied: provisioned
        set volumeSizeGb 20
        alarm +30m reconcile
    ");
    let spec = Spec { image: Some(Image::new("app:1").unwrap()), ..Spec::default() };
    script.command(provision(spec)).is(r#"
        applied: provisioned
        set trackedImageTag "app:1"
        alarm +30m reconcile
    "#);
    let spec = Spec { volume_size_gb: Some(0), ..Spec::default() };
    script.command(provision(spec)).is("denied invalid_argument: provisioned");
    let stranger = Identity { user: UserId::new("user-2").unwrap(), ..identity() };
    let born = Provision { identity: stranger, seed: 7, spec: Spec::default() };
    script.command(Command::Provision(Box::new(born))).is("denied identity_mismatch: provisioned");
}

#[test]
fn m2_what_a_stale_registration_was_making_is_looked_for() {
    let mut script = placing();
    script.answer(unknown());
    script.after(8 * HOUR);
    script.ring().is("
        applied: provisioned (no commit)
        set lastMetadataRecoveryAt now
        on the list volume named #1 late_create due -28679999ms
        call list_machines ours
        alarm +90001ms call_deadline
    ");
}

#[test]
fn v2_an_imported_registration_that_had_data_is_stopped_when_that_is_missing() {
    let mut script = Script::flat("provisioned", json!({}));
    script.alarm();
    script.answers([machine("m1", "stopped"), absent()]);
    script.answer(volumes([])).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "data volume vol-1 missing"
        set lastStoppedAt now
        log data_volume_missing error="data volume vol-1 missing" by=alarm machine=m1 region=iad
        alarm +30m reconcile
    "#);
}
