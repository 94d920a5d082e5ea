//! Registered, never started.

fn with_machine() -> Script {
    Script::flat("provisioned", json!({ "lastStartedAt": null }))
}

/// Nobody is found by labels, and no volume is known.
fn nobody_found() -> Script {
    let mut script = Script::provisioned();
    script.alarm();
    script.answer(machines([]));
    script
}

/// A volume is being made.
fn placing() -> Script {
    let mut script = nobody_found();
    script.answer(volumes([]));
    script
}

#[test]
fn v1_the_first_alarm_makes_the_volume() {
    let mut script = Script::provisioned();
    script.alarm().is("");
    script.answer(machines([])).is("");
    script.answer(volumes([])).is("");
    script.answer(volume_made("vol-9", "ams", "created")).is("");
    script.alarm().is("");
}

#[test]
fn v1_a_volume_under_our_name_is_adopted_before_one_is_made() {
    let at = |id: &str, state: &str, ms: u64| Volume {
        created_at: Some(Timestamp::from_millis(ms)),
        ..a_volume(id, state)
    };
    let foreign = Volume { name: "kiloclaw_other".to_string(), ..at("vol-4", "created", 9) };
    let list = [at("vol-1", "created", 1), at("vol-2", "created", 3), at("vol-3", "pending_destroy", 5), foreign];
    nobody_found().answer(volumes(list)).is("");
}

#[test]
fn v1_a_failed_look_up_creates_nothing() {
    for fault in [unknown(), unauthorized(), limited(), refused()] {
        nobody_found().answer(fault).is("");
    }
}

#[test]
fn v1_every_refusal_for_room_moves_on_and_hints() {
    let mut script = placing();
    script.answer(no_room()).is("");
    script.answer(region_full()).is("");
    script.alarm().is("");
    script.answer(machines([])).is("");
}

#[test]
fn v1_a_refusal_ends_the_attempt_until_the_next_alarm() {
    placing().answer(refused()).is("");
}

#[test]
fn t5_a_lost_create_is_looked_up_and_adopted() {
    let mut script = placing();
    script.answer(unknown()).is("");
    script.alarm().is("");
    let name = script.names().get(1);
    let found = Volume { name: name.to_string(), ..a_volume("vol-9", "created") };
    script.answer(volumes([found])).is("");
}

#[test]
fn t5_an_empty_look_up_lets_it_be_made_again_under_the_same_intent() {
    let mut script = placing();
    script.answer(unknown());
    script.alarm();
    script.answer(volumes([])).is("");
    script.answer(volume_made("vol-9", "ams", "created")).is("");
    // The first create may land until its call is dead.
    script.alarm().is("");
    let name = script.names().get(1);
    let ours = Volume { name: name.to_string(), ..a_volume("vol-9", "created") };
    let late = Volume { name: name.to_string(), ..a_volume("vol-10", "created") };
    script.answer(volumes([ours, late])).is("");
    script.answer(volume("vol-10", "created")).is("");
    script.answer(accepted()).is("");
    script.answer(absent()).is("");
    script.alarm().is("");
    script.answer(volumes([])).is("");
}

#[test]
fn t5_of_two_finds_one_is_adopted_and_the_other_disposed_of() {
    let mut script = placing();
    script.answer(unknown());
    script.alarm();
    script.answer(volumes([]));
    script.answer(unknown()).is("");
    script.alarm().is("");
    let name = script.names().get(1);
    let found = |id: &str| Volume { name: name.to_string(), ..a_volume(id, "created") };
    script.answer(volumes([found("vol-9"), found("vol-10")])).is("");
}

#[test]
fn t5_the_name_is_looked_up_again_when_it_cannot_be_asked() {
    let mut script = placing();
    script.answer(unknown());
    script.alarm();
    for fault in [unknown(), limited(), unauthorized()] {
        script.answer(fault);
        script.alarm().is("");
    }
}

#[test]
fn t6_a_create_lost_by_a_crash_is_looked_up() {
    let mut script = placing();
    script.resume().is("");
}

