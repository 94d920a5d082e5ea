//! Clocks that are wrong.

use crate::commands::{destroy, stop};
use crate::script::{DAY, HOUR, MINUTE, NOON, SECOND, Script, knobs};
use crate::stages::{Recovery, keeping, past_old_machine, recovering, recovering_under};
use crate::world::{absent, machine, machine_made, snapshots, unknown, volume};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::id::OpId;
use kiloclaw_lifecycle::step::Why;
use kiloclaw_lifecycle::{Command, Input, Knobs, Timestamp};
use serde_json::json;

const YEARS: u64 = 70 * 365 * DAY;

#[test]
fn a_clock_that_steps_back_does_no_harm() {
    let mut script = Script::running();
    script.now = Timestamp::from_millis(NOON - DAY);
    script.ring().is("
        applied: running (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m1", "started")).is("
        applied: running (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: running
        alarm +5m reconcile
    ");
}

#[test]
fn a_clock_at_its_ends_does_no_harm() {
    for now in [0, u64::MAX] {
        for mut script in [Script::provisioned(), Script::running(), Script::stopped(), recovering(Recovery::Create)] {
            script.now = Timestamp::from_millis(now);
            script.ring();
            script.resume();
            script.command(destroy());
        }
    }
}

#[test]
fn an_absurd_future_is_forgotten_once_the_clock_is_right() {
    for mut script in [Script::running(), Script::stopped(), Script::provisioned()] {
        let right = script.now;
        script.now = right.plus(YEARS);
        script.ring();
        script.answer(unknown());
        script.now = right.plus(MINUTE);
        let alarm = script.ring().alarm.unwrap();
        assert!(alarm.at.since(script.now) <= HOUR, "{alarm:?}");
    }
}

#[test]
fn a_restart_that_changes_nothing_brings_the_alarm_back_too() {
    for ahead in [6 * HOUR, YEARS] {
        for mut script in [Script::running(), Script::stopped(), Script::provisioned()] {
            let right = script.now;
            script.now = right.plus(ahead);
            script.ring();
            script.answer(unknown());
            script.now = right.plus(MINUTE);
            let got = script.resume();
            assert!(got.alarm.unwrap().at.since(script.now) <= 35 * MINUTE, "{ahead}: {:?}", got.alarm);
        }
    }
}

#[test]
fn a_status_that_began_in_the_future_still_ends() {
    let mut script = Script::running();
    let right = script.now;
    script.now = right.plus(YEARS);
    script.command(stop());
    script.now = right;
    script.answer(unknown()).is("
        applied: stopping
        alarm +1s retry
    ");
    script.now = right.plus(6 * MINUTE);
    script.ring().is("
        applied: stopping (no commit)
        call get_machine m1
        alarm +1m reconcile
    ");
}

#[test]
fn a_call_made_in_the_future_is_lost_in_time() {
    let mut script = Script::running();
    let right = script.now;
    script.now = right.plus(YEARS);
    script.ring();
    script.now = right;
    let got = script.ring();
    let alarm = got.alarm.unwrap();
    assert_eq!((got.calls.len(), alarm.at, alarm.why), (0, right.plus(90_001), Why::CallDeadline));
    script.now = right.plus(2 * MINUTE);
    script.ring().is("
        applied: running
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn a_retained_volume_of_an_absurd_future_keeps_its_time() {
    let mut script = recovering(Recovery::Snapshots);
    let right = script.now;
    script.now = right.plus(YEARS);
    script.answer(snapshots(&[("vs-1", "created", 10)]));
    script.now = right;
    script.ring();
    let retained = script.instance.as_ref().unwrap().admin_view().retained.remove(0);
    assert!(retained.clean_up_after.since(right) <= 7 * DAY, "{retained:?}");
}

#[test]
fn the_grace_of_a_replacement_made_in_the_future_ends() {
    let mut script = recovering(Recovery::Create);
    let right = script.now;
    script.now = right.plus(YEARS);
    script.answer(machine_made("m2", "ord"));
    script.now = right.plus(20 * SECOND);
    script.answer(unknown());
    script.after(20 * SECOND);
    script.ring();
    script.answer(absent()).is("
        applied: recovering
        alarm +5s retry
    ");
    script.after(20 * SECOND);
    script.ring();
    past_old_machine(&mut script);
    script.answer(absent()).is(r#"
        applied: stopped
        set flyMachineId null
        set lastRecoveryErrorAt now
        set lastRecoveryErrorMessage "unexpected stop recovery replacement machine disappeared"
        set lastStoppedAt now
        set recoveryStartedAt null
        on the list machine m2 failed_recovery due now
        on the list volume vol-2 failed_recovery due now
        log unexpected_stop_recovery_machine_gone by=alarm region=iad
        event instance.unexpected_stop_recovery_failed stopped "alarm_machine_gone" took=67s error="unexpected stop recovery replacement machine disappeared" machine=m2 region=iad
        call get_machine m2
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn a4_early_late_and_duplicated_alarms_are_harmless() {
    let mut script = Script::running();
    script.ring().is("
        applied: running (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.ring().is("
        applied: running (no commit)
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m1", "started"));
    script.answer(volume("vol-1", "created")).is("
        applied: running
        alarm +5m reconcile
    ");
    script.after(DAY);
    script.ring().is("
        applied: running (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn t6_resume_without_a_call_changes_nothing() {
    for mut script in [Script::running(), Script::stopped(), Script::provisioned(), keeping()] {
        let before = script.instance.clone();
        script.after(DAY);
        let got = script.resume();
        assert!(got.calls.is_empty() && got.events.is_empty());
        assert_eq!(script.instance, before);
    }
}

#[test]
fn a_look_that_is_further_away_than_looks_are_is_absurd() {
    let mut script = Script::stopped();
    script.resume().is("
        applied: stopped (no commit)
        alarm +30m reconcile
    ");
    script.now = Timestamp::from_millis(NOON - 1);
    script.resume().is("
        applied: stopped
        alarm now reconcile
    ");
}

#[test]
fn another_date_that_is_more_than_two_years_ahead_is_absurd() {
    let years = 2 * 366 * DAY;
    let date = NOON + DAY;
    let mut script = keeping();
    script.now = Timestamp::from_millis(date - years);
    script.resume().is("
        applied: stopped
        alarm now reconcile
    ");
    script.now = Timestamp::from_millis(date - years - 1);
    script.resume().is("
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list volume vol-0 retained until +7d
        alarm +1ms reconcile
    ");

    let slow = Knobs { retry_backoff_ms: vec![2 * MINUTE], ..knobs() };
    let mut script = recovering_under(slow, Recovery::Inspect);
    let retry = script.now.plus(SECOND + 2 * MINUTE).as_millis();
    script.answer(unknown());
    script.now = Timestamp::from_millis(retry - years);
    script.resume().is("
        applied: recovering
        set recoveryStartedAt now
        alarm now reconcile
    ");
    script.now = Timestamp::from_millis(retry - years - 1);
    script.resume().is("
        applied: recovering
        set recoveryStartedAt now
        alarm now retry
    ");
}

#[test]
fn of_two_reasons_at_the_same_time_the_look_is_told() {
    let both = Knobs { alarm_transitional_ms: 90_001, ..knobs() };
    let mut script = Script::flat_under(both, "running", json!({}));
    script.command(stop()).is("
        applied: stopping
        call stop_machine m1
        alarm +90001ms reconcile
    ");
}

#[test]
fn a_look_up_made_in_the_future_is_made_again_after_its_cooldown() {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    let right = script.now;
    script.now = right.plus(YEARS);
    script.ring();
    script.answer(unknown());
    script.now = right;
    script.ring();
    script.answer(unknown());
    script.now = right.plus(31 * MINUTE);
    script.ring().is("
        applied: stopped (no commit)
        set lastMetadataRecoveryAt now
        call list_machines ours
        alarm +90001ms call_deadline
    ");
}

#[test]
fn the_grace_of_what_was_made_late_in_the_future_ends() {
    let mut script = Script::running();
    let right = script.now;
    script.now = right.plus(YEARS);
    let op = OpId { number: 1_000, kind: CallKind::CreateMachine };
    script.give(Input::Outcome { op, result: machine_made("m8", "iad") });
    script.now = right;
    script.ring();
    script.answers([machine("m1", "started"), volume("vol-1", "created")]);
    script.now = right.plus(8 * DAY);
    script.ring();
    script.answer(absent()).is("
        applied: running
        off the list machine m8
        log destroy_machine_ok value=0 by=alarm machine=m8 region=iad
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn a_look_that_is_wanted_while_something_is_asked_comes_right_after() {
    let mut script = Script::stopped();
    script.ring();
    script.command(Command::RetryLookup);
    script.after(MINUTE);
    script.ring().is("
        applied: stopped
        alarm +30001ms call_deadline
    ");
    script.answer(machine("m1", "stopped"));
    script.answer(volume("vol-1", "created")).is("
        applied: stopped
        alarm now reconcile
    ");
}
