//! Changes of single things and of the rules.

use super::{
    START, all_volumes, becomes, change, create, delete, destroy, fork, get, get_volume, inhabited, inhabited_in, look,
    look_at_volume, machine, new_volume, refusal, refuses, said, start, state, stop, volume, with_machine, with_volume,
};
use kiloclaw_lifecycle::call::{Content, Done};
use kiloclaw_lifecycle::fault::{Capacity, FaultKind};
use kiloclaw_lifecycle::id::SnapshotId;
use kiloclaw_lifecycle::observe::{Exit, HostStatus, MachineState, SnapshotStatus, VolumeState};
use kiloclaw_lifecycle::testkit::{
    Attempt, Boot, Landing, Request, Said, SimMachine, SimSnapshot, SimVolume, Strike, World, WorldChange,
};
use std::collections::BTreeMap;

fn by_itself(id: &str, state: MachineState) -> WorldChange {
    WorldChange::Machine { id: id.to_string(), state, exit: None }
}

#[test]
fn a_machine_changes_its_state_by_itself() {
    let mut world = inhabited();
    world.advance_to(START.plus(5));
    let exit = Exit { code: Some(137), oom_killed: true, requested_stop: false };
    let crash = WorldChange::Machine { id: "m1".to_string(), state: MachineState::Stopped, exit: Some(exit.clone()) };
    becomes(&world, crash, |world| {
        with_machine(world, "m1", |machine| {
            (machine.state, machine.exit, machine.updated_at) = (MachineState::Stopped, Some(exit), START.plus(5));
        });
    });
    becomes(&world, by_itself("m1", MachineState::Started), |world| {
        with_machine(world, "m1", |machine| machine.updated_at = START.plus(5));
        assert!(world.write_to("v1"));
    });
    refuses(&world, by_itself("m9", MachineState::Stopped));
}

#[test]
fn what_a_machine_does_by_itself_overtakes_what_it_was_told() {
    let mut world = inhabited_in(MachineState::Stopped);
    super::accepted(&mut world, &start("m1"));
    change(&mut world, by_itself("m1", MachineState::Failed));
    assert_eq!((world.next_change(), state(&world, "m1")), (None, MachineState::Failed));
}

#[test]
fn a_doomed_machine_only_ends() {
    let doomed = inhabited_in(MachineState::Destroying);
    refuses(&doomed, by_itself("m1", MachineState::Started));
    becomes(&doomed, by_itself("m1", MachineState::Destroyed), |world| {
        with_machine(world, "m1", |machine| machine.state = MachineState::Destroyed);
    });
    refuses(&inhabited_in(MachineState::Destroyed), by_itself("m1", MachineState::Started));
}

#[test]
fn a_machine_is_gone() {
    let gone = WorldChange::MachineGone { id: "m1".to_string() };
    let mut world = inhabited();
    world.advance_to(START.plus(5));
    becomes(&world, gone.clone(), |world| {
        with_machine(world, "m1", |machine| (machine.gone, machine.updated_at) = (true, START.plus(5)));
    });
    change(&mut world, gone.clone());
    assert_eq!(refusal(&mut world, &get("m1")), said(FaultKind::Absent, 404, "machine not found"));
    assert_eq!(look_at_volume(&mut world, "v1").attached_machine, None);
    assert_eq!((world.live_machines().count(), world.writers("v1").len()), (0, 0));
    refuses(&world, gone);
    refuses(&world, WorldChange::MachineGone { id: "m9".to_string() });
}

#[test]
fn a_volume_is_gone_and_with_it_the_copies_that_read_from_it() {
    let mut world = inhabited();
    world.hydrate_ms = 60_000;
    assert!(world.perform(&fork("v1"), None).is_ok());
    assert!(world.perform(&fork("vol_new1"), None).is_ok());
    assert_eq!((volume(&world, "vol_new2").generation, world.intact("vol_new2")), (1, true));
    let gone = WorldChange::VolumeGone { id: "v1".to_string() };
    change(&mut world, gone.clone());
    assert_eq!(world.next_change(), None, "nothing hydrates any more");
    assert_eq!(refusal(&mut world, &get_volume("v1")), said(FaultKind::Absent, 404, "volume not found"));
    for copy in ["vol_new1", "vol_new2"] {
        assert_eq!(look_at_volume(&mut world, copy).state, VolumeState::ForkCleanup);
        let dead = volume(&world, copy);
        assert_eq!((dead.generation, &dead.reads_from, world.intact(copy)), (0, &None, false));
    }
    assert_eq!(world.live_volumes().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["v2"]);
    assert_eq!(state(&world, "m1"), MachineState::Started);
    refuses(&world, gone);
    refuses(&world, WorldChange::VolumeGone { id: "v9".to_string() });
}

