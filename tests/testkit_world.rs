//! The simulated Fly keeps to the rules it is documented with.

use futures::executor::block_on;
use kiloclaw_lifecycle::Timestamp;
use kiloclaw_lifecycle::call::{CallKind, Content, Done, MachineUpdate, NewMachine, NewVolume, VolumeFilter, WaitFor};
use kiloclaw_lifecycle::fault::{Capacity, Fault, FaultKind};
use kiloclaw_lifecycle::guest::Guest;
use kiloclaw_lifecycle::id::{
    Identity, MachineId, MachineVersion, Region, ResourceName, SandboxId, SnapshotId, UserId, VolumeId,
};
use kiloclaw_lifecycle::observe::{HostStatus, Machine, MachineState, SnapshotStatus, Volume, VolumeState};
use kiloclaw_lifecycle::port::{Clock, HealthProbe, Provider};
use kiloclaw_lifecycle::testkit::{
    Boot, Landing, Request, Said, SimFly, SimMachine, SimSnapshot, SimVolume, Strike, World,
};
use std::collections::BTreeMap;

const START: Timestamp = Timestamp::from_millis(1_000_000);

fn machine_id(id: &str) -> MachineId {
    MachineId::new(id).expect("a machine id")
}

fn volume_id(id: &str) -> VolumeId {
    VolumeId::new(id).expect("a volume id")
}

fn region(name: &str) -> Region {
    Region::new(name).expect("a region")
}

fn name(name: &str) -> ResourceName {
    ResourceName::new(name).expect("a name")
}

fn labels() -> BTreeMap<String, String> {
    BTreeMap::from([("kiloclaw_sandbox_id".to_string(), "sandbox-1".to_string())])
}

/// A volume `vol-1` in iad.
fn world() -> World {
    let mut world = World::new(START);
    world.put_volume("vol-1", SimVolume { region: Some("iad".to_string()), ..SimVolume::new("ours", START) });
    world
}

/// The same, with a started machine `machine-1` on it.
fn inhabited() -> World {
    let mut world = world();
    let machine = SimMachine {
        region: Some("iad".to_string()),
        mounts: vec!["vol-1".to_string()],
        metadata: labels(),
        ..SimMachine::new("sandbox-1", START)
    };
    world.put_machine("machine-1", machine);
    world
}

fn new_machine(called: &str, volume: &str, place: Option<&str>) -> Request {
    Request::CreateMachine(Box::new(NewMachine {
        name: name(called),
        region: place.map(region),
        guest: Guest::STANDARD,
        volume: volume_id(volume),
        metadata: labels(),
        image: None,
    }))
}

fn update(machine: &str, volume: &str) -> Request {
    Request::UpdateMachine(Box::new(MachineUpdate {
        machine: machine_id(machine),
        guest: Guest::STANDARD,
        volume: volume_id(volume),
        metadata: labels(),
        image: None,
    }))
}

fn new_volume(place: &str, content: Content) -> Request {
    Request::CreateVolume(Box::new(NewVolume {
        name: name("ours"),
        region: region(place),
        guest: Guest::STANDARD,
        content,
    }))
}

fn wait(machine: &str, version: Option<&str>) -> Request {
    Request::WaitMachine {
        machine: machine_id(machine),
        version: version.map(|version| MachineVersion::new(version).expect("a version")),
        state: WaitFor::Started,
        timeout_s: 60,
    }
}

fn look(world: &mut World, machine: &str) -> Machine {
    match world.perform(&Request::GetMachine(machine_id(machine)), None) {
        Ok(Done::Machine(machine)) => *machine,
        other => panic!("{other:?}"),
    }
}

fn look_at_volume(world: &mut World, volume: &str) -> Volume {
    match world.perform(&Request::GetVolume(volume_id(volume)), None) {
        Ok(Done::Volume(volume)) => *volume,
        other => panic!("{other:?}"),
    }
}

fn waited(state: MachineState) -> Result<Done, Fault> {
    Ok(Done::Waited { state })
}

