//! Calls whose outcome is unknown, late or lost (T4 to T6).

use super::looking;
use crate::script::{MINUTE, SECOND};
use crate::stages::{Recovery as R, past_old_machine, recovering};
use crate::world::{
    Remade, a_machine, a_volume, machine_made, machines, refused, region, unknown, volume_made, volumes,
};
use kiloclaw_lifecycle::instance::{DisposalView, ThingView};
use kiloclaw_lifecycle::observe::Volume;
use kiloclaw_lifecycle::{Input, Status};

#[test]
fn t5_a_lost_fork_is_looked_up() {
    let mut script = recovering(R::Fork);
    script.answer(unknown()).is("
        applied: recovering
        alarm +1s retry
    ");
    script.alarm().is("
        applied: recovering (no commit)
        call list_volumes named #1
        alarm +1m reconcile
    ");
    let name = script.names.get(1);
    let found = Volume { name: name.to_string(), region: Some(region("ord")), ..a_volume("vol-2", "hydrating") };
    script.answer(volumes([found])).is(r#"
        applied: recovering
        set pendingRecoveryVolumeId "vol-2"
        call create_machine #2 ours on vol-2 in ord
        alarm +59s reconcile
    "#);
}

#[test]
fn t5_a_lost_replacement_is_looked_up_and_its_id_committed_before_the_wait() {
    let lost = || {
        let mut script = recovering(R::Create);
        script.answer(unknown()).is("
            applied: recovering
            alarm +1s retry
        ");
        script.alarm().is("
            applied: recovering (no commit)
            call list_machines ours
            alarm +1m reconcile
        ");
        script
    };
    let mut script = lost();
    let name = script.names.get(2);
    script.answer(machines([a_machine("m2", "starting").mounting("vol-2").named(&name)])).is(r#"
        applied: recovering
        set flyMachineId "m2"
        call wait_machine m2 started 60s
        alarm +59s reconcile
    "#);
    let mut script = lost();
    script.answer(machines([])).is("
        applied: recovering
        call create_machine #2 ours on vol-2 in ord
        alarm +59s reconcile
    ");
    script.answer(machine_made("m2", "ord")).is(r#"
        applied: recovering
        set flyMachineId "m2"
        on the list machine named #2 late_create due +117001ms
        call wait_machine m2 started 60s
        alarm +58s reconcile
    "#);
}

#[test]
fn t5_a_time_out_leaves_what_may_yet_land_on_the_list() {
    for stage in [R::Fork, R::Create] {
        let mut script = recovering(stage);
        script.answer(unknown());
        let lost_at = script.now;
        script.after(10 * MINUTE);
        script.ring();
        past_old_machine(&mut script);
        assert_eq!(script.status(), Some(Status::Stopped));
        let due = |entry: &DisposalView| match entry.thing {
            ThingView::MachineNamed(_) | ThingView::VolumeNamed(_) => Some(entry.due),
            ThingView::Machine(_) | ThingView::Volume(_) => None,
        };
        let listed = script.instance.as_ref().unwrap().admin_view().disposal;
        assert_eq!(listed.iter().find_map(due), Some(lost_at.plus(120_001)), "{stage:?}");
    }
}

#[test]
fn t6_resume_in_every_stage() {
    for (stage, expected) in [
        (
            R::Inspect,
            "
                applied: recovering
                call get_volume vol-1
                alarm +1m reconcile
            ",
        ),
        (
            R::RemoveOld,
            "
                applied: recovering
                call destroy_machine m1
                alarm +59s reconcile
            ",
        ),
        (
            R::Fork,
            "
                applied: recovering
                alarm +1s retry
            ",
        ),
        (
            R::Create,
            "
                applied: recovering
                alarm +1s retry
            ",
        ),
        (
            R::Wait,
            "
                applied: recovering
                call wait_machine m2 started 60s
                alarm +56s reconcile
            ",
        ),
        (
            R::Verify,
            "
                applied: recovering
                call get_volume vol-2
                alarm +55s reconcile
            ",
        ),
        (
            R::Probe,
            "
                applied: recovering
                call probe_health m2 60s every 3000ms
                alarm +54s reconcile
            ",
        ),
        (
            R::Snapshots,
            "
                applied: recovering
                call list_snapshots vol-1
                alarm +53s reconcile
            ",
        ),
    ] {
        recovering(stage).resume().is(expected);
    }
    looking(2 * MINUTE).resume().is("
        applied: recovering
        call get_machine m2
        alarm +1m reconcile
    ");
}

#[test]
fn a_lost_call_is_made_again_by_the_alarm() {
    for stage in R::ALL {
        let mut script = recovering(stage);
        script.after(90 * SECOND);
        let early = script.ring();
        assert_eq!((early.calls.len(), early.status), (0, Some(Status::Recovering)), "{stage:?}");
        script.after(1);
        assert!(script.ring().calls.len() <= 1, "{stage:?}");
    }
}

#[test]
fn t4_the_outcome_of_another_attempt_changes_nothing() {
    let mut script = recovering(R::Fork);
    let fork = script.call.clone().unwrap().id;
    script.answer(refused());
    script.give(Input::Outcome { op: fork, result: volume_made("vol-2", "ord", "created") }).is("
        applied: stopped
        on the list volume vol-2 late_create due now
        log dispose_late_create by=alarm region=iad
        alarm now disposal
    ");
}
