//! Which machine a look-up by labels takes for the instance's own (M1), and which volume one by name (V1), where the list alone does not
//! tell.

use crate::script::Script;
use crate::world::{Remade, a_machine, a_volume, absent, held, machine_id, machines, seen, volume, volumes};
use kiloclaw_lifecycle::Timestamp;
use kiloclaw_lifecycle::observe::{Machine, Volume};
use serde_json::json;

/// A stopped instance that has lost its machine: the labels are asked.
fn asking() -> Script {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    script.alarm();
    script
}

/// Nothing in the list can be used: the volume is asked who holds it.
fn asking_the_volume(listed: impl Into<Vec<Machine>>) -> Script {
    let mut script = asking();
    script.answer(machines(listed)).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script
}

#[test]
fn m1_strangers_and_the_dead_leave_the_look_up_conclusive() {
    let dead = Machine { config: None, ..a_machine("m8", "destroyed") };
    asking_the_volume([a_machine("m9", "started").of_sandbox("sandbox-9"), dead]);
}

#[test]
fn m1_a_holder_that_was_passed_over_in_the_list_is_not_asked() {
    asking_the_volume([a_machine("m9", "destroying")]).answer(held("vol-1", "m9")).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn m1_a_dead_volume_has_no_holder() {
    let dead = Volume { attached_machine: Some(machine_id("m9")), ..a_volume("vol-1", "destroyed") };
    asking_the_volume([]).answer(seen(dead)).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
}

/// A stopped instance that has data and a machine, but knows no volume: the names are asked.
fn asking_for_a_volume() -> Script {
    let mut script = Script::flat("stopped", json!({ "flyVolumeId": null }));
    script.alarm();
    let bare = || a_machine("m1", "stopped").mounting_nothing().seen();
    script.answers([bare(), bare()]);
    script
}

#[test]
fn v1_the_newest_is_taken_whatever_the_order_of_the_list() {
    let made = |id: &str, at: u64| Volume { created_at: Some(Timestamp::from_millis(at)), ..a_volume(id, "created") };
    for list in [[made("vol-8", 8), made("vol-9", 9)], [made("vol-9", 9), made("vol-8", 8)]] {
        let mut script = asking_for_a_volume();
        script.answer(volumes(list));
        script.answer(volume("vol-9", "created")).is(r#"
            applied: stopped
            set flyVolumeId "vol-9"
            set recoveryPreviousVolumeId "vol-8"
            off the list volume vol-9
            log recover_volume_by_name by=alarm machine=m1 region=iad volume:"vol-9"
            alarm now reconcile
        "#);
    }
}

#[test]
fn v1_a_volume_held_by_our_machine_is_taken_and_any_other_that_is_held_is_kept() {
    let held_by = |holder: &str| Volume { attached_machine: Some(machine_id(holder)), ..a_volume("vol-9", "created") };
    let mut script = asking_for_a_volume();
    script.answer(volumes([held_by("m1")]));
    script.answer(held("vol-9", "m1")).is(r#"
        applied: stopped
        set flyVolumeId "vol-9"
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-9
        log recover_volume_by_name by=alarm machine=m1 region=iad volume:"vol-9"
        alarm now reconcile
    "#);
    let mut script = asking_for_a_volume();
    script.answer(volumes([held_by("m9")])).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-9"
        on the list volume vol-9 candidate until +7d
        call get_machine m9
        alarm +90001ms call_deadline
    "#);
    script.answer(a_machine("m9", "started").of_sandbox("sandbox-9").seen()).is("
        applied: stopped (no commit)
        call get_volume vol-9
        alarm +90001ms call_deadline
    ");
    script.answer(held("vol-9", "m9")).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "data volume missing"
        log data_volume_missing error="data volume missing" by=alarm machine=m1 region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn v1_a_volume_that_turns_up_ends_what_was_missing() {
    let mut script = asking_for_a_volume();
    script.answer(volumes([]));
    script.alarm();
    let bare = || a_machine("m1", "stopped").mounting_nothing().seen();
    script.answers([bare(), bare(), volumes([a_volume("vol-9", "created")])]);
    script.answer(volume("vol-9", "created")).is(r#"
        applied: stopped
        set flyVolumeId "vol-9"
        set lastStartErrorAt null
        set lastStartErrorMessage null
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-9
        log recover_volume_by_name by=alarm machine=m1 region=iad volume:"vol-9"
        alarm now reconcile
    "#);
}

#[test]
fn m1_a_machine_that_was_passed_over_is_no_stray_once_it_is_the_instances() {
    let mut script = asking();
    script.answer(machines([a_machine("m1", "stopped"), a_machine("m2", "stopped")])).is(r#"
        applied: stopped
        set flyMachineId "m1"
        on the list machine m2 stray
        log multiple_machines_found value=1 by=alarm machine=m1 region=iad
        log recover_machine_from_metadata by=alarm machine=m1 region=iad fly_state:"stopped"
        call get_volume vol-1
        alarm +90001ms call_deadline
    "#);
    script.answer(volume("vol-1", "created"));
    script.alarm();
    script.answers([absent(), volume("vol-1", "created")]);
    script.alarm();
    script.answers([machines([a_machine("m2", "stopped")]), held("vol-1", "m2")]);
    script.answer(a_machine("m2", "stopped").seen()).is(r#"
        applied: stopped
        set flyMachineId "m2"
        off the list machine m2
        log recover_machine_from_metadata by=alarm machine=m2 region=iad fly_state:"stopped"
        call get_volume vol-1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn m1_what_the_machine_that_is_found_mounts_is_in_the_record_from_then_on() {
    asking().answer(machines([a_machine("m9", "started").mounting("vol-9")])).is(r#"
        applied: running
        set flyMachineId "m9"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-9"
        on the list volume vol-9 candidate until +7d
        log recover_machine_from_metadata by=alarm machine=m9 region=iad fly_state:"started"
        alarm +5m reconcile
    "#);
    for machine in [a_machine("m9", "started").mounting("vol-1"), a_machine("m9", "started").mounting_nothing()] {
        asking().answer(machines([machine])).is(r#"
            applied: running
            set flyMachineId "m9"
            log recover_machine_from_metadata by=alarm machine=m9 region=iad fly_state:"started"
            alarm +5m reconcile
        "#);
    }
}

#[test]
fn v3_what_was_only_seen_in_our_machine_is_not_the_data_unless_its_name_says_so() {
    let named = |name: &str| {
        let attached_machine = Some(machine_id("m9"));
        seen(Volume { name: name.to_string(), attached_machine, ..a_volume("vol-9", "created") })
    };
    let mut script = asking();
    script.answer(machines([a_machine("m9", "started").mounting("vol-9")]));
    script.alarm();
    script.answers([a_machine("m9", "started").mounting("vol-9").seen(), absent()]);
    script.clone().answer(named("kiloclaw_other")).is(r#"
        applied: running
        log volume_check_failed error="data volume vol-1 missing" by=alarm machine=m9 region=iad mounted:"vol-9"
        alarm +5m reconcile
    "#);
    script.answer(named(&a_volume("vol-9", "created").name)).is(r#"
        applied: running
        set flyVolumeId "vol-9"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list volume vol-1 retained until +7d
        off the list volume vol-9
        log adopt_migrated_volume by=alarm machine=m9 region=iad old_volume:"vol-1" volume:"vol-9"
        alarm +5m reconcile
    "#);
}