#[test]
fn a_copy_dies_with_a_source_that_is_deleted_but_not_once_it_is_whole() {
    let mut world = inhabited();
    world.hydrate_ms = 60_000;
    assert!(world.perform(&fork("v2"), None).is_ok());
    let mut whole = world.clone();
    super::accepted(&mut world, &delete("v2"));
    assert_eq!(volume(&world, "vol_new1").state, VolumeState::ForkCleanup);
    whole.advance_to(START.plus(60_000));
    super::accepted(&mut whole, &delete("v2"));
    assert_eq!(volume(&whole, "vol_new1").state, VolumeState::Created);
    assert!(whole.intact("vol_new1"));
}

#[test]
fn rules_change() {
    let world = inhabited();
    becomes(&world, WorldChange::Boot { boot: Boot::Failed, ms: 9 }, |world| {
        (world.boot, world.boot_ms) = (Boot::Failed, 9);
    });
    becomes(&world, WorldChange::Healthy(false), |world| world.healthy = false);
    becomes(&world, WorldChange::HydrateMs(9), |world| world.hydrate_ms = 9);
    becomes(&world, WorldChange::StopMs(9), |world| world.stop_ms = 9);
    becomes(&world, WorldChange::DestroyMs(9), |world| world.destroy_ms = 9);
    becomes(&world, WorldChange::UnbindMs(9), |world| world.unbind_ms = 9);
    becomes(&world, WorldChange::VisibleMs(9), |world| world.visible_ms = 9);
}

#[test]
fn a_region_fills_up_and_empties() {
    let room = |creates| WorldChange::Capacity { region: "ORD".to_string(), creates };
    let mut world = inhabited();
    becomes(&world, room(Some(1)), |world| world.limit("ord", 1));
    change(&mut world, room(Some(0)));
    let full = said(FaultKind::NoCapacity(Capacity::NoCapacity), 422, "could not find a candidate host");
    assert_eq!(refusal(&mut world, &new_volume(Content::Empty { size_gb: 1 })), full);
    change(&mut world, room(None));
    assert_eq!(world, inhabited());
}

#[test]
fn the_tenant_writes_while_its_machine_runs() {
    let write = |id: &str| WorldChange::Write { machine: id.to_string() };
    let mut world = inhabited();
    becomes(&world, write("m1"), |world| assert!(world.write_to("v1")));
    refuses(&inhabited_in(MachineState::Starting), write("m1"));
    refuses(&world, write("m9"));
    assert!(world.change_volume("v1", |volume| volume.state = VolumeState::PendingDestroy));
    refuses(&world, write("m1"));
}

#[test]
fn every_write_in_a_world_has_the_next_number() {
    let mut world = inhabited();
    assert!(world.write_to("v2") && world.write_to("v1"));
    assert_eq!((volume(&world, "v2").generation, volume(&world, "v1").generation), (2, 3));
    world.put_volume("v3", SimVolume { generation: 10, ..SimVolume::new("ours", START) });
    assert!(world.write_to("v2"));
    assert_eq!(volume(&world, "v2").generation, 11);
    let old = SimSnapshot { id: "vs-1".to_string(), status: SnapshotStatus::Created, size_gb: None, generation: 20 };
    world.put_snapshots("v3", vec![old]);
    assert!(world.change_volume("v1", |volume| volume.generation = 30));
    assert!(world.write_to("v2"));
    assert_eq!(volume(&world, "v2").generation, 31);
    assert!(!world.write_to("v9"));
}

#[test]
fn a_snapshot_holds_what_its_volume_held() {
    let taken = |volume: &str, status| {
        let (volume, id) = (volume.to_string(), "vs-1".to_string());
        WorldChange::Snapshot { volume, id, status }
    };
    let snapshot = |status| SimSnapshot { id: "vs-1".to_string(), status, size_gb: Some(10), generation: 1 };
    let mut world = inhabited();
    becomes(&world, taken("v1", SnapshotStatus::Running), |world| {
        world.put_snapshots("v1", vec![snapshot(SnapshotStatus::Running)]);
    });
    change(&mut world, taken("v1", SnapshotStatus::Running));
    assert!(world.write_to("v1"));
    becomes(&world, taken("v1", SnapshotStatus::Created), |world| {
        world.put_snapshots("v1", vec![snapshot(SnapshotStatus::Created)]);
    });
    let restore = Content::Snapshot { snapshot: SnapshotId::new("vs-1").expect("a snapshot id"), size_gb: 10 };
    assert!(world.perform(&new_volume(restore), None).is_ok());
    assert_eq!(volume(&world, "vol_new1").generation, 1);
    refuses(&world, taken("v9", SnapshotStatus::Created));
    change(&mut world, WorldChange::HostDown { volume: "v2".to_string() });
    refuses(&world, taken("v2", SnapshotStatus::Created));
}

