//! A stop was asked for.

use crate::commands::{any, stop};
use crate::script::{LATENCY_MS, MINUTE, Script};
use crate::world::{
    Remade, a_machine, absent, accepted, busy, limited, machine, refused, unauthorized, unknown, waited,
};
use kiloclaw_lifecycle::command::CommandKind;
use kiloclaw_lifecycle::instance::ErrorKind;
use kiloclaw_lifecycle::{Command, Input};
use serde_json::json;

fn telling() -> Script {
    let mut script = Script::running();
    script.command(stop());
    script
}

fn waiting() -> Script {
    let mut script = telling();
    script.answer(accepted());
    script
}

/// Time is over, and the machine is looked at.
fn late() -> Script {
    let mut script = waiting();
    script.answer(waited("stopping"));
    script.after(5 * MINUTE);
    script.ring();
    script
}

#[test]
fn s4_a_stop() {
    let mut script = Script::running();
    script.command(stop()).is("
        applied: stopping
        call stop_machine m1
        alarm +1m reconcile
    ");
    script.answer(accepted()).is("
        applied: stopping
        call wait_machine m1 stopped 60s
        alarm +59s reconcile
    ");
    script.answer(waited("stopped")).is("
        applied: stopped
        set lastStoppedAt now
        event instance.stopped stopped value=86402000 machine=m1 region=iad
        alarm +30m reconcile
    ");
}

#[test]
fn s4_the_reason_of_the_command_is_kept() {
    let mut script = Script::running();
    script.command(Command::Stop { reason: Some("the tenant asked".to_string()) });
    assert_eq!(script.instance.as_ref().unwrap().admin_view().prompted_by, "the tenant asked");
}

#[test]
fn s4_a_machine_that_is_gone_is_stopped() {
    telling().answer(absent()).is("
        applied: stopped
        set flyMachineId null
        set lastStoppedAt now
        event instance.stopped stopped value=86401000 region=iad
        alarm +30m reconcile
    ");
    waiting().answer(absent()).is("
        applied: stopped
        set flyMachineId null
        set lastStoppedAt now
        event instance.stopped stopped value=86402000 region=iad
        alarm +30m reconcile
    ");
    waiting().answer(waited("destroyed")).is("
        applied: stopped
        set flyMachineId null
        set lastStoppedAt now
        on the list machine m1 replaced due now
        event instance.stopped stopped value=86402000 region=iad
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn s4_a_refusal_goes_back_to_running_with_the_error() {
    let mut script = telling();
    script.answer(refused()).is(r#"
        applied: running
        log stop_failed running error="makes no sense (status 422)" by=stop machine=m1 region=iad
        alarm +5m reconcile
    "#);
    let error = script.instance.as_ref().unwrap().user_view().last_error.unwrap();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Stop, "makes no sense (status 422)"));
}

#[test]
fn s4_transient_faults_are_retried() {
    for fault in [unknown(), busy(), limited(), unauthorized()] {
        let mut script = telling();
        script.answer(fault.clone()).is("
            applied: stopping
            alarm +1s retry
        ");
        script.alarm().is("
            applied: stopping
            call stop_machine m1
            alarm +1m reconcile
        ");
        let mut script = waiting();
        script.answer(fault).is("
            applied: stopping
            alarm +1s retry
        ");
        script.alarm().is("
            applied: stopping (no commit)
            call wait_machine m1 stopped 60s
            alarm +1m reconcile
        ");
    }
}

#[test]
fn s4_a_machine_on_its_way_is_waited_for() {
    for state in ["stopping", "started", "starting", "odd"] {
        let mut script = waiting();
        script.answer(waited(state)).is("
            applied: stopping
            alarm +1m reconcile
        ");
        script.alarm().is("
            applied: stopping (no commit)
            call wait_machine m1 stopped 60s
            alarm +1m reconcile
        ");
    }
    for state in ["suspended", "failed"] {
        waiting().answer(waited(state)).is("
            applied: stopped
            set lastStoppedAt now
            event instance.stopped stopped value=86402000 machine=m1 region=iad
            alarm +30m reconcile
        ");
    }
}

#[test]
fn s4_at_the_time_out_the_machine_is_looked_at() {
    let mut script = waiting();
    script.answer(waited("stopping"));
    script.after(5 * MINUTE - 2 * LATENCY_MS);
    script.ring().is("
        applied: stopping (no commit)
        call wait_machine m1 stopped 60s
        alarm +1m reconcile
    ");
    script.answer(waited("stopping")).is("
        applied: stopping
        alarm +1m reconcile
    ");
    script.ring().is("
        applied: stopping (no commit)
        call get_machine m1
        alarm +1m reconcile
    ");
}

#[test]
fn s4_what_is_seen_at_the_time_out_decides() {
    for (answer, expected) in [
        (
            machine("m1", "started"),
            r#"
                applied: running
                log stop_failed running error="the machine did not stop in time" by=alarm machine=m1 region=iad
                alarm +5m reconcile
            "#,
        ),
        (
            machine("m1", "stopped"),
            "
                applied: stopped
                set lastStoppedAt now
                event instance.stopped stopped value=86703000 machine=m1 region=iad
                alarm +30m reconcile
            ",
        ),
        (
            machine("m1", "stopping"),
            "
                applied: stopped
                set lastStoppedAt now
                event instance.stopped stopped value=86703000 machine=m1 region=iad
                alarm +30m reconcile
            ",
        ),
        (
            machine("m1", "destroyed"),
            "
                applied: stopped
                set flyMachineId null
                set lastStoppedAt now
                on the list machine m1 replaced due now
                event instance.stopped stopped value=86703000 region=iad
                call get_machine m1
                alarm +90001ms call_deadline
            ",
        ),
        (
            a_machine("m1", "stopped").unreachable().seen(),
            r#"
                applied: running
                log stop_failed running error="the machine did not stop in time" by=alarm machine=m1 region=iad
                alarm +5m reconcile
            "#,
        ),
        (
            absent(),
            "
                applied: stopped
                set flyMachineId null
                set lastStoppedAt now
                event instance.stopped stopped value=86703000 region=iad
                alarm +30m reconcile
            ",
        ),
        (
            unknown(),
            r#"
                applied: running
                log stop_failed running error="no answer in time (status 503)" by=alarm machine=m1 region=iad
                alarm +5m reconcile
            "#,
        ),
        (
            unauthorized(),
            r#"
                applied: running
                log stop_failed running error="who are you (status 401)" by=alarm machine=m1 region=iad
                alarm +5m reconcile
            "#,
        ),
    ] {
        late().answer(answer).is(expected);
    }
}

#[test]
fn s4_an_alarm_does_not_take_our_own_stop_for_an_unexpected_one() {
    let mut script = waiting();
    script.answer(waited("stopping"));
    script.alarm().is("
        applied: stopping (no commit)
        call wait_machine m1 stopped 60s
        alarm +1m reconcile
    ");
    script.answer(waited("stopped")).is("
        applied: stopped
        set lastStoppedAt now
        event instance.stopped stopped value=86463000 machine=m1 region=iad
        alarm +30m reconcile
    ");
}

#[test]
fn s4_a_stop_without_a_machine_is_done() {
    Script::flat("running", json!({ "flyMachineId": null })).command(stop()).is("
        applied: stopped
        set lastStoppedAt now
        event instance.stopped stopped value=86400000 region=iad
        alarm +30m reconcile
    ");
}

#[test]
fn t6_resume_in_every_stage() {
    telling().resume().is("
        applied: stopping
        call stop_machine m1
        alarm +1m reconcile
    ");
    waiting().resume().is("
        applied: stopping
        call wait_machine m1 stopped 60s
        alarm +59s reconcile
    ");
    late().resume().is("
        applied: stopping
        call get_machine m1
        alarm +1m reconcile
    ");
}

#[test]
fn t4_a_stale_outcome_changes_nothing() {
    let mut script = telling();
    let tell = script.call.clone().unwrap().id;
    script.answer(accepted());
    script.give(Input::Outcome { op: tell, result: absent() }).is("ignored stale: stopping");
}

#[test]
fn commands() {
    use CommandKind as K;
    for (kind, expected) in [
        (
            K::Provision,
            "
                applied: stopping (no commit)
                alarm +59s reconcile
            ",
        ),
        (K::Start, "denied busy: stopping"),
        (K::Stop, "ignored nothing_to_do: stopping"),
        (K::Restart, "denied busy: stopping"),
        (
            K::Destroy,
            r#"
                applied: destroying
                set pendingDestroyMachineId "m1"
                set pendingDestroyVolumeId "vol-1"
                on the list machine m1 destroyed due now
                on the list volume vol-1 destroyed due now
                event instance.destroy_started destroying value=86401000 machine=m1 region=iad
                call get_machine m1
                alarm +1m reconcile
            "#,
        ),
        (
            K::CleanupRetainedVolume,
            "
                pending: stopping
                reply deleted nothing
                alarm +59s reconcile
            ",
        ),
        (K::ReassociateVolume, "denied must_be_stopped: stopping"),
        (K::Resize, "denied busy: stopping"),
        (K::RestoreSnapshot, "denied busy: stopping"),
        (
            K::RetryLookup,
            "
                applied: stopping
                alarm now reconcile
            ",
        ),
        (K::AcceptDataLoss, "denied busy: stopping"),
        (K::Refresh, "ignored nothing_to_do: stopping"),
    ] {
        waiting().command(any(kind)).is(expected);
    }
}
