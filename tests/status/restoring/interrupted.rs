//! Restores that are interrupted or take too long.

use crate::commands::restore;
use crate::script::{DAY, MINUTE, NOON, Script, knobs};
use crate::stages::{Restore as R, keeping, past_old_machine, restoring};
use crate::world::{unknown, volume};
use kiloclaw_lifecycle::{Knobs, Policy, Status, Timestamp};
use serde_json::json;

#[test]
fn x5_past_its_time_it_is_put_back() {
    for (stage, expected) in [
        (
            R::Find,
            r#"
                applied: running
                set preRestoreStatus null
                set restoreStartedAt null
                event instance.restore_failed running "alarm_timeout" error="restore timed out" machine=m1 region=iad
                alarm +5m reconcile
            "#,
        ),
        (
            R::Inspect,
            r#"
                applied: running
                set preRestoreStatus null
                set restoreStartedAt null
                event instance.restore_failed running "alarm_timeout" error="restore timed out" machine=m1 region=iad
                alarm +5m reconcile
            "#,
        ),
        (
            R::Remove,
            r#"
                applied: running
                set preRestoreStatus null
                set restoreStartedAt null
                event instance.restore_failed running "alarm_timeout" error="restore timed out" machine=m1 region=iad
                alarm +5m reconcile
            "#,
        ),
        (
            R::Place,
            r#"
                applied: stopped
                set lastStoppedAt now
                set preRestoreStatus null
                set restoreStartedAt null
                on the list volume named #1 late_create due -1676s
                event instance.restore_failed stopped "alarm_timeout" error="restore timed out" region=iad
                call list_volumes named #1
                alarm +90001ms call_deadline
            "#,
        ),
    ] {
        let mut script = restoring("running", stage);
        script.answer(unknown());
        script.after(2 * MINUTE);
        script.ring();
        past_old_machine(&mut script);
        script.answer(unknown());
        script.now = Timestamp::from_millis(NOON + 30 * MINUTE);
        assert_eq!(script.clone().ring().status, Some(Status::Restoring));
        script.after(1);
        script.ring().is(expected);
    }
}

#[test]
fn import_a_restore_waits_for_its_time_and_is_put_back() {
    let began = "2026-04-06T11:45:00.000Z";
    let record = json!({ "restoreStartedAt": began, "preRestoreStatus": "running", "pendingRestoreVolumeId": "vol-2" });
    let mut script = Script::flat("restoring", record);
    script.alarm().is("
        applied: restoring
        alarm +1m reconcile
    ");
    script.after(16 * MINUTE);
    script.ring().is(r#"
        applied: running
        set preRestoreStatus null
        set restoreStartedAt null
        on the list volume vol-2 failed_restore due now
        event instance.restore_failed running "alarm_timeout" error="restore timed out" machine=m1 region=iad
        call get_volume vol-2
        alarm +90001ms call_deadline
    "#);
    script.answer(volume("vol-2", "created")).is("
        applied: running (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_retained_volumes_stay_while_a_restore_is_under_way() {
    let mut script = keeping();
    script.command(restore("vs-1"));
    script.answer(unknown());
    script.after(25 * MINUTE);
    script.policy = Policy::new(Knobs { restoring_timeout_ms: 9 * DAY, ..knobs() }).unwrap();
    script.after(2 * DAY);
    script.ring().is("
        applied: restoring (no commit)
        call list_snapshots vol-1
        alarm +1m reconcile
    ");
}

#[test]
fn t6_resume_in_every_stage() {
    for (stage, expected) in [
        (
            R::Find,
            "
                applied: restoring
                call list_snapshots vol-1
                alarm +1m reconcile
            ",
        ),
        (
            R::Inspect,
            "
                applied: restoring
                call get_volume vol-1
                alarm +59s reconcile
            ",
        ),
        (
            R::Remove,
            "
                applied: restoring
                call destroy_machine m1
                alarm +58s reconcile
            ",
        ),
        (
            R::Place,
            "
                applied: restoring
                alarm +1s retry
            ",
        ),
    ] {
        restoring("running", stage).resume().is(expected);
    }
}