#[test]
fn a_machine_of_somebody_else_holds_a_volume() {
    let foreign = |volume: Option<&str>| WorldChange::Foreign {
        id: "f1".to_string(),
        volume: volume.map(ToString::to_string),
        sandbox: "sandbox-2".to_string(),
    };
    let theirs = |place: &str, mounts: &[&str]| SimMachine {
        region: Some(place.to_string()),
        mounts: mounts.iter().map(ToString::to_string).collect(),
        metadata: BTreeMap::from([("kiloclaw_sandbox_id".to_string(), "sandbox-2".to_string())]),
        ..SimMachine::new("f1", START)
    };
    let claim = |volume: &mut SimVolume| volume.claimed_by = Some(Some("f1".to_string()));
    let mut world = inhabited();
    becomes(&world, foreign(None), |world| world.put_machine("f1", theirs("iad", &[])));
    becomes(&world, foreign(Some("v1")), |world| {
        world.put_machine("f1", theirs("iad", &[]));
        with_volume(world, "v1", claim);
    });
    becomes(&world, foreign(Some("v2")), |world| {
        world.put_machine("f1", theirs("ord", &["v2"]));
        with_volume(world, "v2", claim);
    });
    refuses(&world, foreign(Some("v9")));
    change(&mut world, foreign(Some("v2")));
    refuses(&world, foreign(None));
    assert_eq!(look_at_volume(&mut world, "v2").attached_machine, Some(super::id("f1")));
    assert_eq!(world.writers("v2"), ["f1"]);
    let bound = "failed_precondition: volume is currently bound to machine: f1";
    assert_eq!(refusal(&mut world, &delete("v2")), said(FaultKind::Busy, 412, bound));
    let claimed = "failed_precondition: volume already claimed by machine f1";
    assert_eq!(refusal(&mut world, &create("a", "v2")), said(FaultKind::Busy, 412, claimed));
}

#[test]
fn a_volume_turns_up_that_nobody_asked_for() {
    let foreign = |id: &str| WorldChange::ForeignVolume { id: id.to_string(), name: "ours".to_string() };
    let mut world = inhabited();
    becomes(&world, foreign("f1"), |world| {
        world.put_volume("f1", SimVolume { region: Some("iad".to_string()), ..SimVolume::new("ours", START) });
    });
    refuses(&world, foreign("v1"));
    change(&mut world, foreign("f1"));
    assert!(matches!(world.perform(&all_volumes(), None), Ok(Done::Volumes(list)) if list.len() == 3));
}

#[test]
fn a_stuck_volume_is_never_deleted() {
    let stuck = |volume: &str, stuck| WorldChange::Stuck { volume: volume.to_string(), stuck };
    let mut world = inhabited();
    becomes(&world, stuck("v2", true), |world| with_volume(world, "v2", |volume| volume.stuck = true));
    change(&mut world, stuck("v2", true));
    world.advance_to(START.plus(1_000_000_000));
    let bound = format!("failed_precondition: volume is currently bound to machine: {}", "\0".repeat(14));
    assert_eq!(refusal(&mut world, &delete("v2")), said(FaultKind::Busy, 412, &bound));
    assert_eq!(look_at_volume(&mut world, "v2").attached_machine, None);
    change(&mut world, stuck("v2", false));
    super::accepted(&mut world, &delete("v2"));
    refuses(&world, stuck("v2", true));
}

/// A world in which everything is under way and nothing is well.
fn storm() -> World {
    let mut world = inhabited();
    world.hydrate_ms = 500_000;
    assert!(world.perform(&fork("v1"), None).is_ok());
    for rule in [
        WorldChange::Boot { boot: Boot::Failed, ms: 900_000 },
        WorldChange::Healthy(false),
        WorldChange::Capacity { region: "ord".to_string(), creates: Some(5) },
        WorldChange::StopMs(500_000),
        WorldChange::DestroyMs(500_000),
        WorldChange::UnbindMs(500_000),
        WorldChange::Stuck { volume: "v2".to_string(), stuck: true },
    ] {
        change(&mut world, rule);
    }
    for (name, mounted) in [("m2", "v2"), ("m3", "vol_new1")] {
        let machine = SimMachine { mounts: vec![mounted.to_string()], ..SimMachine::new(name, START) };
        world.put_machine(name, machine);
    }
    super::accepted(&mut world, &destroy("m2"));
    super::accepted(&mut world, &stop("m3"));
    change(&mut world, WorldChange::HostDown { volume: "v1".to_string() });
    change(&mut world, WorldChange::HostFull { volume: "v2".to_string(), full: true });
    change(&mut world, WorldChange::VisibleMs(500_000));
    world
}

