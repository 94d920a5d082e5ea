//! Nothing that may hold the data is removed while the data has not been seen (D2, V2), and whatever may hold it has a place in the
//! record.

use crate::commands::{clean_up, destroy, reassociate, start, stop};
use crate::script::{DAY, HOUR, NOON, Script};
use crate::stages::{Recovery, Restore, fork, keeping, recovering, restoring};
use crate::world::{
    Answer, Remade, a_machine, a_volume, absent, accepted, busy, held, machine, machine_id, machines, no_room, refused,
    seen, snapshots, unknown, volume, volume_made, volumes, waited,
};
use kiloclaw_lifecycle::observe::Volume;
use kiloclaw_lifecycle::{Command, Timestamp};
use serde_json::json;

/// A volume under our name that was made that many milliseconds after the beginning of time.
fn made(id: &str, at: u64) -> Volume {
    Volume { created_at: Some(Timestamp::from_millis(at)), ..a_volume(id, "created") }
}

/// The same, held by the instance's machine.
fn mounted(id: &str, at: u64) -> Volume {
    Volume { attached_machine: Some(machine_id("m1")), ..made(id, at) }
}

/// A stopped instance that has run, with a volume to be removed at once. Nobody holds it, and the data volume is looked at.
fn leaving() -> Script {
    let mut script = Script::flat("stopped", json!({ "pendingDestroyVolumeId": "vol-2" }));
    script.ring();
    script.answer(volume("vol-2", "created")).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script
}

/// The data volume is missing, and `list` is what carries our name.
fn bereft_with(mut script: Script, list: Answer) -> Script {
    script.alarm();
    script.answers([machine("m1", "stopped"), absent(), list]);
    script
}

fn proposal(script: &Script) -> Option<String> {
    let missing = script.instance.as_ref().unwrap().admin_view().missing;
    missing.expect("a missing volume").proposal.map(|volume| volume.to_string())
}

