//! We believe the machine serves.

use Signal as S;

fn looking() -> Script {
    looking_under(knobs())
}

fn looking_under(knobs: Knobs) -> Script {
    let mut script = Script::flat_under(knobs, "running", json!({}));
    script.alarm();
    script
}

fn recover_on(signals: impl IntoIterator<Item = Signal>) -> Knobs {
    Knobs { recover_on: BTreeSet::from_iter(signals), ..knobs() }
}

#[test]
fn a5_a_healthy_instance_costs_two_looks_and_one_commit() {
    let mut script = Script::running();
    script.alarm().is("");
    script.answer(machine("m1", "started")).is("");
    script.answer(volume("vol-1", "created")).is("");
    script.alarm().is("");
}

#[test]
fn r1_a_stopped_machine_begins_a_recovery() {
    looking().answer(machine("m1", "stopped")).is("");
}

#[test]
fn r1_the_threshold_counts_consecutive_observations() {
    let mut script = looking_under(Knobs { self_heal_threshold: 3, ..knobs() });
    script.answer(machine("m1", "stopped")).is("");
    script.answer(volume("vol-1", "created"));
    script.alarm();
    script.answer(machine("m1", "stopped")).is("");
    script.alarm();
    script.answer(machine("m1", "started")).is("");
    script.answer(volume("vol-1", "created")).is("");
    for _ in 0..2 {
        script.alarm();
        script.answer(machine("m1", "stopped"));
    }
    script.alarm();
    script.answer(machine("m1", "stopped")).is("");
}

#[test]
fn reconcile_quiet_states_keep_the_count() {
    for state in QUIET.into_iter().chain(["created"]) {
        let mut script = looking_under(Knobs { self_heal_threshold: 2, ..knobs() });
        script.answer(machine("m1", "stopped"));
        script.alarm();
        script.answer(machine("m1", state)).is("");
        assert_eq!(script.instance.as_ref().unwrap().admin_view().fail_count, 1, "{state}");
    }
}

#[test]
fn a4_a_duplicate_alarm_does_not_confirm_itself() {
    let mut script = looking_under(Knobs { self_heal_threshold: 2, ..knobs() });
    script.answer(machine("m1", "stopped"));
    script.ring();
    script.answer(machine("m1", "stopped")).is("");
    script.after(27 * SECOND);
    script.ring();
    script.answer(machine("m1", "stopped")).is("");
    script.ring();
    script.answer(machine("m1", "stopped")).is("");
}

#[test]
fn reconcile_failed_destroyed_and_gone_recover_only_when_the_policy_says_so() {
    for (signal, answer, stops, recovers) in [
        (S::Failed, machine("m1", "failed"), "", ""),
        (S::Destroyed, machine("m1", "destroyed"), "", ""),
        (S::Gone, absent(), "", ""),
    ] {
        looking().answer(answer.clone()).is(stops);
        looking_under(recover_on([S::Stopped, signal])).answer(answer).is(recovers);
    }
}

#[test]
fn recover_on_without_stopped_only_marks() {
    looking_under(recover_on([])).answer(machine("m1", "stopped")).is("");
}

#[test]
fn reconcile_could_not_ask_is_never_gone() {
    for fault in [unknown(), busy(), limited(), unauthorized(), refused()] {
        looking().answer(fault).is("");
    }
}

#[test]
fn reconcile_a_host_that_does_not_answer_is_shown_and_nothing_is_done() {
    for state in ["stopped", "failed", "destroyed", "started"] {
        let mut script = looking();
        script.answer(a_machine("m1", state).unreachable().seen()).is("");
        let trouble = script.instance.as_ref().unwrap().admin_view().host_trouble;
        assert_eq!(trouble, Some(HostStatus::Unreachable));
        script.alarm();
        script.answer(machine("m1", "started"));
        assert_eq!(script.instance.as_ref().unwrap().admin_view().host_trouble, None);
    }
}

#[test]
fn reconcile_without_a_machine_the_labels_are_asked() {
    let bare = || Script::flat("running", json!({ "flyMachineId": null }));
    let mut script = bare();
    script.alarm().is("");
    script.answer(machines([])).is("");
    script.answer(volume("vol-1", "created")).is("");
    let mut script = bare();
    script.alarm();
    script.answer(unknown()).is("");
    let mut script = bare();
    script.alarm();
    script.answer(machines([a_machine("m2", "started")])).is("");
    let mut script = bare();
    script.alarm();
    script.answer(machines([a_machine("m2", "stopped")])).is("");
    let mut script = bare();
    script.alarm();
    script.answer(machines([]));
    script.answer(held("vol-1", "m8"));
    script.answer(a_machine("m8", "started").of_sandbox("sandbox-9").seen()).is("");
}

#[test]
fn v2_a_missing_volume_is_only_logged_while_the_machine_runs() {
    for gone in [absent(), volume("vol-1", "destroyed")] {
        let mut script = looking();
        script.answer(machine("m1", "started"));
        script.answer(gone).is("");
    }
    for fault in [unknown(), unauthorized()] {
        let mut script = looking();
        script.answer(machine("m1", "started"));
        script.answer(fault).is("");
    }
}

