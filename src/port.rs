//! What a host plugs in: the provider (Fly), the store, the event sink, the health probe and the clock.
//!
//! On servers the futures are `Send`; on `wasm32`, where handles into JavaScript are not, they need not be.

use crate::call::{MachineUpdate, NewMachine, NewVolume, VolumeFilter, WaitFor};
use crate::event::Event;
use crate::fault::Fault;
use crate::id::{Identity, MachineId, MachineVersion, Region, SandboxId, VolumeId};
use crate::observe::{Machine, MachineState, Snapshot, Volume, VolumeState};
use crate::step::Alarm;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// `Send + Sync` on servers, nothing on `wasm32`.
#[cfg(not(target_arch = "wasm32"))]
pub trait Shared: Send + Sync {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Send + Sync + ?Sized> Shared for T {}

/// `Send + Sync` on servers, nothing on `wasm32`.
#[cfg(target_arch = "wasm32")]
pub trait Shared {}
#[cfg(target_arch = "wasm32")]
impl<T: ?Sized> Shared for T {}

/// A machine that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedMachine {
    /// Its id.
    pub machine: MachineId,
    /// Where it is, if the answer says.
    pub region: Option<Region>,
}

/// A volume that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedVolume {
    /// Its id.
    pub volume: VolumeId,
    /// Where it is, if the answer says.
    pub region: Option<Region>,
    /// Its state.
    pub state: VolumeState,
}

/// Fly, or something that behaves like it.
///
/// A method makes one request and answers with what it brought or with a [`Fault`]. Its contract:
/// - [`FaultKind::Absent`](crate::fault::FaultKind::Absent) only for an answer that names the thing as gone;
/// - whatever may have happened and is not known to have is [`FaultKind::Unknown`](crate::fault::FaultKind::Unknown);
/// - reads may be retried inside, mutations may not;
/// - `of` names the app and the instance, from which an adapter adds environment, secrets, services and checks.
#[cfg_attr(feature = "testkit", mockall::automock)]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
pub trait Provider: Shared {
    /// Looks at a machine.
    async fn get_machine(&self, of: &Identity, machine: &MachineId) -> Result<Machine, Fault>;
    /// Lists the machines that carry all of these labels.
    async fn list_machines(&self, of: &Identity, metadata: &BTreeMap<String, String>) -> Result<Vec<Machine>, Fault>;
    /// Makes a machine.
    async fn create_machine(&self, of: &Identity, new: &NewMachine) -> Result<CreatedMachine, Fault>;
    /// Gives a machine a new configuration.
    async fn update_machine(&self, of: &Identity, update: &MachineUpdate) -> Result<(), Fault>;
    /// Starts a machine.
    async fn start_machine(&self, of: &Identity, machine: &MachineId) -> Result<(), Fault>;
    /// Stops a machine.
    async fn stop_machine(&self, of: &Identity, machine: &MachineId) -> Result<(), Fault>;
    /// Destroys a machine, running or not.
    async fn destroy_machine(&self, of: &Identity, machine: &MachineId) -> Result<(), Fault>;
    /// Waits until the machine has the wanted state, `timeout_s` seconds have passed, or it will not get there; answers with the
    /// state it was last seen in. A wait that ran out is an answer, not a fault. Where `version` is no more it answers with `replaced` or with
    /// the state of what took its place, and with the wanted one only if the machine has it now.
    async fn wait_machine<'a>(
        &self,
        of: &Identity,
        machine: &MachineId,
        version: Option<&'a MachineVersion>,
        state: WaitFor,
        timeout_s: u32,
    ) -> Result<MachineState, Fault>;
    /// Looks at a volume.
    async fn get_volume(&self, of: &Identity, volume: &VolumeId) -> Result<Volume, Fault>;
    /// Lists the volumes that the filter admits.
    async fn list_volumes(&self, of: &Identity, filter: &VolumeFilter) -> Result<Vec<Volume>, Fault>;
    /// Lists the snapshots of a volume.
    async fn list_snapshots(&self, of: &Identity, volume: &VolumeId) -> Result<Vec<Snapshot>, Fault>;
    /// Makes a volume.
    async fn create_volume(&self, of: &Identity, new: &NewVolume) -> Result<CreatedVolume, Fault>;
    /// Deletes a volume.
    async fn delete_volume(&self, of: &Identity, volume: &VolumeId) -> Result<(), Fault>;
}

