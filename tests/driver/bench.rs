//! Mocks that answer like a Fly on which everything works, and a look at what came out.

use kiloclaw_lifecycle::call::{CallKind, NewMachine, NewVolume, Operation};
use kiloclaw_lifecycle::command::{Command, Provision, Spec};
use kiloclaw_lifecycle::driver::{Applied, Driver, Pending};
use kiloclaw_lifecycle::event::Event;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::id::{Identity, MachineId, OpId, SandboxId, UserId, VolumeId};
use kiloclaw_lifecycle::instance::Instance;
use kiloclaw_lifecycle::observe::{HostStatus, Machine, MachineConfig, MachineState, Mount, Volume, VolumeState};
use kiloclaw_lifecycle::persist;
use kiloclaw_lifecycle::policy::{Knobs, Policy};
use kiloclaw_lifecycle::port::{CreatedMachine, CreatedVolume, SinkError, Store};
use kiloclaw_lifecycle::step::{Input, Verdict};
use kiloclaw_lifecycle::testkit::mocks::{MockClock, MockEventSink, MockHealthProbe, MockProvider};
use kiloclaw_lifecycle::testkit::store::MemoryStore;
use kiloclaw_lifecycle::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use futures::executor::block_on;

pub(crate) type Host<S> = Driver<MockProvider, MockHealthProbe, S, MockEventSink, MockClock>;

pub(crate) fn sandbox() -> SandboxId {
    SandboxId::new("sandbox-1").unwrap()
}

pub(crate) fn identity() -> Identity {
    Identity { user: UserId::new("user-1").unwrap(), sandbox: sandbox(), app: None }
}

pub(crate) fn provision() -> Input {
    Input::Command(Command::Provision(Box::new(Provision { identity: identity(), seed: 7, spec: Spec::default() })))
}

pub(crate) fn start() -> Input {
    Input::Command(Command::Start { reason: None })
}

pub(crate) fn destroy() -> Input {
    Input::Command(Command::Destroy { reason: None })
}

#[derive(Default)]
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) machines: BTreeMap<MachineId, Machine>,
    pub(crate) volumes: BTreeMap<VolumeId, Volume>,
    pub(crate) calls: Vec<CallKind>,
    /// Every operation that the record knew of when its call arrived.
    pub(crate) known: BTreeSet<OpId>,
    pub(crate) delivered: Vec<Vec<Event>>,
    pub(crate) sink_is_broken: bool,
    /// Calls may arrive that the record has given up in the meantime.
    pub(crate) calls_may_be_given_up: bool,
}

impl World {
    fn gone() -> Fault {
        Fault::new(FaultKind::Absent, Some(404), "not found")
    }

    fn create_volume(&mut self, new: &NewVolume) -> CreatedVolume {
        let id = VolumeId::new(format!("vol_new{}", self.volumes.len() + 1)).unwrap();
        let volume = Volume {
            id: id.clone(),
            name: new.name.to_string(),
            state: VolumeState::Created,
            region: Some(new.region.clone()),
            size_gb: Some(10),
            attached_machine: None,
            host_status: HostStatus::Ok,
            created_at: Some(Timestamp::from_millis(self.now)),
        };
        self.volumes.insert(id.clone(), volume);
        CreatedVolume { volume: id, region: Some(new.region.clone()), state: VolumeState::Created }
    }

    fn create_machine(&mut self, new: &NewMachine) -> CreatedMachine {
        let id = MachineId::new(format!("mnew{}", self.machines.len() + 1)).unwrap();
        let config = MachineConfig {
            mounts: vec![Mount { volume: new.volume.clone(), path: "/root".to_string() }],
            metadata: new.metadata.clone(),
            guest: Some(new.guest),
            image: new.image.clone(),
        };
        let machine = Machine {
            id: id.clone(),
            name: Some(new.name.clone()),
            state: MachineState::Started,
            region: new.region.clone(),
            version: None,
            config: Some(config),
            host_status: HostStatus::Ok,
            updated_at: Some(Timestamp::from_millis(self.now)),
            exit: None,
        };
        self.machines.insert(id.clone(), machine);
        CreatedMachine { machine: id, region: new.region.clone() }
    }

    fn destroy_machine(&mut self, machine: &MachineId) -> Result<(), Fault> {
        self.machines.get_mut(machine).ok_or_else(Self::gone)?.state = MachineState::Destroyed;
        Ok(())
    }
}

/// A world and a store, shared by any number of hosts.
#[derive(Clone, Default)]
pub(crate) struct Bench {
    world: Arc<Mutex<World>>,
    pub(crate) store: MemoryStore,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Self::default();
        bench.world().now = 1_775_433_600_000;
        bench
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A host that works on the store itself.
    pub(crate) fn host(&self) -> Host<MemoryStore> {
        self.host_on(self.store.clone())
    }

    pub(crate) fn host_on<S: Store>(&self, store: S) -> Host<S> {
        let policy = Policy::new(Knobs { regions: vec!["iad".to_string()], ..Knobs::default() }).unwrap();
        Driver::new(policy, self.provider(), self.health(), store, self.sink(), self.clock())
    }

    /// An instance that runs, and whose events are delivered.
    pub(crate) fn running() -> Self {
        let bench = Self::new();
        let host = bench.host();
        for input in [provision(), start()] {
            let handled = block_on(host.handle(&sandbox(), input)).unwrap();
            assert_eq!((handled.verdict, handled.interrupted), (Verdict::Applied, None));
        }
        assert_eq!(bench.instance().unwrap().status().as_str(), "running");
        bench.to_alarm();
        bench.world().calls.clear();
        bench
    }

