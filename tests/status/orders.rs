//! What a command clears, keeps and remembers on its way: errors of before, its reason, back-offs of each stage.

use crate::commands::{destroy, reassociate, restart, restore, start, stop};
use crate::script::{DAY, MINUTE, NOON, SECOND, Script, provision};
use crate::stages::{Restore, bereft, restoring};
use crate::world::{
    Answer, Remade, a_machine, absent, accepted, health, limited, machine, machine_made, machines, refused, region,
    snapshots, volume, volume_id, volume_made, volumes, waited,
};
use kiloclaw_lifecycle::Command;
use kiloclaw_lifecycle::command::Spec;
use kiloclaw_lifecycle::persist::flat;
use serde_json::{Value, json};

/// How long the call in flight is not made again after it has failed. The alarm rings then.
fn back_off(script: &mut Script) -> u64 {
    let alarm = script.answer(limited()).alarm.unwrap();
    let wait = alarm.at.since(script.now);
    script.alarm();
    wait
}

/// Two stages that follow each other: both fail once.
#[track_caller]
fn each_has_its_own(script: &mut Script, between: impl IntoIterator<Item = Answer>) {
    assert_eq!(back_off(script), SECOND);
    script.answers(between);
    assert_eq!(back_off(script), SECOND);
}

fn ordered(mut script: Script, command: Command) -> Script {
    script.command(command);
    script
}

#[test]
fn every_stage_has_a_back_off_of_its_own() {
    each_has_its_own(&mut ordered(Script::running(), stop()), [accepted()]);
    each_has_its_own(&mut restoring("running", Restore::Inspect), [volume("vol-1", "created")]);
    each_has_its_own(&mut restoring("running", Restore::Remove), [accepted()]);
    each_has_its_own(&mut ordered(Script::stopped(), reassociate("vol-7")), [volume("vol-7", "created")]);
}

fn failed(kind: &str, status: &str) -> Script {
    let error = json!({ format!("last{kind}ErrorMessage"): "no luck", format!("last{kind}ErrorAt"): NOON });
    Script::flat(status, error)
}

/// Whether the record still shows an error of this kind.
fn shows(script: &Script, kind: &str) -> bool {
    let record = flat::export(script.instance.as_ref().unwrap());
    record[&format!("last{kind}ErrorMessage")] != Value::Null
}

#[test]
fn a_command_clears_the_error_of_the_last_one_of_its_kind() {
    assert!(!shows(&ordered(failed("Start", "stopped"), start()), "Start"));
    assert!(!shows(&ordered(failed("Restart", "running"), restart()), "Restart"));
    let mut script = restoring("running", Restore::Find);
    script.answer(snapshots(&[]));
    let errors = |script: &Script| script.instance.as_ref().unwrap().admin_view().errors.len();
    assert_eq!(errors(&script), 1);
    assert_eq!(errors(&ordered(script, restore("vs-2"))), 0);
}

#[test]
fn s4_a_stop_that_works_clears_the_error_of_one_that_did_not() {
    let mut script = ordered(Script::running(), stop());
    script.answer(refused());
    let errors = |script: &Script| script.instance.as_ref().unwrap().admin_view().errors.len();
    assert_eq!(errors(&script), 1);
    script.command(stop());
    script.answers([accepted(), waited("stopped")]);
    assert_eq!(errors(&script), 0);
}