/// Asks what runs in a machine whether it is well.
#[cfg_attr(feature = "testkit", mockall::automock)]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
pub trait HealthProbe: Shared {
    /// Asks every `interval_ms` milliseconds until the answer is good (`true`) or `timeout_s` seconds have passed (`false`).
    async fn probe(&self, of: &Identity, machine: &MachineId, timeout_s: u32, interval_ms: u64) -> Result<bool, Fault>;
}

/// Counts the commits of one record. Goes on counting when the record is deleted and made anew, so that none is ever used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// A record as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What [`crate::persist`] wrote.
    pub record: String,
    /// Its revision.
    pub revision: Revision,
}

/// What one transaction has to write.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The revision that must still be the stored one; `None`: there must be no record.
    pub expected: Option<Revision>,
    /// When the step was decided.
    pub now: Timestamp,
    /// The record; `None` deletes it. Events already in the outbox stay there.
    pub record: Option<String>,
    /// The one alarm, replacing the one before; `None` only together with a deleted record, whose alarm goes with it.
    pub alarm: Option<Alarm>,
    /// To be added to the outbox.
    pub events: Vec<Event>,
}

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The stored revision is not the expected one. An ordinary answer: load, step again.
    #[error("the record was changed by somebody else")]
    Conflict,
    /// The store cannot be used now. After a commit this leaves open whether it was written.
    #[error("the store failed: {0}")]
    Unavailable(String),
}

/// Where records, alarms and undelivered events are kept.
///
/// A commit is one transaction: all of it or nothing, and only if the revision is the expected one. Whoever rings the alarms reads
/// them here, so that none is lost with the process: an alarm stays due until a commit replaces it.
#[cfg_attr(feature = "testkit", mockall::automock)]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
pub trait Store: Shared {
    /// The record of an instance.
    async fn load(&self, sandbox: &SandboxId) -> Result<Option<Stored>, StoreError>;
    /// Writes record, alarm and events in one transaction; answers with the new revision.
    async fn commit(&self, sandbox: &SandboxId, commit: Commit) -> Result<Revision, StoreError>;
    /// Events that were committed and not yet acknowledged, in order.
    async fn outbox(&self, sandbox: &SandboxId) -> Result<Vec<Event>, StoreError>;
    /// Forgets delivered events, known by their keys. Others that have come in the meantime stay.
    async fn acknowledge(&self, sandbox: &SandboxId, events: &[Event]) -> Result<(), StoreError>;
}

/// What a store is asked by a host that looks after many instances.
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
pub trait Fleet: Store {
    /// Whose alarm is due at `now` and since when, the earliest first, at most `limit` of them. Costs no more than what it brings.
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<(SandboxId, Timestamp)>, StoreError>;
    /// When the next alarm of any instance is due, of those later than `after`.
    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError>;
    /// The instances that have a record, by name, those after `after`, at most `limit` of them.
    async fn instances(&self, after: Option<&SandboxId>, limit: u32) -> Result<Vec<SandboxId>, StoreError>;
    /// The same of those, forgotten ones included, that have events in their outbox.
    async fn undelivered(&self, after: Option<&SandboxId>, limit: u32) -> Result<Vec<SandboxId>, StoreError>;
}

/// An event that could not be delivered; it stays in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("events were not delivered: {0}")]
pub struct SinkError(pub String);

/// Where events go. May see an event twice; its key is the same each time.
#[cfg_attr(feature = "testkit", mockall::automock)]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
pub trait EventSink: Shared {
    /// Takes events over, in order.
    async fn deliver(&self, events: &[Event]) -> Result<(), SinkError>;
}

/// The time.
#[cfg_attr(feature = "testkit", mockall::automock)]
pub trait Clock: Shared {
    /// Now.
    fn now(&self) -> Timestamp;
}
