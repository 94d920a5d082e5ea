//! Hosts that fail, fill up, come back or are lost, and machines that are moved between them.

use super::{
    START, accepted, becomes, change, create, delete, destroy, fork, get, get_volume, inhabited, inhabited_in, labels,
    look, look_at_volume, machine, probe, refusal, refuses, said, start, state, stop, update, volume, wait,
    with_machine, with_volume,
};
use kiloclaw_lifecycle::call::Done;
use kiloclaw_lifecycle::fault::{Capacity, FaultKind};
use kiloclaw_lifecycle::observe::{HostStatus, MachineState, VolumeState};
use kiloclaw_lifecycle::testkit::{Attempt, Request, SimVolume, World, WorldChange};

fn down(volume: &str) -> WorldChange {
    WorldChange::HostDown { volume: volume.to_string() }
}

fn back(volume: &str) -> WorldChange {
    WorldChange::HostBack { volume: volume.to_string() }
}

fn lost(volume: &str) -> WorldChange {
    WorldChange::HostLost { volume: volume.to_string() }
}

fn full(volume: &str, full: bool) -> WorldChange {
    WorldChange::HostFull { volume: volume.to_string(), full }
}

fn migrate(machine: &str) -> WorldChange {
    WorldChange::Migrate { machine: machine.to_string() }
}

/// `inhabited` in that state, with the host of `v1` down.
fn dark(state: MachineState) -> World {
    let mut world = inhabited_in(state);
    change(&mut world, down("v1"));
    world
}

#[test]
fn a_host_goes_down_with_what_is_on_it() {
    let world = inhabited();
    becomes(&world, down("v1"), |world| {
        with_machine(world, "m1", |machine| {
            (machine.host_down, machine.host_status) = (true, HostStatus::Unreachable);
        });
        with_volume(world, "v1", |volume| volume.host_down = true);
    });
    becomes(&world, down("v2"), |world| with_volume(world, "v2", |volume| volume.host_down = true));
    refuses(&world, down("v9"));
}

#[test]
fn what_is_on_a_host_that_is_down_shows_its_last_state_and_does_nothing() {
    let mut world = dark(MachineState::Started);
    let seen = look(&mut world, "m1");
    assert_eq!((seen.state, seen.host_status, seen.config), (MachineState::Started, HostStatus::Unreachable, None));
    let listed = world.perform(&Request::ListMachines(labels()), None);
    assert!(matches!(listed, Ok(Done::Machines(list)) if list.len() == 1));
    assert_eq!(look_at_volume(&mut world, "v1").host_status, HostStatus::Unreachable);
    assert_eq!(look_at_volume(&mut world, "v2").host_status, HostStatus::Ok);
    assert_eq!(world.perform(&wait("m1"), None), Ok(Done::Waited { state: MachineState::Started }));
    assert!(!machine(&world, "m1").runs());
    assert_eq!(world.writers("v1"), Vec::<&String>::new());
    assert_eq!(world.attempt(&probe("m1"), START, None), Attempt::Unfinished);
    assert_eq!(world.perform(&probe("m1"), None), Ok(Done::Health { healthy: false }));
    refuses(&world, WorldChange::Write { machine: "m1".to_string() });
    refuses(&world, WorldChange::Machine { id: "m1".to_string(), state: MachineState::Stopped, exit: None });
    refuses(&world, migrate("m1"));
    assert!(world.intact("v1"), "nothing is lost yet");
}

#[test]
fn a_host_that_is_down_does_not_answer_those_who_want_something_of_it() {
    let unanswered = said(FaultKind::Unknown, 408, "deadline_exceeded: the host did not answer in time");
    let mut world = dark(MachineState::Stopped);
    let before = world.clone();
    for request in [start("m1"), stop("m1"), update("m1", "v1"), delete("v1"), fork("v1")] {
        assert_eq!(refusal(&mut world, &request), unanswered, "{request:?}");
    }
    assert_eq!(world, before);
    change(&mut world, down("v2"));
    let before = world.clone();
    for request in [create("a", "v2"), delete("v2")] {
        assert_eq!(refusal(&mut world, &request), unanswered, "{request:?}");
    }
    assert_eq!(world, before);
}

#[test]
fn a_destroy_waits_for_the_host() {
    let mut world = dark(MachineState::Started);
    world.destroy_ms = 3_000;
    for _ in 0..2 {
        accepted(&mut world, &destroy("m1"));
        world.advance_to(world.now().plus(86_400_000));
        assert_eq!((state(&world, "m1"), world.next_change()), (MachineState::Destroying, None));
    }
    assert_eq!(look_at_volume(&mut world, "v1").attached_machine, Some(super::id("m1")));
    let returned = world.now();
    change(&mut world, back("v1"));
    assert_eq!((state(&world, "m1"), world.next_change()), (MachineState::Destroying, Some(returned.plus(3_000))));
    assert_eq!(volume(&world, "v1").generation, 1, "the doomed do not write");
    world.advance_to(returned.plus(3_000));
    assert_eq!((state(&world, "m1"), volume(&world, "v1").generation), (MachineState::Destroyed, 1));
}

