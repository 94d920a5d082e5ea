//! What is on the disposal list beside retained volumes: what a lost create may have made, what was made late, machines that hold a
//! volume, and things that are put on the list twice.

use crate::commands::{clean_up, destroy, reassociate, start, stop};
use crate::script::{DAY, MINUTE, NOON, SECOND, Script, knobs};
use crate::stages::{Recovery, bereft, keeping, recovering};
use crate::world::{
    Remade, a_machine, a_volume, absent, accepted, conflict, health, held, machine, machine_made, machines, refused,
    unknown, volume, volume_made, volumes, waited,
};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::id::OpId;
use kiloclaw_lifecycle::observe::Volume;
use kiloclaw_lifecycle::{Command, Input, Knobs};
use serde_json::json;

/// `vol-9` was made by the second create; what the first may have made is looked for.
fn looking_for_a_volume() -> Script {
    let mut script = Script::provisioned();
    script.alarm();
    script.answers([machines([]), volumes([]), unknown()]);
    script.alarm();
    script.answers([volumes([]), volume_made("vol-9", "ams", "created")]);
    script.alarm();
    script
}

/// `m1` was made by the second create and runs; what the first may have made is looked for.
fn looking_for_a_machine() -> Script {
    let mut script = Script::provisioned();
    script.command(start());
    script.answers([machines([]), volumes([]), volume_made("vol-1", "iad", "created"), unknown()]);
    script.alarm();
    script.answers([machines([]), machine_made("m1", "iad"), waited("started"), health(true)]);
    script.alarm();
    script
}

/// The machine that a retained volume past its date hangs on is being destroyed.
fn removing_the_holder() -> Script {
    let mut script = keeping();
    script.after(DAY);
    script.ring();
    script.answers([held("vol-0", "m9"), machine("m9", "stopped"), volume("vol-1", "created")]);
    script
}