#[test]
fn s5_a_restart_that_took_long_says_so_once_and_clears_it_in_the_end() {
    let mut script = ordered(Script::running(), restart());
    let moving = || a_machine("m1", "replacing").version("v2").seen();
    script.answers([machine("m1", "started"), accepted(), moving(), waited("replacing")]);
    script.after(6 * MINUTE);
    script.ring();
    script.answer(moving()).is(r#"
        applied: restarting
        set lastRestartErrorAt now
        set lastRestartErrorMessage "Restart is taking longer than expected; still reconciling while the machine remains replacing"
        log restarting_timeout_transient error="Restart is taking longer than expected; still reconciling while the machine remains replacing" by=alarm machine=m1 region=iad
        alarm +1m reconcile
    "#);
    script.alarm();
    script.answer(moving()).is("
        applied: restarting
        set lastRestartErrorAt now
        alarm +1m reconcile
    ");
    script.alarm();
    script.answer(a_machine("m1", "started").version("v2").seen()).is("
        applied: running
        set lastRestartErrorAt null
        set lastRestartErrorMessage null
        set lastStartedAt now
        set restartUpdateSent false
        set restartingAt null
        log restarting_reconcile_success by=alarm machine=m1 region=iad
        alarm +5m reconcile
    ");
}

#[test]
fn s5_imported_without_a_volume_nothing_is_sent() {
    let mut script = Script::flat(
        "restarting",
        json!({
            "restartingAt": NOON, "flyVolumeId": null, "healthCheckFailCount": 2,
        }),
    );
    script.alarm();
    script.answer(machine("m1", "stopped")).is("
        applied: restarting
        alarm +1m reconcile
    ");
    script.after(5 * MINUTE);
    script.ring();
    script.answer(machine("m1", "started")).is("
        applied: running
        set healthCheckFailCount 0
        set lastStartedAt now
        set restartingAt null
        log restarting_no_update_timeout_fallback by=alarm machine=m1 region=iad
        alarm +5m reconcile
    ");
}

#[test]
fn s5_a_new_machine_may_not_be_visible_yet() {
    let mut script = Script::provisioned();
    script.command(start());
    script.answers([machines([]), volumes([]), volume_made("vol-1", "iad", "created"), machine_made("m1", "iad")]);
    script.answers([waited("started"), health(true)]);
    script.command(restart());
    script.answer(absent()).is("
        applied: restarting
        alarm +1s retry
    ");
}

#[test]
fn x5_a_volume_that_is_known_twice_is_asked_once() {
    let known = json!({
        "previousVolumeId": "vol-0", "recoveryPreviousVolumeId": "vol-0", "recoveryPreviousVolumeCleanupAfter": NOON + DAY,
    });
    let mut script = ordered(Script::flat("running", known), restore("vs-1"));
    script.answer(snapshots(&[])).is("
        applied: restoring (no commit)
        call list_snapshots vol-0
        alarm +59s reconcile
    ");
    script.answer(snapshots(&[])).is(r#"
        applied: running
        set preRestoreStatus null
        set restoreStartedAt null
        event instance.restore_failed running "snapshot_not_found" error="snapshot vs-1 not found" machine=m1 region=iad
        alarm +5m reconcile
    "#);
}

#[test]
fn x5_a_restore_of_a_stopped_instance_that_fails_leaves_it_stopped() {
    let mut script = restoring("stopped", Restore::Find);
    script.answer(snapshots(&[])).is(r#"
        applied: stopped
        set lastStoppedAt now
        set preRestoreStatus null
        set restoreStartedAt null
        event instance.restore_failed stopped "snapshot_not_found" error="snapshot vs-1 not found" machine=m1 region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn x5_with_the_new_volume_the_errors_of_the_old_one_are_over() {
    let mut script = ordered(failed("Start", "stopped"), restore("vs-1"));
    script.answers([snapshots(&[("vs-1", "created", 12)]), volume("vol-1", "created"), accepted()]);
    script.answer(volume_made("vol-2", "iad", "created")).is(r#"
        applied: starting
        set flyVolumeId "vol-2"
        set lastStartErrorAt null
        set lastStartErrorMessage null
        set preRestoreStatus null
        set previousVolumeId "vol-1"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        set restoreStartedAt null
        set startingAt now
        on the list volume vol-1 retained until +7d
        event instance.restore_completed starting "admin_snapshot_restore" region=iad
        call list_machines ours
        alarm +1m reconcile
    "#);
}

#[test]
fn reassociate_ends_what_was_missing_and_no_other_error() {
    let mut script = ordered(bereft(), reassociate("vol-7"));
    assert!(shows(&script, "Start"));
    script.answers([volume("vol-7", "created"), volume("vol-1", "created"), volumes([]), accepted()]);
    assert!(!shows(&script, "Start"));
    let mut script = ordered(failed("Start", "stopped"), reassociate("vol-7"));
    script.answers([volume("vol-7", "created"), volume("vol-1", "created"), volumes([]), accepted()]);
    assert!(shows(&script, "Start"));
}

#[test]
fn reassociate_wants_a_reason_of_10_to_500_characters() {
    let given = |length: usize| {
        let reason = "r".repeat(length);
        let command = Command::ReassociateVolume { volume: volume_id("vol-7"), reason };
        let text = Script::stopped().command(command).text;
        text.lines().next().unwrap_or_default().to_string()
    };
    assert_eq!(
        [9, 10, 500, 501].map(given),
        [
            "denied invalid_argument: stopped",
            "pending: stopped",
            "pending: stopped",
            "denied invalid_argument: stopped",
        ]
    );
}

#[test]
fn v2_an_accepted_loss_does_not_wait_for_what_is_being_asked() {
    let mut script = bereft();
    script.alarm();
    script.command(Command::AcceptDataLoss).is(r#"
        applied: stopped
        set flyVolumeId null
        set lastStartErrorAt null
        set lastStartErrorMessage null
        set previousVolumeId "vol-1"
        log accept_data_loss by=accept_data_loss machine=m1 region=iad
        alarm now reconcile
    "#);
}

#[test]
fn a_reason_is_cut() {
    let mut script = Script::running();
    script.command(Command::Stop { reason: Some("r".repeat(300)) });
    let got = script.answer(refused());
    let reasons: Vec<_> = got.events.iter().filter_map(|event| event.reason.as_ref()).map(String::len).collect();
    assert_eq!(reasons, [200]);
}

#[test]
fn provision_given_again_replaces_the_regions_and_keeps_what_is_not_given() {
    let mut script = Script::provisioned();
    script.command(provision(Spec { volume_size_gb: Some(20), ..Spec::default() }));
    script.command(provision(Spec { regions: Some(vec![region("ord")]), ..Spec::default() }));
    script.alarm();
    script.answer(machines([]));
    script.answer(volumes([])).is("
        applied: provisioned
        call create_volume #1 in ord empty 20 GB
        alarm +90001ms call_deadline
    ");
}

#[test]
fn reassociate_is_answered_when_the_instance_is_destroyed_instead() {
    let mut script = ordered(Script::stopped(), reassociate("vol-7"));
    script.command(destroy()).is(r#"
        applied: destroying
        set pendingDestroyMachineId "m1"
        set pendingDestroyVolumeId "vol-1"
        on the list machine m1 destroyed due now
        on the list volume vol-1 destroyed due now
        reply destroying "The instance is being destroyed."
        event instance.destroy_started destroying machine=m1 region=iad
        call get_machine m1
        alarm +1m reconcile
    "#);
}
