//! What may hold newer data than the data volume goes only once the instance has been seen healthy without it, and then has its time
//! (D2, V3).

use crate::commands::{clean_up, reassociate, start, stop};
use crate::script::{DAY, NOON, Script};
use crate::stages::{bereft_with, healthy};
use crate::world::{
    Remade, a_machine, a_volume, accepted, health, held, machine, machine_id, machine_made, machines, refused, seen,
    unknown, volume, volumes, waited,
};
use kiloclaw_lifecycle::instance::Hold;
use kiloclaw_lifecycle::observe::{Machine, Volume};
use serde_json::json;

/// The machine of a running instance has been seen to run on `vol-2`, and the data volume lives: the machine is destroyed, and a new one
/// could not be made. It is looked for again.
fn displaced() -> Script {
    let mut script = Script::running();
    script.alarm();
    script.answers([a_machine("m1", "started").mounting("vol-2").seen(), volume("vol-1", "created")]);
    script.answers([held("vol-2", "m1"), accepted(), machines([])]);
    script.answers([volume("vol-1", "created"), volume("vol-1", "created"), refused()]);
    script.alarm();
    script.answers([machine("m1", "destroyed"), machines([]), volume("vol-1", "created"), volume("vol-1", "created")]);
    script
}

/// `vol-2` was found under our name while the data volume seemed to be missing.
fn found() -> Script {
    let mut script = bereft_with(Script::stopped(), volumes([a_volume("vol-2", "created")]));
    script.alarm();
    script.answers([machine("m1", "stopped"), volume("vol-1", "created")]);
    script
}

fn held_back_by(script: &Script) -> Vec<Hold> {
    script.instance.as_ref().unwrap().admin_view().retained.remove(0).held_back_by
}

