//! Another volume in the place of the present one.

use crate::commands::{any, reassociate};
use crate::script::Script;
use crate::stages::keeping;
use crate::world::{
    Remade, a_machine, a_volume, absent, accepted, busy, held, limited, machine, machine_id, refused, region, seen,
    unknown, volume, volume_id, volumes, waiting,
};
use kiloclaw_lifecycle::Command;
use kiloclaw_lifecycle::command::CommandKind;
use kiloclaw_lifecycle::observe::Volume;

fn reassociating(volume: &str) -> Script {
    let mut script = Script::stopped();
    script.command(reassociate(volume));
    script
}

#[test]
fn reassociate_another_volume_takes_the_place_and_the_old_one_is_retained() {
    let mut script = Script::stopped();
    script.command(reassociate("vol-7")).is("
        pending: stopped
        call get_volume vol-7
        alarm +90001ms call_deadline
    ");
    script.answer(seen(Volume { region: Some(region("ord")), ..a_volume("vol-7", "created") })).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: stopped (no commit)
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
    script.answer(volumes([])).is("
        applied: stopped
        call destroy_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(accepted()).is(r#"
        applied: stopped
        set flyMachineId null
        set flyRegion "ord"
        set flyVolumeId "vol-7"
        set previousVolumeId "vol-1"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list machine m1 replaced due +1m
        on the list volume vol-1 retained until +7d
        log reassociate_volume by=reassociate_volume region=ord admin_reason:"the tenant asked for it" old_volume:"vol-1" volume:"vol-7"
        reply reassociated vol-7
        alarm +1m disposal
    "#);
}

#[test]
fn reassociate_onto_a_retained_volume_is_the_way_back() {
    let mut script = keeping();
    script.command(reassociate("vol-0")).is("
        pending: stopped
        call get_volume vol-0
        alarm +90001ms call_deadline
    ");
    let by_record = Volume { name: "renamed".to_string(), ..a_volume("vol-0", "created") };
    script.answer(seen(by_record)).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: stopped (no commit)
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
    script.answer(volumes([])).is("
        applied: stopped
        call destroy_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(absent()).is(r#"
        applied: stopped
        set flyMachineId null
        set flyVolumeId "vol-0"
        set previousVolumeId "vol-1"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list machine m1 replaced due +1m
        on the list volume vol-1 retained until +7d
        off the list volume vol-0
        log reassociate_volume by=reassociate_volume region=iad admin_reason:"the tenant asked for it" old_volume:"vol-1" volume:"vol-0"
        reply reassociated vol-0
        alarm +1m disposal
    "#);
}

#[test]
fn reassociate_ends() {
    let foreign = Volume { name: "kiloclaw_other".to_string(), ..a_volume("vol-7", "created") };
    for (answer, expected) in [
        (
            absent(),
            r#"
                applied: stopped
                reply volume_not_found "Volume vol-7 was not found."
                alarm +1799s reconcile
            "#,
        ),
        (
            volume("vol-7", "pending_destroy"),
            r#"
                applied: stopped
                reply volume_unusable "Volume vol-7 is in state pending_destroy and cannot be used."
                alarm +1799s reconcile
            "#,
        ),
        (
            seen(foreign),
            r#"
                applied: stopped
                reply foreign_volume "Volume vol-7 is not this instance's, by its name or by the record."
                alarm +1799s reconcile
            "#,
        ),
        (
            refused(),
            r#"
                applied: stopped
                reply unavailable "The provider could not be asked: makes no sense (status 422)."
                alarm +1799s reconcile
            "#,
        ),
    ] {
        reassociating("vol-7").answer(answer).is(expected);
    }
    Script::stopped().command(reassociate("vol-1")).is("denied same_volume: stopped");
    for length in [9, 501] {
        let reason = "x".repeat(length);
        let command = Command::ReassociateVolume { volume: volume_id("vol-7"), reason };
        Script::stopped().command(command).is("denied invalid_argument: stopped");
    }
}

#[test]
fn reassociate_the_holder_is_checked() {
    for (answer, expected) in [
        (
            a_machine("m9", "started").of_sandbox("sandbox-9").seen(),
            r#"
                applied: stopped
                reply foreign_holder "Machine m9 of sandbox sandbox-9 holds the volume."
                alarm +1798s reconcile
            "#,
        ),
        (
            a_machine("m9", "started").unlabelled().seen(),
            r#"
                applied: stopped
                reply foreign_holder "Machine m9 of sandbox unknown holds the volume."
                alarm +1798s reconcile
            "#,
        ),
        (
            a_machine("m9", "started").unreachable().seen(),
            r#"
                applied: stopped
                reply unavailable "Whose machine m9 is, which holds the volume, cannot be seen."
                alarm +1798s reconcile
            "#,
        ),
        (
            machine("m9", "started"),
            "
                applied: stopped
                on the list machine m9 replaced due now
                call get_volume vol-1
                alarm +90001ms call_deadline
            ",
        ),
        (
            machine("m9", "destroyed"),
            "
                applied: stopped (no commit)
                call get_volume vol-1
                alarm +90001ms call_deadline
            ",
        ),
        (
            absent(),
            "
                applied: stopped (no commit)
                call get_volume vol-1
                alarm +90001ms call_deadline
            ",
        ),
    ] {
        let mut script = reassociating("vol-7");
        script.answer(held("vol-7", "m9")).is("
            applied: stopped (no commit)
            call get_machine m9
            alarm +90001ms call_deadline
        ");
        script.answer(answer).is(expected);
    }
    let mut script = reassociating("vol-7");
    script.answer(held("vol-7", "m1")).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: stopped (no commit)
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
    script.answer(volumes([])).is("
        applied: stopped
        call destroy_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn reassociate_transient_faults_are_retried_through_the_back_off_once() {
    let mut script = reassociating("vol-7");
    script.answer(unknown()).is("
        applied: stopped
        alarm +1s retry
    ");
    for _ in 0..3 {
        script.alarm();
        script.answer(busy());
    }
    script.alarm().is("
        applied: stopped (no commit)
        call get_volume vol-7
        alarm +90001ms call_deadline
    ");
    script.answer(limited()).is(r#"
        applied: stopped
        reply unavailable "The provider could not be asked: slow down (status 429)."
        alarm +30m reconcile
    "#);
}

#[test]
fn reassociate_keeps_others_out() {
    use CommandKind as K;
    for (kind, expected) in [
        (K::Start, "denied busy: stopped"),
        (K::Restart, "denied busy: stopped"),
        (
            K::Destroy,
            r#"
                applied: destroying
                set pendingDestroyMachineId "m1"
                set pendingDestroyVolumeId "vol-1"
                on the list machine m1 destroyed due now
                on the list volume vol-1 destroyed due now
                reply destroying "The instance is being destroyed."
                event instance.destroy_started destroying machine=m1 region=iad
                call get_machine m1
                alarm +1m reconcile
            "#,
        ),
        (K::ReassociateVolume, "denied busy: stopped"),
        (K::RestoreSnapshot, "denied busy: stopped"),
        (
            K::Resize,
            r#"
                applied: stopped
                set machineSize {"cpus":2,"memory_mb":4096}
                alarm +90001ms call_deadline
            "#,
        ),
        (
            K::RetryLookup,
            "
                applied: stopped
                alarm now reconcile
            ",
        ),
    ] {
        reassociating("vol-7").command(any(kind)).is(expected);
    }
}

#[test]
fn reassociate_resumes() {
    let mut script = reassociating("vol-7");
    script.resume().is("
        applied: stopped
        call get_volume vol-7
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-7", "created"));
    script.resume().is("
        applied: stopped
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created"));
    script.resume().is("
        applied: stopped
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
    script.answer(volumes([]));
    script.resume().is("
        applied: stopped
        call destroy_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn reassociate_believes_no_list_that_comes_late() {
    let mut script = reassociating("vol-2");
    script.answers([volume("vol-2", "created"), volume("vol-1", "created")]);
    script.after(30_000);
    script.answer(volumes([])).is("
        applied: stopped
        alarm +1s retry
    ");
    script.alarm().is("
        applied: stopped (no commit)
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
    script.clone().answer(volumes([])).is("
        applied: stopped
        call destroy_machine m1
        alarm +90001ms call_deadline
    ");
    for _ in 0..3 {
        script.after(30_000);
        script.answer(volumes([]));
        script.alarm();
    }
    script.after(30_000);
    script.answer(volumes([])).is(r#"
        applied: stopped
        reply unavailable "The provider takes too long to answer."
        alarm +30m reconcile
    "#);
}

#[test]
fn reassociate_nothing_that_is_about_to_be_deleted_becomes_the_data() {
    reassociating("vol-7").answer(waiting("vol-7", "m9")).is(r#"
        applied: stopped
        reply volume_unusable "Volume vol-7 is in state waiting_for_detach and cannot be used."
        alarm +1799s reconcile
    "#);
}

#[test]
fn reassociate_our_machine_stays_with_what_would_be_deleted_with_it() {
    let leaving = || {
        let mut script = reassociating("vol-7");
        script.answer(volume("vol-7", "created"));
        script
    };
    let mut script = leaving();
    script.answer(waiting("vol-1", "m1")).is("
        applied: stopped (no commit)
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
    script.resume();
    script.answer(volumes([])).is(r#"
        applied: stopped
        set flyMachineId null
        set flyVolumeId "vol-7"
        set previousVolumeId "vol-1"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list machine m1 stray
        on the list volume vol-1 retained until +7d
        log reassociate_volume by=resume region=iad admin_reason:"the tenant asked for it" old_volume:"vol-1" volume:"vol-7"
        reply reassociated vol-7
        alarm +1797s reconcile
    "#);
    let waits = |holder: &str| {
        let holder = Some(machine_id(holder));
        Volume { attached_machine: holder, ..a_volume("vol-6", "waiting_for_detach") }
    };
    let mut script = leaving();
    script.answer(volume("vol-1", "created"));
    script.answer(volumes([waits("m1")])).is(r#"
        applied: stopped
        set flyMachineId null
        set flyVolumeId "vol-7"
        set previousVolumeId "vol-1"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list machine m1 stray
        on the list volume vol-1 retained until +7d
        on the list volume vol-6 candidate until +7d
        log reassociate_volume by=reassociate_volume region=iad admin_reason:"the tenant asked for it" old_volume:"vol-1" volume:"vol-7"
        reply reassociated vol-7
        alarm +1797s reconcile
    "#);
    let mut script = leaving();
    script.answer(volume("vol-1", "created"));
    script.answer(volumes([waits("m9"), Volume { state: "created".into(), ..waits("m1") }])).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-6"
        on the list volume vol-6 candidate until +7d
        call destroy_machine m1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn reassociate_off_a_volume_that_cannot_be_seen_waits_for_the_answer() {
    let leaving = || {
        let mut script = reassociating("vol-7");
        script.answer(volume("vol-7", "created"));
        script
    };
    leaving().answer(absent()).is("
        applied: stopped (no commit)
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
    leaving().answer(refused()).is("
        applied: stopped (no commit)
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
    let mut script = leaving();
    for _ in 0..4 {
        script.answer(unknown());
        script.alarm();
    }
    script.answer(unknown()).is(r#"
        applied: stopped
        reply unavailable "The provider could not be asked: no answer in time (status 503)."
        alarm +30m reconcile
    "#);
}