#[test]
fn t5_only_a_living_volume_of_that_name_was_made_by_the_lost_create() {
    let mut script = looking_for_a_volume();
    let name = script.names.get(1).to_string();
    let other = a_volume("vol-10", "created");
    let dead = Volume { name, ..a_volume("vol-11", "destroyed") };
    script.answer(volumes([other, dead])).is("
        applied: provisioned
        off the list volume named #1
        call get_volume vol-9
        alarm +90001ms call_deadline
    ");
}

#[test]
fn t5_only_a_living_machine_of_that_name_was_made_by_the_lost_create() {
    let mut script = looking_for_a_machine();
    let (volume, name) = (script.names.get(1), script.names.get(2));
    let other = a_machine("m2", "created").named(&volume);
    let dead = a_machine("m3", "destroyed").named(&name);
    script.answer(machines([a_machine("m4", "created"), other, dead])).is("
        applied: running
        off the list machine named #2
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn t5_a_machine_that_is_only_looked_at_is_not_watched_for() {
    let mut script = Script::provisioned();
    script.command(start());
    script.answers([machines([]), volumes([]), volume_made("vol-1", "iad", "created"), conflict(Some("m5"))]);
    script.command(destroy()).is(r#"
        applied: destroying
        set pendingDestroyVolumeId "vol-1"
        set startingAt null
        on the list volume vol-1 destroyed due now
        event instance.destroy_started destroying region=iad
        call get_volume vol-1
        alarm +1m reconcile
    "#);
}

#[test]
fn t4_what_was_made_late_is_given_its_grace_to_become_visible() {
    let late = || {
        let mut script = Script::running();
        let op = OpId { number: 1_000, kind: CallKind::CreateMachine };
        script.give(Input::Outcome { op, result: machine_made("m8", "iad") });
        script.ring().is("
            applied: running (no commit)
            call get_machine m8
            alarm +90001ms call_deadline
        ");
        script
    };
    let mut script = late();
    script.after(29 * SECOND - 1);
    script.answer(absent()).is("
        applied: running
        on the list machine m8 late_create due +1ms
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    let mut script = late();
    script.after(29 * SECOND);
    script.answer(absent()).is("
        applied: running
        on the list machine m8 late_create due now
        call get_machine m8
        alarm +90001ms call_deadline
    ");
    script.answer(absent()).is("
        applied: running
        off the list machine m8
        log destroy_machine_ok value=0 by=alarm machine=m8 region=iad
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d3_a_holder_that_cannot_be_removed_keeps_the_volume() {
    removing_the_holder().answer(absent()).is("
        applied: stopped
        on the list machine m9 replaced due +1m
        log destroy_machine_for_volume_cleanup by=alarm machine=m9 region=iad
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    removing_the_holder().answer(unknown()).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +1m
        on the list volume vol-0 retained until +1m tried 1 "no answer in time (status 503)"
        log destroy_volume_failed value=0 error="no answer in time (status 503)" by=alarm machine=m1 region=iad volume:"vol-0"
        call get_machine m1
        alarm +90001ms call_deadline
    "#);
    removing_the_holder().answer(refused()).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +1m
        on the list volume vol-0 retained until +1m tried 1 "makes no sense (status 422)"
        log destroy_volume_failed value=0 error="makes no sense (status 422)" by=alarm machine=m1 region=iad volume:"vol-0"
        call get_machine m1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn d2_a_copy_that_is_not_the_present_volume_and_is_gone_holds_nothing_back() {
    for gone in [absent(), volume("vol-2", "destroyed")] {
        let mut script = recovering(Recovery::Over);
        script.command(stop());
        script.answers([accepted(), waited("stopped")]);
        script.command(reassociate("vol-7"));
        script.answers([volume("vol-7", "created"), volume("vol-2", "created"), volumes([]), accepted()]);
        script.command(clean_up(Some("vol-1"))).is("
            pending: stopped
            on the list volume vol-1 retained until +604794s for vol-2 healthy hydrated asked for
            call get_volume vol-1
            alarm +90001ms call_deadline
        ");
        script.answer(volume("vol-1", "created")).is("
            applied: stopped (no commit)
            call get_volume vol-2
            alarm +90001ms call_deadline
        ");
        script.answer(gone).is("
            applied: stopped (no commit)
            call get_volume vol-7
            alarm +90001ms call_deadline
        ");
        script.answer(volume("vol-7", "created")).is("
            applied: stopped
            call delete_volume vol-1
            alarm +90001ms call_deadline
        ");
    }
}

#[test]
fn d1_what_is_on_the_list_already_keeps_its_attempts_and_the_earlier_date() {
    let mut script = Script::flat(
        "stopped",
        json!({
            "recoveryPreviousVolumeId": "vol-0", "recoveryPreviousVolumeCleanupAfter": NOON + 2 * MINUTE,
            "pendingDestroyMachineId": "m9",
        }),
    );
    script.ring();
    script.answer(unknown());
    script.answers([machine("m1", "stopped"), volume("vol-1", "created")]);
    script.after(2 * MINUTE);
    script.ring().is("
        applied: stopped (no commit)
        call get_machine m9
        alarm +90001ms call_deadline
    ");
    script.answer(unknown()).is(r#"
        applied: stopped
        on the list machine m9 left_over due +5m tried 2 "no answer in time (status 503)"
        log destroy_machine_failed value=1 error="no answer in time (status 503)" by=alarm machine=m9 region=iad
        call get_volume vol-0
        alarm +90001ms call_deadline
    "#);
    script.answers([held("vol-0", "m9"), machine("m9", "stopped"), volume("vol-1", "created")]);
    script.answer(accepted()).is(r#"
        applied: stopped
        on the list machine m9 left_over due +1m tried 2 "no answer in time (status 503)"
        log destroy_machine_for_volume_cleanup by=alarm machine=m9 region=iad
        call get_volume vol-1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn d1_what_is_retained_after_all_is_no_longer_due() {
    let under = Knobs { disposal_max_attempts: 1, ..knobs() };
    let mut script = Script::flat_under(under, "running", json!({ "pendingDestroyVolumeId": "vol-2" }));
    script.ring().is("
        applied: running (no commit)
        call get_volume vol-2
        alarm +90001ms call_deadline
    ");
    script.answer(unknown()).is(r#"
        applied: running
        on the list volume vol-2 left_over due +1m tried 1 "no answer in time (status 503)" abandoned
        log destroy_volume_failed value=0 error="no answer in time (status 503)" by=alarm machine=m1 region=iad volume:"vol-2"
        log destroy_volume_abandoned_after_max_retries value=1 by=alarm machine=m1 region=iad volume:"vol-2"
        call get_machine m1
        alarm +90001ms call_deadline
    "#);
    script.answer(a_machine("m1", "started").mounting("vol-2").seen());
    script.answer(volume("vol-1", "created"));
    script.answer(held("vol-2", "m1")).is(r#"
        applied: starting
        set pendingRecoveryVolumeId null
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
fn d3_a_refusal_after_another_failure_is_news() {
    let mut script = keeping();
    script.after(DAY);
    script.ring();
    script.answers([unknown(), machine("m1", "stopped"), volume("vol-1", "created")]);
    script.after(MINUTE);
    script.ring();
    script.answer(held("vol-0", "m9"));
    script.answer(a_machine("m9", "started").of_sandbox("sandbox-9").seen()).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +5m
        on the list volume vol-0 retained until +5m tried 2 "Refusing to destroy attached machine m9 for volume vol-0: expected sandbox sandbox-1, found sandbox-9"
        event instance.retained_volume_cleanup_refused error="Refusing to destroy attached machine m9 for volume vol-0: expected sandbox sandbox-1, found sandbox-9" machine=m1 region=iad volume:"vol-0"
        log destroy_volume_failed value=1 error="Refusing to destroy attached machine m9 for volume vol-0: expected sandbox sandbox-1, found sandbox-9" by=alarm machine=m1 region=iad volume:"vol-0"
        call get_machine m1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn d4_a_look_for_a_lost_create_that_fails_is_told_with_the_name() {
    looking_for_a_volume().answer(unknown()).is(r#"
        applied: provisioned
        on the list volume named #1 late_create due +1m tried 1 "no answer in time (status 503)"
        log destroy_volume_failed value=0 error="no answer in time (status 503)" by=alarm region=ams name:#1
        call get_volume vol-9
        alarm +90001ms call_deadline
    "#);
    looking_for_a_machine().answer(unknown()).is(r#"
        applied: running
        on the list machine named #2 late_create due +1m tried 1 "no answer in time (status 503)"
        log destroy_machine_failed value=0 error="no answer in time (status 503)" by=alarm machine=m1 region=iad name:#2
        call get_machine m1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn d5_a_clean_up_of_nothing_is_answered_while_another_is_under_way() {
    let mut script = keeping();
    script.command(clean_up(None));
    script.command(clean_up(Some("vol-9"))).is("
        pending: stopped
        reply deleted nothing
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d5_a_retained_volume_that_is_to_become_current_is_not_cleaned_up() {
    let mut script = keeping();
    script.command(reassociate("vol-0"));
    script.command(clean_up(None)).is("
        pending: stopped
        reply deleted nothing
        alarm +90001ms call_deadline
    ");
}

#[test]
fn v2_leave_to_start_empty_ends_with_another_volume() {
    let mut script = bereft();
    script.command(Command::AcceptDataLoss);
    script.command(reassociate("vol-7"));
    script.answers([volume("vol-7", "created"), volumes([]), accepted()]);
    script.alarm();
    script.answers([machines([]), absent()]);
    script.answer(absent()).is("
        applied: stopped (no commit)
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
    script.answer(volumes([])).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "data volume vol-7 missing"
        log data_volume_missing error="data volume vol-7 missing" by=alarm region=iad
        alarm +56s disposal
    "#);
}

#[test]
fn d2_a_volume_that_is_to_become_current_is_not_attempted_at_its_date() {
    let mut script = keeping();
    script.command(reassociate("vol-0"));
    script.answer(unknown());
    script.after(DAY);
    script.ring().is("
        applied: stopped (no commit)
        call get_volume vol-0
        alarm +90001ms call_deadline
    ");
}
