//! What does not go on by itself, or not yet.

use crate::id::{MachineId, VolumeId};
use crate::instance::hold::{Hold, holds};
use crate::instance::view::ThingView;
use crate::instance::{Entry, Instance};
use crate::observe::HostStatus;
use crate::status::Status;
use crate::time::Timestamp;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// Something that does not go on by itself, or not yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocked {
    /// The data volume is missing: no start before an admin has decided.
    DataVolumeMissing {
        /// Which volume, if its id is known.
        volume: Option<VolumeId>,
        /// The one other volume that may hold the data.
        proposal: Option<VolumeId>,
    },
    /// The host of the machine does not answer: nothing is concluded from what is shown of it.
    HostTrouble {
        /// The machine.
        machine: Option<MachineId>,
        /// What is said of its host.
        host_status: HostStatus,
    },
    /// A volume that is kept for a while.
    Retained {
        /// Which.
        volume: VolumeId,
        /// It is removed after this, unless something else holds it back.
        until: Timestamp,
        /// What else it waits for; empty when its date alone decides.
        by: Vec<Hold>,
        /// How the last attempt to remove it failed.
        error: Option<String>,
    },
    /// A removal that was given up.
    Abandoned {
        /// Of what.
        thing: ThingView,
        /// After how many attempts.
        attempts: u32,
        /// How the last one failed.
        error: Option<String>,
    },
}

/// Everything of the kind, the gravest first.
pub(super) fn of(me: &Instance) -> Vec<Blocked> {
    let missing = me
        .missing
        .iter()
        .map(|missing| Blocked::DataVolumeMissing { volume: me.volume.clone(), proposal: missing.proposal.clone() });
    let host = me
        .host_trouble
        .iter()
        .map(|host_status| Blocked::HostTrouble { machine: me.machine().cloned(), host_status: host_status.clone() });
    let abandoned = me.holdings.entries.iter().filter(|entry| entry.abandoned).map(|entry| Blocked::Abandoned {
        thing: (&entry.thing).into(),
        attempts: entry.attempts,
        error: entry.error.as_ref().map(|noted| noted.message.clone()),
    });
    let kept = |entry: &&Entry| !entry.abandoned && me.status() != Status::Destroying;
    let retained = me.holdings.retained().filter(kept).filter_map(|entry| {
        let volume = entry.volume()?.clone();
        let error = entry.error.as_ref().map(|noted| noted.message.clone());
        Some(Blocked::Retained { volume, until: entry.due, by: holds(me, entry).collect(), error })
    });
    missing.chain(host).chain(abandoned).chain(retained).collect()
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DataVolumeMissing { volume, proposal } => {
                f.write_str("It does not start before an admin has reassociated a volume, restored a snapshot or accepted the loss")?;
                match (volume, proposal) {
                    (Some(volume), Some(other)) => write!(f, " of {volume}; {other} may hold the data"),
                    (Some(volume), None) => write!(f, " of {volume}"),
                    (None, Some(other)) => write!(f, "; {other} may hold the data"),
                    (None, None) => Ok(()),
                }
            }
            Self::HostTrouble { machine: Some(machine), host_status } => {
                write!(f, "Nothing is concluded from machine {machine} while its host is {host_status}")
            }
            Self::HostTrouble { machine: None, host_status } => {
                write!(f, "Nothing is concluded from a host that is {host_status}")
            }
            Self::Retained { volume, until, by, error } => {
                retained(f, volume, *until, by)?;
                failed(f, error.as_deref())
            }
            Self::Abandoned { thing, attempts, error } => {
                write!(f, "The removal of {thing} was given up (attempts: {attempts})")?;
                failed(f, error.as_deref())
            }
        }
    }
}

fn retained(f: &mut fmt::Formatter<'_>, volume: &VolumeId, until: Timestamp, by: &[Hold]) -> fmt::Result {
    let Some((first, others)) = by.split_first() else {
        return write!(f, "Volume {volume} is kept until {}", until);
    };
    write!(f, "Volume {volume}, whose date is {}, is held back: {first}", until)?;
    others.iter().try_for_each(|hold| write!(f, ", and {hold}"))
}

fn failed(f: &mut fmt::Formatter<'_>, error: Option<&str>) -> fmt::Result {
    error.map_or(Ok(()), |error| write!(f, "; the last attempt failed: {error}"))
}
