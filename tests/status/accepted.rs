//! An admin has accepted that the data is lost (V2).

use crate::candidates::made;
use crate::commands::start;
use crate::script::{DAY, NOON, Script};
use crate::stages::{bereft_with, keeping};
use crate::world::{absent, machine, machines, missing_volume, volume, volumes};
use kiloclaw_lifecycle::Command;
use serde_json::json;

#[test]
fn v2_an_accepted_loss_gives_what_is_retained_its_time_anew() {
    let mut script = bereft_with(keeping(), volumes([made("vol-8", 8)]));
    script.after(2 * DAY);
    script.command(Command::AcceptDataLoss).is(r#"
        applied: stopped
        set flyVolumeId null
        set lastStartErrorAt null
        set lastStartErrorMessage null
        set previousVolumeId "vol-1"
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list volume vol-0 retained until +7d
        on the list volume vol-8 candidate until +7d
        log accept_data_loss by=accept_data_loss machine=m1 region=iad
        alarm now reconcile
    "#);
    let later = json!({ "recoveryPreviousVolumeId": "vol-0", "recoveryPreviousVolumeCleanupAfter": NOON + 30 * DAY });
    let mut script = bereft_with(Script::flat("stopped", later), volumes([]));
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
fn v2_after_an_accepted_loss_the_newest_is_adopted_and_the_others_are_kept() {
    let mut script = bereft_with(Script::stopped(), volumes([made("vol-8", 8), made("vol-9", 9)]));
    script.command(Command::AcceptDataLoss);
    script.command(start());
    let shown = || volumes([made("vol-8", 8), made("vol-9", 9)]);
    script.answers([machine("m1", "stopped"), shown(), absent(), shown()]);
    script.answer(volume("vol-9", "created")).is(r#"
        applied: starting
        set flyVolumeId "vol-9"
        set recoveryPreviousVolumeId "vol-8"
        off the list volume vol-9
        log recover_volume_by_name by=start machine=m1 region=iad volume:"vol-9"
        call get_machine m1
        alarm +55s reconcile
    "#);
}

#[test]
fn v2_an_accepted_loss_of_what_is_shown_and_cannot_be_mounted_does_not_bring_it_back() {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    script.command(start());
    let shown = || volume("vol-1", "created");
    script.answers([machines([]), shown(), shown(), missing_volume(), shown(), missing_volume(), shown()]);
    script.answer(volumes([made("vol-1", 1)])).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "data volume vol-1 missing"
        set lastStoppedAt now
        set startingAt null
        log data_volume_missing error="data volume vol-1 missing" by=start region=iad
        event instance.provisioning_failed stopped "no_machine_created" error="data volume vol-1 missing" region=iad
        alarm +30m reconcile
    "#);
    script.command(Command::AcceptDataLoss).is(r#"
        applied: stopped
        set flyVolumeId null
        set lastStartErrorAt null
        set lastStartErrorMessage null
        set previousVolumeId "vol-1"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list volume vol-1 retained until +7d
        log accept_data_loss by=accept_data_loss region=iad
        alarm now reconcile
    "#);
    script.command(start());
    script.answer(machines([]));
    script.answer(volumes([made("vol-1", 1)])).is("
        applied: starting
        call create_volume #3 in eu empty 10 GB
        alarm +58s reconcile
    ");
}
