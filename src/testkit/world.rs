//! A simulated Fly: machines, volumes, snapshots and the time, as one value.
//!
//! *Guarantees*: deterministic; time moves only when a call takes time or when [`World::advance_to`] is told; what is refused is refused
//! with the status and the words of the real API and goes through the same classification as the real one's answers.
//!
//! *Assumes* one app: whoever asks sees everything.

mod machines;
mod perform;
mod things;
mod volumes;

pub use perform::{CallRecord, Landing, Said, Strike};
pub use things::{Boot, SimMachine, SimSnapshot, SimVolume};

use super::request::Request;
use crate::observe::{MachineState, VolumeState};
use crate::time::Timestamp;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Something on its way.
#[derive(Clone, Debug, PartialEq)]
enum Change {
    Machine { machine: String, epoch: u64, state: MachineState },
    Hydrated(String),
    Lands(Request),
}

/// A simulated Fly.
#[derive(Clone, Debug)]
pub struct World {
    now: Timestamp,
    machines: BTreeMap<String, SimMachine>,
    volumes: BTreeMap<String, SimVolume>,
    snapshots: BTreeMap<String, Vec<SimSnapshot>>,
    capacity: BTreeMap<String, u64>,
    new_machines: VecDeque<String>,
    new_volumes: VecDeque<String>,
    machines_made: u64,
    volumes_made: u64,
    due: BTreeMap<(Timestamp, u64), Change>,
    /// Rises for a machine whenever what was on its way with it is overtaken.
    epochs: BTreeMap<String, u64>,
    ordered: u64,
    log: Vec<CallRecord>,
    /// What a created or started machine becomes.
    pub boot: Boot,
    /// How long that takes.
    pub boot_ms: u64,
    /// How long a fork goes on reading from its source.
    pub hydrate_ms: u64,
    /// How long a stop takes.
    pub stop_ms: u64,
    /// Whether what runs in a started machine is well.
    pub healthy: bool,
    /// Where machines mount their volumes.
    pub mount_path: String,
    /// How long the caller waits for an answer that does not come.
    pub call_deadline_ms: u64,
}

impl World {
    /// An empty world.
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            machines: BTreeMap::new(),
            volumes: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            capacity: BTreeMap::new(),
            new_machines: VecDeque::new(),
            new_volumes: VecDeque::new(),
            machines_made: 0,
            volumes_made: 0,
            due: BTreeMap::new(),
            epochs: BTreeMap::new(),
            ordered: 0,
            log: Vec::new(),
            boot: Boot::Started,
            boot_ms: 4_000,
            hydrate_ms: 0,
            stop_ms: 0,
            healthy: true,
            mount_path: "/root".to_string(),
            call_deadline_ms: 90_000,
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// When something changes by itself next.
    pub fn next_change(&self) -> Option<Timestamp> {
        self.due.keys().next().map(|(at, _)| *at)
    }

    /// Lets time pass; never back.
    pub fn advance_to(&mut self, at: Timestamp) {
        while let Some(entry) = self.due.first_entry() {
            if entry.key().0 > at {
                break;
            }
            let ((when, _), change) = entry.remove_entry();
            self.now = self.now.max(when);
            self.happen(change);
        }
        self.now = self.now.max(at);
    }

    fn happen(&mut self, change: Change) {
        match change {
            Change::Machine { machine, epoch, state } => {
                if self.epoch(&machine) == epoch {
                    self.set_state(&machine, state);
                }
            }
            Change::Hydrated(volume) => {
                if let Some(known) = self.volumes.get_mut(&volume) {
                    known.reads_from = None;
                    if known.state == VolumeState::Hydrating {
                        known.state = VolumeState::Created;
                    }
                }
            }
            Change::Lands(request) => {
                // What it needs may have gone by now; then nothing lands.
                let _ = self.serve(&request);
            }
        }
    }

    fn later(&mut self, wait_ms: u64, change: Change) {
        if wait_ms == 0 {
            self.happen(change);
            return;
        }
        self.ordered = self.ordered.saturating_add(1);
        self.due.insert((self.now.plus(wait_ms), self.ordered), change);
    }

    /// Limits how many more machines and volumes a region takes.
    pub fn limit(&mut self, region: &str, creates: u64) {
        self.capacity.insert(region.to_ascii_lowercase(), creates);
    }

