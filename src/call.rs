//! The calls a step can ask for, and what they bring.

use crate::guest::Guest;
use crate::id::{Identity, Image, MachineId, MachineVersion, OpId, Region, ResourceName, SnapshotId, VolumeId};
use crate::instance::Condemned;
use crate::observe::{Machine, MachineState, Snapshot, Volume, VolumeState};
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// A machine to be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewMachine {
    /// Unique among the app's live machines; used by this create alone.
    pub name: ResourceName,
    /// Where; `None` leaves it to the volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Its size.
    pub guest: Guest,
    /// The volume to mount, which also decides the host.
    pub volume: VolumeId,
    /// Labels that prove whose it is.
    pub metadata: BTreeMap<String, String>,
    /// The image; `None` is the host's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
}

/// A new configuration for a machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineUpdate {
    /// Which machine.
    pub machine: MachineId,
    /// Its size.
    pub guest: Guest,
    /// The volume it mounts; an update cannot change which.
    pub volume: VolumeId,
    /// Labels that prove whose it is.
    pub metadata: BTreeMap<String, String>,
    /// The image; `None` is the host's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
}

/// What a new volume holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// Nothing.
    Empty {
        /// Size in GiB.
        size_gb: u32,
    },
    /// A copy of another volume, of its size.
    Fork {
        /// The volume that is copied.
        source: VolumeId,
    },
    /// What a snapshot holds.
    Snapshot {
        /// The snapshot.
        snapshot: SnapshotId,
        /// Size in GiB, at least that of the snapshot.
        size_gb: u32,
    },
}

/// A volume to be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewVolume {
    /// Used by this create alone, so that it can be looked for.
    pub name: ResourceName,
    /// Where.
    pub region: Region,
    /// The machine that will mount it, so that Fly picks a host with room for both.
    pub guest: Guest,
    /// What it holds.
    pub content: Content,
}

/// Which volumes a list should hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum VolumeFilter {
    /// Those of exactly this name.
    Named(ResourceName),
    /// Those that belong to one instance by their name.
    Ours {
        /// The one name that older volumes of the instance share, where it tells sandboxes apart.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shared: Option<ResourceName>,
        /// How the names of all others begin.
        prefix: ResourceName,
    },
}

impl VolumeFilter {
    /// Whether a volume of this name belongs into the list.
    pub fn admits(&self, name: &str) -> bool {
        match self {
            Self::Named(wanted) => wanted.as_str() == name,
            Self::Ours { shared, prefix } => {
                shared.as_ref().is_some_and(|shared| shared.as_str() == name) || name.starts_with(prefix.as_str())
            }
        }
    }
}

/// A state that can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    /// `started`
    Started,
    /// `stopped`
    Stopped,
}

impl WaitFor {
    /// The state itself.
    pub const fn state(self) -> MachineState {
        match self {
            Self::Started => MachineState::Started,
            Self::Stopped => MachineState::Stopped,
        }
    }
}

/// One call of the provider.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Call {
    /// Look at a machine. Brings [`Done::Machine`].
    GetMachine {
        /// Which.
        machine: MachineId,
    },
    /// List the machines that carry all of these labels. Brings [`Done::Machines`].
    ListMachines {
        /// The labels.
        metadata: BTreeMap<String, String>,
    },
    /// Make a machine. Brings [`Done::MachineCreated`].
    CreateMachine(Box<NewMachine>),
    /// Give a machine a new configuration. Brings [`Done::Accepted`].
    UpdateMachine(Box<MachineUpdate>),
    /// Start a machine. Brings [`Done::Accepted`].
    StartMachine {
        /// Which.
        machine: MachineId,
    },
    /// Stop a machine. Brings [`Done::Accepted`].
    StopMachine {
        /// Which.
        machine: MachineId,
    },
    /// Destroy a machine, running or not. Brings [`Done::Accepted`].
    DestroyMachine {
        /// Which.
        machine: MachineId,
    },
    /// Wait for a machine's state. Brings [`Done::Waited`].
    WaitMachine {
        /// Which.
        machine: MachineId,
        /// The version to look at; without it an old one may satisfy the wait.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<MachineVersion>,
        /// The wanted state.
        state: WaitFor,
        /// Seconds, 1 to 60.
        timeout_s: u32,
    },
    /// Look at a volume. Brings [`Done::Volume`].
    GetVolume {
        /// Which.
        volume: VolumeId,
    },
    /// List volumes by name. Brings [`Done::Volumes`].
    ListVolumes(VolumeFilter),
    /// List the snapshots of a volume. Brings [`Done::Snapshots`].
    ListSnapshots {
        /// Which.
        volume: VolumeId,
    },
    /// Make a volume. Brings [`Done::VolumeCreated`].
    CreateVolume(Box<NewVolume>),
    /// Delete a volume that is proven to be ours and not needed. Brings [`Done::Accepted`].
    DeleteVolume(Condemned),
    /// Ask what runs in the machine whether it is healthy. Brings [`Done::Health`].
    ProbeHealth {
        /// Which.
        machine: MachineId,
        /// How long to go on asking, in seconds.
        timeout_s: u32,
        /// Milliseconds between two requests.
        interval_ms: u64,
    },
}

