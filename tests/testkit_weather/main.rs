//! What befalls the simulated Fly from outside, and how it can be asked while that goes on.
//!
//! Worlds are compared as a whole: what a test does not put into the expected world must not have changed.

mod attempts;
mod changes;
mod hosts;
mod lags;
mod secrets;
mod words;

use kiloclaw_lifecycle::Timestamp;
use kiloclaw_lifecycle::call::{Content, Done, MachineUpdate, NewMachine, NewVolume, VolumeFilter, WaitFor};
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::guest::Guest;
use kiloclaw_lifecycle::id::{MachineId, Region, ResourceName, VolumeId};
use kiloclaw_lifecycle::observe::{Machine, MachineState, Volume};
use kiloclaw_lifecycle::testkit::{Request, SimMachine, SimVolume, World, WorldChange};
use std::collections::BTreeMap;

const START: Timestamp = Timestamp::from_millis(1_000_000);

fn id(text: &str) -> MachineId {
    MachineId::new(text).expect("a machine id")
}

fn vol(text: &str) -> VolumeId {
    VolumeId::new(text).expect("a volume id")
}

fn labels() -> BTreeMap<String, String> {
    BTreeMap::from([("kiloclaw_sandbox_id".to_string(), "sandbox-1".to_string())])
}

/// A started machine `m1` that has written once to the volume `v1` in iad, and an empty volume `v2` in ord that nobody mounts.
fn inhabited() -> World {
    let mut world = World::new(START);
    world.keep_log(false);
    for (name, place) in [("v1", "iad"), ("v2", "ord")] {
        world.put_volume(name, SimVolume { region: Some(place.to_string()), ..SimVolume::new("ours", START) });
    }
    let machine = SimMachine {
        region: Some("iad".to_string()),
        mounts: vec!["v1".to_string()],
        metadata: labels(),
        ..SimMachine::new("sandbox-1", START)
    };
    world.put_machine("m1", machine);
    assert!(world.write_to("v1"));
    world
}

/// The same, where `m1` has come into another state by itself.
fn inhabited_in(state: MachineState) -> World {
    let mut world = inhabited();
    assert!(world.change_machine("m1", |machine| machine.state = state));
    world
}

fn change(world: &mut World, change: WorldChange) {
    assert!(world.change(&change), "{change:?}");
}

/// The change is refused, and nothing else happens.
fn refuses(world: &World, change: WorldChange) {
    let mut after = world.clone();
    assert!(!after.change(&change), "{change:?}");
    assert_eq!(after, *world, "{change:?}");
}

/// After the change the world differs from what it was by `by_hand` and by nothing else.
fn becomes(world: &World, change: WorldChange, by_hand: impl FnOnce(&mut World)) {
    let (mut after, mut expected) = (world.clone(), world.clone());
    assert!(after.change(&change), "{change:?}");
    by_hand(&mut expected);
    assert_ne!(after, *world, "{change:?}");
    assert_eq!(after, expected, "{change:?}");
}

fn with_machine(world: &mut World, name: &str, edit: impl FnOnce(&mut SimMachine)) {
    let mut machine = world.machine(name).cloned().expect("a machine");
    edit(&mut machine);
    world.put_machine(name, machine);
}

fn with_volume(world: &mut World, name: &str, edit: impl FnOnce(&mut SimVolume)) {
    let mut volume = world.volume(name).cloned().expect("a volume");
    edit(&mut volume);
    world.put_volume(name, volume);
}

fn machine<'a>(world: &'a World, name: &str) -> &'a SimMachine {
    world.machine(name).expect("a machine")
}

fn volume<'a>(world: &'a World, name: &str) -> &'a SimVolume {
    world.volume(name).expect("a volume")
}

fn state(world: &World, name: &str) -> MachineState {
    machine(world, name).state.clone()
}

fn get(name: &str) -> Request {
    Request::GetMachine(id(name))
}

fn get_volume(name: &str) -> Request {
    Request::GetVolume(vol(name))
}

fn start(name: &str) -> Request {
    Request::StartMachine(id(name))
}

fn stop(name: &str) -> Request {
    Request::StopMachine(id(name))
}

fn destroy(name: &str) -> Request {
    Request::DestroyMachine(id(name))
}

fn delete(name: &str) -> Request {
    Request::DeleteVolume(vol(name))
}

fn all_volumes() -> Request {
    Request::ListVolumes(VolumeFilter::Named(ResourceName::new("ours").expect("a name")))
}

fn wait(name: &str) -> Request {
    Request::WaitMachine { machine: id(name), version: None, state: WaitFor::Started, timeout_s: 60 }
}

fn probe(name: &str) -> Request {
    Request::ProbeHealth { machine: id(name), timeout_s: 60 }
}

fn create(name: &str, volume: &str) -> Request {
    Request::CreateMachine(Box::new(NewMachine {
        name: ResourceName::new(name).expect("a name"),
        region: None,
        guest: Guest::STANDARD,
        volume: vol(volume),
        metadata: labels(),
        image: None,
    }))
}

fn update(name: &str, volume: &str) -> Request {
    Request::UpdateMachine(Box::new(MachineUpdate {
        machine: id(name),
        guest: Guest::STANDARD,
        volume: vol(volume),
        metadata: labels(),
        image: None,
    }))
}

fn new_volume(content: Content) -> Request {
    Request::CreateVolume(Box::new(NewVolume {
        name: ResourceName::new("ours").expect("a name"),
        region: Region::new("ord").expect("a region"),
        guest: Guest::STANDARD,
        content,
    }))
}

fn fork(source: &str) -> Request {
    new_volume(Content::Fork { source: vol(source) })
}

/// The class, the status and the text of a refusal.
fn refusal(world: &mut World, request: &Request) -> (FaultKind, Option<u16>, String) {
    let Fault { kind, status, message } = world.perform(request, None).expect_err("a refusal");
    (kind, status, message)
}

fn said(kind: FaultKind, status: u16, message: &str) -> (FaultKind, Option<u16>, String) {
    (kind, Some(status), message.to_string())
}

fn accepted(world: &mut World, request: &Request) {
    assert_eq!(world.perform(request, None), Ok(Done::Accepted));
}

fn look(world: &mut World, name: &str) -> Machine {
    match world.perform(&get(name), None) {
        Ok(Done::Machine(machine)) => *machine,
        other => panic!("{other:?}"),
    }
}

fn look_at_volume(world: &mut World, name: &str) -> Volume {
    match world.perform(&get_volume(name), None) {
        Ok(Done::Volume(volume)) => *volume,
        other => panic!("{other:?}"),
    }
}