#[test]
fn what_was_started_runs_again_when_its_host_is_back() {
    let world = dark(MachineState::Started);
    becomes(&world, back("v1"), |world| {
        with_machine(world, "m1", |machine| (machine.host_down, machine.host_status) = (false, HostStatus::Ok));
        with_volume(world, "v1", |volume| volume.host_down = false);
        assert!(world.write_to("v1"));
    });
    let mut again = world.clone();
    change(&mut again, back("v1"));
    assert_eq!(again.writers("v1"), ["m1"]);
    let once = again.clone();
    change(&mut again, back("v1"));
    assert_eq!(again, once, "a host that is there does not come back");
    refuses(&world, back("v9"));
}

#[test]
fn what_was_under_way_goes_on_when_its_host_is_back() {
    let rows = [
        ("created", 4_000, MachineState::Started),
        ("starting", 4_000, MachineState::Started),
        ("replacing", 4_000, MachineState::Started),
        ("updating", 4_000, MachineState::Started),
        ("restarting", 4_000, MachineState::Started),
        ("stopping", 2_000, MachineState::Stopped),
        ("suspending", 2_000, MachineState::Suspended),
    ];
    for (before, ms, after) in rows {
        let mut world = dark(MachineState::from(before));
        world.stop_ms = 2_000;
        world.advance_to(START.plus(60_000));
        assert_eq!(state(&world, "m1").as_str(), before);
        change(&mut world, back("v1"));
        world.advance_to(START.plus(60_000 + ms - 1));
        assert_eq!(state(&world, "m1").as_str(), before);
        world.advance_to(START.plus(60_000 + ms));
        assert_eq!(state(&world, "m1"), after, "{before}");
        assert_eq!(world.next_change(), None, "{before}");
    }
    for before in [MachineState::Stopped, MachineState::Failed, MachineState::Suspended] {
        let mut world = dark(before.clone());
        change(&mut world, back("v1"));
        assert_eq!((state(&world, "m1"), world.next_change()), (before, None));
    }
}

#[test]
fn a_boot_does_not_end_on_a_host_that_is_down() {
    let mut world = inhabited_in(MachineState::Stopped);
    accepted(&mut world, &start("m1"));
    change(&mut world, down("v1"));
    assert_eq!(world.next_change(), None);
    assert_eq!(world.perform(&wait("m1"), None), Ok(Done::Waited { state: MachineState::Starting }));
}

#[test]
fn a_copy_hydrates_only_while_both_hosts_are_there() {
    for side in ["v1", "vol_new1"] {
        let mut world = inhabited();
        world.hydrate_ms = 10_000;
        assert!(world.perform(&fork("v1"), None).is_ok());
        change(&mut world, down(side));
        world.advance_to(START.plus(50_000));
        assert_eq!(volume(&world, "vol_new1").state, VolumeState::Hydrating, "{side}");
        change(&mut world, back(side));
        world.advance_to(START.plus(59_999));
        assert_eq!(volume(&world, "vol_new1").state, VolumeState::Hydrating, "{side}");
        world.advance_to(START.plus(60_000));
        let copy = volume(&world, "vol_new1");
        assert_eq!((&copy.state, &copy.reads_from), (&VolumeState::Created, &None), "{side}");
        assert_eq!(world.next_change(), None, "{side}");
    }
    let mut brief = inhabited();
    brief.hydrate_ms = 10_000;
    assert!(brief.perform(&fork("v1"), None).is_ok());
    change(&mut brief, down("v1"));
    change(&mut brief, back("v1"));
    brief.advance_to(START.plus(10_000));
    assert_eq!(volume(&brief, "vol_new1").state, VolumeState::Created, "nobody noticed");
}

#[test]
fn a_lost_host_takes_everything_with_it() {
    let mut world = inhabited();
    world.hydrate_ms = 10_000;
    assert!(world.perform(&fork("v1"), None).is_ok());
    change(&mut world, down("v1"));
    world.advance_to(START.plus(5));
    becomes(&world, lost("v1"), |world| {
        with_machine(world, "m1", |machine| (machine.gone, machine.updated_at) = (true, START.plus(5)));
        assert!(world.change(&WorldChange::VolumeGone { id: "v1".to_string() }));
    });
    change(&mut world, lost("v1"));
    assert_eq!(refusal(&mut world, &get("m1")), said(FaultKind::Absent, 404, "machine not found"));
    assert_eq!(refusal(&mut world, &get_volume("v1")), said(FaultKind::Absent, 404, "volume not found"));
    assert_eq!(volume(&world, "vol_new1").state, VolumeState::ForkCleanup);
    assert_eq!(world.live_machines().count(), 0);
    refuses(&world, lost("v1"));
    refuses(&world, lost("v9"));
    refuses(&world, down("v1"));
}

