//! Destroys that take their time, volumes that stay bound, new things that are not found, and lists that leave things out.

use super::{
    START, accepted, all_volumes, change, create, delete, destroy, fork, get, get_volume, id, inhabited, labels,
    look_at_volume, machine, probe, refusal, said, start, state, stop, update, volume, wait, with_volume,
};
use kiloclaw_lifecycle::call::Done;
use kiloclaw_lifecycle::fault::FaultKind;
use kiloclaw_lifecycle::observe::{MachineState, SnapshotStatus};
use kiloclaw_lifecycle::testkit::{Landing, Request, Said, Strike, World, WorldChange};

const BOUND: &str = "failed_precondition: volume is currently bound to machine: m1";
const CLAIMED: &str = "failed_precondition: volume already claimed by machine m1";

#[test]
fn a_destroy_takes_its_time_and_holds_the_volume() {
    let mut world = inhabited();
    world.destroy_ms = 10_000;
    accepted(&mut world, &destroy("m1"));
    assert_eq!((state(&world, "m1"), world.next_change()), (MachineState::Destroying, Some(START.plus(10_000))));
    assert!(!machine(&world, "m1").runs());
    assert_eq!(world.live_machines().count(), 1);
    world.advance_to(START.plus(5_000));
    accepted(&mut world, &destroy("m1"));
    assert_eq!(world.next_change(), Some(START.plus(10_000)), "to ask again does not begin anew");
    assert_eq!(look_at_volume(&mut world, "v1").attached_machine, Some(id("m1")));
    assert_eq!(refusal(&mut world, &delete("v1")), said(FaultKind::Busy, 412, BOUND));
    assert_eq!(refusal(&mut world, &create("a", "v1")), said(FaultKind::Busy, 412, CLAIMED));
    let from = "failed_precondition: unable to start machine from current state: 'destroying'";
    assert_eq!(refusal(&mut world, &start("m1")), said(FaultKind::Busy, 412, from));
    world.advance_to(START.plus(10_000));
    assert_eq!((state(&world, "m1"), world.live_machines().count()), (MachineState::Destroyed, 0));
    accepted(&mut world, &delete("v1"));
}

#[test]
fn a_machine_that_hangs_in_destroying_takes_another_destroy() {
    let mut world = super::inhabited_in(MachineState::Destroying);
    world.destroy_ms = 10_000;
    accepted(&mut world, &destroy("m1"));
    world.advance_to(START.plus(10_000));
    assert_eq!(state(&world, "m1"), MachineState::Destroyed);
}

/// `m1` is destroyed, and lets go of `v1` after ten seconds.
fn bound() -> World {
    let mut world = inhabited();
    world.unbind_ms = 10_000;
    accepted(&mut world, &destroy("m1"));
    world
}

#[test]
fn a_volume_stays_bound_for_a_while() {
    let mut world = bound();
    assert_eq!((state(&world, "m1"), world.next_change()), (MachineState::Destroyed, Some(START.plus(10_000))));
    assert_eq!(volume(&world, "v1").bound_to.as_deref(), Some("m1"));
    assert_eq!(volume(&world, "v2").bound_to, None);
    world.advance_to(START.plus(9_999));
    assert_eq!(look_at_volume(&mut world, "v1").attached_machine, Some(id("m1")));
    assert_eq!(refusal(&mut world, &delete("v1")), said(FaultKind::Busy, 412, BOUND));
    assert_eq!(refusal(&mut world, &create("a", "v1")), said(FaultKind::Busy, 412, CLAIMED));
    world.advance_to(START.plus(10_000));
    assert_eq!(look_at_volume(&mut world, "v1").attached_machine, None);
    assert!(world.perform(&create("a", "v1"), None).is_ok());
}

#[test]
fn a_volume_stays_bound_to_a_machine_that_vanishes_and_to_one_that_only_claimed_it() {
    let mut world = inhabited();
    world.unbind_ms = 10_000;
    with_volume(&mut world, "v2", |volume| volume.claimed_by = Some(Some("m1".to_string())));
    change(&mut world, WorldChange::MachineGone { id: "m1".to_string() });
    for name in ["v1", "v2"] {
        assert_eq!(look_at_volume(&mut world, name).attached_machine, Some(id("m1")));
        assert_eq!(volume(&world, name).claimed_by, None);
    }
    world.advance_to(START.plus(10_000));
    for name in ["v1", "v2"] {
        assert_eq!(look_at_volume(&mut world, name).attached_machine, None);
        accepted(&mut world, &delete(name));
    }
}