fn kind(result: Result<Done, Fault>) -> Result<Done, FaultKind> {
    result.map_err(|fault| fault.kind)
}

fn elapsed(world: &World) -> u64 {
    world.now().since(START)
}

#[test]
fn a_machine_boots_in_its_time_and_marks_its_volume() {
    let mut world = world();
    let made = world.perform(&new_machine("a", "vol-1", Some("iad")), None);
    assert_eq!(made, Ok(Done::MachineCreated { machine: machine_id("mnew1"), region: Some(region("iad")) }));
    assert_eq!(look(&mut world, "mnew1").state, MachineState::Created);
    assert_eq!(look_at_volume(&mut world, "vol-1").attached_machine, Some(machine_id("mnew1")));
    assert_eq!((elapsed(&world), world.volume("vol-1").map(|volume| volume.generation)), (0, Some(0)));
    assert_eq!(world.perform(&wait("mnew1", None), None), waited(MachineState::Started));
    assert_eq!((elapsed(&world), world.volume("vol-1").map(|volume| volume.generation)), (4_000, Some(1)));
}

#[test]
fn a_boot_ends_as_it_was_told_to() {
    let rows = [
        (Boot::Started, MachineState::Started, 4_000),
        (Boot::Failed, MachineState::Failed, 4_000),
        (Boot::Stopped, MachineState::Stopped, 4_000),
        (Boot::Created, MachineState::Created, 60_000),
        (Boot::Starting, MachineState::Starting, 60_000),
    ];
    for (boot, state, ms) in rows {
        let mut world = world();
        world.boot = boot;
        assert!(world.perform(&new_machine("a", "vol-1", None), None).is_ok());
        assert_eq!(world.perform(&wait("mnew1", None), None), waited(state), "{boot:?}");
        assert_eq!(elapsed(&world), ms, "{boot:?}");
    }
}

#[test]
fn a_wait_pinned_to_an_old_version_runs_out() {
    let mut world = inhabited();
    assert_eq!(look(&mut world, "machine-1").version, MachineVersion::new("v1").ok());
    assert_eq!(world.perform(&update("machine-1", "vol-1"), None), Ok(Done::Accepted));
    assert_eq!(look(&mut world, "machine-1").state, MachineState::Replacing);
    assert_eq!(world.perform(&wait("machine-1", Some("v2")), None), waited(MachineState::Started));
    assert_eq!(world.perform(&wait("machine-1", Some("v1")), None), waited(MachineState::from("replaced")));
    assert_eq!(elapsed(&world), 64_000);
}

#[test]
fn an_update_of_a_machine_that_does_not_run_leaves_it_stopped() {
    let mut world = inhabited();
    world.change_machine("machine-1", |machine| machine.state = MachineState::Failed);
    assert_eq!(world.perform(&update("machine-1", "vol-1"), None), Ok(Done::Accepted));
    assert_eq!(look(&mut world, "machine-1").state, MachineState::Stopped);
    assert_eq!(world.perform(&Request::StartMachine(machine_id("machine-1")), None), Ok(Done::Accepted));
    assert_eq!(look(&mut world, "machine-1").state, MachineState::Starting);
    assert_eq!(world.perform(&wait("machine-1", None), None), waited(MachineState::Started));
    world.put_volume("vol-2", SimVolume::new("ours", START));
    assert_eq!(kind(world.perform(&update("machine-1", "vol-2"), None)), Err(FaultKind::Refused));
    assert_eq!(kind(world.perform(&update("machine-1", "vol-3"), None)), Err(FaultKind::MissingVolume));
}

#[test]
fn a_machine_is_not_started_or_stopped_from_every_state() {
    for state in ["created", "replacing", "stopping", "destroying", "a new word"] {
        let mut world = inhabited();
        world.change_machine("machine-1", |machine| machine.state = MachineState::from(state));
        let started = world.perform(&Request::StartMachine(machine_id("machine-1")), None);
        assert_eq!(kind(started), Err(FaultKind::Busy), "{state}");
    }
    let mut world = inhabited();
    world.change_machine("machine-1", |machine| machine.state = MachineState::Replacing);
    assert_eq!(kind(world.perform(&Request::StopMachine(machine_id("machine-1")), None)), Err(FaultKind::Busy));
}

