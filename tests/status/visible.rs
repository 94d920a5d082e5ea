//! What was made a moment ago may not be visible yet, and an answer says what was when the question was asked: one that comes after
//! the grace of half a minute, to a question from before its end, does not show that anything is gone.

use crate::commands::{restart, start, stop};
use crate::script::{LATENCY_MS, SECOND, Script};
use crate::world::{absent, accepted, health, machine_made, machines, unknown, volume, volume_made, volumes, waited};

/// `m1` has just been made, and is waited for.
fn made() -> Script {
    let mut script = Script::provisioned();
    script.command(start());
    script.answers([machines([]), volumes([]), volume_made("vol-1", "iad", "created"), machine_made("m1", "iad")]);
    script
}

/// The same, and it runs.
fn running() -> Script {
    let mut script = made();
    script.answers([waited("started"), health(true)]);
    script
}

/// The call in flight takes half a minute.
fn late(script: &mut Script) -> &mut Script {
    script.after(30 * SECOND - LATENCY_MS)
}

#[test]
fn s3_a_new_machine_that_a_look_from_within_its_grace_does_not_find_is_looked_for_again() {
    let mut script = made();
    script.answer(unknown());
    script.ring();
    late(&mut script).answer(absent()).is(r#"
        applied: starting
        log starting_transient_error error="not found (status 404)" by=alarm machine=m1 region=iad
        alarm +1m reconcile
    "#);
    script.alarm();
    script.answer(absent()).is(r#"
        applied: stopped
        set flyMachineId null
        set lastStartErrorAt now
        set lastStartErrorMessage "the machine is gone"
        set lastStoppedAt now
        set startingAt null
        log starting_machine_gone by=alarm machine=m1 region=iad
        event instance.provisioning_failed stopped "starting_machine_gone" error="the machine is gone" region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn s1_a_new_machine_that_a_start_from_within_its_grace_does_not_find_is_not_made_again() {
    let again = || {
        let mut script = running();
        script.command(stop());
        script.answers([accepted(), waited("stopped")]);
        script.command(start());
        script
    };
    let mut script = again();
    script.answer(volume("vol-1", "created"));
    late(&mut script).answer(absent()).is("
        applied: starting
        alarm +1s retry
    ");
    let mut script = again();
    late(&mut script).answer(volume("vol-1", "created"));
    script.answer(absent()).is("
        applied: starting
        set flyMachineId null
        on the list machine m1 replaced due now
        call create_machine #3 ours on vol-1 in iad
        alarm +29s reconcile
    ");
}

#[test]
fn reconcile_a_new_machine_that_an_alarm_from_within_its_grace_does_not_find_is_still_there() {
    let mut script = running();
    script.ring();
    late(&mut script).answer(absent()).is("
        applied: running
        alarm +5m reconcile
    ");
    script.alarm();
    script.answer(absent()).is(r#"
        applied: stopped
        set flyMachineId null
        set lastStoppedAt now
        log clear_stale_machine stopped by=alarm machine=m1 region=iad fly_state:"gone" new_state:"stopped" old_state:"running"
        call get_volume vol-1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn s5_a_new_machine_that_a_restart_from_within_its_grace_does_not_find_is_looked_for_again() {
    let mut script = running();
    script.command(restart());
    late(&mut script).answer(absent()).is("
        applied: restarting
        alarm +1s retry
    ");
    script.alarm();
    script.answer(absent()).is(r#"
        applied: stopped
        set flyMachineId null
        set lastRestartErrorAt now
        set lastRestartErrorMessage "the machine is gone"
        set lastStoppedAt now
        set restartingAt null
        log restarting_machine_gone stopped error="the machine is gone" by=alarm region=iad
        alarm +30m reconcile
    "#);
}
