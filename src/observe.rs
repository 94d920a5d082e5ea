//! What the provider shows of the things it runs. Unknown words are kept, never refused: Fly's own description types states as
//! plain text, and a state nobody has heard of must not stop an instance.

use crate::guest::Guest;
use crate::id::{Image, MachineId, MachineVersion, Region, ResourceName, SnapshotId, VolumeId};
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
            /// A word this library does not know, cut to 64 characters.
            Other(String),
        }

        impl $name {
            /// The word itself.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    other => Self::Other(other.chars().take(64).collect()),
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                Self::from(word.as_str())
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> String {
                word.as_str().to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// The state of a machine.
    MachineState {
        /// The record exists, the root file system is being prepared.
        Created = "created",
        /// On its way up.
        Starting = "starting",
        /// The virtual machine has booted, which does not mean that what it runs is healthy.
        Started = "started",
        /// On its way down.
        Stopping = "stopping",
        /// Down, for whatever reason.
        Stopped = "stopped",
        /// On its way to `suspended`.
        Suspending = "suspending",
        /// Its memory is on disk.
        Suspended = "suspended",
        /// A new configuration is landing.
        Replacing = "replacing",
        /// A new configuration is landing.
        Updating = "updating",
        /// Going down to come up again.
        Restarting = "restarting",
        /// Could not start.
        Failed = "failed",
        /// A destroy was accepted; on an unreachable host this can last.
        Destroying = "destroying",
        /// Gone.
        Destroyed = "destroyed",
    }
}

words! {
    /// The state of a volume.
    VolumeState {
        /// Being made.
        Creating = "creating",
        /// Ready, and independent of where it came from.
        Created = "created",
        /// Being filled from a snapshot.
        Restoring = "restoring",
        /// A fork that is being set up.
        EnablingRemoteExport = "enabling_remote_export",
        /// A fork that can be mounted but still reads from its source.
        Hydrating = "hydrating",
        /// Growing.
        Extending = "extending",
        /// Being brought back from its deletion.
        Recovering = "recovering",
        /// Waits for its machine to let go before it is deleted.
        WaitingForDetach = "waiting_for_detach",
        /// Being deleted.
        SchedulingDestroy = "scheduling_destroy",
        /// Deleted, kept for a while.
        PendingDestroy = "pending_destroy",
        /// A fork that failed.
        ForkCleanup = "fork_cleanup",
        /// Being deleted.
        Destroying = "destroying",
        /// Gone.
        Destroyed = "destroyed",
    }
}

words! {
    /// The state of a snapshot.
    SnapshotStatus {
        /// Finished.
        Created = "created",
        /// Finished.
        Complete = "complete",
        /// Not begun.
        Waiting = "waiting",
        /// Not begun.
        Pending = "pending",
        /// Under way.
        Creating = "creating",
        /// Under way.
        Running = "running",
        /// Will never be usable.
        Failed = "failed",
    }
}

words! {
    /// Whether the host of a machine or volume answers.
    HostStatus {
        /// It does: what is said about the thing is current and complete.
        Ok = "ok",
        /// Nobody can tell.
        Unknown = "unknown",
        /// It does not: states are the last known ones, and the configuration may be missing.
        Unreachable = "unreachable",
    }
}

impl MachineState {
    /// Whether the machine will not change its state by itself (stopped, created, suspended, failed, destroyed).
    pub fn is_terminal(&self) -> bool {
        [Self::Stopped, Self::Created, Self::Suspended, Self::Failed, Self::Destroyed].contains(self)
    }

    /// Whether a destroy was accepted or is done.
    pub fn is_going(&self) -> bool {
        [Self::Destroying, Self::Destroyed].contains(self)
    }
}

impl VolumeState {
    /// Whether nothing can be had from the volume any more.
    pub fn is_dead(&self) -> bool {
        [Self::Destroyed, Self::Destroying, Self::PendingDestroy, Self::SchedulingDestroy, Self::ForkCleanup]
            .contains(self)
    }
}

impl SnapshotStatus {
    /// Whether the snapshot can be restored from.
    pub fn is_finished(&self) -> bool {
        [Self::Created, Self::Complete].contains(self)
    }
}

/// A volume in a machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// Which volume.
    pub volume: VolumeId,
    /// Where it is mounted.
    pub path: String,
}

/// The last time a machine's main process ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exit {
    /// Exit code; Fly leaves out 0.
    pub code: Option<i32>,
    /// Whether memory ran out.
    pub oom_killed: bool,
    /// Whether somebody asked for the stop: we, the proxy, a migration or an operator.
    pub requested_stop: bool,
}

/// The part of a machine's configuration that is missing while its host does not answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineConfig {
    /// Its volumes.
    pub mounts: Vec<Mount>,
    /// Its labels.
    pub metadata: BTreeMap<String, String>,
    /// Its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<Guest>,
    /// Its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
}

impl MachineConfig {
    /// The volume mounted at `path`.
    pub fn mounted_at(&self, path: &str) -> Option<&VolumeId> {
        self.mounts.iter().find(|mount| mount.path == path).map(|mount| &mount.volume)
    }
}

/// A machine as the provider shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Its id.
    pub id: MachineId,
    /// The name it was created under, where it is shown and well-formed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<ResourceName>,
    /// Its state; the last known one unless `host_status` is ok.
    pub state: MachineState,
    /// Where it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// The version of its configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<MachineVersion>,
    /// Its configuration; `None` is unknown, never empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<MachineConfig>,
    /// Whether its host answers.
    pub host_status: HostStatus,
    /// When it last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// How it last ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
}

/// A volume as the provider shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// Its id.
    pub id: VolumeId,
    /// Its name; not unique at Fly.
    pub name: String,
    /// Its state.
    pub state: VolumeState,
    /// Where it is; Fly sometimes leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Its size in GiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_gb: Option<u32>,
    /// The machine that holds it; lags behind the truth by a minute or two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached_machine: Option<MachineId>,
    /// Whether its host answers.
    pub host_status: HostStatus,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
}

/// A snapshot as the provider shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Its id.
    pub id: SnapshotId,
    /// Whether it is finished.
    pub status: SnapshotStatus,
    /// Size in GiB of the volume it was taken of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_gb: Option<u32>,
}
