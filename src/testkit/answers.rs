//! A provider as one function.
//!
//! *Decides* which [`Request`] each method of the ports is, and which part of an answer each of them hands back.
//!
//! *Guarantees*: an answer that does not belong to the request is one that cannot be read, as it would be on the wire.

use super::request::Request;
use crate::call::{Done, MachineUpdate, NewMachine, NewVolume, VolumeFilter, WaitFor};
use crate::fault::{Fault, FaultKind};
use crate::id::{Identity, MachineId, MachineVersion, VolumeId};
use crate::observe::{Machine, MachineState, Snapshot, Volume};
use crate::port::{CreatedMachine, CreatedVolume, HealthProbe, Provider, Shared};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use async_trait::async_trait;

/// Answers any request. Whoever does is a [`Provider`] and a [`HealthProbe`].
///
/// ```
/// # use kiloclaw_lifecycle::call::Done;
/// # use kiloclaw_lifecycle::fault::Fault;
/// # use kiloclaw_lifecycle::id::Identity;
/// # use kiloclaw_lifecycle::testkit::{Answers, Request, SimFly};
/// /// Counts what it lets through.
/// struct Counted {
///     fly: SimFly,
///     calls: std::sync::atomic::AtomicU32,
/// }
///
/// #[async_trait::async_trait]
/// impl Answers for Counted {
///     async fn answer(&self, of: &Identity, request: &Request) -> Result<Done, Fault> {
///         self.calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
///         self.fly.answer(of, request).await
///     }
/// }
/// ```
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
pub trait Answers: Shared {
    /// What comes of a request about the instance `of`.
    ///
    /// # Errors
    /// As the methods of [`Provider`] and [`HealthProbe`].
    async fn answer(&self, of: &Identity, request: &Request) -> Result<Done, Fault>;
}

macro_rules! read {
    ($answer:expr, $pattern:pat => $value:expr) => {
        match $answer {
            $pattern => Ok($value),
            _ => Err(unreadable()),
        }
    };
}

fn unreadable() -> Fault {
    Fault::new(FaultKind::Unknown, Some(200), "unreadable answer")
}

async fn accepted<T: Answers>(by: &T, of: &Identity, request: Request) -> Result<(), Fault> {
    read!(by.answer(of, &request).await?, Done::Accepted => ())
}

#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[allow(clippy::wildcard_enum_match_arm, reason = "of the many things an answer can hold, each method knows one")]
impl<T: Answers> Provider for T {
    async fn get_machine(&self, of: &Identity, machine: &MachineId) -> Result<Machine, Fault> {
        let look = Request::GetMachine(machine.clone());
        read!(self.answer(of, &look).await?, Done::Machine(machine) => *machine)
    }

    async fn list_machines(&self, of: &Identity, metadata: &BTreeMap<String, String>) -> Result<Vec<Machine>, Fault> {
        let list = Request::ListMachines(metadata.clone());
        read!(self.answer(of, &list).await?, Done::Machines(machines) => machines)
    }

    async fn create_machine(&self, of: &Identity, new: &NewMachine) -> Result<CreatedMachine, Fault> {
        let create = Request::CreateMachine(Box::new(new.clone()));
        let answer = self.answer(of, &create).await?;
        read!(answer, Done::MachineCreated { machine, region } => CreatedMachine { machine, region })
    }

    async fn update_machine(&self, of: &Identity, update: &MachineUpdate) -> Result<(), Fault> {
        accepted(self, of, Request::UpdateMachine(Box::new(update.clone()))).await
    }

    async fn start_machine(&self, of: &Identity, machine: &MachineId) -> Result<(), Fault> {
        accepted(self, of, Request::StartMachine(machine.clone())).await
    }

    async fn stop_machine(&self, of: &Identity, machine: &MachineId) -> Result<(), Fault> {
        accepted(self, of, Request::StopMachine(machine.clone())).await
    }

    async fn destroy_machine(&self, of: &Identity, machine: &MachineId) -> Result<(), Fault> {
        accepted(self, of, Request::DestroyMachine(machine.clone())).await
    }

    async fn wait_machine<'a>(
        &self,
        of: &Identity,
        machine: &MachineId,
        version: Option<&'a MachineVersion>,
        state: WaitFor,
        timeout_s: u32,
    ) -> Result<MachineState, Fault> {
        let wait = Request::WaitMachine { machine: machine.clone(), version: version.cloned(), state, timeout_s };
        read!(self.answer(of, &wait).await?, Done::Waited { state } => state)
    }

    async fn get_volume(&self, of: &Identity, volume: &VolumeId) -> Result<Volume, Fault> {
        let look = Request::GetVolume(volume.clone());
        read!(self.answer(of, &look).await?, Done::Volume(volume) => *volume)
    }

    async fn list_volumes(&self, of: &Identity, filter: &VolumeFilter) -> Result<Vec<Volume>, Fault> {
        let list = Request::ListVolumes(filter.clone());
        read!(self.answer(of, &list).await?, Done::Volumes(volumes) => volumes)
    }

    async fn list_snapshots(&self, of: &Identity, volume: &VolumeId) -> Result<Vec<Snapshot>, Fault> {
        let list = Request::ListSnapshots(volume.clone());
        read!(self.answer(of, &list).await?, Done::Snapshots(snapshots) => snapshots)
    }

    async fn create_volume(&self, of: &Identity, new: &NewVolume) -> Result<CreatedVolume, Fault> {
        let create = Request::CreateVolume(Box::new(new.clone()));
        let answer = self.answer(of, &create).await?;
        read!(answer, Done::VolumeCreated { volume, region, state } => CreatedVolume { volume, region, state })
    }

    async fn delete_volume(&self, of: &Identity, volume: &VolumeId) -> Result<(), Fault> {
        accepted(self, of, Request::DeleteVolume(volume.clone())).await
    }
}

#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[allow(clippy::wildcard_enum_match_arm, reason = "of the many things an answer can hold, this method knows one")]
impl<T: Answers> HealthProbe for T {
    async fn probe(&self, of: &Identity, machine: &MachineId, timeout_s: u32, _: u64) -> Result<bool, Fault> {
        let probe = Request::ProbeHealth { machine: machine.clone(), timeout_s };
        read!(self.answer(of, &probe).await?, Done::Health { healthy } => healthy)
    }
}