#[test]
fn d2_without_the_data_volume_nothing_on_the_list_goes() {
    for gone in [absent(), volume("vol-1", "destroyed"), volume("vol-1", "pending_destroy")] {
        leaving().answer(gone.clone()).is("
            applied: stopped (no commit)
            on the list volume vol-2 left_over due +5m
            call get_machine m1
            alarm +90001ms call_deadline
        ");
        let mut script = keeping();
        script.after(DAY);
        script.ring();
        script.answer(volume("vol-0", "created"));
        script.answer(gone.clone()).is("
            applied: stopped (no commit)
            set recoveryPreviousVolumeCleanupAfter +5m
            on the list volume vol-0 retained until +5m
            call get_machine m1
            alarm +90001ms call_deadline
        ");
        let mut script = keeping();
        script.command(clean_up(None));
        script.answer(volume("vol-0", "created"));
        script.answer(gone).is(r#"
            applied: stopped
            on the list volume vol-0 retained until +86398s
            reply held_back "The volume is held back: the data volume has not been seen to do without it."
            alarm +1798s reconcile
        "#);
    }
}

#[test]
fn d2_what_is_not_retained_does_not_wait_for_the_data_to_be_hydrated() {
    leaving().answer(volume("vol-1", "hydrating")).is("
        applied: stopped
        call delete_volume vol-2
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_a_data_volume_that_cannot_be_looked_at_is_a_failed_attempt() {
    leaving().answer(unknown()).is(r#"
        applied: stopped
        on the list volume vol-2 left_over due +1m tried 1 "no answer in time (status 503)"
        log destroy_volume_failed value=0 error="no answer in time (status 503)" by=alarm machine=m1 region=iad volume:"vol-2"
        call get_machine m1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn d2_an_instance_that_never_ran_has_no_data_to_look_at() {
    let record = json!({ "pendingDestroyVolumeId": "vol-2", "lastStartedAt": null });
    let mut script = Script::flat("provisioned", record);
    script.ring().is("
        applied: provisioned (no commit)
        call get_volume vol-2
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-2", "created")).is("
        applied: provisioned
        call delete_volume vol-2
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_after_the_copy_the_data_volume_is_looked_at() {
    for gone in [absent(), volume("vol-7", "destroyed")] {
        let mut script = recovering(Recovery::Over);
        script.command(stop());
        script.answers([accepted(), waited("stopped")]);
        script.command(reassociate("vol-7"));
        script.answers([volume("vol-7", "created"), volumes([]), accepted()]);
        script.command(clean_up(Some("vol-1")));
        script.answer(volume("vol-1", "created"));
        script.answer(fork("created")).is("
            applied: stopped (no commit)
            call get_volume vol-7
            alarm +90001ms call_deadline
        ");
        script.answer(gone).is(r#"
            applied: stopped
            on the list volume vol-1 retained until +604792s for vol-2 healthy hydrated
            reply held_back "The volume is held back: the data volume has not been seen to do without it."
            alarm +45s disposal
        "#);
    }
}

#[test]
fn d2_a_look_at_the_data_survives_a_crash() {
    let mut script = leaving();
    script.resume().is("
        applied: stopped
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: stopped
        call delete_volume vol-2
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_while_the_data_volume_is_missing_no_volume_is_attempted_and_machines_are() {
    let mut script = leaving();
    script.answers([absent(), machine("m1", "stopped"), absent(), volumes([])]);
    script.after(DAY);
    script.ring().is("
        applied: stopped (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    let record = json!({ "pendingDestroyVolumeId": "vol-2", "pendingDestroyMachineId": "m9" });
    let mut script = Script::flat("stopped", record);
    script.ring();
    script.answers([unknown(), volume("vol-2", "created"), absent(), machine("m1", "stopped"), absent(), volumes([])]);
    script.after(DAY);
    script.ring().is("
        applied: stopped (no commit)
        call get_machine m9
        alarm +90001ms call_deadline
    ");
    script.answer(absent()).is("
        applied: stopped
        off the list machine m9
        log destroy_machine_ok value=1 by=alarm machine=m9 region=iad
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d5_while_the_data_volume_is_missing_a_clean_up_is_rejected() {
    for which in [None, Some("vol-0"), Some("vol-9")] {
        let mut script = bereft_with(keeping(), volumes([]));
        script.command(clean_up(which)).is("denied data_volume_missing: stopped");
    }
}

#[test]
fn d5_a_clean_up_under_way_is_held_back_when_the_data_volume_turns_out_to_be_missing() {
    let mut script = keeping();
    script.alarm();
    script.answers([machine("m1", "stopped"), absent()]);
    script.command(clean_up(None)).is("
        pending: stopped
        on the list volume vol-0 retained until +84598s asked for
        alarm +90001ms call_deadline
    ");
    script.command(clean_up(Some("vol-0"))).is("
        pending: stopped
        alarm +90001ms call_deadline
    ");
    script.answer(volumes([])).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "data volume vol-1 missing"
        on the list volume vol-0 retained until +84597s
        log data_volume_missing error="data volume vol-1 missing" by=cleanup_retained_volume machine=m1 region=iad
        reply held_back "The data volume is missing, and this may be the last copy."
        reply held_back "The data volume is missing, and this may be the last copy."
        alarm +1797s reconcile
    "#);
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
fn v2_what_may_hold_the_data_goes_at_its_date() {
    let mut script = bereft_with(Script::stopped(), volumes([made("vol-8", 8)]));
    script.alarm();
    script.answers([machine("m1", "stopped"), volume("vol-1", "created")]);
    script.after(7 * DAY);
    script.ring().is("
        applied: stopped (no commit)
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
    script.answer(volumes([made("vol-8", 8), made("vol-9", 9)])).is(r#"
        applied: starting
        set flyVolumeId "vol-9"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-8"
        on the list volume vol-8 candidate until +7d
        off the list volume vol-9
        log recover_volume_by_name by=start machine=m1 region=iad volume:"vol-9"
        call get_machine m1
        alarm +59s reconcile
    "#);
}

#[test]
fn reassociate_while_the_data_is_missing_gives_what_is_retained_its_time_anew() {
    let mut script = bereft_with(keeping(), volumes([]));
    script.after(2 * DAY);
    script.command(reassociate("vol-7"));
    script.answers([volume("vol-7", "created"), volumes([])]);
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
    script.answers([volume("vol-7", "created"), volumes([])]);
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
        script.answer(volume("vol-7", "created"));
        script
    };
    searching().answer(volumes([made("vol-1", 1), made("vol-7", 7), mounted("vol-8", 8), made("vol-9", 9)])).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-8"
        on the list volume vol-8 candidate until +7d
        call destroy_machine m1
        alarm +90001ms call_deadline
    "#);
    searching().answer(refused()).is(r#"
        applied: stopped
        reply unavailable "The provider could not be asked: makes no sense (status 422)."
        alarm +1798s reconcile
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
            call destroy_machine m1
            alarm +57s reconcile
        "#);
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
        log recover_machine_from_metadata by=alarm machine=m2 region=iad fly_state:"started"
        alarm +5m reconcile
    "#);
}

/// A machine that is to go beside our own is looked at.
fn beside() -> Script {
    let mut script = Script::flat("stopped", json!({ "pendingDestroyMachineId": "m9" }));
    script.ring();
    script
}

#[test]
fn d2_a_volume_nobody_knows_in_a_machine_that_goes_may_hold_the_data() {
    let mut script = beside();
    script.answer(a_machine("m9", "stopped").mounting("vol-9").seen()).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-9"
        on the list volume vol-9 candidate until +7d
        call destroy_machine m9
        alarm +90001ms call_deadline
    "#);
    let mut script = beside();
    script.answer(a_machine("m9", "stopped").mounting("vol-1").seen()).is("
        applied: stopped
        call destroy_machine m9
        alarm +90001ms call_deadline
    ");
    let mut script = beside();
    script.answer(a_machine("m9", "stopped").mounting_nothing().seen()).is("
        applied: stopped
        call destroy_machine m9
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_what_was_seen_in_a_machine_and_is_not_ours_by_name_is_let_go_of() {
    let mut script = beside();
    script.answers([
        a_machine("m9", "stopped").mounting("vol-9").seen(),
        accepted(),
        absent(),
        machine("m1", "stopped"),
        volume("vol-1", "created"),
    ]);
    script.after(7 * DAY);
    script.ring();
    let foreign = Volume { name: "kiloclaw_other".to_string(), ..a_volume("vol-9", "created") };
    script.answer(seen(foreign)).is("
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-9
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn x1_a_volume_nobody_knows_in_a_machine_of_a_destroyed_instance_goes_at_once() {
    let mut script = Script::stopped();
    script.command(destroy());
    script.answer(a_machine("m1", "stopped").mounting("vol-9").seen()).is("
        applied: destroying
        on the list volume vol-9 orphan due now
        call destroy_machine m1
        alarm +59s reconcile
    ");
    script.answers([accepted(), absent()]);
    script.answer(absent()).is(r#"
        applied: destroying
        set pendingDestroyVolumeId "vol-9"
        off the list volume vol-1
        log destroy_volume_ok value=0 by=destroy machine=m1 region=iad volume:"vol-1"
        call get_volume vol-9
        alarm +56s reconcile
    "#);
    let foreign = Volume { name: "kiloclaw_other".to_string(), ..a_volume("vol-9", "created") };
    script.clone().answer(seen(foreign)).is("
        applied: destroying
        set pendingDestroyVolumeId null
        off the list volume vol-9
        call list_volumes ours
        alarm +55s reconcile
    ");
    script.answer(volume("vol-9", "created")).is("
        applied: destroying
        call delete_volume vol-9
        alarm +55s reconcile
    ");
}

/// Relocated by a start that cannot remove the old machine.
fn moved() -> Script {
    let mut script = Script::stopped();
    script.command(start());
    script.answers([volume("vol-1", "created"), machine("m1", "stopped"), accepted(), machine("m1", "stopped")]);
    script.answers([no_room(), volume_made("vol-2", "ams", "created"), snapshots(&[("vs-1", "created", 10)])]);
    script.answer(refused());
    script
}

/// The same after the start has ended.
fn left_behind() -> Script {
    let mut script = moved();
    script.after(HOUR);
    script.ring();
    script.answer(machine("m1", "stopped")).is(r#"
        applied: stopped
        set lastStoppedAt now
        set startingAt null
        event instance.provisioning_failed stopped "starting_timeout_with_machine" error="the machine was still stopped when time was over" machine=m1 region=ams
        alarm +30m reconcile
    "#);
    script
}

#[test]
fn d2_the_old_machine_on_the_source_of_a_relocation_is_condemned() {
    let mut script = left_behind();
    script.after(7 * DAY);
    script.ring();
    script.answer(held("vol-1", "m1")).is("
        applied: stopped
        set flyMachineId null
        on the list machine m1 replaced due now
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m1", "stopped")).is("
        applied: stopped
        call destroy_machine m1
        alarm +90001ms call_deadline
    ");
    let mut script = left_behind();
    script.command(clean_up(None));
    script.answer(held("vol-1", "m1")).is("
        applied: stopped
        set flyMachineId null
        on the list machine m1 replaced due now
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m1", "stopped")).is("
        applied: stopped
        call destroy_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_another_machine_on_the_source_of_a_relocation_is_asked_whose_it_is() {
    let mut script = left_behind();
    script.command(clean_up(None));
    script.answer(held("vol-1", "m9")).is("
        applied: stopped (no commit)
        call get_machine m9
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_while_it_starts_the_old_machine_keeps_the_source_of_a_relocation() {
    let mut script = moved();
    script.after(7 * DAY);
    script.ring();
    script.answer(held("vol-1", "m1")).is(r#"
        applied: starting
        set recoveryPreviousVolumeCleanupAfter +1m
        on the list volume vol-1 retained until +1m for vol-2 tried 1 "held by the instance's own machine m1"
        log destroy_volume_failed value=0 error="held by the instance's own machine m1" by=alarm machine=m1 region=ams volume:"vol-1"
        call get_machine m1
        alarm +1m reconcile
    "#);
}