#[test]
fn a_stop_takes_its_time() {
    let mut world = inhabited();
    world.stop_ms = 90_000;
    let stop = Request::StopMachine(machine_id("machine-1"));
    assert_eq!(world.perform(&stop, None), Ok(Done::Accepted));
    assert_eq!(world.perform(&wait("machine-1", None), None), waited(MachineState::Stopping));
    assert_eq!(world.perform(&wait("machine-1", None), None), waited(MachineState::Stopped));
    assert_eq!(elapsed(&world), 90_000);
    assert_eq!(look(&mut world, "machine-1").exit.map(|exit| exit.requested_stop), Some(true));
}

#[test]
fn destroyed_is_an_answer_and_gone_is_none() {
    let mut world = inhabited();
    let destroy = Request::DestroyMachine(machine_id("machine-1"));
    assert_eq!(world.perform(&destroy, None), Ok(Done::Accepted));
    assert_eq!(look(&mut world, "machine-1").state, MachineState::Destroyed);
    assert_eq!(world.perform(&Request::ListMachines(labels()), None), Ok(Done::Machines(Vec::new())));
    assert_eq!(world.perform(&destroy, None), Ok(Done::Accepted));
    assert_eq!(kind(world.perform(&Request::StartMachine(machine_id("machine-1")), None)), Err(FaultKind::Absent));
    world.change_machine("machine-1", |machine| machine.gone = true);
    assert_eq!(kind(world.perform(&destroy, None)), Err(FaultKind::Absent));
    assert_eq!(kind(world.perform(&wait("machine-1", None), None)), Err(FaultKind::Absent));
    assert_eq!(look_at_volume(&mut world, "vol-1").attached_machine, None);
}

#[test]
fn a_volume_in_use_is_not_deleted() {
    let mut world = inhabited();
    let delete = Request::DeleteVolume(volume_id("vol-1"));
    let fault = world.perform(&delete, None).expect_err("bound");
    assert_eq!((fault.kind, fault.status), (FaultKind::Busy, Some(412)));
    assert!(world.perform(&Request::DestroyMachine(machine_id("machine-1")), None).is_ok());
    assert_eq!(world.perform(&delete, None), Ok(Done::Accepted));
    assert_eq!(kind(world.perform(&delete, None)), Err(FaultKind::Absent));
    assert_eq!(kind(world.perform(&Request::GetVolume(volume_id("vol-1")), None)), Err(FaultKind::Absent));
    let all = VolumeFilter::Named(name("ours"));
    assert_eq!(world.perform(&Request::ListVolumes(all), None), Ok(Done::Volumes(Vec::new())));
    assert_eq!(world.volume("vol-1").map(SimVolume::true_state), Some(VolumeState::Destroyed));
}

#[test]
fn the_holder_that_is_shown_may_lag() {
    let mut world = inhabited();
    world.change_volume("vol-1", |volume| volume.claimed_by = Some(None));
    assert_eq!(look_at_volume(&mut world, "vol-1").attached_machine, None);
    world.change_volume("vol-1", |volume| volume.claimed_by = Some(Some("machine-1".to_string())));
    assert!(world.perform(&Request::DestroyMachine(machine_id("machine-1")), None).is_ok());
    assert_eq!(look_at_volume(&mut world, "vol-1").attached_machine, None);
}

#[test]
fn a_name_a_volume_and_a_region_are_taken_once() {
    let mut world = inhabited();
    let conflict = world.perform(&new_machine("sandbox-1", "vol-1", None), None);
    assert_eq!(kind(conflict), Err(FaultKind::Conflict(Some(machine_id("machine-1")))));
    assert_eq!(kind(world.perform(&new_machine("b", "vol-1", None), None)), Err(FaultKind::Busy));
    assert_eq!(kind(world.perform(&new_machine("b", "vol-9", None), None)), Err(FaultKind::MissingVolume));
    world.put_volume("vol-2", SimVolume { region: Some("ord".to_string()), ..SimVolume::new("ours", START) });
    assert_eq!(kind(world.perform(&new_machine("b", "vol-2", Some("iad")), None)), Err(FaultKind::Refused));
    world.limit("ORD", 0);
    let full = world.perform(&new_machine("b", "vol-2", None), None).expect_err("full");
    assert_eq!((full.kind, full.status), (FaultKind::NoCapacity(Capacity::InsufficientResources), Some(412)));
}