#[test]
fn t5_an_alarm_does_not_forget_a_volume_that_is_being_made() {
    let mut script = placing();
    script.after(30 * SECOND);
    script.ring().is("");
    script.after(61 * SECOND);
    script.ring().is("");
}

#[test]
fn start_takes_over_the_volume_that_is_being_made() {
    let mut script = placing();
    script.command(start()).is("");
    script.answer(volume_made("vol-9", "ams", "created")).is("");
}

#[test]
fn m1_a_machine_found_by_its_labels_is_adopted() {
    for (state, expected) in [
        ("started", ""),
        ("stopped", ""),
        ("created", ""),
        ("failed", ""),
        ("starting", ""),
    ] {
        let mut script = Script::provisioned();
        script.alarm();
        script.answer(machines([a_machine("m1", state)]));
        let got = script.answer(volume("vol-1", "created"));
        got.is(expected);
    }
}

#[test]
fn m1_the_mounted_volume_is_adopted_only_when_it_exists() {
    let mut script = Script::provisioned();
    script.alarm();
    script.answer(machines([a_machine("m1", "stopped")])).is("");
    script.answer(absent()).is("");
}

#[test]
fn m1_an_unconfirmed_mount_leaves_the_look_up_inconclusive() {
    let mut script = Script::provisioned();
    script.alarm();
    script.answer(machines([a_machine("m1", "stopped")]));
    script.answer(unknown()).is("");
}

#[test]
fn m1_the_preferred_state_wins_then_the_newest_and_the_rest_are_strays() {
    let at = |id: &str, state: &str, ms: u64| Machine {
        updated_at: Some(Timestamp::from_millis(ms)),
        ..a_machine(id, state).mounting_nothing()
    };
    let mut script = Script::provisioned();
    script.alarm();
    let list = [
        at("m1", "failed", 9),
        at("m2", "stopped", 1),
        at("m3", "stopped", 2),
        at("m4", "destroying", 9),
        at("m5", "destroyed", 9),
        at("m6", "created", 9),
    ];
    script.answer(machines(list)).is("");
}

#[test]
fn m1_every_state_has_its_rank() {
    let order =
        ["started", "starting", "stopped", "created", "stopping", "replacing", "updating", "suspended", "failed"];
    for pair in order.windows(2) {
        let list = [a_machine("m2", pair[1]).mounting_nothing(), a_machine("m1", pair[0]).mounting_nothing()];
        let mut script = Script::provisioned();
        script.alarm();
        script.answer(machines(list));
        let machine = script.instance.as_ref().and_then(|instance| instance.machine().cloned());
        assert_eq!(machine, Some(machine_id("m1")), "{} before {}", pair[0], pair[1]);
    }
}

#[test]
fn m1_an_error_is_inconclusive_and_the_cooldown_holds() {
    for fault in [unknown(), unauthorized(), limited(), refused()] {
        let mut script = Script::provisioned();
        script.alarm();
        script.answer(fault).is("");
        script.ring().is("");
    }
}

#[test]
fn m1_hidden_labels_are_nobodys() {
    let mut script = Script::provisioned();
    script.alarm();
    script.answer(machines([a_machine("m1", "started").unreachable()])).is("");
}

#[test]
fn m1_retry_lookup_clears_the_cooldown_and_pulls_the_alarm_in() {
    let mut script = nobody_found();
    script.answer(unknown());
    script.command(Command::RetryLookup).is("");
    script.alarm().is("");
}