    /// Ids for what gets created, before the ones made up.
    pub fn name_next(&mut self, machines: Vec<String>, volumes: Vec<String>) {
        self.new_machines.extend(machines);
        self.new_volumes.extend(volumes);
    }

    fn machine_id(&mut self) -> String {
        if let Some(id) = self.new_machines.pop_front() {
            return id;
        }
        self.machines_made = self.machines_made.saturating_add(1);
        format!("mnew{}", self.machines_made)
    }

    fn volume_id(&mut self) -> String {
        if let Some(id) = self.new_volumes.pop_front() {
            return id;
        }
        self.volumes_made = self.volumes_made.saturating_add(1);
        format!("vol_new{}", self.volumes_made)
    }

    fn is_full(&self, region: &str) -> bool {
        self.capacity.get(&region.to_ascii_lowercase()) == Some(&0)
    }

    fn take_room(&mut self, region: &str) {
        if let Some(left) = self.capacity.get_mut(&region.to_ascii_lowercase()) {
            *left = left.saturating_sub(1);
        }
    }

    /// The machines, destroyed ones included.
    pub fn machines(&self) -> impl Iterator<Item = (&String, &SimMachine)> {
        self.machines.iter()
    }

    /// The volumes, deleted ones included.
    pub fn volumes(&self) -> impl Iterator<Item = (&String, &SimVolume)> {
        self.volumes.iter()
    }

    /// A machine.
    pub fn machine(&self, id: &str) -> Option<&SimMachine> {
        self.machines.get(id)
    }

    /// A volume.
    pub fn volume(&self, id: &str) -> Option<&SimVolume> {
        self.volumes.get(id)
    }

    /// Puts a machine there, in place of one with the same id.
    pub fn put_machine(&mut self, id: impl Into<String>, machine: SimMachine) {
        self.machines.insert(id.into(), machine);
    }

    /// Puts a volume there, in place of one with the same id.
    pub fn put_volume(&mut self, id: impl Into<String>, volume: SimVolume) {
        self.volumes.insert(id.into(), volume);
    }

    /// Puts the snapshots of a volume there.
    pub fn put_snapshots(&mut self, volume: impl Into<String>, snapshots: Vec<SimSnapshot>) {
        self.snapshots.insert(volume.into(), snapshots);
    }

    /// Changes a machine by hand; what was on its way with it is overtaken. `false` when there is none.
    pub fn change_machine(&mut self, id: &str, change: impl FnOnce(&mut SimMachine)) -> bool {
        let Some(machine) = self.machines.get_mut(id) else { return false };
        let before = (machine.state.clone(), machine.gone);
        change(machine);
        let state = machine.state.clone();
        if (&state, machine.gone) != (&before.0, before.1) {
            self.overtake(id);
            self.entered(id, &state);
        }
        true
    }

    fn epoch(&self, machine: &str) -> u64 {
        self.epochs.get(machine).copied().unwrap_or(0)
    }

    fn overtake(&mut self, machine: &str) {
        let epoch = self.epochs.entry(machine.to_string()).or_default();
        *epoch = epoch.saturating_add(1);
    }

    /// Changes a volume by hand. `false` when there is none.
    pub fn change_volume(&mut self, id: &str, change: impl FnOnce(&mut SimVolume)) -> bool {
        self.volumes.get_mut(id).map(change).is_some()
    }

    /// The tenant writes to a volume.
    pub fn write_to(&mut self, id: &str) {
        self.change_volume(id, |volume| volume.generation = volume.generation.saturating_add(1));
    }

    /// A copy that still reads from a volume.
    pub fn reader(&self, volume: &str) -> Option<&String> {
        let reads = |copy: &SimVolume| copy.reads_from.as_deref() == Some(volume) && !copy.true_state().is_dead();
        self.volumes.iter().find(|(_, copy)| reads(copy)).map(|(id, _)| id)
    }

    /// The machine that a look at a volume names as its holder.
    pub fn holder(&self, volume: &str) -> Option<&String> {
        match self.volumes.get(volume)?.claimed_by.as_ref() {
            Some(claim) => claim.as_ref(),
            None => self
                .machines
                .iter()
                .find(|(_, m)| m.is_live() && m.mounts.iter().any(|v| v == volume))
                .map(|(id, _)| id),
        }
    }

    /// The calls made so far.
    pub fn calls(&self) -> &[CallRecord] {
        &self.log
    }
}
