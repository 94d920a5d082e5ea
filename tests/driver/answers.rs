//! Whoever answers requests is a provider and a health probe: each method asks its own, and reads what belongs to it.

use crate::bench::{block_on, identity};
use async_trait::async_trait;
use kiloclaw_lifecycle::call::{Content, Done, MachineUpdate, NewMachine, NewVolume, VolumeFilter, WaitFor};
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::guest::Guest;
use kiloclaw_lifecycle::id::{Identity, MachineId, MachineVersion, VolumeId};
use kiloclaw_lifecycle::observe::{MachineState, VolumeState};
use kiloclaw_lifecycle::port::{HealthProbe, Provider};
use kiloclaw_lifecycle::testkit::{Answers, Request, SimFly, World};
use kiloclaw_lifecycle::time::Timestamp;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Mutex;

/// Gives one answer to everything, and notes what it was asked.
struct Parrot {
    says: Result<Done, Fault>,
    asked: Mutex<Vec<Request>>,
}

#[async_trait]
impl Answers for Parrot {
    async fn answer(&self, of: &Identity, request: &Request) -> Result<Done, Fault> {
        assert_eq!(*of, identity());
        self.asked.lock().unwrap().push(request.clone());
        self.says.clone()
    }
}

/// Calls a method: with the answer that belongs to it, with one that does not, and with a fault.
fn heard<T: Debug>(wanted: &Request, says: Done, call: impl AsyncFn(&Parrot, &Identity) -> Result<T, Fault>) -> T {
    let other = if matches!(says, Done::Accepted) { Done::Machines(vec![]) } else { Done::Accepted };
    let fault = Fault::new(FaultKind::Busy, Some(409), "not now");
    let unreadable = Fault::new(FaultKind::Unknown, Some(200), "unreadable answer");
    for (says, wrong) in [(Ok(other), unreadable), (Err(fault.clone()), fault)] {
        let parrot = Parrot { says, asked: Mutex::default() };
        assert_eq!(block_on(call(&parrot, &identity())).unwrap_err(), wrong);
    }
    let parrot = Parrot { says: Ok(says), asked: Mutex::default() };
    let answer = block_on(call(&parrot, &identity())).unwrap();
    assert_eq!(*parrot.asked.lock().unwrap(), std::slice::from_ref(wanted));
    answer
}

fn machine() -> MachineId {
    "machine-1".parse().unwrap()
}

fn volume() -> VolumeId {
    "vol-1".parse().unwrap()
}

#[test]
fn changes_are_asked_for_and_accepted() {
    let update = MachineUpdate {
        machine: machine(),
        guest: Guest::STANDARD,
        volume: volume(),
        metadata: BTreeMap::new(),
        image: None,
    };
    let (m, v) = (machine(), volume());
    heard(&Request::StartMachine(m.clone()), Done::Accepted, async |by, of| by.start_machine(of, &m).await);
    heard(&Request::StopMachine(m.clone()), Done::Accepted, async |by, of| by.stop_machine(of, &m).await);
    heard(&Request::DestroyMachine(m.clone()), Done::Accepted, async |by, of| by.destroy_machine(of, &m).await);
    heard(&Request::DeleteVolume(v.clone()), Done::Accepted, async |by, of| by.delete_volume(of, &v).await);
    let wanted = Request::UpdateMachine(Box::new(update.clone()));
    heard(&wanted, Done::Accepted, async |by, of| by.update_machine(of, &update).await);
}

#[test]
fn what_is_made_has_an_id() {
    let name = "kiloclaw_x_1".parse().unwrap();
    let new = NewVolume {
        name,
        region: "iad".parse().unwrap(),
        guest: Guest::STANDARD,
        content: Content::Empty { size_gb: 1 },
    };
    let region = Some("iad".parse().unwrap());
    let says = Done::VolumeCreated { volume: volume(), region: region.clone(), state: VolumeState::Created };
    let wanted = Request::CreateVolume(Box::new(new.clone()));
    let made = heard(&wanted, says, async |by, of| by.create_volume(of, &new).await);
    assert_eq!((made.volume, made.region.clone(), made.state), (volume(), region.clone(), VolumeState::Created));
    let new = NewMachine {
        name: new.name,
        region: None,
        guest: Guest::STANDARD,
        volume: volume(),
        metadata: BTreeMap::new(),
        image: None,
    };
    let says = Done::MachineCreated { machine: machine(), region: region.clone() };
    let wanted = Request::CreateMachine(Box::new(new.clone()));
    let made = heard(&wanted, says, async |by, of| by.create_machine(of, &new).await);
    assert_eq!((made.machine, made.region), (machine(), region));
}

#[test]
fn looks_bring_what_was_seen() {
    let (m, v) = (machine(), volume());
    let version: MachineVersion = "v1".parse().unwrap();
    let state = WaitFor::Started;
    let wait = Request::WaitMachine { machine: m.clone(), version: Some(version.clone()), state, timeout_s: 7 };
    let seen = heard(&wait, Done::Waited { state: MachineState::Stopped }, async |by, of| {
        by.wait_machine(of, &m, Some(&version), state, 7).await
    });
    assert_eq!(seen, MachineState::Stopped);
    let probe = Request::ProbeHealth { machine: m.clone(), timeout_s: 7 };
    assert!(heard(&probe, Done::Health { healthy: true }, async |by, of| by.probe(of, &m, 7, 1).await));
    let labels = BTreeMap::from([("a".to_string(), "b".to_string())]);
    let list = Request::ListMachines(labels.clone());
    let seen = heard(&list, Done::Machines(vec![]), async |by, of| by.list_machines(of, &labels).await);
    assert_eq!(seen, []);
    let filter = VolumeFilter::Named("kiloclaw_x".parse().unwrap());
    let list = Request::ListVolumes(filter.clone());
    assert_eq!(heard(&list, Done::Volumes(vec![]), async |by, of| by.list_volumes(of, &filter).await), []);
    let list = Request::ListSnapshots(v.clone());
    assert_eq!(heard(&list, Done::Snapshots(vec![]), async |by, of| by.list_snapshots(of, &v).await), []);
}

#[test]
fn a_machine_and_a_volume_come_back_as_they_were_seen() {
    let fly = SimFly::new(World::new(Timestamp::from_millis(1)));
    let new = NewVolume {
        name: "kiloclaw_x_1".parse().unwrap(),
        region: "iad".parse().unwrap(),
        guest: Guest::STANDARD,
        content: Content::Empty { size_gb: 3 },
    };
    let v = block_on(fly.create_volume(&identity(), &new)).unwrap().volume;
    let look = Request::GetVolume(v.clone());
    let Done::Volume(shown) = block_on(fly.answer(&identity(), &look)).unwrap() else { panic!("a volume") };
    let seen = heard(&look, Done::Volume(shown.clone()), async |by, of| by.get_volume(of, &v).await);
    assert_eq!((&seen, seen.size_gb), (&*shown, Some(3)));
    let new = NewMachine {
        name: new.name,
        region: None,
        guest: Guest::STANDARD,
        volume: v,
        metadata: BTreeMap::new(),
        image: None,
    };
    let m = block_on(fly.create_machine(&identity(), &new)).unwrap().machine;
    let look = Request::GetMachine(m.clone());
    let Done::Machine(shown) = block_on(fly.answer(&identity(), &look)).unwrap() else { panic!("a machine") };
    let seen = heard(&look, Done::Machine(shown.clone()), async |by, of| by.get_machine(of, &m).await);
    assert_eq!((&seen, &seen.id), (&*shown, &m));
}
