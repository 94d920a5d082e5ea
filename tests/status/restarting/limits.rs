//! When a restart has taken too long (S5).

use super::looking;
use crate::script::{MINUTE, NOON, SECOND, Script};
use crate::world::{Remade, a_machine, absent, machine, unknown};
use serde_json::json;

const HARD: u64 = 15 * MINUTE + 1;

const SOFT: u64 = 5 * MINUTE + 1;

#[test]
fn s5_past_the_soft_time_out() {
    for (answer, expected) in [
        (
            machine("m1", "started"),
            "
                applied: running
                set lastStartedAt now
                set restartUpdateSent false
                set restartingAt null
                log restarting_reconcile_success by=alarm machine=m1 region=iad
                alarm +5m reconcile
            ",
        ),
        (
            machine("m1", "stopped"),
            r#"
                applied: stopped
                set lastRestartErrorAt now
                set lastRestartErrorMessage "Restart is taking longer than expected; still reconciling while the machine remains stopped"
                set lastStoppedAt now
                set restartUpdateSent false
                set restartingAt null
                log restarting_timeout_transient error="Restart is taking longer than expected; still reconciling while the machine remains stopped" by=alarm machine=m1 region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            machine("m1", "created"),
            r#"
                applied: stopped
                set lastRestartErrorAt now
                set lastRestartErrorMessage "Restart is taking longer than expected; still reconciling while the machine remains created"
                set lastStoppedAt now
                set restartUpdateSent false
                set restartingAt null
                log restarting_timeout_transient error="Restart is taking longer than expected; still reconciling while the machine remains created" by=alarm machine=m1 region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            machine("m1", "suspended"),
            r#"
                applied: stopped
                set lastRestartErrorAt now
                set lastRestartErrorMessage "Restart is taking longer than expected; still reconciling while the machine remains suspended"
                set lastStoppedAt now
                set restartUpdateSent false
                set restartingAt null
                log restarting_timeout_transient error="Restart is taking longer than expected; still reconciling while the machine remains suspended" by=alarm machine=m1 region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            machine("m1", "failed"),
            r#"
                applied: stopped
                set lastRestartErrorAt now
                set lastRestartErrorMessage "Restart is taking longer than expected; still reconciling while the machine remains failed"
                set lastStoppedAt now
                set restartUpdateSent false
                set restartingAt null
                log restarting_timeout_transient error="Restart is taking longer than expected; still reconciling while the machine remains failed" by=alarm machine=m1 region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            machine("m1", "replacing"),
            r#"
                applied: restarting
                set lastRestartErrorAt now
                set lastRestartErrorMessage "Restart is taking longer than expected; still reconciling while the machine remains replacing"
                log restarting_timeout_transient error="Restart is taking longer than expected; still reconciling while the machine remains replacing" by=alarm machine=m1 region=iad
                alarm +1m reconcile
            "#,
        ),
        (
            absent(),
            r#"
                applied: stopped
                set flyMachineId null
                set lastRestartErrorAt now
                set lastRestartErrorMessage "the machine is gone"
                set lastStoppedAt now
                set restartUpdateSent false
                set restartingAt null
                log restarting_machine_gone stopped error="the machine is gone" by=alarm region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            unknown(),
            "
                applied: restarting
                alarm +1m reconcile
            ",
        ),
    ] {
        looking(true, SOFT).answer(answer).is(expected);
    }
}

#[test]
fn s5_past_the_soft_time_out_when_nothing_was_sent() {
    for (answer, expected) in [
        (
            machine("m1", "started"),
            "
                applied: running
                set lastStartedAt now
                set restartingAt null
                log restarting_no_update_timeout_fallback by=alarm machine=m1 region=iad
                alarm +5m reconcile
            ",
        ),
        (
            machine("m1", "stopped"),
            r#"
                applied: stopped
                set lastRestartErrorAt now
                set lastRestartErrorMessage "Restart is taking longer than expected; still reconciling while the machine remains stopped"
                set lastStoppedAt now
                set restartingAt null
                log restarting_timeout_transient error="Restart is taking longer than expected; still reconciling while the machine remains stopped" by=alarm machine=m1 region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            machine("m1", "failed"),
            "
                applied: stopped
                set lastStoppedAt now
                set restartingAt null
                alarm +30m reconcile
            ",
        ),
        (
            unknown(),
            "
                applied: restarting
                alarm +1m reconcile
            ",
        ),
    ] {
        looking(false, SOFT).answer(answer).is(expected);
    }
}