#[test]
fn capacity_is_used_up_by_machines_and_volumes_together() {
    let mut world = world();
    world.limit("eu", 1);
    let fresh = new_volume("EU", Content::Empty { size_gb: 5 });
    let made = Ok(Done::VolumeCreated {
        volume: volume_id("vol_new1"),
        region: Some(region("ams")),
        state: VolumeState::Created,
    });
    assert_eq!(world.perform(&fresh, None), made);
    let full = world.perform(&fresh, None).expect_err("full");
    assert_eq!((full.kind, full.status), (FaultKind::NoCapacity(Capacity::NoCapacity), Some(422)));
    assert_eq!(full.message, "could not find a candidate host");
    // The machine is asked for in a concrete region, which is not limited.
    assert!(world.perform(&new_machine("a", "vol_new1", Some("ams")), None).is_ok());
    let us = world.perform(&new_volume("us", Content::Empty { size_gb: 5 }), None);
    assert!(matches!(us, Ok(Done::VolumeCreated { region: Some(place), .. }) if place == region("iad")));
}

#[test]
fn a_fork_copies_what_was_written_and_reads_from_its_source_for_a_while() {
    let mut world = world();
    world.write_to("vol-1");
    world.hydrate_ms = 10_000;
    let fork = new_volume("ord", Content::Fork { source: volume_id("vol-1") });
    assert!(world.perform(&fork, None).is_ok());
    world.write_to("vol-1");
    let made = world.volume("vol_new1").cloned().expect("the fork");
    assert_eq!((made.state, made.generation, made.size_gb), (VolumeState::Hydrating, 1, 10));
    assert_eq!(made.reads_from, Some("vol-1".to_string()));
    world.advance_to(START.plus(10_000));
    let made = world.volume("vol_new1").cloned().expect("the fork");
    assert_eq!((made.state, made.reads_from), (VolumeState::Created, None));
    let none = new_volume("ord", Content::Fork { source: volume_id("vol-9") });
    assert_eq!(kind(world.perform(&none, None)), Err(FaultKind::Absent));
    world.change_volume("vol-1", |volume| volume.state = VolumeState::PendingDestroy);
    assert_eq!(kind(world.perform(&fork, None)), Err(FaultKind::Refused));
}

#[test]
fn snapshots_outlive_their_volume() {
    let mut world = world();
    let snapshot =
        SimSnapshot { id: "vs-1".to_string(), status: SnapshotStatus::Created, size_gb: Some(12), generation: 7 };
    world.put_snapshots("vol-1", vec![snapshot]);
    world.change_volume("vol-1", |volume| volume.gone = true);
    assert!(
        matches!(world.perform(&Request::ListSnapshots(volume_id("vol-1")), None), Ok(Done::Snapshots(list)) if list.len() == 1)
    );
    assert_eq!(kind(world.perform(&Request::ListSnapshots(volume_id("vol-9")), None)), Err(FaultKind::Absent));
    let restore = |id: &str, size_gb| {
        new_volume("iad", Content::Snapshot { snapshot: SnapshotId::new(id).expect("a snapshot id"), size_gb })
    };
    assert_eq!(kind(world.perform(&restore("vs-1", 10), None)), Err(FaultKind::Refused));
    assert_eq!(kind(world.perform(&restore("vs-2", 12), None)), Err(FaultKind::Absent));
    assert!(world.perform(&restore("vs-1", 12), None).is_ok());
    assert_eq!(world.volume("vol_new1").map(|volume| volume.generation), Some(7));
}