#[test]
fn a_full_host_takes_no_machine() {
    let mut world = inhabited_in(MachineState::Stopped);
    for volume in ["v1", "v2"] {
        becomes(&world, full(volume, true), |world| with_volume(world, volume, |volume| volume.host_full = true));
        change(&mut world, full(volume, true));
    }
    let before = world.clone();
    let reserve = "aborted: could not reserve resource for machine: insufficient memory available to fulfill request";
    for request in [start("m1"), update("m1", "v1")] {
        let memory = FaultKind::NoCapacity(Capacity::InsufficientMemory);
        assert_eq!(refusal(&mut world, &request), said(memory, 409, reserve));
    }
    let text = "insufficient resources to create new machine with existing volume 'v2'";
    let resources = FaultKind::NoCapacity(Capacity::InsufficientResources);
    assert_eq!(refusal(&mut world, &create("a", "v2")), said(resources, 412, text));
    assert_eq!(world, before);
    assert!(world.perform(&fork("v1"), None).is_ok(), "elsewhere there is room");
    change(&mut world, full("v1", false));
    accepted(&mut world, &start("m1"));
    accepted(&mut world, &start("m1"));
    refuses(&world, full("v9", true));
}

#[test]
fn fly_moves_a_machine() {
    let mut world = inhabited();
    world.hydrate_ms = 10_000;
    assert!(world.perform(&fork("v1"), None).is_ok());
    change(&mut world, full("v1", true));
    change(&mut world, WorldChange::Stuck { volume: "v1".to_string(), stuck: true });
    world.advance_to(START.plus(5));
    let before = world.clone();
    change(&mut world, migrate("m1"));
    let old = volume(&before, "v1");
    let moved = SimVolume { host_full: false, stuck: false, updated_at: START.plus(5), ..old.clone() };
    assert_eq!(volume(&world, "vol_new2"), &moved);
    assert_eq!(volume(&world, "v1"), &SimVolume { gone: true, updated_at: START.plus(5), ..old.clone() });
    assert_eq!(machine(&world, "m1").mounts, ["vol_new2"]);
    assert_eq!(volume(&world, "vol_new1").reads_from, Some("vol_new2".to_string()));
    assert_eq!(refusal(&mut world, &get_volume("v1")), said(FaultKind::Absent, 404, "volume not found"));
    assert_eq!(look_at_volume(&mut world, "vol_new2").attached_machine, Some(super::id("m1")));
    assert!(world.intact("vol_new1"));
    world.advance_to(START.plus(10_000));
    assert_eq!(volume(&world, "vol_new1").state, VolumeState::Created);
    refuses(&world, migrate("m9"));
    refuses(&inhabited_in(MachineState::Destroyed), migrate("m1"));
    with_machine(&mut world, "m1", |machine| machine.mounts.clear());
    refuses(&world, migrate("m1"));
}

#[test]
fn a_copy_that_is_moved_goes_on_hydrating() {
    let mut world = inhabited();
    world.hydrate_ms = 10_000;
    assert!(world.perform(&fork("v2"), None).is_ok());
    with_machine(&mut world, "m1", |machine| machine.mounts = vec!["vol_new1".to_string()]);
    change(&mut world, migrate("m1"));
    let copy = volume(&world, "vol_new2");
    assert_eq!((&copy.state, copy.reads_from.as_deref()), (&VolumeState::Hydrating, Some("v2")));
    assert_eq!(volume(&world, "vol_new1").reads_from, None);
    world.advance_to(START.plus(10_000));
    assert_eq!(volume(&world, "vol_new2").state, VolumeState::Created);
}

#[test]
fn a_host_comes_back_for_its_machines_though_the_volume_is_gone() {
    let mut world = dark(MachineState::Started);
    change(&mut world, WorldChange::VolumeGone { id: "v1".to_string() });
    world.advance_to(START.plus(10));
    change(&mut world, WorldChange::Purge { before: START.plus(9) });
    let mut healed = world.clone();
    change(&mut world, back("v1"));
    change(&mut healed, WorldChange::Heal);
    for world in [world, healed] {
        assert!(machine(&world, "m1").runs());
        assert_eq!(machine(&world, "m1").host_status, HostStatus::Ok);
    }
}