#[test]
fn v3_a_migrated_volume_is_adopted() {
    let mut script = looking();
    script.answer(a_machine("m1", "started").mounting("vol-2").seen()).is("");
    script.answer(absent()).is("");
    script.answer(held("vol-2", "m1")).is("");
}

#[test]
fn v3_what_is_mounted_instead_of_a_living_volume_is_retained_and_the_mount_repaired() {
    let mut script = looking();
    script.answer(a_machine("m1", "started").mounting("vol-2").seen());
    script.answer(volume("vol-1", "created")).is("");
    script.answer(held("vol-2", "m1")).is("");
    script.answer(accepted()).is("");
    script.answer(machine_made("m2", "iad")).is("");
}

#[test]
fn v3_a_strangers_volume_is_not_ours_to_keep() {
    let foreign = Volume { name: "kiloclaw_other".to_string(), ..a_volume("vol-2", "created") };
    for answer in [seen(foreign), absent(), volume("vol-2", "destroyed")] {
        let mut script = looking();
        script.answer(a_machine("m1", "started").mounting("vol-2").seen());
        script.answer(volume("vol-1", "created"));
        script.answer(answer).is("");
    }
}

#[test]
fn v3_a_strangers_volume_is_never_adopted() {
    let foreign = Volume { name: "kiloclaw_other".to_string(), ..a_volume("vol-2", "created") };
    let elsewhere = held("vol-2", "m9");
    for answer in [seen(foreign), elsewhere] {
        let mut script = looking();
        script.answer(a_machine("m1", "started").mounting("vol-2").seen());
        script.answer(absent());
        script.answer(answer).is("");
    }
}

#[test]
fn v3_nothing_is_repaired_when_nobody_could_be_asked() {
    let mut script = looking();
    script.answer(a_machine("m1", "started").mounting("vol-2").seen());
    script.answer(volume("vol-1", "created"));
    script.answer(unknown()).is("");
}

#[test]
fn v3_a_machine_that_mounts_nothing_is_repaired() {
    let mut script = looking();
    script.answer(a_machine("m1", "started").mounting_nothing().seen()).is("");
    script.answer(volume("vol-1", "created")).is("");
}

#[test]
fn v3_a_machine_that_shows_no_configuration_is_left_alone() {
    let mut script = looking();
    script.answer(Machine { config: None, ..a_machine("m1", "started") }.seen()).is("");
    script.answer(volume("vol-1", "created")).is("");
}

#[test]
fn region_drift_is_taken_from_the_volume_and_an_omitted_region_keeps_ours() {
    let mut script = looking();
    script.answer(machine("m1", "started"));
    script.answer(seen(Volume { region: Some(region("ord")), ..a_volume("vol-1", "created") })).is("");
    script.alarm();
    script.answer(machine("m1", "started"));
    script.answer(seen(Volume { region: None, ..a_volume("vol-1", "created") })).is("");
}

#[test]
fn refresh_only_pulls_the_alarm_in_and_is_throttled() {
    let mut script = Script::running();
    script.command(Command::Refresh).is("");
    script.answer(machine("m1", "stopped")).is("");
    script.command(Command::Refresh).is("");
    script.alarm().is("");
    script.answer(machine("m1", "started"));
    script.answer(volume("vol-1", "created"));
    script.after(26 * SECOND);
    script.command(Command::Refresh).is("");
    script.after(SECOND);
    script.command(Command::Refresh).is("");
    script.answer(machine("m1", "started")).is("");
}

#[test]
fn refresh_believes_only_terminal_states() {
    for answer in [machine("m1", "failed"), machine("m1", "suspended"), machine("m1", "created"), absent()] {
        let mut script = Script::running();
        script.command(Command::Refresh);
        script.answer(answer).is("");
    }
    for answer in [machine("m1", "stopping"), unknown(), a_machine("m1", "stopped").unreachable().seen()] {
        let mut script = Script::running();
        script.command(Command::Refresh);
        script.answer(answer).is("");
    }
}

#[test]
fn refresh_while_something_is_asked_already_is_nothing() {
    looking().command(Command::Refresh).is("");
}

#[test]
fn commands() {
    use CommandKind as K;
    for (kind, expected) in [
        (K::Provision, ""),
        (K::Start, ""),
        (K::Stop, ""),
        (K::Restart, ""),
        (K::Destroy, ""),
        (K::CleanupRetainedVolume, ""),
        (K::ReassociateVolume, ""),
        (K::Resize, ""),
        (K::RestoreSnapshot, ""),
        (K::RetryLookup, ""),
        (K::AcceptDataLoss, ""),
        (K::Refresh, ""),
    ] {
        Script::running().command(any(kind)).is(expected);
    }
}

#[test]
fn a_command_may_come_while_the_machine_is_looked_at() {
    let mut script = looking();
    let asked = script.call.clone().unwrap().id;
    script.command(stop()).is("");
    script.give(Input::Outcome { op: asked, result: machine("m1", "stopped") }).is("");
}
