//! Retained volumes, and everything else that waits for its removal.

use super::error::{ErrorKind, ErrorView};
use crate::id::{MachineId, ResourceName, VolumeId};
use crate::instance::hold::{Hold, holds};
use crate::instance::holdings::{Cause, Stage, Thing};
use crate::instance::{Entry, Instance};
use crate::time::Timestamp;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// What is to be removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThingView {
    /// A machine.
    Machine(MachineId),
    /// A volume.
    Volume(VolumeId),
    /// A machine that may turn up under this name, because the answer of its create was lost.
    MachineNamed(ResourceName),
    /// A volume that may turn up under this name, because the answer of its create was lost.
    VolumeNamed(ResourceName),
}

impl From<&Thing> for ThingView {
    fn from(thing: &Thing) -> Self {
        match thing {
            Thing::Machine(machine) => Self::Machine(machine.clone()),
            Thing::Volume(volume) => Self::Volume(volume.clone()),
            Thing::MachineNamed(name) => Self::MachineNamed(name.clone()),
            Thing::VolumeNamed(name) => Self::VolumeNamed(name.clone()),
        }
    }
}

impl fmt::Display for ThingView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine(machine) => write!(f, "machine {machine}"),
            Self::Volume(volume) => write!(f, "volume {volume}"),
            Self::MachineNamed(name) => write!(f, "whatever machine is called {name}"),
            Self::VolumeNamed(name) => write!(f, "whatever volume is called {name}"),
        }
    }
}

/// Why it is not needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisposalCause {
    /// The instance was moved onto a copy of it.
    Relocated,
    /// Kept for caution, until its date.
    Kept,
    /// It may hold newer data than the data volume: it was found under the instance's name when that was missing, or in its machine.
    Candidate,
    /// A failed recovery had made it.
    FailedRecovery,
    /// A failed restore had made it.
    FailedRestore,
    /// An earlier recovery had left it behind.
    LeftOver,
    /// A call had made it whose answer came too late, or never.
    LateCreate,
    /// Another has taken its place.
    Replaced,
    /// The instance is being removed.
    Destroyed,
    /// It was found under our name while the instance was being removed.
    Orphan,
}

impl From<&Cause> for DisposalCause {
    fn from(cause: &Cause) -> Self {
        match cause {
            Cause::Relocated(_) => Self::Relocated,
            Cause::Kept => Self::Kept,
            Cause::Candidate => Self::Candidate,
            Cause::FailedRecovery => Self::FailedRecovery,
            Cause::FailedRestore => Self::FailedRestore,
            Cause::LeftOver => Self::LeftOver,
            Cause::LateCreate => Self::LateCreate,
            Cause::Replaced => Self::Replaced,
            Cause::Destroyed => Self::Destroyed,
            Cause::Orphan => Self::Orphan,
        }
    }
}

/// The copy that the instance was moved onto.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyView {
    /// Which volume.
    pub volume: VolumeId,
    /// Whether the instance has been seen healthy on it.
    pub healthy: bool,
    /// Whether it has been seen to do without the volume that it was copied from.
    pub hydrated: bool,
    /// Whether the volume it was copied from goes as soon as both are so, because it has no snapshots.
    pub ends_retention: bool,
}

/// A volume that is kept for a while although it is not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetainedView {
    /// Which.
    pub volume: VolumeId,
    /// Why it is kept.
    pub cause: DisposalCause,
    /// It is removed after this, unless something else holds it back.
    pub clean_up_after: Timestamp,
    /// The copy it is kept for.
    pub copy: Option<CopyView>,
    /// What else it waits for; empty when its date alone decides.
    pub held_back_by: Vec<Hold>,
    /// An admin has asked for its removal, which has not ended.
    pub clean_up_requested: bool,
    /// Attempts to remove it so far.
    pub attempts: u32,
    /// How the last attempt failed.
    pub last_error: Option<ErrorView>,
    /// Given up: only an admin can have it removed.
    pub abandoned: bool,
}

/// Something that waits for its removal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisposalView {
    /// What.
    pub thing: ThingView,
    /// Why it is not needed.
    pub cause: DisposalCause,
    /// When the next attempt is due.
    pub due: Timestamp,
    /// An attempt is under way.
    pub in_progress: bool,
    /// What it waits for besides its date.
    pub held_back_by: Vec<Hold>,
    /// Attempts so far.
    pub attempts: u32,
    /// How the last attempt failed.
    pub last_error: Option<ErrorView>,
    /// Given up: there are no more attempts.
    pub abandoned: bool,
}

fn last_error(entry: &Entry) -> Option<ErrorView> {
    entry.error.as_ref().map(|noted| ErrorView::new(ErrorKind::Disposal, noted))
}

impl Instance {
    /// Every retained volume, in the order in which they were retained.
    pub(crate) fn retained_views(&self) -> Vec<RetainedView> {
        let view = |entry: &Entry| {
            let copy = entry.relocation().map(|relocation| CopyView {
                volume: relocation.fork.clone(),
                healthy: relocation.healthy,
                hydrated: relocation.hydrated,
                ends_retention: relocation.immediate,
            });
            Some(RetainedView {
                volume: entry.volume()?.clone(),
                cause: (&entry.cause).into(),
                clean_up_after: entry.due,
                copy,
                held_back_by: holds(self, entry).collect(),
                clean_up_requested: entry.asked.is_some(),
                attempts: entry.attempts,
                last_error: last_error(entry),
                abandoned: entry.abandoned,
            })
        };
        self.holdings.retained().filter_map(view).collect()
    }

    /// Everything else on the disposal list.
    pub(crate) fn disposal_views(&self) -> Vec<DisposalView> {
        let view = |entry: &Entry| DisposalView {
            thing: (&entry.thing).into(),
            cause: (&entry.cause).into(),
            due: entry.due,
            in_progress: entry.stage != Stage::Idle,
            held_back_by: holds(self, entry).collect(),
            attempts: entry.attempts,
            last_error: last_error(entry),
            abandoned: entry.abandoned,
        };
        self.holdings.entries.iter().filter(|entry| !entry.is_retained()).map(view).collect()
    }
}
