//! Calls whose outcome is unknown, late or repeated (T3 to T6, A3).

use super::{Stage as S, again, first};
use crate::commands::destroy;
use crate::script::{SECOND, provision};
use crate::world::{
    Remade, a_machine, absent, accepted, conflict, health, machine, machine_made, machines, unknown, volume,
    volume_made, volumes, waited,
};
use kiloclaw_lifecycle::Input;
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::command::Spec;
use kiloclaw_lifecycle::id::{Image, OpId};

#[test]
fn t5_a_lost_machine_is_looked_up_and_adopted() {
    let mut script = first(S::CreateMachine);
    script.answer(unknown()).is("
        applied: starting
        alarm +1s retry
    ");
    script.alarm().is("
        applied: starting (no commit)
        call list_machines ours
        alarm +1m reconcile
    ");
    let name = script.names.get(2);
    let others = a_machine("m5", "started");
    script.answer(machines([others, a_machine("m1", "created").named(&name)])).is(r#"
        applied: starting
        set flyMachineId "m1"
        call wait_machine m1 started 60s
        alarm +59s reconcile
    "#);
}

#[test]
fn t5_an_empty_look_up_lets_it_be_made_again_and_the_first_is_watched_for() {
    let mut script = first(S::CreateMachine);
    script.answer(unknown());
    script.alarm();
    script.answer(machines([])).is("
        applied: starting
        call create_machine #2 ours on vol-1 in iad
        alarm +59s reconcile
    ");
    script.answer(machine_made("m1", "iad")).is(r#"
        applied: starting
        set flyMachineId "m1"
        on the list machine named #2 late_create due +117001ms
        call wait_machine m1 started 60s
        alarm +58s reconcile
    "#);
    script.answers([waited("started"), health(true)]);
    script.alarm().is("
        applied: running (no commit)
        call list_machines ours
        alarm +90001ms call_deadline
    ");
    let name = script.names.get(2);
    let ours = a_machine("m1", "started").named(&name);
    script.answer(machines([ours.clone(), a_machine("m2", "created").named(&name)])).is("
        applied: running
        on the list machine m2 late_create due now
        on the list machine named #2 late_create due +1m tried 1
        log dispose_late_create by=alarm machine=m1 region=iad
        call get_machine m2
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m2", "created")).is("
        applied: running (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: running
        call destroy_machine m2
        alarm +90001ms call_deadline
    ");
    script.answer(accepted()).is("
        applied: running
        call get_machine m2
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m2", "destroyed")).is("
        applied: running
        off the list machine m2
        log destroy_machine_ok value=0 by=alarm machine=m2 region=iad
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m1", "started"));
    script.answer(volume("vol-1", "created"));
    script.alarm().is("
        applied: running (no commit)
        call list_machines ours
        alarm +90001ms call_deadline
    ");
    script.answer(machines([ours])).is("
        applied: running
        off the list machine named #2
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn t5_a_name_that_is_taken_is_verified() {
    let taken = || {
        let mut script = first(S::CreateMachine);
        script.answer(conflict(Some("m3"))).is("
            applied: starting
            call get_machine m3
            alarm +56s reconcile
        ");
        let name = script.names.get(2);
        (script, name)
    };
    let (mut script, name) = taken();
    script.answer(a_machine("m3", "created").named(&name).seen()).is(r#"
        applied: starting
        set flyMachineId "m3"
        call wait_machine m3 started 60s
        alarm +55s reconcile
    "#);
    let (mut script, name) = taken();
    script.answer(a_machine("m3", "created").named(&name).of_sandbox("sandbox-9").seen()).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "the machine's name is taken by another machine: m3"
        set lastStoppedAt now
        set startingAt null
        event instance.provisioning_failed stopped "no_machine_created" error="the machine's name is taken by another machine: m3" region=iad
        alarm +30m reconcile
    "#);
    let (mut script, _) = taken();
    script.answer(absent()).is("
        applied: starting
        alarm +1s retry
    ");
    let (mut script, _) = taken();
    script.answer(a_machine("m3", "created").unreachable().seen()).is("
        applied: starting
        alarm +1s retry
    ");
    first(S::CreateMachine).answer(conflict(None)).is("
        applied: starting
        alarm +1s retry
    ");
}

#[test]
fn t5_a_name_that_was_taken_and_is_free_again_is_used() {
    for gone in [absent(), machine("m5", "destroyed")] {
        let mut script = first(S::CreateMachine);
        script.answer(conflict(Some("m5")));
        script.answer(gone).is("
            applied: starting
            alarm +1s retry
        ");
        script.alarm().is("
            applied: starting
            call create_machine #2 ours on vol-1 in iad
            alarm +1m reconcile
        ");
    }
}

#[test]
fn t5_who_has_the_name_is_asked_again_when_it_cannot_be_seen() {
    for unclear in [unknown(), a_machine("m5", "started").unreachable().seen()] {
        let mut script = first(S::CreateMachine);
        script.answer(conflict(Some("m5")));
        script.answer(unclear).is("
            applied: starting
            alarm +1s retry
        ");
        script.alarm().is("
            applied: starting (no commit)
            call get_machine m5
            alarm +1m reconcile
        ");
    }
}

#[test]
fn t5_a_machine_of_ours_with_another_name_is_not_what_was_asked_for() {
    let mut script = first(S::CreateMachine);
    let volume = script.names.get(1);
    script.answer(conflict(Some("m5")));
    script.answer(a_machine("m5", "started").named(&volume).seen()).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "the machine's name is taken by another machine: m5"
        set lastStoppedAt now
        set startingAt null
        event instance.provisioning_failed stopped "no_machine_created" error="the machine's name is taken by another machine: m5" region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn t6_resume_in_every_stage() {
    for (stage, expected) in [
        (
            S::Find,
            "
                applied: starting
                call list_machines ours
                alarm +1m reconcile
            ",
        ),
        (
            S::ByName,
            "
                applied: starting
                call list_volumes ours
                alarm +59s reconcile
            ",
        ),
        (
            S::CreateVolume,
            "
                applied: starting
                alarm +1s retry
            ",
        ),
        (
            S::CreateMachine,
            "
                applied: starting
                alarm +1s retry
            ",
        ),
        (
            S::Wait,
            "
                applied: starting
                call wait_machine m1 started 60s
                alarm +56s reconcile
            ",
        ),
        (
            S::Probe,
            "
                applied: starting
                call probe_health m1 60s every 3000ms
                alarm +55s reconcile
            ",
        ),
    ] {
        first(stage).resume().is(expected);
    }
    let mut script = again();
    script.resume().is("
        applied: starting
        call get_volume vol-1
        alarm +1m reconcile
    ");
    script.answer(volume("vol-1", "created"));
    script.resume().is("
        applied: starting
        call get_machine m1
        alarm +59s reconcile
    ");
    script.answer(machine("m1", "stopped"));
    script.resume().is("
        applied: starting
        alarm +1s retry
    ");
    script.alarm();
    script.answers([machine("m1", "stopped"), volume("vol-1", "created"), machine("m1", "stopped"), accepted()]);
    script.resume().is("
        applied: starting
        call get_machine m1
        alarm +56s reconcile
    ");
    script.answer(machine("m1", "stopped"));
    script.resume().is("
        applied: starting
        call start_machine m1
        alarm +55s reconcile
    ");
}

#[test]
fn t3_an_accepted_command_is_committed_even_while_a_question_is_asked() {
    let mut script = first(S::Wait);
    let spec = Spec { image: Some(Image::new("app:1").unwrap()), ..Spec::default() };
    script.command(provision(spec)).is(r#"
        applied: starting
        set trackedImageTag "app:1"
        alarm +56s reconcile
    "#);
}

#[test]
fn t4_stale_outcomes_change_nothing_but_the_list() {
    let mut script = first(S::CreateMachine);
    let old = script.call.clone().unwrap().id;
    script.answer(unknown());
    script.alarm();
    for result in [machine("m1", "started"), absent(), unknown(), accepted()] {
        script.give(Input::Outcome { op: old, result }).is("ignored stale: starting");
    }
    script.give(Input::Outcome { op: old, result: machine_made("m1", "iad") }).is("
        applied: starting
        on the list machine m1 late_create due now
        log dispose_late_create by=alarm region=iad
        alarm +1m reconcile
    ");
    script.give(Input::Outcome { op: old, result: machine_made("m1", "iad") }).is("ignored stale: starting");
    let never = OpId { number: 99, kind: CallKind::CreateVolume };
    script.give(Input::Outcome { op: never, result: volume_made("vol-9", "iad", "created") }).is("
        applied: starting
        on the list volume vol-9 late_create due now
        log dispose_late_create by=alarm region=iad
        alarm +1m reconcile
    ");
    script
        .give(Input::Outcome { op: never, result: volume_made("vol-1", "iad", "created") })
        .is("ignored stale: starting");
}

#[test]
fn t4_an_answer_that_does_not_fit_its_call_is_stale() {
    for (stage, result) in [(S::CreateMachine, machine("m1", "started")), (S::Find, volumes([]))] {
        let mut script = first(stage);
        let op = script.call.clone().unwrap().id;
        script.give(Input::Outcome { op, result }).is("ignored stale: starting");
    }
}

#[test]
fn a3_an_alarm_that_finds_a_call_outstanding_only_rearms() {
    let mut script = first(S::CreateMachine);
    script.after(30 * SECOND);
    script.ring().is("
        applied: starting (no commit)
        alarm +27s reconcile
    ");
    script.after(60 * SECOND);
    script.ring().is("
        applied: starting
        alarm +1ms call_deadline
    ");
    script.after(1);
    script.ring().is("
        applied: starting
        call list_machines ours
        alarm +1m reconcile
    ");
}

#[test]
fn a_create_in_flight_is_watched_for_when_the_instance_goes() {
    let mut script = first(S::CreateMachine);
    let create = script.call.clone().unwrap().id;
    script.command(destroy()).is(r#"
        applied: destroying
        set pendingDestroyVolumeId "vol-1"
        set startingAt null
        on the list machine named #2 late_create due +120001ms
        on the list volume vol-1 destroyed due now
        event instance.destroy_started destroying region=iad
        alarm +1m reconcile
    "#);
    script.give(Input::Outcome { op: create, result: machine_made("m1", "iad") }).is(r#"
        applied: destroying
        set pendingDestroyMachineId "m1"
        on the list machine m1 late_create due now
        log dispose_late_create by=destroy region=iad
        call get_machine m1
        alarm +1m reconcile
    "#);
}
