//! A simulated Fly: machines, volumes, snapshots and the time, as one value.
//!
//! *Guarantees*: deterministic; time moves only when [`World::perform`] makes a call that takes time or when [`World::advance_to`] is
//! told; what is refused is refused with the status and the words of the real API and goes through the same classification as the
//! real one's answers. Two worlds that are equal go on alike.
//!
//! *Assumes* that every volume has a host of its own, which it shares with the machines that mount it. Whoever asks sees everything, unless
//! the question names an app ([`World::wire`]): then what belongs to another one is not there.

mod catalogue;
mod change;
mod hosts;
mod machines;
mod perform;
mod queries;
mod shelf;
mod things;
mod volumes;

pub use change::WorldChange;
pub use perform::{Attempt, CallRecord, Landing, Said, Strike, Wire};
pub use things::{Boot, SimMachine, SimSnapshot, SimVolume};

use self::shelf::Shelf;
use super::request::Request;
use crate::observe::MachineState;
use crate::time::Timestamp;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Something on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Change {
    Machine {
        machine: String,
        state: MachineState,
    },
    Hydrated(String),
    Unbound {
        volume: String,
        machine: String,
    },
    /// In the app that was asked.
    Lands(Option<String>, Request),
}

/// A simulated Fly.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    now: Timestamp,
    machines: Shelf<SimMachine>,
    volumes: Shelf<SimVolume>,
    snapshots: BTreeMap<String, Vec<SimSnapshot>>,
    capacity: BTreeMap<String, u64>,
    new_machines: VecDeque<String>,
    new_volumes: VecDeque<String>,
    machines_made: u64,
    volumes_made: u64,
    /// By the time, and by the order in which it was begun.
    due: BTreeMap<(Timestamp, u64), Change>,
    /// The number of the last write.
    generation: u64,
    /// What each write was made on top of.
    below: BTreeMap<u64, u64>,
    keeps_log: bool,
    log: Vec<CallRecord>,
    /// The app that is asked at this moment; `None` sees everything.
    asked: Option<String>,
    /// What a created or started machine becomes.
    pub boot: Boot,
    /// How long that takes.
    pub boot_ms: u64,
    /// How long a fork goes on reading from its source.
    pub hydrate_ms: u64,
    /// How long a stop takes.
    pub stop_ms: u64,
    /// How long a machine whose destroy was accepted is `destroying`.
    pub destroy_ms: u64,
    /// How long a destroyed machine goes on holding its volumes.
    pub unbind_ms: u64,
    /// How long a new machine or volume is not found.
    pub visible_ms: u64,
    /// What the adapter adds to the configuration of machines, and what refusals of that configuration repeat.
    pub secret: Option<String>,
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
            machines: Shelf::default(),
            volumes: Shelf::default(),
            snapshots: BTreeMap::new(),
            capacity: BTreeMap::new(),
            new_machines: VecDeque::new(),
            new_volumes: VecDeque::new(),
            machines_made: 0,
            volumes_made: 0,
            due: BTreeMap::new(),
            generation: 0,
            below: BTreeMap::new(),
            keeps_log: true,
            log: Vec::new(),
            asked: None,
            boot: Boot::Started,
            boot_ms: 4_000,
            hydrate_ms: 0,
            stop_ms: 0,
            destroy_ms: 0,
            unbind_ms: 0,
            visible_ms: 0,
            secret: None,
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
            Change::Machine { machine, state } => self.set_state(&machine, state),
            Change::Hydrated(volume) => self.hydrated(&volume),
            Change::Unbound { volume, machine } => {
                let holds = |volume: &&mut SimVolume| volume.bound_to.as_ref() == Some(&machine);
                if let Some(volume) = self.volumes.touch(&volume).filter(holds) {
                    volume.bound_to = None;
                }
            }
            Change::Lands(app, request) => {
                let asked = core::mem::replace(&mut self.asked, app);
                // What it needs may have gone by now; then nothing lands.
                let _ = self.serve(&request, self.now);
                self.asked = asked;
            }
        }
    }

    fn later(&mut self, wait_ms: u64, change: Change) {
        if wait_ms == 0 {
            self.happen(change);
            return;
        }
        let at = self.now.plus(wait_ms);
        let last = self.due.range((at, 0)..=(at, u64::MAX)).next_back();
        let order = last.map_or(0, |((_, order), _)| order.saturating_add(1));
        self.due.insert((at, order), change);
    }

    /// Whether what belongs to `app` is there for the one that asks. What belongs to none is there for all.
    fn sees(&self, app: Option<&String>) -> bool {
        self.asked.is_none() || app.is_none() || self.asked.as_ref() == app
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

    /// Puts a machine there, in place of one with the same id.
    pub fn put_machine(&mut self, id: impl Into<String>, machine: SimMachine) {
        self.machines.insert(id.into(), machine);
    }

    /// Puts a volume there, in place of one with the same id.
    pub fn put_volume(&mut self, id: impl Into<String>, volume: SimVolume) {
        self.generation = self.generation.max(volume.generation);
        self.volumes.insert(id.into(), volume);
    }

    /// The snapshots of a volume.
    pub fn snapshots(&self, volume: &str) -> &[SimSnapshot] {
        self.snapshots.get(volume).map_or(&[], Vec::as_slice)
    }

    /// Puts the snapshots of a volume there.
    pub fn put_snapshots(&mut self, volume: impl Into<String>, snapshots: Vec<SimSnapshot>) {
        self.generation = snapshots.iter().fold(self.generation, |most, snapshot| most.max(snapshot.generation));
        self.snapshots.insert(volume.into(), snapshots);
    }

    /// Changes a machine by hand; what was on its way with it is overtaken. `false` when there is none.
    pub fn change_machine(&mut self, id: &str, change: impl FnOnce(&mut SimMachine)) -> bool {
        let is = |machine: &SimMachine| (machine.state.clone(), machine.gone);
        let Some(before) = self.machines.get(id).map(is) else { return false };
        let Some(after) = self.machines.change(id, |machine| {
            change(machine);
            is(machine)
        }) else {
            return false;
        };
        if after != before {
            self.overtake(id);
            self.entered(id, &after.0);
        }
        true
    }

    /// Nothing that was on its way with the machine comes about.
    fn overtake(&mut self, id: &str) {
        self.due.retain(|_, change| !matches!(change, Change::Machine { machine, .. } if machine == id));
    }

    /// Changes a volume by hand. `false` when there is none.
    pub fn change_volume(&mut self, id: &str, change: impl FnOnce(&mut SimVolume)) -> bool {
        let now = self.now;
        let changed = self.volumes.change(id, |volume| {
            let before = (volume.state.clone(), volume.gone);
            change(volume);
            if (&volume.state, volume.gone) != (&before.0, before.1) {
                volume.updated_at = now;
            }
            (volume.is_live(), volume.generation)
        });
        let Some((is_live, generation)) = changed else { return false };
        self.generation = self.generation.max(generation);
        if !is_live {
            self.bereave(id);
        }
        true
    }

    /// The tenant writes to a volume. `false` when there is no such volume to write to.
    pub fn write_to(&mut self, id: &str) -> bool {
        let Some(volume) = self.volumes.touch(id).filter(|volume| volume.is_live()) else { return false };
        self.generation = self.generation.saturating_add(1);
        self.below.insert(self.generation, volume.generation);
        volume.generation = self.generation;
        true
    }

    /// Whether calls are recorded from now on.
    pub fn keep_log(&mut self, keep: bool) {
        self.keeps_log = keep;
    }

    /// The calls made so far.
    pub fn calls(&self) -> &[CallRecord] {
        &self.log
    }
}
