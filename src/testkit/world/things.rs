//! What the simulated Fly is made of.

use crate::guest::Guest;
use crate::id::Image;
use crate::observe::{Exit, HostStatus, MachineState, SnapshotStatus, VolumeState};
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// What a created or started machine becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq)]
pub struct SimMachine {
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
    /// Whether its host answers.
    pub host_status: HostStatus,
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
            name: name.into(),
            state: MachineState::Started,
            region: None,
            version: 1,
            mounts: Vec::new(),
            metadata: BTreeMap::new(),
            guest: None,
            image: None,
            host_status: HostStatus::Ok,
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

    /// The state for those who see everything.
    pub fn true_state(&self) -> MachineState {
        if self.gone { MachineState::Destroyed } else { self.state.clone() }
    }
}

/// A volume of the simulated Fly.
#[derive(Clone, Debug, PartialEq)]
pub struct SimVolume {
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
    /// When it was made.
    pub created_at: Timestamp,
    /// Deleted (404).
    pub gone: bool,
    /// Rises with everything written to it; a fork begins with its source's.
    pub generation: u64,
    /// The volume that it still reads from while it hydrates.
    pub reads_from: Option<String>,
}

impl SimVolume {
    /// An empty volume of 10 GiB.
    pub fn new(name: impl Into<String>, now: Timestamp) -> Self {
        Self {
            name: name.into(),
            state: VolumeState::Created,
            region: None,
            size_gb: 10,
            claimed_by: None,
            created_at: now,
            gone: false,
            generation: 0,
            reads_from: None,
        }
    }

    /// The state for those who see everything.
    pub fn true_state(&self) -> VolumeState {
        if self.gone { VolumeState::Destroyed } else { self.state.clone() }
    }
}

/// A snapshot of the simulated Fly.
#[derive(Clone, Debug, PartialEq)]
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
