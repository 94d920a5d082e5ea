//! What an instance tells the world: events for analytics, and one log line for each decision of a reconcile.

use crate::id::{AppName, MachineId, Region, SandboxId, UserId};
use crate::status::Status;
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use core::fmt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = concat!("`", $word, "`")] $variant,)*
        }

        impl $name {
            /// Every name.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name itself.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

names! {
    /// The events of an instance's life.
    Milestone {
        Provisioned = "instance.provisioned",
        Started = "instance.started",
        ProvisioningFailed = "instance.provisioning_failed",
        StartCapacityRecovery = "instance.start_capacity_recovery",
        Stopped = "instance.stopped",
        Restarting = "instance.restarting",
        DestroyStarted = "instance.destroy_started",
        RecoveryStarted = "instance.unexpected_stop_recovery_started",
        RecoverySucceeded = "instance.unexpected_stop_recovery_succeeded",
        RecoveryFailed = "instance.unexpected_stop_recovery_failed",
        RestoreEnqueued = "instance.restore_enqueued",
        RestoreStarted = "instance.restore_started",
        RestoreCompleted = "instance.restore_completed",
        RestoreFailed = "instance.restore_failed",
        RetainedVolumeDeleted = "instance.retained_volume_deleted",
        RetainedVolumeCleanupRefused = "instance.retained_volume_cleanup_refused",
        CapacityEviction = "region.capacity_eviction",
    }
}

names! {
    /// The decisions a reconcile can take.
    Action {
        RecoveryTrigger = "unexpected_stop_recovery_trigger",
        RecoveryWaitingForStart = "unexpected_stop_recovery_waiting_for_start",
        RecoveryMachineStarted = "unexpected_stop_recovery_machine_started",
        RecoveryTerminalMachineState = "unexpected_stop_recovery_terminal_machine_state",
        RecoveryMachineGone = "unexpected_stop_recovery_machine_gone",
        RecoveryTimeout = "unexpected_stop_recovery_timeout",
        RecoveryUnhealthy = "unexpected_stop_recovery_unhealthy",
        RecoverMachineFromMetadata = "recover_machine_from_metadata",
        RecoverVolumeFromMount = "recover_volume_from_mount",
        RecoverVolumeByName = "recover_volume_by_name",
        MultipleMachinesFound = "multiple_machines_found",
        MetadataRecoveryFailed = "metadata_recovery_failed",
        AutoDestroyStaleProvision = "auto_destroy_stale_provision",
        ReplaceLostVolume = "replace_lost_volume",
        DataVolumeMissing = "data_volume_missing",
        VolumeCheckFailed = "volume_check_failed",
        CreateVolumeFailed = "create_volume_failed",
        SyncStatus = "sync_status",
        SyncStatusFailed = "sync_status_failed",
        SyncStatusStopped = "sync_status_stopped",
        SyncStatusDestroyed = "sync_status_destroyed",
        ClearStaleMachine = "clear_stale_machine",
        RepairMount = "repair_mount",
        AdoptMigratedVolume = "adopt_migrated_volume",
        StartingTransientError = "starting_transient_error",
        StartingMachineGone = "starting_machine_gone",
        StartingTimeout = "starting_timeout",
        StartUnhealthy = "start_unhealthy",
        RestartReconcileSuccess = "restarting_reconcile_success",
        RestartNoUpdateFallback = "restarting_no_update_timeout_fallback",
        RestartRetryStart = "restarting_retry_start",
        RestartTimeoutTransient = "restarting_timeout_transient",
        RestartMaxTimeout = "restarting_max_timeout",
        RestartMachineGone = "restarting_machine_gone",
        StopFailed = "stop_failed",
        DestroyMachineOk = "destroy_machine_ok",
        DestroyMachineFailed = "destroy_machine_failed",
        DestroyMachineAbandoned = "destroy_machine_abandoned_after_max_retries",
        DestroyVolumeOk = "destroy_volume_ok",
        DestroyVolumeFailed = "destroy_volume_failed",
        DestroyVolumeAbandoned = "destroy_volume_abandoned_after_max_retries",
        DestroyMachineForVolumeCleanup = "destroy_machine_for_volume_cleanup",
        DisposeLateCreate = "dispose_late_create",
        DestroyOrphanFound = "destroy_orphan_found",
        DestroyOrphanSweepAbandoned = "destroy_orphan_sweep_abandoned",
        DestroyComplete = "destroy_complete",
        ReassociateVolume = "reassociate_volume",
        AcceptDataLoss = "accept_data_loss",
    }
}

/// The name of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EventName {
    /// Something happened in the instance's life.
    Life(Milestone),
    /// A decision, named `reconcile.<action>`.
    Reconcile(Action),
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Life(milestone) => f.write_str(milestone.as_str()),
            Self::Reconcile(action) => write!(f, "reconcile.{}", action.as_str()),
        }
    }
}

impl TryFrom<String> for EventName {
    type Error = crate::id::Invalid;
    fn try_from(name: String) -> Result<Self, Self::Error> {
        let life = Milestone::ALL.iter().find(|milestone| milestone.as_str() == name).copied().map(Self::Life);
        let action = name.strip_prefix("reconcile.");
        let decision = Action::ALL.iter().find(|known| Some(known.as_str()) == action).copied().map(Self::Reconcile);
        life.or(decision).ok_or_else(|| crate::id::Invalid::new("event", "the name of an event", name))
    }
}

impl From<EventName> for String {
    fn from(name: EventName) -> String {
        name.to_string()
    }
}

/// Something that a receiver may see twice; `key` is the same each time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Event {
    /// Stable across repetitions: the sandbox and a number that counts up.
    pub key: String,
    /// When it was decided.
    pub at: Timestamp,
    /// What happened.
    pub event: EventName,
    /// The tenant.
    pub user: UserId,
    /// The instance.
    pub sandbox: SandboxId,
    /// The app, if the instance has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppName>,
    /// The machine it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<MachineId>,
    /// The region it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// The status it led to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// A word that tells cases apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What went wrong, cut to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// A number that belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<u64>,
    /// What made the instance look: `alarm`, `resume` or the name of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Further details of a decision, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, Value>,
}