#[test]
fn m1_a_holder_that_is_not_listed_is_asked() {
    let asked = || {
        let mut script = Script::flat("provisioned", json!({ "lastStartedAt": null, "flyMachineId": null }));
        script.alarm();
        script
    };
    let mut script = asked();
    script.answer(machines([])).is("");
    script.answer(held("vol-1", "m7")).is("");
    script.answer(machine("m7", "stopped")).is("");
    for (answer, expected) in [
        (absent(), ""),
        (machine("m7", "destroyed"), ""),
        (a_machine("m7", "started").of_sandbox("sandbox-9").seen(), ""),
        (a_machine("m7", "started").unlabelled().seen(), ""),
        (a_machine("m7", "started").unreachable().seen(), ""),
        (unknown(), ""),
    ] {
        let mut script = asked();
        script.answers([machines([]), held("vol-1", "m7")]);
        script.answer(answer).is(expected);
    }
    let mut script = asked();
    script.answer(machines([]));
    script.answer(unknown()).is("");
    let mut script = asked();
    script.answer(machines([]));
    script.answer(absent()).is("");
}

#[test]
fn m2_a_stale_registration_is_destroyed() {
    let mut script = Script::flat("provisioned", json!({
        "lastStartedAt": null, "flyMachineId": null, "flyVolumeId": null, "provisionedAt": NOON - 8 * HOUR,
    }));
    script.ring();
    script.answer(machines([])).is("");
}

#[test]
fn m2_older_means_older_and_never_started_means_never() {
    for record in [
        json!({ "lastStartedAt": null, "flyMachineId": null, "flyVolumeId": null, "provisionedAt": NOON - 8 * HOUR + LATENCY_MS }),
        json!({ "flyMachineId": null, "flyVolumeId": null }),
    ] {
        let mut script = Script::flat("provisioned", record);
        script.ring();
        script.answer(machines([])).is("");
    }
    let mut script = Script::flat("provisioned", json!({
        "lastStartedAt": null, "flyMachineId": null, "flyVolumeId": null, "provisionedAt": NOON - DAY,
    }));
    script.ring();
    script.answer(unknown()).is("");
}

#[test]
fn v2_a_lost_volume_of_a_never_started_instance_is_replaced() {
    for gone in [absent(), volume("vol-1", "destroyed"), volume("vol-1", "pending_destroy"), volume("vol-1", "fork_cleanup")] {
        let mut script = Script::flat("provisioned", json!({ "lastStartedAt": null, "flyMachineId": null }));
        script.alarm();
        script.answers([machines([]), volume("vol-1", "created")]);
        script.answer(gone).is("");
        script.answer(volumes([])).is("");
    }
}

#[test]
fn reconcile_the_machine_says_what_the_status_is() {
    for (answer, expected) in [
        (machine("m1", "started"), ""),
        (machine("m1", "failed"), ""),
        (machine("m1", "destroyed"), ""),
        (absent(), ""),
    ] {
        let mut script = with_machine();
        script.alarm().is("");
        script.answer(answer).is(expected);
    }
}

#[test]
fn reconcile_other_states_mean_nothing() {
    for state in QUIET.into_iter().chain(["stopped", "created"]) {
        let mut script = with_machine();
        script.alarm();
        script.answer(machine("m1", state)).is("");
        script.answer(volume("vol-1", "created")).is("");
    }
}

#[test]
fn reconcile_could_not_ask_is_never_gone() {
    for fault in [unknown(), busy(), limited(), unauthorized(), refused()] {
        let mut script = with_machine();
        script.alarm();
        script.answer(fault).is("");
    }
    let mut script = with_machine();
    script.alarm();
    script.answer(a_machine("m1", "destroyed").unreachable().seen()).is("");
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
        with_machine().command(any(kind)).is(expected);
    }
    Script::provisioned().command(restart()).is("");
}

#[test]
fn provision_given_again_replaces_what_is_given() {
    let mut script = Script::provisioned();
    let spec = Spec { volume_size_gb: Some(20), ..Spec::default() };
    script.command(provision(spec)).is("");
    let spec = Spec { image: Some(Image::new("app:1").unwrap()), ..Spec::default() };
    script.command(provision(spec)).is("");
    let spec = Spec { volume_size_gb: Some(0), ..Spec::default() };
    script.command(provision(spec)).is("");
    let stranger = Identity { user: UserId::new("user-2").unwrap(), ..identity() };
    let born = Provision { identity: stranger, seed: 7, spec: Spec::default() };
    script.command(Command::Provision(Box::new(born))).is("");
}