/// The machine of the found instance serves, and what runs in it is asked for.
fn probed() -> Script {
    let mut script = found();
    script.alarm();
    script.answer(machine("m1", "started"));
    script.alarm();
    script.answer(machine("m1", "started"));
    script.answer(volume("vol-1", "created")).is("
        applied: running (no commit)
        call probe_health m1 60s every 3000ms
        alarm +90001ms call_deadline
    ");
    script
}

#[test]
fn v3_what_ran_instead_of_the_data_outlives_its_date_while_the_instance_has_not_served() {
    let mut script = displaced();
    assert_eq!(held_back_by(&script), [Hold::InstanceUnproven]);
    for _ in 0..2 {
        script.after(30 * DAY);
        script.ring().is("
            applied: stopped (no commit)
            set lastMetadataRecoveryAt now
            call list_machines ours
            alarm +90001ms call_deadline
        ");
        script.answers([machines([]), volume("vol-1", "created")]);
        script.answer(volume("vol-1", "created")).is("
            applied: stopped
            alarm +30m reconcile
        ");
    }
}

#[test]
fn v2_what_was_found_outlives_its_date_while_the_instance_has_not_served() {
    let mut script = found();
    assert_eq!(held_back_by(&script), [Hold::InstanceUnproven]);
    script.after(30 * DAY);
    script.ring().is("
        applied: stopped (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m1", "stopped"));
    script.answer(volume("vol-1", "created")).is("
        applied: stopped
        alarm +30m reconcile
    ");
}

#[test]
fn v3_what_ran_instead_has_its_time_from_when_the_instance_is_seen_healthy_without_it() {
    let mut script = probed();
    script.answer(health(true)).is("
        applied: running
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list volume vol-2 candidate done without until +7d
        alarm +5m reconcile
    ");
    assert_eq!(held_back_by(&script), []);
    script.alarm();
    script.answer(machine("m1", "started"));
    script.answer(volume("vol-1", "created")).is("
        applied: running
        alarm +5m reconcile
    ");
    script.after(7 * DAY);
    script.ring().is("
        applied: running (no commit)
        call get_volume vol-2
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-2", "created"));
    script.answer(volume("vol-1", "created")).is("
        applied: running
        call delete_volume vol-2
        alarm +90001ms call_deadline
    ");
}

#[test]
fn v3_who_is_not_seen_healthy_may_need_what_ran_instead() {
    for answer in [health(false), unknown()] {
        let mut script = probed();
        script.answer(answer).is("
            applied: running
            alarm +5m reconcile
        ");
        assert_eq!(held_back_by(&script), [Hold::InstanceUnproven]);
    }
}

#[test]
fn v3_a_start_does_not_show_which_volume_its_machine_mounts() {
    let mut script = displaced();
    script.command(start());
    script.answers([machines([]), volume("vol-1", "created"), volume("vol-1", "created")]);
    script.answers([machine_made("m2", "iad"), waited("started")]);
    script.answer(health(true));
    assert_eq!(held_back_by(&script), [Hold::InstanceUnproven]);
}

#[test]
fn v2_what_is_found_again_waits_again() {
    let mut script = found();
    healthy(&mut script);
    script.alarm();
    script.answers([a_machine("m1", "started").mounting("vol-2").seen(), volume("vol-1", "created")]);
    script.answer(held("vol-2", "m1"));
    assert_eq!(held_back_by(&script), [Hold::InstanceUnproven]);
}

#[test]
fn v3_what_a_machine_mounts_that_goes_waits_again() {
    let mut script = found();
    healthy(&mut script);
    script.alarm();
    script.answer(a_machine("m1", "stopped").mounting("vol-2").seen()).is(r#"
        applied: recovering
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryStartedAt now
        on the list volume vol-2 candidate until +7d
        log unexpected_stop_recovery_trigger value=1 by=alarm machine=m1 region=iad fail_count:1 fly_state:"stopped" new_state:"recovering" old_state:"running"
        event instance.unexpected_stop_recovery_started recovering "alarm_stopped" value=1 machine=m1 region=iad
        call get_volume vol-1
        alarm +1m reconcile
    "#);
    assert_eq!(held_back_by(&script), [Hold::InstanceUnproven]);
}

#[test]
fn d2_what_the_machine_of_a_stopped_instance_holds_waits_again() {
    let mut script = found();
    healthy(&mut script);
    script.command(stop());
    script.answers([accepted(), waited("stopped")]);
    script.after(7 * DAY);
    script.ring();
    script.answer(held("vol-2", "m1")).is("
        applied: stopped (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(a_machine("m1", "stopped").mounting("vol-2").seen()).is("
        applied: stopped
        set flyMachineId null
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list machine m1 replaced due now
        on the list volume vol-2 candidate until +7d
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    assert_eq!(held_back_by(&script), [Hold::InstanceUnproven]);
}

/// The retained volume of an imported record, which is ours by record alone.
fn imported() -> Script {
    let until = NOON + 30 * DAY;
    let kept = json!({ "recoveryPreviousVolumeId": "vol-0", "recoveryPreviousVolumeCleanupAfter": until });
    let mut script = Script::flat("running", kept);
    script.alarm();
    script
}

#[test]
fn v3_what_ran_instead_is_ours_by_record_as_before() {
    let named = |holder: Option<&str>| {
        let attached_machine = holder.map(machine_id);
        seen(Volume { name: "data".to_string(), attached_machine, ..a_volume("vol-0", "created") })
    };
    let mut script = imported();
    script.answers([a_machine("m1", "started").mounting("vol-0").seen(), volume("vol-1", "created")]);
    script.answer(named(Some("m1"))).is(r#"
        applied: starting
        set startingAt now
        on the list volume vol-0 retained unproven until +2591697s
        log repair_mount by=alarm machine=m1 region=iad mounted:"vol-0" volume:"vol-1"
        call destroy_machine m1
        alarm +1m reconcile
    "#);
    let mut script = imported();
    script.answer(a_machine("m1", "stopped").mounting("vol-0").seen()).is(r#"
        applied: recovering
        set recoveryStartedAt now
        on the list volume vol-0 retained unproven until +2591699s
        log unexpected_stop_recovery_trigger value=1 by=alarm machine=m1 region=iad fail_count:1 fly_state:"stopped" new_state:"recovering" old_state:"running"
        event instance.unexpected_stop_recovery_started recovering "alarm_stopped" value=1 machine=m1 region=iad
        call get_volume vol-1
        alarm +1m reconcile
    "#);
}

#[test]
fn v3_what_is_ours_and_not_shown_in_our_machine_is_kept_all_the_same() {
    let mut script = Script::running();
    script.alarm();
    script.answers([a_machine("m1", "started").mounting("vol-2").seen(), volume("vol-1", "created")]);
    script.answer(volume("vol-2", "created")).is(r#"
        applied: starting
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-2"
        set startingAt now
        on the list volume vol-2 candidate until +7d
        log repair_mount by=alarm machine=m1 region=iad mounted:"vol-2" volume:"vol-1"
        call destroy_machine m1
        alarm +1m reconcile
    "#);
}

#[test]
fn v3_who_hides_what_it_mounts_proves_nothing() {
    let mut script = found();
    script.alarm();
    script.answer(machine("m1", "started"));
    script.alarm();
    script.answer(Machine { config: None, ..a_machine("m1", "started") }.seen());
    script.answer(volume("vol-1", "created")).is("
        applied: running
        alarm +5m reconcile
    ");
    assert_eq!(held_back_by(&script), [Hold::InstanceUnproven]);
}

#[test]
fn d5_a_clean_up_under_way_is_held_back_when_the_volume_turns_out_to_have_served() {
    let mut script = imported();
    script.answers([a_machine("m1", "started").mounting("vol-0").seen(), volume("vol-1", "created")]);
    script.command(clean_up(None));
    script.answer(held("vol-0", "m1")).is(r#"
        applied: starting
        set startingAt now
        on the list volume vol-0 retained unproven until +2591697s
        log repair_mount by=cleanup_retained_volume machine=m1 region=iad mounted:"vol-0" volume:"vol-1"
        call destroy_machine m1
        reply held_back "The volume may hold newer data than the instance's."
        alarm +1m reconcile
    "#);
}

#[test]
fn d5_a_clean_up_of_what_may_hold_newer_data_stands_whoever_mounts_it() {
    let mut script = found();
    script.command(clean_up(Some("vol-2")));
    script.answer(held("vol-2", "m1"));
    script.answer(a_machine("m1", "stopped").mounting("vol-2").seen()).is("
        applied: stopped
        set flyMachineId null
        on the list machine m1 replaced due now
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(a_machine("m1", "stopped").mounting("vol-2").seen()).is("
        applied: stopped
        call destroy_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d5_an_admin_does_away_with_what_may_hold_newer_data() {
    let mut script = displaced();
    script.command(clean_up(Some("vol-2"))).is("
        pending: stopped
        on the list volume vol-2 candidate until +604735s asked for
        call get_volume vol-2
        alarm +90001ms call_deadline
    ");
    assert_eq!(held_back_by(&script), []);
    script.answer(volume("vol-2", "created"));
    script.answer(volume("vol-1", "created")).is("
        applied: stopped
        call delete_volume vol-2
        alarm +90001ms call_deadline
    ");
}

/// What the instance has been seen to do without is held by `holder` when the data is replaced.
fn reassociating(holder: &str) -> Script {
    let mut script = probed();
    script.answer(health(true));
    script.command(stop());
    script.answers([accepted(), waited("stopped")]);
    script.after(DAY);
    script.command(reassociate("vol-7"));
    script.answers([volume("vol-7", "created"), volume("vol-1", "created")]);
    let found = Volume { attached_machine: Some(machine_id(holder)), ..a_volume("vol-2", "created") };
    script.answer(volumes([found]));
    script
}

#[test]
fn reassociate_what_our_own_machine_holds_may_have_been_written_to_again() {
    assert_eq!(held_back_by(&reassociating("m1")), [Hold::InstanceUnproven]);
    assert_eq!(held_back_by(&reassociating("m9")), []);
}

/// The date of what the instance has been seen to do without has come, and `m9` holds it.
fn held_when_due() -> Script {
    let mut script = probed();
    script.answer(health(true));
    script.after(7 * DAY);
    script.ring();
    script.answer(held("vol-2", "m9"));
    script
}

#[test]
fn m1_what_a_machine_of_ours_runs_on_that_was_passed_over_does_not_go_by_itself() {
    let mut script = held_when_due();
    script.answer(a_machine("m9", "started").mounting("vol-2").seen()).is(r#"
        applied: running
        set recoveryPreviousVolumeCleanupAfter +1m
        on the list volume vol-2 candidate done without until +1m tried 1 "held by a machine of the instance's that serves nobody and runs, m9"
        log destroy_volume_failed value=0 error="held by a machine of the instance's that serves nobody and runs, m9" by=alarm machine=m1 region=iad volume:"vol-2"
        call get_machine m1
        alarm +90001ms call_deadline
    "#);
    script.command(clean_up(Some("vol-2")));
    script.answers([machine("m1", "started"), volume("vol-1", "created"), held("vol-2", "m9")]);
    script.answer(a_machine("m9", "started").mounting("vol-2").seen()).is("
        applied: running (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: running
        call destroy_machine m9
        alarm +90001ms call_deadline
    ");
    let mut script = held_when_due();
    script.answer(a_machine("m9", "stopped").mounting("vol-2").seen());
    script.answer(volume("vol-1", "created")).is("
        applied: running
        call destroy_machine m9
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d5_a_clean_up_of_the_rest_leaves_what_the_instance_has_not_been_seen_to_do_without() {
    let mut script = imported();
    script.answers([
        a_machine("m1", "started").mounting("vol-0").seen(),
        volume("vol-1", "created"),
        held("vol-0", "m1"),
    ]);
    script.command(clean_up(None)).is("
        pending: starting
        reply deleted nothing
        alarm +1m reconcile
    ");
    let mut script = probed();
    script.answer(health(true));
    script.command(clean_up(None)).is("
        pending: running
        reply deleted nothing
        alarm +5m reconcile
    ");
}
