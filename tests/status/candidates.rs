//! Whatever may hold the data has a place in the record, and is kept for a while (V2).

use crate::commands::{clean_up, reassociate, restore, start};
use crate::script::{DAY, HOUR, NOON, Script};
use crate::stages::{Recovery, Restore, bereft_with, keeping, recovering, restoring};
use crate::world::{
    Remade, a_machine, a_volume, absent, accepted, busy, machine, machine_id, machines, refused, snapshots, unknown,
    volume, volume_id, volume_made, volumes,
};
use kiloclaw_lifecycle::observe::Volume;
use kiloclaw_lifecycle::{Command, Timestamp};
use serde_json::json;

/// A volume under our name that was made that many milliseconds after the beginning of time.
pub(crate) fn made(id: &str, at: u64) -> Volume {
    Volume { created_at: Some(Timestamp::from_millis(at)), ..a_volume(id, "created") }
}

/// The same, held by the instance's machine.
fn mounted(id: &str, at: u64) -> Volume {
    Volume { attached_machine: Some(machine_id("m1")), ..made(id, at) }
}

fn proposal(script: &Script) -> Option<String> {
    let missing = script.instance.as_ref().unwrap().admin_view().missing;
    missing.expect("a missing volume").proposal.map(|volume| volume.to_string())
}

#[test]
fn v2_what_may_hold_the_data_is_kept() {
    let of_another = Volume { attached_machine: Some(machine_id("m9")), ..made("vol-5", 5) };
    let foreign = Volume { name: "kiloclaw_other".to_string(), ..made("vol-6", 6) };
    let list = [
        made("vol-8", 8),
        made("vol-9", 9),
        Volume { attached_machine: Some(machine_id("m1")), ..made("vol-10", 7) },
        of_another,
        foreign,
        Volume { created_at: Some(Timestamp::from_millis(3)), ..a_volume("vol-4", "pending_destroy") },
        made("vol-0", 2),
    ];
    let mut script = keeping();
    script.alarm();
    script.answers([machine("m1", "stopped"), absent()]);
    script.answer(volumes(list)).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "data volume vol-1 missing"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-9"
        on the list volume vol-10 candidate until +7d
        on the list volume vol-5 candidate until +7d
        on the list volume vol-8 candidate until +7d
        on the list volume vol-9 candidate until +7d
        log data_volume_missing error="data volume vol-1 missing" by=alarm machine=m1 region=iad
        alarm +30m reconcile
    "#);
    assert_eq!(proposal(&script), None);
}

