//! The nine statuses.

use core::fmt;
use serde::{Deserialize, Serialize};

/// What an instance is doing, as hosts, users and the flat record see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Registered, never started.
    Provisioned,
    /// A start is in progress.
    Starting,
    /// We believe the machine serves.
    Running,
    /// A stop was asked for and is in progress.
    Stopping,
    /// Not serving, by request or by failure.
    Stopped,
    /// A new configuration is being rolled onto the machine.
    Restarting,
    /// An unexpected stop is being repaired.
    Recovering,
    /// The volume is being replaced from a snapshot.
    Restoring,
    /// Everything the instance owns is being removed.
    Destroying,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 9] = [
        Self::Provisioned,
        Self::Starting,
        Self::Running,
        Self::Stopping,
        Self::Stopped,
        Self::Restarting,
        Self::Recovering,
        Self::Restoring,
        Self::Destroying,
    ];

    /// The word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provisioned => "provisioned",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Restarting => "restarting",
            Self::Recovering => "recovering",
            Self::Restoring => "restoring",
            Self::Destroying => "destroying",
        }
    }

    /// Whether nothing is in progress.
    pub const fn is_settled(self) -> bool {
        match self {
            Self::Provisioned | Self::Running | Self::Stopped => true,
            Self::Starting
            | Self::Stopping
            | Self::Restarting
            | Self::Recovering
            | Self::Restoring
            | Self::Destroying => false,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
