//! Answers of the provider that are not what was asked for, classed by what to do next and never by HTTP.

use crate::id::{Invalid, MachineId};
use alloc::string::String;
use core::fmt;
use serde::{Deserialize, Serialize};

/// What ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capacity {
    /// Memory of the host.
    InsufficientMemory,
    /// Every candidate host of the region.
    NoCapacity,
    /// What the organisation may use in the region.
    QuotaExceeded,
    /// Something else of the host.
    InsufficientResources,
}

impl Capacity {
    /// The word used in labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InsufficientMemory => "insufficient_memory",
            Self::NoCapacity => "no_capacity",
            Self::QuotaExceeded => "quota_exceeded",
            Self::InsufficientResources => "insufficient_resources",
        }
    }
}

/// What a fault means for the next step.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// An answer that names the thing as gone. Never a time-out, a refusal to talk, or an empty list.
    Absent,
    /// Certainly not done: no room.
    NoCapacity(Capacity),
    /// Certainly not done: the name is taken, by the machine named here if the answer named it.
    Conflict(Option<MachineId>),
    /// Certainly not done: not in this state, leased, bound or claimed. May work later.
    Busy,
    /// Certainly not done: the machine's volume does not exist, says the provider.
    MissingVolume,
    /// Certainly not done: too many requests.
    RateLimited,
    /// Certainly not done: not allowed to ask. Says nothing about the thing asked for.
    Unauthorized,
    /// Certainly not done, and never will be as asked.
    Refused,
    /// Done or not done, nobody knows: time-outs, 5xx, broken connections, unreadable answers.
    Unknown,
}

/// A call that did not bring what it was made for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What to do next depends on this and on nothing else.
    pub kind: FaultKind,
    /// The HTTP status, for labels and error fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What the provider said, for people; cut to 200 characters.
    pub message: String,
}

impl Fault {
    /// A fault of `kind`.
    pub fn new(kind: FaultKind, status: Option<u16>, message: impl AsRef<str>) -> Self {
        Self { kind, status, message: message.as_ref().chars().take(200).collect() }
    }

    /// A call whose answer never came.
    pub fn lost() -> Self {
        Self::new(FaultKind::Unknown, None, "no answer")
    }

    /// Whether asking again may bring something else: unknown, busy, rate-limited and unauthorised.
    pub fn is_transient(&self) -> bool {
        [FaultKind::Unknown, FaultKind::Busy, FaultKind::RateLimited, FaultKind::Unauthorized].contains(&self.kind)
    }

    /// Whether the thing asked for is gone.
    pub fn is_absent(&self) -> bool {
        self.kind == FaultKind::Absent
    }

    /// The room that was missing.
    pub fn capacity(&self) -> Option<Capacity> {
        if let FaultKind::NoCapacity(what) = self.kind { Some(what) } else { None }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.status, self.message.is_empty()) {
            (Some(status), true) => write!(f, "status {status}"),
            (Some(status), false) => write!(f, "{} (status {status})", self.message),
            (None, _) => f.write_str(&self.message),
        }
    }
}

impl core::error::Error for Fault {}

impl From<Invalid> for Fault {
    /// An answer that holds impossible values is no answer.
    fn from(invalid: Invalid) -> Self {
        use alloc::string::ToString;
        Self::new(FaultKind::Unknown, None, invalid.to_string())
    }
}