#[test]
fn v2_what_is_found_again_is_kept_for_longer_and_proposed_still() {
    let mut script = bereft_with(Script::stopped(), volumes([made("vol-8", 8)]));
    assert_eq!(proposal(&script), Some("vol-8".to_string()));
    script.alarm();
    script.answers([machine("m1", "stopped"), absent()]);
    script.answer(volumes([made("vol-8", 8)])).is("
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list volume vol-8 candidate until +7d
        alarm +30m reconcile
    ");
    assert_eq!(proposal(&script), Some("vol-8".to_string()));
}

#[test]
fn v2_a_look_up_that_fails_takes_no_proposal_back() {
    let mut script = bereft_with(Script::stopped(), volumes([made("vol-8", 8)]));
    script.alarm();
    script.answers([machine("m1", "stopped"), absent()]);
    script.answer(unknown()).is("
        applied: stopped
        alarm +30m reconcile
    ");
    assert_eq!(proposal(&script), Some("vol-8".to_string()));
    script.alarm();
    script.answers([machine("m1", "stopped"), absent()]);
    script.answer(volumes([])).is("
        applied: stopped
        alarm +30m reconcile
    ");
    assert_eq!(proposal(&script), None);
}

#[test]
fn v2_a_volume_that_was_to_be_removed_may_hold_the_data() {
    let mut script = Script::flat("stopped", json!({ "pendingDestroyVolumeId": "vol-2" }));
    script.ring();
    script.answers([volume("vol-2", "created"), absent(), machine("m1", "stopped"), absent()]);
    script.answer(volumes([made("vol-2", 2)])).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "data volume vol-1 missing"
        set pendingRecoveryVolumeId null
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-2"
        on the list volume vol-2 candidate until +7d
        log data_volume_missing error="data volume vol-1 missing" by=alarm machine=m1 region=iad
        alarm +30m reconcile
    "#);
    assert_eq!(proposal(&script), Some("vol-2".to_string()));
}

#[test]
fn d5_what_may_hold_the_data_is_cleaned_up_by_name_only() {
    let found_again = || {
        let mut script = bereft_with(Script::stopped(), volumes([made("vol-8", 8)]));
        script.alarm();
        script.answers([machine("m1", "stopped"), volume("vol-1", "created")]);
        script
    };
    found_again().command(clean_up(None)).is("
        pending: stopped
        reply deleted nothing
        alarm +30m reconcile
    ");
    let mut script = found_again();
    script.command(clean_up(Some("vol-8"))).is("
        pending: stopped
        on the list volume vol-8 candidate until +602998s asked for
        call get_volume vol-8
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-8", "created"));
    script.answer(volume("vol-1", "created")).is("
        applied: stopped
        call delete_volume vol-8
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d5_a_clean_up_of_the_rest_leaves_what_may_hold_the_data() {
    let mut script = bereft_with(keeping(), volumes([made("vol-8", 8)]));
    script.alarm();
    script.answers([machine("m1", "stopped"), volume("vol-1", "created")]);
    script.command(clean_up(None)).is("
        pending: stopped
        on the list volume vol-0 retained until +82795s asked for
        call get_volume vol-0
        alarm +90001ms call_deadline
    ");
}

#[test]
fn reassociate_gives_a_place_to_what_nobody_knows_of() {
    let mut script = keeping();
    script.command(reassociate("vol-0"));
    script.answers([volume("vol-0", "created"), volume("vol-1", "created")]);
    script.answer(volumes([made("vol-0", 1), made("vol-1", 2), made("vol-8", 3)])).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-8"
        on the list volume vol-8 candidate until +7d
        call destroy_machine m1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn reassociate_after_an_accepted_loss_does_not_forget_what_was_lost() {
    let mut script = bereft_with(Script::stopped(), volumes([made("vol-8", 8)]));
    script.command(Command::AcceptDataLoss);
    script.command(reassociate("vol-8"));
    script.answers([volume("vol-8", "created"), volumes([])]);
    script.answer(accepted()).is(r#"
        applied: stopped
        set flyMachineId null
        set flyVolumeId "vol-8"
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        on the list machine m1 replaced due +1m
        off the list volume vol-8
        log reassociate_volume by=reassociate_volume region=iad admin_reason:"the tenant asked for it" old_volume:"vol-1" volume:"vol-8"
        reply reassociated vol-8
        alarm now reconcile
    "#);
}

#[test]
fn reassociate_while_the_data_is_missing_gives_what_is_retained_its_time_anew() {
    let mut script = bereft_with(keeping(), volumes([]));
    script.after(2 * DAY);
    script.command(reassociate("vol-7"));
    script.answers([volume("vol-7", "created"), volume("vol-1", "created"), volumes([])]);
    script.answer(accepted()).is(r#"
        applied: stopped
        set flyMachineId null
        set flyVolumeId "vol-7"
        set lastStartErrorAt null
        set lastStartErrorMessage null
        set previousVolumeId "vol-1"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list machine m1 replaced due +1m
        on the list volume vol-0 retained until +7d
        on the list volume vol-1 retained until +7d
        log reassociate_volume by=reassociate_volume region=iad admin_reason:"the tenant asked for it" old_volume:"vol-1" volume:"vol-7"
        reply reassociated vol-7
        alarm now reconcile
    "#);
    let mut script = keeping();
    script.command(reassociate("vol-7"));
    script.answers([volume("vol-7", "created"), volume("vol-1", "created"), volumes([])]);
    script.answer(accepted()).is(r#"
        applied: stopped
        set flyMachineId null
        set flyVolumeId "vol-7"
        set previousVolumeId "vol-1"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list machine m1 replaced due +1m
        on the list volume vol-1 retained until +7d
        log reassociate_volume by=reassociate_volume region=iad admin_reason:"the tenant asked for it" old_volume:"vol-1" volume:"vol-7"
        reply reassociated vol-7
        alarm +1m disposal
    "#);
}

#[test]
fn reassociate_lists_what_carries_our_name_before_our_machine_goes() {
    let searching = || {
        let mut script = Script::stopped();
        script.command(reassociate("vol-7"));
        script.answers([volume("vol-7", "created"), volume("vol-1", "created")]);
        script
    };
    let of_another = Volume { attached_machine: Some(machine_id("m9")), ..made("vol-6", 6) };
    let list = [made("vol-1", 1), of_another, made("vol-7", 7), mounted("vol-8", 8), made("vol-9", 9)];
    searching().answer(volumes(list)).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-9"
        on the list volume vol-6 candidate until +7d
        on the list volume vol-8 candidate until +7d
        on the list volume vol-9 candidate until +7d
        call destroy_machine m1
        alarm +90001ms call_deadline
    "#);
    searching().answer(refused()).is(r#"
        applied: stopped
        reply unavailable "The provider could not be asked: makes no sense (status 422)."
        alarm +1797s reconcile
    "#);
    let mut script = searching();
    script.answer(busy()).is("
        applied: stopped
        alarm +1s retry
    ");
    script.alarm().is("
        applied: stopped (no commit)
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    script.command(reassociate("vol-7"));
    script.answer(volume("vol-7", "created")).is(r#"
        applied: stopped
        set flyVolumeId "vol-7"
        set previousVolumeId "vol-1"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list volume vol-1 retained until +7d
        log reassociate_volume by=reassociate_volume region=iad admin_reason:"the tenant asked for it" old_volume:"vol-1" volume:"vol-7"
        reply reassociated vol-7
        alarm +1799s reconcile
    "#);
}

#[test]
fn x5_what_carries_our_name_is_listed_before_the_machine_of_a_lost_volume_goes() {
    for gone in [absent(), volume("vol-1", "destroyed")] {
        let mut script = restoring("running", Restore::Inspect);
        script.answer(gone).is("
            applied: restoring (no commit)
            call list_volumes ours
            alarm +58s reconcile
        ");
        script.answer(volumes([made("vol-1", 1), made("vol-7", 7), mounted("vol-8", 8)])).is(r#"
            applied: restoring
            set recoveryPreviousVolumeCleanupAfter +7d
            set recoveryPreviousVolumeId "vol-8"
            on the list volume vol-7 candidate until +7d
            on the list volume vol-8 candidate until +7d
            event instance.restore_started restoring "admin_snapshot_restore" machine=m1 region=iad
            call get_volume vol-8
            alarm +57s reconcile
        "#);
        script.answer(volume("vol-8", "created")).is("
            applied: restoring
            call destroy_machine m1
            alarm +56s reconcile
        ");
    }
    let mut script = restoring("running", Restore::Inspect);
    script.answer(absent());
    script.answer(unknown()).is("
        applied: restoring
        alarm +1s retry
    ");
    script.alarm().is("
        applied: restoring (no commit)
        call list_volumes ours
        alarm +1m reconcile
    ");
    script.resume().is("
        applied: restoring
        call list_volumes ours
        alarm +1m reconcile
    ");
}

#[test]
fn m1_a_machine_on_a_volume_that_is_to_go_is_not_adopted() {
    let mut script = Script::flat(
        "stopped",
        json!({
            "flyMachineId": null,
            "recoveryPreviousVolumeId": "vol-0", "recoveryPreviousVolumeCleanupAfter": NOON + DAY,
        }),
    );
    script.alarm();
    script.answer(machines([a_machine("m2", "started").mounting("vol-0")])).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    let mut script = recovering(Recovery::Create);
    script.answer(refused());
    script.answer(busy());
    script.now = Timestamp::from_millis(NOON + HOUR);
    script.ring();
    script.answers([machine("m1", "destroyed"), busy()]);
    script.answer(machines([a_machine("m2", "started").mounting("vol-2")])).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn m1_a_machine_on_what_may_hold_the_data_is_adopted() {
    let mut script = bereft_with(Script::stopped(), volumes([made("vol-8", 8)]));
    script.alarm();
    script.answer(absent());
    script.answer(absent());
    script.answer(volumes([made("vol-8", 8)]));
    script.alarm();
    script.answer(machines([a_machine("m2", "started").mounting("vol-8")])).is(r#"
        applied: running
        set flyMachineId "m2"
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list volume vol-8 candidate until +7d
        log recover_machine_from_metadata by=alarm machine=m2 region=iad fly_state:"started"
        alarm +5m reconcile
    "#);
}

#[test]
fn restore_gives_what_may_hold_the_data_its_time_anew_when_the_search_finds_it_again() {
    let mut script = bereft_with(keeping(), volumes([made("vol-8", 8)]));
    script.after(2 * HOUR);
    script.command(restore("vs-1"));
    script.answers([snapshots(&[("vs-1", "created", 12)]), absent()]);
    script.answer(volumes([made("vol-0", 2), made("vol-8", 8)])).is(r#"
        applied: restoring
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list volume vol-8 candidate until +7d
        event instance.restore_started restoring "admin_snapshot_restore" machine=m1 region=iad
        call destroy_machine m1
        alarm +57s reconcile
    "#);
}

#[test]
fn v2_an_empty_volume_made_for_data_that_was_lost_before_the_first_start_is_no_data() {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null, "lastStartedAt": null }));
    script.command(reassociate("vol-7"));
    script.answer(volume("vol-7", "created"));
    script.alarm();
    script.answers([machines([]), absent(), absent(), volumes([])]);
    script.command(Command::AcceptDataLoss);
    script.command(start());
    script.answers([machines([]), volumes([]), volume_made("vol-9", "iad", "created"), refused()]);
    assert_eq!(script.instance.as_ref().unwrap().volume(), Some(&volume_id("vol-9")));
    script.alarm().is("
        applied: stopped (no commit)
        call get_volume vol-9
        alarm +90001ms call_deadline
    ");
    script.answer(absent()).is(r#"
        applied: stopped
        set flyVolumeId null
        on the list volume vol-9 late_create due +30s
        log replace_lost_volume by=alarm region=iad data_loss:false volume:"vol-9"
        call list_volumes ours
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn v2_what_a_restore_brought_before_the_first_start_is_data() {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null, "lastStartedAt": null }));
    script.command(restore("vs-1"));
    script.answers([snapshots(&[("vs-1", "created", 10)]), volume("vol-1", "created")]);
    script.answer(volume_made("vol-2", "iad", "created"));
    script.answers([machines([]), volume("vol-2", "created"), volume("vol-2", "created"), refused()]);
    script.alarm();
    script.answers([machines([]), absent(), absent()]);
    script.answer(volumes([])).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "data volume vol-2 missing"
        log data_volume_missing error="data volume vol-2 missing" by=alarm region=iad
        alarm +30m reconcile
    "#);
    assert_eq!(proposal(&script), None);
    assert_eq!(script.instance.as_ref().unwrap().volume(), Some(&volume_id("vol-2")));
}
