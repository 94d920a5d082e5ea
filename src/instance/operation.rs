//! The one call in flight, and who waits for it.

use crate::call::Call;
use crate::id::{OpId, ResourceName};
use crate::policy::Policy;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Who gets the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Owner {
    /// The present status.
    Phase,
    /// The entry of the disposal list with this key.
    Disposal(u64),
    /// Nobody: the status that asked has ended. Still awaited, so that there are never two calls at once.
    Orphan,
}

/// A call whose outcome has not come.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InFlight {
    pub(crate) op: OpId,
    pub(crate) owner: Owner,
    pub(crate) issued_at: Timestamp,
    pub(crate) call: Call,
}

impl InFlight {
    pub(crate) fn is_lost(&self, policy: &Policy, now: Timestamp) -> bool {
        now.since(self.issued_at) > policy.call_deadline_ms
    }

    /// Whether it makes something under this name.
    pub(crate) fn creates(&self, name: &ResourceName) -> bool {
        match &self.call {
            Call::CreateMachine(new) => new.name == *name,
            Call::CreateVolume(new) => new.name == *name,
            Call::GetMachine { .. }
            | Call::ListMachines { .. }
            | Call::UpdateMachine(_)
            | Call::StartMachine { .. }
            | Call::StopMachine { .. }
            | Call::DestroyMachine { .. }
            | Call::WaitMachine { .. }
            | Call::GetVolume { .. }
            | Call::ListVolumes(_)
            | Call::ListSnapshots { .. }
            | Call::DeleteVolume(_)
            | Call::ProbeHealth { .. } => false,
        }
    }

    /// The first instant at which it is lost.
    pub(crate) fn deadline(&self, policy: &Policy) -> Timestamp {
        self.issued_at.plus(policy.call_deadline_ms).plus(1)
    }
}
