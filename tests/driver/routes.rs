//! Every kind of call goes to its method, with its arguments, and its answer comes back under its own name.

use crate::bench::{Bench, Host, block_on, identity};
use kiloclaw_lifecycle::call::{
    Call, CallKind, Content, Done, MachineUpdate, NewMachine, NewVolume, Operation, VolumeFilter, WaitFor,
};
use kiloclaw_lifecycle::driver::Driver;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::guest::Guest;
use kiloclaw_lifecycle::id::{MachineId, MachineVersion, OpId, Region, ResourceName, VolumeId};
use kiloclaw_lifecycle::observe::{HostStatus, Machine, MachineState, Snapshot, Volume, VolumeState};
use kiloclaw_lifecycle::policy::Policy;
use kiloclaw_lifecycle::port::{CreatedMachine, CreatedVolume};
use kiloclaw_lifecycle::step::Input;
use kiloclaw_lifecycle::testkit::mocks::{MockHealthProbe, MockProvider};
use kiloclaw_lifecycle::testkit::store::MemoryStore;
use kiloclaw_lifecycle::time::Timestamp;
use std::collections::BTreeMap;

fn machine() -> MachineId {
    MachineId::new("machine-1").unwrap()
}

fn volume() -> VolumeId {
    VolumeId::new("vol-1").unwrap()
}

fn name() -> ResourceName {
    ResourceName::new("kiloclaw_x_1").unwrap()
}

fn region() -> Region {
    Region::new("iad").unwrap()
}

fn seen_machine() -> Machine {
    Machine {
        id: machine(),
        name: None,
        state: MachineState::Started,
        region: None,
        version: None,
        config: None,
        host_status: HostStatus::Ok,
        updated_at: None,
        exit: None,
    }
}

fn seen_volume() -> Volume {
    Volume {
        id: volume(),
        name: "x".to_string(),
        state: VolumeState::Created,
        region: None,
        size_gb: None,
        attached_machine: None,
        host_status: HostStatus::Ok,
        created_at: None,
    }
}

fn new_machine() -> NewMachine {
    NewMachine {
        name: name(),
        region: Some(region()),
        guest: Guest::STANDARD,
        volume: volume(),
        metadata: BTreeMap::new(),
        image: None,
    }
}

fn update() -> MachineUpdate {
    MachineUpdate {
        machine: machine(),
        guest: Guest::STANDARD,
        volume: volume(),
        metadata: BTreeMap::new(),
        image: None,
    }
}

fn new_volume() -> NewVolume {
    NewVolume { name: name(), region: region(), guest: Guest::STANDARD, content: Content::Empty { size_gb: 10 } }
}

fn host(provider: MockProvider, health: MockHealthProbe) -> Host<MemoryStore> {
    let bench = Bench::new();
    Driver::new(Policy::default(), provider, health, MemoryStore::new(), bench.sink(), bench.clock())
}

fn outcome(host: &Host<MemoryStore>, call: Call) -> Result<Done, Fault> {
    let id = OpId { number: 9, kind: call.kind() };
    let operation = Operation { id, identity: identity(), call, deadline: Timestamp::from_millis(1) };
    let Input::Outcome { op, result } = block_on(host.execute(&operation)) else { panic!("not an outcome") };
    assert_eq!(op, id);
    result
}

/// A mock on which one method is expected once, for our identity, and the host around it.
macro_rules! expecting {
    ($method:ident($($check:expr),*) -> $answer:expr) => {{
        let mut provider = MockProvider::new();
        provider.$method().times(1).withf($($check)*).return_once($answer);
        host(provider, MockHealthProbe::new())
    }};
}

#[test]
fn looks() {
    let h = expecting!(expect_get_machine(|of, m| *of == identity() && *m == machine()) -> |_, _| Ok(seen_machine()));
    let call = Call::GetMachine { machine: machine() };
    assert_eq!(outcome(&h, call), Ok(Done::Machine(Box::new(seen_machine()))));

    let labels = BTreeMap::from([("a".to_string(), "b".to_string())]);
    let wanted = labels.clone();
    let h = expecting!(expect_list_machines(move |_, l| *l == wanted) -> |_, _| Ok(vec![seen_machine()]));
    let call = Call::ListMachines { metadata: labels };
    assert_eq!(outcome(&h, call), Ok(Done::Machines(vec![seen_machine()])));

    let h = expecting!(expect_get_volume(|_, v| *v == volume()) -> |_, _| Ok(seen_volume()));
    let call = Call::GetVolume { volume: volume() };
    assert_eq!(outcome(&h, call), Ok(Done::Volume(Box::new(seen_volume()))));

    let h = expecting!(expect_list_volumes(|_, f| f.admits("kiloclaw_x_1")) -> |_, _| Ok(vec![seen_volume()]));
    let call = Call::ListVolumes(VolumeFilter::Named(name()));
    assert_eq!(outcome(&h, call), Ok(Done::Volumes(vec![seen_volume()])));

    let h = expecting!(expect_list_snapshots(|_, v| *v == volume()) -> |_, _| Ok(Vec::<Snapshot>::new()));
    let call = Call::ListSnapshots { volume: volume() };
    assert_eq!(outcome(&h, call), Ok(Done::Snapshots(vec![])));
}