macro_rules! call_kinds {
    ($($variant:ident = $word:literal, $pattern:pat, $mutates:literal;)*) => {
        /// The kind of a [`Call`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum CallKind {
            $(#[doc = concat!("`", $word, "`")] $variant,)*
        }

        impl CallKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name used in traces, logs and scenarios.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Whether the call changes the world, so that the step that asks for it has to be committed first.
            pub const fn mutates(self) -> bool {
                match self { $(Self::$variant => $mutates,)* }
            }
        }

        impl Call {
            /// Its kind.
            pub const fn kind(&self) -> CallKind {
                match self { $($pattern => CallKind::$variant,)* }
            }
        }
    };
}

call_kinds! {
    GetMachine = "get_machine", Call::GetMachine { .. }, false;
    ListMachines = "list_machines", Call::ListMachines { .. }, false;
    CreateMachine = "create_machine", Call::CreateMachine(_), true;
    UpdateMachine = "update_machine", Call::UpdateMachine(_), true;
    StartMachine = "start_machine", Call::StartMachine { .. }, true;
    StopMachine = "stop_machine", Call::StopMachine { .. }, true;
    DestroyMachine = "destroy_machine", Call::DestroyMachine { .. }, true;
    WaitMachine = "wait_machine", Call::WaitMachine { .. }, false;
    GetVolume = "get_volume", Call::GetVolume { .. }, false;
    ListVolumes = "list_volumes", Call::ListVolumes(_), false;
    ListSnapshots = "list_snapshots", Call::ListSnapshots { .. }, false;
    CreateVolume = "create_volume", Call::CreateVolume(_), true;
    DeleteVolume = "delete_volume", Call::DeleteVolume(_), true;
    ProbeHealth = "probe_health", Call::ProbeHealth { .. }, false;
}

impl fmt::Display for CallKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A call together with what is needed to make it: what a host hands to its executor.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Comes back with the outcome.
    pub id: OpId,
    /// Whose machine and volume it is about.
    pub identity: Identity,
    /// What to do.
    pub call: Call,
    /// From then on the instance takes the call for lost.
    pub deadline: Timestamp,
}

/// What a call brought.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Done {
    /// The provider has taken the change on; that it has happened is for a look to tell.
    Accepted,
    /// A machine.
    Machine(Box<Machine>),
    /// Machines.
    Machines(Vec<Machine>),
    /// A machine was made.
    MachineCreated {
        /// Its id.
        machine: MachineId,
        /// Where it is, if the answer says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<Region>,
    },
    /// A wait is over.
    Waited {
        /// The state in which the machine was last seen; the wanted one or another.
        state: MachineState,
    },
    /// A volume.
    Volume(Box<Volume>),
    /// Volumes.
    Volumes(Vec<Volume>),
    /// Snapshots.
    Snapshots(Vec<Snapshot>),
    /// A volume was made.
    VolumeCreated {
        /// Its id.
        volume: VolumeId,
        /// Where it is, if the answer says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<Region>,
        /// Its state.
        state: VolumeState,
    },
    /// A probe is over.
    Health {
        /// Whether what runs in the machine answered well.
        healthy: bool,
    },
}

impl Done {
    /// Whether a call of `kind` can bring this.
    pub(crate) fn answers(&self, kind: CallKind) -> bool {
        let fitting: &[CallKind] = match self {
            Self::Accepted => &[
                CallKind::UpdateMachine,
                CallKind::StartMachine,
                CallKind::StopMachine,
                CallKind::DestroyMachine,
                CallKind::DeleteVolume,
            ],
            Self::Machine(_) => &[CallKind::GetMachine],
            Self::Machines(_) => &[CallKind::ListMachines],
            Self::MachineCreated { .. } => &[CallKind::CreateMachine],
            Self::Waited { .. } => &[CallKind::WaitMachine],
            Self::Volume(_) => &[CallKind::GetVolume],
            Self::Volumes(_) => &[CallKind::ListVolumes],
            Self::Snapshots(_) => &[CallKind::ListSnapshots],
            Self::VolumeCreated { .. } => &[CallKind::CreateVolume],
            Self::Health { .. } => &[CallKind::ProbeHealth],
        };
        fitting.contains(&kind)
    }
}
