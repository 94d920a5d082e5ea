//! What users and admins can ask of an instance, and how it says no.

use crate::guest::Guest;
use crate::id::{Identity, Image, Region, SnapshotId, VolumeId};
use crate::status::Status;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The birth of an instance, or new values for its next start.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provision {
    /// Whose it is. Given again, it has to be the same.
    pub identity: Identity,
    /// All randomness of the instance (jitter, order of regions) derives from this; used at birth only.
    pub seed: u64,
    /// What it should be like; what is `None` stays as it is.
    pub spec: Spec,
}

/// What an instance should be like; `None` is the policy's value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spec {
    /// The size of its machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest: Option<Guest>,
    /// The size of a fresh volume in GiB, 1 to 500.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_size_gb: Option<u32>,
    /// Where its volumes are placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regions: Option<Vec<Region>>,
    /// Its image; `None` is the host's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
}

/// A command. Accepting one is not its end: how the work ends is seen in status, error fields and events.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Register the instance. Makes no call; the first alarm or start makes the volume.
    Provision(Box<Provision>),
    /// Bring the machine up.
    Start {
        /// Why, for the record of events.
        reason: Option<String>,
    },
    /// Take the machine down, and keep it.
    Stop {
        /// Why, for the record of events.
        reason: Option<String>,
    },
    /// Roll the present configuration onto the machine.
    Restart {
        /// A new image; `None` keeps the present one.
        image: Option<Image>,
    },
    /// Remove everything that belongs to the instance, and forget it.
    Destroy {
        /// Why, for the record of events.
        reason: Option<String>,
    },
    /// Delete retained volumes before their date. Answers with its end.
    CleanupRetainedVolume {
        /// One of several; `None` is all of them.
        volume: Option<VolumeId>,
    },
    /// Make another volume the instance's data volume. Answers with its end.
    ReassociateVolume {
        /// The volume to use from now on.
        volume: VolumeId,
        /// Why: 10 to 500 characters.
        reason: String,
    },
    /// Use another machine size from the next start on.
    Resize {
        /// The size.
        guest: Guest,
    },
    /// Replace the volume by one made from a snapshot, and start. It fails while the instance runs on the machine that alone keeps a volume
    /// from being deleted (`waiting_for_detach`): stop it first.
    RestoreSnapshot {
        /// The snapshot, of any volume that the instance knows.
        snapshot: SnapshotId,
        /// Why, for the record of events.
        reason: Option<String>,
    },
    /// Look for the machine again now.
    RetryLookup,
    /// Go on with an empty volume where the data volume is missing.
    AcceptDataLoss,
    /// Look at the machine now.
    Refresh,
}

/// The kind of a [`Command`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each is the command of the same name")]
pub enum CommandKind {
    Provision,
    Start,
    Stop,
    Restart,
    Destroy,
    CleanupRetainedVolume,
    ReassociateVolume,
    Resize,
    RestoreSnapshot,
    RetryLookup,
    AcceptDataLoss,
    Refresh,
}

impl CommandKind {
    /// Every command.
    pub const ALL: [Self; 12] = [
        Self::Provision,
        Self::Start,
        Self::Stop,
        Self::Restart,
        Self::Destroy,
        Self::CleanupRetainedVolume,
        Self::ReassociateVolume,
        Self::Resize,
        Self::RestoreSnapshot,
        Self::RetryLookup,
        Self::AcceptDataLoss,
        Self::Refresh,
    ];

    /// The name used in scenarios and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Destroy => "destroy",
            Self::CleanupRetainedVolume => "cleanup_retained_volume",
            Self::ReassociateVolume => "reassociate_volume",
            Self::Resize => "resize",
            Self::RestoreSnapshot => "restore_snapshot",
            Self::RetryLookup => "retry_lookup",
            Self::AcceptDataLoss => "accept_data_loss",
            Self::Refresh => "refresh",
        }
    }
}

impl Command {
    /// Its kind.
    pub const fn kind(&self) -> CommandKind {
        match self {
            Self::Provision(_) => CommandKind::Provision,
            Self::Start { .. } => CommandKind::Start,
            Self::Stop { .. } => CommandKind::Stop,
            Self::Restart { .. } => CommandKind::Restart,
            Self::Destroy { .. } => CommandKind::Destroy,
            Self::CleanupRetainedVolume { .. } => CommandKind::CleanupRetainedVolume,
            Self::ReassociateVolume { .. } => CommandKind::ReassociateVolume,
            Self::Resize { .. } => CommandKind::Resize,
            Self::RestoreSnapshot { .. } => CommandKind::RestoreSnapshot,
            Self::RetryLookup => CommandKind::RetryLookup,
            Self::AcceptDataLoss => CommandKind::AcceptDataLoss,
            Self::Refresh => CommandKind::Refresh,
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// Why a command was turned down, or ended badly.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// The code as it is shown to clients.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

codes! {
    /// There is no such instance.
    NotProvisioned = "not_provisioned",
    /// Something else is under way.
    Busy = "busy",
    /// An unexpected stop is being repaired.
    Recovering = "recovering",
    /// The volume is being replaced from a snapshot.
    Restoring = "restoring",
    /// The instance is being removed.
    Destroying = "destroying",
    /// Only a stopped instance can do this.
    MustBeStopped = "must_be_stopped",
    /// There is no machine to do it with.
    NoMachine = "no_machine",
    /// The data volume is not missing.
    NothingLost = "nothing_lost",
    /// The data volume is missing, and starting without it would hide that.
    DataVolumeMissing = "data_volume_missing",
    /// An argument is out of its range.
    InvalidArgument = "invalid_argument",
    /// The sandbox belongs to somebody else.
    IdentityMismatch = "identity_mismatch",
    /// A machine that is not ours holds the volume.
    NotOurs = "not_ours",
    /// The volume is still read by its fork.
    HeldBack = "held_back",
    /// The provider did not let go of the volume; it stays retained.
    CleanupFailed = "cleanup_failed",
    /// It is the data volume already.
    SameVolume = "same_volume",
    /// There is no such volume.
    VolumeNotFound = "volume_not_found",
    /// The volume is deleted or being deleted, or would be with its machine.
    VolumeUnusable = "volume_unusable",
    /// A machine that is not ours holds the volume.
    ForeignHolder = "foreign_holder",
    /// Neither its name nor our record says that the volume is ours.
    ForeignVolume = "foreign_volume",
    /// The provider could not be asked.
    Unavailable = "unavailable",
}

/// A command turned down, or ended badly.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// For programs.
    pub code: Code,
    /// The status in which it was turned down; `None` without an instance.
    pub status: Option<Status>,
    /// For people: one sentence.
    pub message: String,
}

/// The number of a command that answers with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub(crate) u64);

/// How a command that answers with its end went.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// The retained volume that was deleted (the last of several); `None` when there was none.
    Deleted(Option<VolumeId>),
    /// The volume is the instance's data volume now.
    Reassociated(VolumeId),
}
