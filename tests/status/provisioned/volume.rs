//! The volume of a registration: looked for by name, made, adopted (V1, V2, T5).

use super::{nobody_found, placing, without_machine};
use crate::commands::start;
use crate::script::{SECOND, Script, knobs, provision};
use crate::world::{
    a_volume, absent, accepted, limited, machine, machines, no_room, refused, region_full, unauthorized, unknown,
    volume, volume_id, volume_made, volumes,
};
use kiloclaw_lifecycle::call::Done;
use kiloclaw_lifecycle::command::Spec;
use kiloclaw_lifecycle::observe::{Volume, VolumeState};
use kiloclaw_lifecycle::{Knobs, Timestamp};
use serde_json::json;

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
    let mut script = nobody_found();
    script.answer(volumes(list)).is(r#"
        applied: provisioned
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-2"
        on the list volume vol-1 candidate until +7d
        on the list volume vol-2 candidate until +7d
        call get_volume vol-2
        alarm +90001ms call_deadline
    "#);
    script.answer(volume("vol-2", "created")).is(r#"
        applied: provisioned
        set flyRegion "iad"
        set flyVolumeId "vol-2"
        set recoveryPreviousVolumeId "vol-1"
        off the list volume vol-2
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