#[test]
fn waits_and_probes() {
    let version = MachineVersion::new("01H").unwrap();
    let wanted = version.clone();
    let mut provider = MockProvider::new();
    provider
        .expect_wait_machine()
        .times(1)
        .withf(move |_, m, v, s, t| (m, *v, *s, *t) == (&machine(), Some(&wanted), WaitFor::Stopped, 60))
        .return_once(|_, _, _, _, _| Ok(MachineState::Stopping));
    let mut health = MockHealthProbe::new();
    health
        .expect_probe()
        .times(1)
        .withf(|of, m, t, i| *of == identity() && *m == machine() && (*t, *i) == (7, 3_000))
        .return_once(|_, _, _, _| Ok(false));
    let h = host(provider, health);
    let wait = Call::WaitMachine { machine: machine(), version: Some(version), state: WaitFor::Stopped, timeout_s: 60 };
    assert_eq!(outcome(&h, wait), Ok(Done::Waited { state: MachineState::Stopping }));
    let probe = Call::ProbeHealth { machine: machine(), timeout_s: 7, interval_ms: 3_000 };
    assert_eq!(outcome(&h, probe), Ok(Done::Health { healthy: false }));
}

#[test]
fn creates() {
    let made = CreatedMachine { machine: machine(), region: Some(region()) };
    let h = expecting!(expect_create_machine(|_, new| *new == new_machine()) -> |_, _| Ok(made));
    let done = Done::MachineCreated { machine: machine(), region: Some(region()) };
    assert_eq!(outcome(&h, Call::CreateMachine(Box::new(new_machine()))), Ok(done));

    let made = CreatedVolume { volume: volume(), region: None, state: VolumeState::Hydrating };
    let h = expecting!(expect_create_volume(|_, new| *new == new_volume()) -> |_, _| Ok(made));
    let done = Done::VolumeCreated { volume: volume(), region: None, state: VolumeState::Hydrating };
    assert_eq!(outcome(&h, Call::CreateVolume(Box::new(new_volume()))), Ok(done));
}

#[test]
fn changes() {
    let h = expecting!(expect_update_machine(|_, u| *u == update()) -> |_, _| Ok(()));
    assert_eq!(outcome(&h, Call::UpdateMachine(Box::new(update()))), Ok(Done::Accepted));
    let h = expecting!(expect_start_machine(|_, m| *m == machine()) -> |_, _| Ok(()));
    assert_eq!(outcome(&h, Call::StartMachine { machine: machine() }), Ok(Done::Accepted));
    let h = expecting!(expect_stop_machine(|_, m| *m == machine()) -> |_, _| Ok(()));
    assert_eq!(outcome(&h, Call::StopMachine { machine: machine() }), Ok(Done::Accepted));
    let h = expecting!(expect_destroy_machine(|_, m| *m == machine()) -> |_, _| Ok(()));
    assert_eq!(outcome(&h, Call::DestroyMachine { machine: machine() }), Ok(Done::Accepted));
    // A condemned volume cannot be made outside of the core, but it can be stored and read.
    let condemned = serde_json::from_value(serde_json::json!({ "delete_volume": "vol-1" })).unwrap();
    let h = expecting!(expect_delete_volume(|_, v| *v == volume()) -> |_, _| Ok(()));
    assert_eq!(outcome(&h, condemned), Ok(Done::Accepted));
}

#[test]
fn faults_come_back_as_they_are() {
    let fault = Fault::new(FaultKind::RateLimited, Some(429), "slow down");
    let answer = fault.clone();
    let h = expecting!(expect_get_machine(|_, _| true) -> |_, _| Err(answer));
    assert_eq!(outcome(&h, Call::GetMachine { machine: machine() }), Err(fault));
    assert_eq!(CallKind::ALL.len(), 14, "a new kind of call needs a test here");
}
