//! A handle on a [`World`] that serves as provider, health probe and clock.

use super::request::Request;
use super::world::{Strike, World};
use crate::call::{Done, MachineUpdate, NewMachine, NewVolume, VolumeFilter, WaitFor};
use crate::fault::{Fault, FaultKind};
use crate::id::{Identity, MachineId, MachineVersion, VolumeId};
use crate::observe::{Machine, MachineState, Snapshot, Volume};
use crate::port::{Clock, CreatedMachine, CreatedVolume, HealthProbe, Provider};
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use async_trait::async_trait;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Clone, Debug)]
struct Inside {
    world: World,
    strike: Option<Strike>,
    /// Befalls every call that nothing else does.
    standing: Option<Strike>,
}

/// A simulated Fly. Its calls complete at once and move the clock of the world by the time they take. Clones share the world.
#[derive(Clone, Debug)]
pub struct SimFly {
    inside: Arc<Mutex<Inside>>,
}

impl SimFly {
    /// A handle on `world`.
    pub fn new(world: World) -> Self {
        Self { inside: Arc::new(Mutex::new(Inside { world, strike: None, standing: None })) }
    }

    fn open(&self) -> MutexGuard<'_, Inside> {
        // Nothing inside panics half-way; a lock that a failed test left behind is as good as any.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks into the world, or changes it.
    pub fn with<T>(&self, what: impl FnOnce(&mut World) -> T) -> T {
        what(&mut self.open().world)
    }

    /// What befalls the next call, and that one only.
    pub fn strike_next(&self, strike: Option<Strike>) {
        self.open().strike = strike;
    }

    /// What befalls every call from now on that [`strike_next`](Self::strike_next) says nothing of.
    pub fn strike_all(&self, strike: Option<Strike>) {
        self.open().standing = strike;
    }

    fn ask(&self, request: &Request) -> Result<Done, Fault> {
        let mut inside = self.open();
        let strike = inside.strike.take().or_else(|| inside.standing.clone());
        inside.world.perform(request, strike.as_ref())
    }

    fn accept(&self, request: &Request) -> Result<(), Fault> {
        self.ask(request).map(|_| ())
    }
}

/// The world answers every request with what belongs to it; anything else is an answer that cannot be read.
fn unreadable() -> Fault {
    Fault::new(FaultKind::Unknown, Some(200), "unreadable answer")
}

macro_rules! expect {
    ($answer:expr, $($pattern:pat => $value:expr),+) => {
        match $answer? {
            $($pattern => Ok($value),)+
            _ => Err(unreadable()),
        }
    };
}

#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[allow(clippy::wildcard_enum_match_arm, reason = "of the many things an answer can hold, each method knows one")]
impl Provider for SimFly {
    async fn get_machine(&self, _: &Identity, machine: &MachineId) -> Result<Machine, Fault> {
        expect!(self.ask(&Request::GetMachine(machine.clone())), Done::Machine(machine) => *machine)
    }

    async fn list_machines(&self, _: &Identity, metadata: &BTreeMap<String, String>) -> Result<Vec<Machine>, Fault> {
        expect!(self.ask(&Request::ListMachines(metadata.clone())), Done::Machines(machines) => machines)
    }

    async fn create_machine(&self, _: &Identity, new: &NewMachine) -> Result<CreatedMachine, Fault> {
        expect!(
            self.ask(&Request::CreateMachine(Box::new(new.clone()))),
            Done::MachineCreated { machine, region } => CreatedMachine { machine, region }
        )
    }

    async fn update_machine(&self, _: &Identity, update: &MachineUpdate) -> Result<(), Fault> {
        self.accept(&Request::UpdateMachine(Box::new(update.clone())))
    }

    async fn start_machine(&self, _: &Identity, machine: &MachineId) -> Result<(), Fault> {
        self.accept(&Request::StartMachine(machine.clone()))
    }

    async fn stop_machine(&self, _: &Identity, machine: &MachineId) -> Result<(), Fault> {
        self.accept(&Request::StopMachine(machine.clone()))
    }

    async fn destroy_machine(&self, _: &Identity, machine: &MachineId) -> Result<(), Fault> {
        self.accept(&Request::DestroyMachine(machine.clone()))
    }

    async fn wait_machine<'a>(
        &self,
        _: &Identity,
        machine: &MachineId,
        version: Option<&'a MachineVersion>,
        state: WaitFor,
        timeout_s: u32,
    ) -> Result<MachineState, Fault> {
        let wait = Request::WaitMachine { machine: machine.clone(), version: version.cloned(), state, timeout_s };
        expect!(self.ask(&wait), Done::Waited { state } => state)
    }

    async fn get_volume(&self, _: &Identity, volume: &VolumeId) -> Result<Volume, Fault> {
        expect!(self.ask(&Request::GetVolume(volume.clone())), Done::Volume(volume) => *volume)
    }

    async fn list_volumes(&self, _: &Identity, filter: &VolumeFilter) -> Result<Vec<Volume>, Fault> {
        expect!(self.ask(&Request::ListVolumes(filter.clone())), Done::Volumes(volumes) => volumes)
    }

    async fn list_snapshots(&self, _: &Identity, volume: &VolumeId) -> Result<Vec<Snapshot>, Fault> {
        expect!(self.ask(&Request::ListSnapshots(volume.clone())), Done::Snapshots(snapshots) => snapshots)
    }

    async fn create_volume(&self, _: &Identity, new: &NewVolume) -> Result<CreatedVolume, Fault> {
        expect!(
            self.ask(&Request::CreateVolume(Box::new(new.clone()))),
            Done::VolumeCreated { volume, region, state } => CreatedVolume { volume, region, state }
        )
    }

    async fn delete_volume(&self, _: &Identity, volume: &VolumeId) -> Result<(), Fault> {
        self.accept(&Request::DeleteVolume(volume.clone()))
    }
}

#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
impl HealthProbe for SimFly {
    #[allow(clippy::wildcard_enum_match_arm, reason = "of the many things an answer can hold, this method knows one")]
    async fn probe(&self, _: &Identity, machine: &MachineId, timeout_s: u32, _: u64) -> Result<bool, Fault> {
        let probe = Request::ProbeHealth { machine: machine.clone(), timeout_s };
        expect!(self.ask(&probe), Done::Health { healthy } => healthy)
    }
}

impl Clock for SimFly {
    fn now(&self) -> Timestamp {
        self.with(|world| world.now())
    }
}