#[test]
fn calm_returns() {
    let mut world = storm();
    change(&mut world, WorldChange::Heal);
    let mut expected = inhabited();
    with_volume(&mut expected, "v1", |volume| volume.generation = 2);
    assert!(world.perform(&get("m1"), None).is_ok(), "it can be found");
    assert_eq!(machine(&world, "m1"), machine(&expected, "m1"), "it runs again");
    assert_eq!(volume(&world, "v1"), volume(&expected, "v1"), "and has written");
    assert_eq!(volume(&world, "v2"), volume(&expected, "v2"), "free, not stuck, with room");
    assert_eq!((state(&world, "m2"), state(&world, "m3")), (MachineState::Destroyed, MachineState::Stopped));
    let copy = volume(&world, "vol_new1");
    assert_eq!((&copy.state, &copy.reads_from, copy.generation), (&VolumeState::Created, &None, 1));
    assert_eq!(world.next_change(), None);
    let calm = World::new(START);
    assert_eq!((world.boot, world.boot_ms, world.healthy), (calm.boot, calm.boot_ms, calm.healthy));
    assert_eq!((world.hydrate_ms, world.stop_ms, world.destroy_ms), (0, 0, 0));
    assert_eq!((world.unbind_ms, world.visible_ms), (0, 0));
    super::accepted(&mut world, &delete("v2"));
    for _ in 0..9 {
        assert!(world.perform(&new_volume(Content::Empty { size_gb: 1 }), None).is_ok(), "there is room");
    }
}

#[test]
fn calm_lets_boots_come_to_their_end_and_late_calls_land() {
    for before in ["created", "starting", "replacing", "updating", "restarting"] {
        let late = Strike { said: Said::Nothing, landing: Landing::After(7_000) };
        let mut world = inhabited_in(MachineState::from(before));
        with_machine(&mut world, "m1", |machine| machine.host_status = HostStatus::Unreachable);
        assert_eq!(world.attempt(&destroy("m1"), START, Some(&late)), Attempt::Silent);
        change(&mut world, WorldChange::Heal);
        assert_eq!((look(&mut world, "m1").host_status, state(&world, "m1").as_str()), (HostStatus::Ok, before));
        world.advance_to(START.plus(4_000));
        assert_eq!(state(&world, "m1"), MachineState::Started, "{before}");
        world.advance_to(START.plus(7_000));
        assert_eq!(state(&world, "m1"), MachineState::Destroyed, "{before}");
    }
    let mut world = inhabited_in(MachineState::Suspending);
    change(&mut world, WorldChange::Heal);
    assert_eq!(state(&world, "m1"), MachineState::Suspended);
}

#[test]
fn what_is_long_gone_is_forgotten() {
    let mut world = inhabited();
    let snapshot = |volume: &str| WorldChange::Snapshot {
        volume: volume.to_string(),
        id: format!("vs-{volume}"),
        status: SnapshotStatus::Created,
    };
    change(&mut world, snapshot("v1"));
    change(&mut world, snapshot("v2"));
    super::accepted(&mut world, &destroy("m1"));
    super::accepted(&mut world, &delete("v1"));
    let purge = |ms| WorldChange::Purge { before: START.plus(ms) };
    let before = world.clone();
    change(&mut world, purge(0));
    assert_eq!(world, before, "what changed at that very time stays");
    change(&mut world, purge(1));
    assert_eq!((world.machine("m1"), world.volume("v1")), (None, None));
    assert_eq!(volume(&world, "v2"), volume(&before, "v2"));
    assert_eq!(refusal(&mut world, &get("m1")), said(FaultKind::Absent, 404, "machine not found"));
    assert_eq!(refusal(&mut world, &get_volume("v1")), said(FaultKind::Absent, 404, "volume not found"));
    let list = |volume: &str| Request::ListSnapshots(super::vol(volume));
    assert_eq!(refusal(&mut world, &list("v1")), said(FaultKind::Absent, 404, "volume not found"));
    assert!(matches!(world.perform(&list("v2"), None), Ok(Done::Snapshots(list)) if list.len() == 1));
    let mut young = inhabited();
    change(&mut young, WorldChange::Purge { before: START.plus(99) });
    assert_eq!(young, inhabited(), "what is live stays");
}