#[test]
fn a_new_machine_is_not_found_at_once() {
    let mut world = inhabited();
    world.advance_to(START.plus(60_000));
    world.visible_ms = 10_000;
    let made = Ok(Done::MachineCreated { machine: id("mnew1"), region: volume_region(&world, "v2") });
    assert_eq!(world.perform(&create("a", "v2"), None), made);
    let absent = said(FaultKind::Absent, 404, "machine not found");
    let before = world.clone();
    let asked = [
        get("mnew1"),
        wait("mnew1"),
        probe("mnew1"),
        start("mnew1"),
        stop("mnew1"),
        update("mnew1", "v2"),
        destroy("mnew1"),
    ];
    for request in &asked {
        assert_eq!(refusal(&mut world, request), absent, "{request:?}");
    }
    assert_eq!(listed(&mut world), ["m1"]);
    let text = "already_exists: unique machine name violation, machine ID mnew1 already exists with name \"a\"";
    assert_eq!(refusal(&mut world, &create("a", "v2")), said(FaultKind::Conflict(Some(id("mnew1"))), 409, text));
    assert_eq!(world, before);
    world.advance_to(START.plus(69_999));
    assert_eq!(refusal(&mut world, &get("mnew1")), absent);
    world.advance_to(START.plus(70_000));
    assert_eq!(listed(&mut world), ["m1", "mnew1"]);
    for request in &asked {
        assert!(world.perform(request, None).is_ok(), "{request:?}");
    }
}

#[test]
fn a_new_volume_is_not_found_at_once_but_can_be_used() {
    let mut world = inhabited();
    world.advance_to(START.plus(60_000));
    world.visible_ms = 10_000;
    assert!(world.perform(&fork("v1"), None).is_ok());
    let absent = said(FaultKind::Absent, 404, "volume not found");
    assert_eq!(refusal(&mut world, &get_volume("vol_new1")), absent);
    assert_eq!(refusal(&mut world, &delete("vol_new1")), absent);
    assert!(matches!(world.perform(&all_volumes(), None), Ok(Done::Volumes(list)) if list.len() == 2));
    assert!(world.perform(&create("a", "vol_new1"), None).is_ok());
    world.advance_to(START.plus(70_000));
    assert_eq!(look_at_volume(&mut world, "vol_new1").attached_machine, Some(id("mnew1")));
    assert!(matches!(world.perform(&all_volumes(), None), Ok(Done::Volumes(list)) if list.len() == 3));
}

#[test]
fn a_list_leaves_out_what_it_is_told_to() {
    let mut world = inhabited();
    let snapshot =
        WorldChange::Snapshot { volume: "v1".to_string(), id: "vs-1".to_string(), status: SnapshotStatus::Created };
    change(&mut world, snapshot);
    let without = |id: &str| Strike { said: Said::Without(vec![id.to_string()]), landing: Landing::Never };
    let snapshots = Request::ListSnapshots(super::vol("v1"));
    let machines = Request::ListMachines(labels());
    let nothing = [(&machines, "m1", Done::Machines(vec![])), (&snapshots, "vs-1", Done::Snapshots(vec![]))];
    for (request, hidden, rest) in nothing {
        assert_eq!(world.perform(request, Some(&without(hidden))), Ok(rest));
        let truth = world.perform(request, None);
        assert_eq!(world.perform(request, Some(&without("x"))), truth);
    }
    let rest = look_at_volume(&mut world, "v2");
    assert_eq!(world.perform(&all_volumes(), Some(&without("v1"))), Ok(Done::Volumes(vec![rest])));
    assert_eq!(refusal_under(&mut world, &get("m9"), &without("m1")), FaultKind::Absent);
}

fn refusal_under(world: &mut World, request: &Request, strike: &Strike) -> FaultKind {
    world.perform(request, Some(strike)).expect_err("a refusal").kind
}

fn volume_region(world: &World, name: &str) -> Option<kiloclaw_lifecycle::id::Region> {
    volume(world, name).region.as_deref().and_then(|region| kiloclaw_lifecycle::id::Region::new(region).ok())
}

fn listed(world: &mut World) -> Vec<String> {
    match world.perform(&Request::ListMachines(labels()), None) {
        Ok(Done::Machines(machines)) => machines.iter().map(|machine| machine.id.to_string()).collect(),
        other => panic!("{other:?}"),
    }
}
