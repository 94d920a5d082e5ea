//! Which machine a look-up by labels takes for the instance's own (M1), where the list alone does not tell.

use crate::script::Script;
use crate::world::{Remade, a_machine, a_volume, held, machine_id, machines, seen};
use kiloclaw_lifecycle::observe::{Machine, Volume};
use serde_json::json;

/// A stopped instance that has lost its machine: the labels are asked.
fn asking() -> Script {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    script.alarm();
    script
}

/// Nothing in the list can be used: the volume is asked who holds it.
fn asking_the_volume(listed: impl Into<Vec<Machine>>) -> Script {
    let mut script = asking();
    script.answer(machines(listed)).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script
}

#[test]
fn m1_strangers_and_the_dead_leave_the_look_up_conclusive() {
    let dead = Machine { config: None, ..a_machine("m8", "destroyed") };
    asking_the_volume([a_machine("m9", "started").of_sandbox("sandbox-9"), dead]);
}

#[test]
fn m1_a_holder_that_was_passed_over_in_the_list_is_not_asked() {
    asking_the_volume([a_machine("m9", "destroying")]).answer(held("vol-1", "m9")).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn m1_a_dead_volume_has_no_holder() {
    let dead = Volume { attached_machine: Some(machine_id("m9")), ..a_volume("vol-1", "destroyed") };
    asking_the_volume([]).answer(seen(dead)).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
}