#[test]
fn a_host_in_trouble_hides_the_configuration() {
    let mut world = inhabited();
    world.change_machine("machine-1", |machine| machine.host_status = HostStatus::Unreachable);
    let seen = look(&mut world, "machine-1");
    assert_eq!((seen.config, seen.state), (None, MachineState::Started));
    assert_eq!(seen.region, Some(region("iad")));
}

#[test]
fn health_is_asked_until_it_is_good_or_the_time_is_over() {
    let probe = Request::ProbeHealth { machine: machine_id("machine-1"), timeout_s: 60 };
    let mut world = inhabited();
    assert_eq!(world.perform(&probe, None), Ok(Done::Health { healthy: true }));
    assert_eq!(elapsed(&world), 0);
    world.healthy = false;
    assert_eq!(world.perform(&probe, None), Ok(Done::Health { healthy: false }));
    assert_eq!(elapsed(&world), 60_000);
    world.healthy = true;
    world.change_machine("machine-1", |machine| machine.state = MachineState::Stopped);
    assert!(world.perform(&Request::StartMachine(machine_id("machine-1")), None).is_ok());
    assert_eq!(world.perform(&probe, None), Ok(Done::Health { healthy: true }));
    assert_eq!(elapsed(&world), 64_000);
}

#[test]
fn a_strike_tells_one_thing_and_does_another() {
    let strike = |said: Said, landing: Landing| Strike { said, landing };
    let create = new_machine("a", "vol-1", None);
    let lost = Said::Status(503, "upstream".to_string());

    let mut once = world();
    assert_eq!(kind(once.perform(&create, Some(&strike(lost.clone(), Landing::Now)))), Err(FaultKind::Unknown));
    assert!(once.machine("mnew1").is_some());

    let mut never = world();
    let silent = strike(Said::Nothing, Landing::Never);
    assert_eq!(never.perform(&create, Some(&silent)), Err(Fault::lost()));
    assert_eq!((elapsed(&never), never.machine("mnew1")), (90_000, None));
    assert_eq!(never.calls().first().map(|call| (call.call, call.status)), Some((CallKind::CreateMachine, None)));

    let mut later = world();
    assert!(later.perform(&create, Some(&strike(lost.clone(), Landing::After(5_000)))).is_err());
    assert_eq!(later.next_change(), Some(START.plus(5_000)));
    later.advance_to(START.plus(9_000));
    assert_eq!(later.machine("mnew1").map(|machine| machine.state.clone()), Some(MachineState::Started));

    let mut too_late = world();
    assert!(too_late.perform(&create, Some(&strike(lost, Landing::After(5_000)))).is_err());
    assert!(too_late.perform(&Request::DeleteVolume(volume_id("vol-1")), None).is_ok());
    too_late.advance_to(START.plus(9_000));
    assert_eq!(too_late.machine("mnew1"), None);

    let mut feigned = inhabited();
    let yes = strike(Said::Status(200, String::new()), Landing::Never);
    let destroy = Request::DestroyMachine(machine_id("machine-1"));
    assert_eq!(feigned.perform(&destroy, Some(&yes)), Ok(Done::Accepted));
    assert_eq!(look(&mut feigned, "machine-1").state, MachineState::Started);
    assert_eq!(kind(feigned.perform(&new_machine("b", "vol-1", None), Some(&yes))), Err(FaultKind::Unknown));

    let nobody = strike(Said::EmptyList, Landing::Never);
    assert_eq!(feigned.perform(&Request::ListMachines(labels()), Some(&nobody)), Ok(Done::Machines(Vec::new())));
    let stuck = strike(Said::Status(408, "currently stopping".to_string()), Landing::Never);
    assert_eq!(feigned.perform(&wait("machine-1", None), Some(&stuck)), waited(MachineState::Stopping));
    let mute = strike(Said::Status(408, String::new()), Landing::Never);
    assert_eq!(feigned.perform(&wait("machine-1", None), Some(&mute)), waited(MachineState::from("unknown")));
}