#[test]
fn s5_past_the_hard_time_out() {
    for (answer, expected) in [
        (
            machine("m1", "started"),
            "
                applied: running
                set lastStartedAt now
                set restartUpdateSent false
                set restartingAt null
                log restarting_reconcile_success by=alarm machine=m1 region=iad
                alarm +5m reconcile
            ",
        ),
        (
            machine("m1", "stopped"),
            r#"
                applied: stopped
                set lastRestartErrorAt now
                set lastRestartErrorMessage "the restart took too long"
                set lastStoppedAt now
                set restartUpdateSent false
                set restartingAt null
                log restarting_max_timeout stopped error="the restart took too long" by=alarm machine=m1 region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            machine("m1", "replacing"),
            r#"
                applied: stopped
                set lastRestartErrorAt now
                set lastRestartErrorMessage "the restart took too long"
                set lastStoppedAt now
                set restartUpdateSent false
                set restartingAt null
                log restarting_max_timeout stopped error="the restart took too long" by=alarm machine=m1 region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            absent(),
            r#"
                applied: stopped
                set flyMachineId null
                set lastRestartErrorAt now
                set lastRestartErrorMessage "the machine is gone"
                set lastStoppedAt now
                set restartUpdateSent false
                set restartingAt null
                log restarting_machine_gone stopped error="the machine is gone" by=alarm region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            unknown(),
            r#"
                applied: running
                set lastRestartErrorAt now
                set lastRestartErrorMessage "the machine could not be asked until the restart was over its time"
                set restartUpdateSent false
                set restartingAt null
                log restarting_max_timeout running error="the machine could not be asked until the restart was over its time" by=alarm machine=m1 region=iad
                alarm +5m reconcile
            "#,
        ),
        (
            a_machine("m1", "started").unreachable().seen(),
            r#"
                applied: running
                set lastRestartErrorAt now
                set lastRestartErrorMessage "the machine could not be asked until the restart was over its time"
                set restartUpdateSent false
                set restartingAt null
                log restarting_max_timeout running error="the machine could not be asked until the restart was over its time" by=alarm machine=m1 region=iad
                alarm +5m reconcile
            "#,
        ),
    ] {
        looking(true, HARD).answer(answer).is(expected);
    }
}

#[test]
fn s5_the_limits_are_strict() {
    looking(false, SOFT - 1).answer(machine("m1", "started")).is("
        applied: restarting
        alarm +1ms timeout
    ");
    looking(true, SOFT - 1).answer(machine("m1", "replacing")).is("
        applied: restarting
        alarm +1ms timeout
    ");
    looking(true, HARD - 1).answer(machine("m1", "replacing")).is(r#"
        applied: restarting
        set lastRestartErrorAt now
        set lastRestartErrorMessage "Restart is taking longer than expected; still reconciling while the machine remains replacing"
        log restarting_timeout_transient error="Restart is taking longer than expected; still reconciling while the machine remains replacing" by=alarm machine=m1 region=iad
        alarm +1m reconcile
    "#);
}

#[test]
fn s5_a_restart_is_watched_with_one_alarm_at_its_limit() {
    let mut script = Script::flat("restarting", json!({ "restartingAt": NOON, "restartUpdateSent": true }));
    script.after(4 * MINUTE + 30 * SECOND);
    script.ring();
    script.answer(machine("m1", "replacing")).is("
        applied: restarting
        alarm +29001ms timeout
    ");
    script.alarm();
    script.answer(machine("m1", "replacing")).is(r#"
        applied: restarting
        set lastRestartErrorAt now
        set lastRestartErrorMessage "Restart is taking longer than expected; still reconciling while the machine remains replacing"
        log restarting_timeout_transient error="Restart is taking longer than expected; still reconciling while the machine remains replacing" by=alarm machine=m1 region=iad
        alarm +1m reconcile
    "#);
}
