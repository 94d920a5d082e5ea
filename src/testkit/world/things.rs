//! What the simulated Fly is made of.

use super::shelf::{Mark, Marked};
use crate::guest::Guest;
use crate::id::Image;
use crate::observe::{Exit, HostStatus, MachineState, SnapshotStatus, VolumeState};
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What a created or started machine becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boot {
    /// It runs.
    #[default]
    Started,
    /// It stays `created`.
    Created,
    /// It stays `starting`.
    Starting,
    /// It fails.
    Failed,
    /// It ends again at once.
    Stopped,
}

impl Boot {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Started, Self::Created, Self::Starting, Self::Failed, Self::Stopped];

    /// The state it ends in.
    pub const fn state(self) -> MachineState {
        match self {
            Self::Started => MachineState::Started,
            Self::Created => MachineState::Created,
            Self::Starting => MachineState::Starting,
            Self::Failed => MachineState::Failed,
            Self::Stopped => MachineState::Stopped,
        }
    }
}

/// A machine of the simulated Fly.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct SimMachine {
    /// The app it belongs to; `None` is seen from every one.
    pub app: Option<String>,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: MachineState,
    /// Where it runs.
    pub region: Option<String>,
    /// Counts its configurations.
    pub version: u64,
    /// The volumes it mounts.
    pub mounts: Vec<String>,
    /// Its labels.
    pub metadata: BTreeMap<String, String>,
    /// Its size.
    pub guest: Option<Guest>,
    /// Its image.
    pub image: Option<Image>,
    /// What answers say of its host.
    pub host_status: HostStatus,
    /// Its host is down: whatever its state says, it does not run.
    pub host_down: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// How it last ended.
    pub exit: Option<Exit>,
    /// Nobody knows it any more (404).
    pub gone: bool,
}

impl SimMachine {
    /// A started machine without labels and volumes.
    pub fn new(name: impl Into<String>, now: Timestamp) -> Self {
        Self {
            app: None,
            name: name.into(),
            state: MachineState::Started,
            region: None,
            version: 1,
            mounts: Vec::new(),
            metadata: BTreeMap::new(),
            guest: None,
            image: None,
            host_status: HostStatus::Ok,
            host_down: false,
            created_at: now,
            updated_at: now,
            exit: None,
            gone: false,
        }
    }

    /// Whether it still exists; only then it holds its volumes and its name.
    pub fn is_live(&self) -> bool {
        !self.gone && self.state != MachineState::Destroyed
    }

    /// Whether what it holds is running at this moment.
    pub fn runs(&self) -> bool {
        !self.gone && !self.host_down && self.state == MachineState::Started
    }

    /// The state for those who see everything.
    pub fn true_state(&self) -> MachineState {
        if self.gone { MachineState::Destroyed } else { self.state.clone() }
    }
}

impl Marked for SimMachine {
    fn marks(&self) -> Vec<Mark> {
        let mounts = self.mounts.iter().cloned().map(Mark::Mounts);
        let labels = self.metadata.iter().map(|(key, value)| Mark::Label(key.clone(), value.clone()));
        [Mark::Name(self.name.clone())].into_iter().chain(mounts).chain(labels).collect()
    }
}

/// A volume of the simulated Fly.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct SimVolume {
    /// The app it belongs to; `None` is seen from every one.
    pub app: Option<String>,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: VolumeState,
    /// Where it is; answers leave it out when it is `None`.
    pub region: Option<String>,
    /// Its size.
    pub size_gb: u32,
    /// The machine that answers name as its holder, where that is not simply the one that mounts it.
    pub claimed_by: Option<Option<String>>,
    /// A machine that was destroyed but has not let go of it yet.
    pub bound_to: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its state last changed.
    pub updated_at: Timestamp,
    /// Deleted (404).
    pub gone: bool,
    /// The number of the last write to it; every write in a world has the next number. A copy begins with its source's, and 0 is
    /// nothing written.
    pub generation: u64,
    /// The volume that it still reads from while it hydrates.
    pub reads_from: Option<String>,
    /// Its host, and so that of the machines that mount it, is down.
    pub host_down: bool,
    /// Its host has no room left.
    pub host_full: bool,
    /// It never lets itself be deleted.
    pub stuck: bool,
}

impl SimVolume {
    /// An empty volume of 10 GiB.
    pub fn new(name: impl Into<String>, now: Timestamp) -> Self {
        Self {
            app: None,
            name: name.into(),
            state: VolumeState::Created,
            region: None,
            size_gb: 10,
            claimed_by: None,
            bound_to: None,
            created_at: now,
            updated_at: now,
            gone: false,
            generation: 0,
            reads_from: None,
            host_down: false,
            host_full: false,
            stuck: false,
        }
    }

    /// Whether something can be had from it.
    pub fn is_live(&self) -> bool {
        !self.gone && !self.state.is_dead()
    }

    /// The state for those who see everything.
    pub fn true_state(&self) -> VolumeState {
        if self.gone { VolumeState::Destroyed } else { self.state.clone() }
    }
}

impl Marked for SimVolume {
    fn marks(&self) -> Vec<Mark> {
        let reads = self.reads_from.iter().cloned().map(Mark::Reads);
        let claimed = self.claimed_by.iter().flatten().cloned().map(Mark::Claimed);
        [Mark::Name(self.name.clone())].into_iter().chain(reads).chain(claimed).collect()
    }
}

/// A snapshot of the simulated Fly.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct SimSnapshot {
    /// Its id.
    pub id: String,
    /// Whether it is finished.
    pub status: SnapshotStatus,
    /// The size of the volume it was taken of.
    pub size_gb: Option<u32>,
    /// What its volume held when it was taken.
    pub generation: u64,
}