#[test]
fn what_overtakes_a_boot_cancels_it() {
    let mut world = world();
    assert!(world.perform(&new_machine("a", "vol-1", None), None).is_ok());
    assert!(world.perform(&Request::DestroyMachine(machine_id("mnew1")), None).is_ok());
    world.advance_to(START.plus(60_000));
    assert_eq!(look(&mut world, "mnew1").state, MachineState::Destroyed);
}

#[test]
fn ids_from_the_list_come_first() {
    let mut world = world();
    world.name_next(vec!["2861e46b955438".to_string()], vec!["vol_v8e3o0k61gk7z3lv".to_string()]);
    let fresh = new_volume("iad", Content::Empty { size_gb: 1 });
    assert!(world.perform(&fresh, None).is_ok() && world.perform(&fresh, None).is_ok());
    assert!(world.perform(&new_machine("a", "vol_new1", None), None).is_ok());
    let volumes: Vec<&String> = world.volumes().map(|(id, _)| id).collect();
    assert_eq!(volumes, ["vol-1", "vol_new1", "vol_v8e3o0k61gk7z3lv"]);
    assert!(world.machine("2861e46b955438").is_some());
}

#[test]
fn an_answer_that_holds_an_impossible_id_is_no_answer() {
    let mut world = inhabited();
    world.put_machine("NOT AN ID", SimMachine { metadata: labels(), ..SimMachine::new("b", START) });
    assert_eq!(kind(world.perform(&Request::ListMachines(labels()), None)), Err(FaultKind::Unknown));
}

#[test]
fn the_handle_is_provider_probe_and_clock_of_one_world() {
    let of = Identity {
        user: UserId::new("user-1").expect("a user"),
        sandbox: SandboxId::new("sandbox-1").expect("a sandbox"),
        app: None,
    };
    let sim = SimFly::new(inhabited());
    let id = machine_id("machine-1");
    assert_eq!(block_on(sim.get_machine(&of, &id)).map(|machine| machine.state), Ok(MachineState::Started));
    assert_eq!(block_on(sim.list_machines(&of, &labels())).map(|machines| machines.len()), Ok(1));
    assert_eq!(block_on(sim.stop_machine(&of, &id)), Ok(()));
    assert_eq!(block_on(sim.start_machine(&of, &id)), Ok(()));
    let waited = block_on(sim.wait_machine(&of, &id, None, WaitFor::Started, 60));
    assert_eq!((waited, sim.now()), (Ok(MachineState::Started), START.plus(4_000)));
    assert_eq!(block_on(sim.probe(&of, &id, 60, 3_000)), Ok(true));
    sim.strike_next(Some(Strike { said: Said::Status(429, String::new()), landing: Landing::Never }));
    let volume = volume_id("vol-1");
    assert_eq!(block_on(sim.get_volume(&of, &volume)).map_err(|fault| fault.kind), Err(FaultKind::RateLimited));
    assert_eq!(block_on(sim.get_volume(&of, &volume)).map(|volume| volume.id), Ok(volume.clone()));
    assert_eq!(block_on(sim.list_volumes(&of, &VolumeFilter::Named(name("ours")))).map(|list| list.len()), Ok(1));
    assert_eq!(block_on(sim.list_snapshots(&of, &volume)), Ok(Vec::new()));
    assert_eq!(block_on(sim.destroy_machine(&of, &id)), Ok(()));
    assert_eq!(block_on(sim.delete_volume(&of, &volume)), Ok(()));
    let shared = sim.clone();
    assert_eq!(shared.with(|world| world.calls().len()), 12);
}

#[test]
fn a_clone_of_a_world_goes_its_own_way_and_the_same_way() {
    let mut first = inhabited();
    let mut second = first.clone();
    for world in [&mut first, &mut second] {
        assert!(world.perform(&update("machine-1", "vol-1"), None).is_ok());
        assert_eq!(world.perform(&wait("machine-1", None), None), waited(MachineState::Started));
    }
    assert_eq!(first.calls(), second.calls());
    assert!(first.perform(&Request::DestroyMachine(machine_id("machine-1")), None).is_ok());
    assert_eq!(look(&mut second, "machine-1").state, MachineState::Started);
}