    /// Lets time pass to the alarm.
    pub(crate) fn to_alarm(&self) {
        let at = self.store.alarm(&sandbox()).unwrap().at;
        self.world().now = at.as_millis();
    }

    pub(crate) fn instance(&self) -> Option<Instance> {
        self.store.record(&sandbox()).map(|stored| *persist::decode(&stored.record).unwrap())
    }

    pub(crate) fn calls(&self) -> Vec<CallKind> {
        self.world().calls.clone()
    }

    /// Keys of the events that the sink has taken over, with repetitions.
    pub(crate) fn delivered(&self) -> Vec<String> {
        self.world().delivered.iter().flatten().map(|event| event.key.clone()).collect()
    }

    /// Notes a call. One that changes the world has to be in the stored record, under a number never seen before.
    fn arrive(&self, kind: CallKind) -> MutexGuard<'_, World> {
        let in_flight = self.instance().and_then(|instance| instance.in_flight());
        let mut world = self.world();
        world.calls.push(kind);
        if kind.mutates() && !world.calls_may_be_given_up {
            let op = in_flight.expect("the record knows of no call");
            assert_eq!(op.kind, kind, "the record knows of another call");
            assert!(world.known.insert(op), "{op} is used twice");
        }
        world
    }

    pub(crate) fn provider(&self) -> MockProvider {
        let mut mock = MockProvider::new();
        self.mock_machines(&mut mock);
        self.mock_volumes(&mut mock);
        mock
    }

    fn mock_machines(&self, mock: &mut MockProvider) {
        let at = self.clone();
        mock.expect_get_machine().returning(move |_, machine| {
            at.arrive(CallKind::GetMachine).machines.get(machine).cloned().ok_or_else(World::gone)
        });
        let at = self.clone();
        mock.expect_list_machines().returning(move |_, labels| {
            let world = at.arrive(CallKind::ListMachines);
            let carries = |machine: &&Machine| machine.config.as_ref().is_some_and(|config| config.metadata == *labels);
            Ok(world.machines.values().filter(carries).cloned().collect())
        });
        let at = self.clone();
        mock.expect_create_machine()
            .returning(move |_, new| Ok(at.arrive(CallKind::CreateMachine).create_machine(new)));
        let at = self.clone();
        mock.expect_stop_machine().returning(move |_, machine| {
            at.arrive(CallKind::StopMachine).machines.get_mut(machine).ok_or_else(World::gone)?.state =
                MachineState::Stopped;
            Ok(())
        });
        let at = self.clone();
        mock.expect_destroy_machine()
            .returning(move |_, machine| at.arrive(CallKind::DestroyMachine).destroy_machine(machine));
        let at = self.clone();
        mock.expect_wait_machine().returning(move |_, machine, _, _, _| {
            let world = at.arrive(CallKind::WaitMachine);
            world.machines.get(machine).map(|machine| machine.state.clone()).ok_or_else(World::gone)
        });
    }

    fn mock_volumes(&self, mock: &mut MockProvider) {
        let at = self.clone();
        mock.expect_get_volume().returning(move |_, volume| {
            at.arrive(CallKind::GetVolume).volumes.get(volume).cloned().ok_or_else(World::gone)
        });
        let at = self.clone();
        mock.expect_list_volumes().returning(move |_, filter| {
            let world = at.arrive(CallKind::ListVolumes);
            Ok(world.volumes.values().filter(|volume| filter.admits(&volume.name)).cloned().collect())
        });
        let at = self.clone();
        mock.expect_list_snapshots().returning(move |_, _| {
            drop(at.arrive(CallKind::ListSnapshots));
            Ok(Vec::new())
        });
        let at = self.clone();
        mock.expect_create_volume().returning(move |_, new| Ok(at.arrive(CallKind::CreateVolume).create_volume(new)));
        let at = self.clone();
        mock.expect_delete_volume().returning(move |_, volume| {
            at.arrive(CallKind::DeleteVolume).volumes.remove(volume).map(|_| ()).ok_or_else(World::gone)
        });
    }

    pub(crate) fn health(&self) -> MockHealthProbe {
        let mut mock = MockHealthProbe::new();
        let at = self.clone();
        mock.expect_probe().returning(move |_, _, _, _| {
            drop(at.arrive(CallKind::ProbeHealth));
            Ok(true)
        });
        mock
    }

    pub(crate) fn sink(&self) -> MockEventSink {
        let mut mock = MockEventSink::new();
        let at = self.clone();
        mock.expect_deliver().returning(move |events| {
            let mut world = at.world();
            if world.sink_is_broken {
                return Err(SinkError("closed".to_string()));
            }
            world.delivered.push(events.to_vec());
            Ok(())
        });
        mock
    }

    pub(crate) fn clock(&self) -> MockClock {
        let mut mock = MockClock::new();
        let at = self.clone();
        mock.expect_now().returning(move || Timestamp::from_millis(at.world().now));
        mock
    }
}

/// The call that an input led to.
pub(crate) fn pending(applied: Applied) -> Pending {
    applied.pending.expect("a call")
}

/// The operation that an input led to.
pub(crate) fn operation(applied: &Applied) -> &Operation {
    &applied.pending.as_ref().expect("a call").operation
}
