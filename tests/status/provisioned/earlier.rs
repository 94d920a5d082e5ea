//! What carries our name may be of an earlier life of the instance: it counts as data, and is looked for before a stale registration goes
//! (V1, V2, G3, M2).

use super::held::{asked, made, starting};
use super::nobody_found;
use crate::commands::start;
use crate::script::{DAY, Script};
use crate::world::{
    Remade, a_machine, a_volume, absent, accepted, held, machines, missing_volume, no_room, unknown, volume, volumes,
};
use kiloclaw_lifecycle::observe::Volume;

#[test]
fn g3_what_was_found_is_forked_and_not_replaced() {
    let mut script = starting();
    script.answers([volumes([made("vol-9", 9, None)]), volume("vol-9", "created")]);
    script.answer(no_room()).is(r#"
        applied: starting
        event instance.start_capacity_recovery starting "fly_412_insufficient_resources" error="insufficient resources (status 412)" region=iad
        call create_volume #2 in eu fork of vol-9
        alarm +56s reconcile
    "#);
    let mut script = Script::provisioned();
    script.command(start());
    script.answers([machines([a_machine("m9", "stopped").mounting("vol-9")])]);
    script.answers([volume("vol-9", "created"), volume("vol-9", "created")]);
    script.answer(a_machine("m9", "created").mounting("vol-9").seen());
    script.answer(no_room()).is(r#"
        applied: starting
        event instance.start_capacity_recovery starting "fly_412_insufficient_resources" error="insufficient resources (status 412)" machine=m9 region=iad
        call get_volume vol-9
        alarm +55s reconcile
    "#);
    script.answer(held("vol-9", "m9"));
    script.answer(accepted()).is("
        applied: starting
        set flyMachineId null
        on the list machine m9 replaced due +1m
        call create_volume #1 in eu fork of vol-9
        alarm +53s reconcile
    ");
}

#[test]
fn m2_what_was_found_is_no_stale_registration() {
    let mut script = nobody_found();
    script.answers([volumes([made("vol-9", 9, None)]), volume("vol-9", "created")]);
    script.after(30 * DAY);
    script.ring();
    script.answers([machines([]), volume("vol-9", "created")]);
    script.answer(volume("vol-9", "created")).is("
        applied: provisioned
        alarm +30m reconcile
    ");
}

#[test]
fn m2_what_carries_our_name_is_looked_for_before_a_stale_registration_goes() {
    let stale = || {
        let mut script = Script::provisioned();
        script.after(DAY);
        script.ring();
        script.answer(machines([])).is("
            applied: provisioned (no commit)
            call list_volumes ours
            alarm +90001ms call_deadline
        ");
        script
    };
    stale().answer(volumes([])).is(r#"
        applied: destroying
        log auto_destroy_stale_provision by=alarm
        event instance.destroy_started destroying "stale_provision_cleanup"
        call list_volumes ours
        alarm +1m reconcile
    "#);
    stale().answer(unknown()).is("
        applied: provisioned
        alarm +30m reconcile
    ");
    let mut script = stale();
    script.answer(volumes([made("vol-8", 8, Some("m9"))]));
    script.answer(a_machine("m9", "started").unreachable().seen()).is("
        applied: provisioned
        alarm +30m reconcile
    ");
}

#[test]
fn v2_what_was_found_is_not_replaced_when_it_is_lost() {
    let mut script = nobody_found();
    script.answers([volumes([made("vol-9", 9, None)]), volume("vol-9", "created")]);
    script.alarm();
    script.answers([machines([]), absent()]);
    script.answer(absent()).is("
        applied: provisioned (no commit)
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
    script.answer(volumes([])).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "data volume vol-9 missing"
        set lastStoppedAt now
        log data_volume_missing error="data volume vol-9 missing" by=alarm region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn v2_what_a_create_of_ours_has_made_that_was_given_up_is_no_data() {
    let mut script = Script::provisioned();
    script.command(start());
    script.answers([machines([]), volumes([]), unknown()]);
    script.after(6 * 60_000);
    script.ring();
    let name = script.names.get(1).to_string();
    let late = Volume { name, ..a_volume("vol-9", "created") };
    while script.call.is_some() {
        script.answer(unknown());
    }
    script.command(start());
    script.answers([machines([]), volumes([late]), volume("vol-9", "created")]);
    script.answer(missing_volume());
    script.answer(absent()).is("
        applied: starting (no commit)
        call get_volume vol-9
        alarm +55s reconcile
    ");
    script.answer(absent()).is("
        applied: starting (no commit)
        call list_volumes ours
        alarm +54s reconcile
    ");
}

#[test]
fn m2_only_a_look_up_of_this_alarm_shows_that_nothing_is_left() {
    let mut script = Script::provisioned();
    script.after(DAY);
    script.ring();
    script.answer(unknown());
    script.ring().is("
        applied: provisioned
        alarm +30m reconcile
    ");
}

#[test]
fn m2_what_may_hold_data_keeps_a_stale_registration() {
    let mut script = asked();
    script.answer(unknown());
    script.after(DAY);
    script.ring();
    script.answers([machines([]), volumes([])]);
    script.answer(unknown()).is("
        applied: provisioned
        alarm +30m reconcile
    ");
    script.after(DAY);
    script.ring();
    script.answers([machines([]), volumes([])]);
    script.answer(absent()).is("
        applied: provisioned (no commit)
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
    script.answer(volumes([])).is("
        applied: provisioned (no commit)
        call get_volume vol-9
        alarm +90001ms call_deadline
    ");
    script.answer(unknown()).is("
        applied: provisioned
        alarm +30m reconcile
    ");
}

#[test]
fn m2_a_lost_create_of_a_stale_registration_is_watched_for() {
    let mut script = nobody_found();
    script.answers([volumes([]), unknown()]);
    script.alarm();
    script.after(DAY);
    script.answer(volumes([])).is(r#"
        applied: destroying
        on the list volume named #1 late_create due -86281999ms
        log auto_destroy_stale_provision by=alarm
        event instance.destroy_started destroying "stale_provision_cleanup"
        call list_volumes named #1
        alarm +1m reconcile
    "#);
}
