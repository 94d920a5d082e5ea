//! What admins see.

use super::{AdminActions, DisposalView, ErrorKind, ErrorView, Gate, RetainedView, UserView};
use crate::call::Call;
use crate::command::{CommandKind, Spec};
use crate::id::{Identity, MachineId, OpId, Region, VolumeId};
use crate::instance::Instance;
use crate::instance::operation::Owner;
use crate::instance::phase::Phase;
use crate::observe::HostStatus;
use crate::step::Alarm;
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Everything that a person who looks after an instance may want to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminView {
    /// What the tenant sees.
    pub user: UserView,
    /// Whose it is.
    pub identity: Identity,
    /// What it should be like; what is not given is the policy's.
    pub spec: Spec,
    /// Its machine; during a recovery the old one, for as long as its removal was not asked for.
    pub machine: Option<MachineId>,
    /// The volume that holds the data; during a recovery the source.
    pub volume: Option<VolumeId>,
    /// A volume that is about to become the data volume.
    pub pending_volume: Option<VolumeId>,
    /// The volume that a restore or a reassociation has replaced last.
    pub previous_volume: Option<VolumeId>,
    /// Where machine and volume are.
    pub region: Option<Region>,
    /// Set while the host of the machine does not answer: its state is the last known one.
    pub host_trouble: Option<HostStatus>,
    /// When it was registered.
    pub provisioned_at: Option<Timestamp>,
    /// The last successful start.
    pub last_started_at: Option<Timestamp>,
    /// The last time it came to be stopped, for whatever reason.
    pub last_stopped_at: Option<Timestamp>,
    /// The last look for a machine by its labels.
    pub last_lookup_at: Option<Timestamp>,
    /// How often in a row its machine was seen stopped while it should be running.
    pub fail_count: u32,
    /// What is being done, in words.
    pub step: Option<String>,
    /// What made it begin: `alarm`, `resume`, a command, or the reason given with one.
    pub prompted_by: String,
    /// Repetitions of what failed for the moment.
    pub retries: u32,
    /// When it is repeated.
    pub retry_at: Option<Timestamp>,
    /// The call whose answer is awaited.
    pub call: Option<CallView>,
    /// The next alarm, and what it is for.
    pub alarm: Alarm,
    /// The repair of unexpected stops.
    pub recovery: RecoveryView,
    /// Set while the data volume is missing.
    pub missing: Option<MissingView>,
    /// An admin has accepted that the data is lost, and the next volume may be empty.
    pub loss_accepted: bool,
    /// Volumes kept for a while.
    pub retained: Vec<RetainedView>,
    /// Everything else that is to be removed.
    pub disposal: Vec<DisposalView>,
    /// Further machines that carry the instance's labels and are not used.
    pub strays: Vec<MachineId>,
    /// What went wrong last in each kind of work, newest first.
    pub errors: Vec<ErrorView>,
    /// What an admin can do now.
    pub actions: AdminActions,
    /// What would become of each command now.
    pub commands: BTreeMap<CommandKind, Gate>,
}

/// Whether a recovery is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryState {
    /// One is.
    Recovering,
    /// None is.
    Idle,
}

/// The repair of unexpected stops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryView {
    /// Whether one is under way.
    pub state: RecoveryState,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// The number of this attempt over the life of the instance.
    pub attempt: Option<u64>,
    /// What it is doing, in words.
    pub step: Option<String>,
    /// The copy of the volume that is to replace it.
    pub pending_volume: Option<VolumeId>,
    /// The machine that is to replace the old one.
    pub replacement_machine: Option<MachineId>,
    /// Attempts begun over the life of the instance.
    pub attempts: u64,
    /// How the last attempt failed, unless one has worked or begun since.
    pub last_error: Option<ErrorView>,
}

/// The data volume of an instance that has data cannot be found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingView {
    /// The volume that is missing; `None` when the record has lost its id.
    pub volume: Option<VolumeId>,
    /// The one other volume that may hold the data.
    pub proposal: Option<VolumeId>,
}

/// Who waits for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Caller {
    /// The work of the present status.
    Status,
    /// The disposal list.
    Disposal,
    /// Nobody: the status that asked has ended. No other call is made before the answer all the same.
    Nobody,
}

/// A call whose answer is awaited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallView {
    /// Its id.
    pub op: OpId,
    /// What was asked for.
    pub call: Call,
    /// When it was made.
    pub since: Timestamp,
    /// Who waits for it.
    pub caller: Caller,
}

impl Instance {
    /// What to show to an admin.
    pub fn admin_view(&self) -> AdminView {
        AdminView {
            user: self.user_view(),
            identity: self.identity.clone(),
            spec: self.spec.clone(),
            machine: self.machine.as_ref().map(|machine| machine.id.clone()),
            volume: self.volume.clone(),
            pending_volume: self.phase.pending_volume().cloned(),
            previous_volume: self.previous_volume.clone(),
            region: self.region.clone(),
            host_trouble: self.host_trouble.clone(),
            provisioned_at: self.provisioned_at,
            last_started_at: self.last_started_at,
            last_stopped_at: self.last_stopped_at,
            last_lookup_at: self.looked_up_at,
            fail_count: self.fail_count,
            step: self.step_in_words().map(ToString::to_string),
            prompted_by: self.reason.to_string(),
            retries: self.retry.attempts,
            retry_at: self.retry.due,
            call: self.call_view(),
            alarm: self.alarm,
            recovery: self.recovery_view(),
            missing: self
                .missing
                .as_ref()
                .map(|missing| MissingView { volume: self.volume.clone(), proposal: missing.proposal.clone() }),
            loss_accepted: self.fresh_allowed,
            retained: self.retained_views(),
            disposal: self.disposal_views(),
            strays: self.holdings.strays.clone(),
            errors: self.errors.views(),
            actions: AdminActions::of(self),
            commands: CommandKind::ALL.into_iter().map(|command| (command, Gate::of(self, command))).collect(),
        }
    }

    fn call_view(&self) -> Option<CallView> {
        self.in_flight.as_ref().map(|call| CallView {
            op: call.op,
            call: call.call.clone(),
            since: call.issued_at,
            caller: match call.owner {
                Owner::Phase => Caller::Status,
                Owner::Disposal(_) => Caller::Disposal,
                Owner::Orphan => Caller::Nobody,
            },
        })
    }

    fn recovery_view(&self) -> RecoveryView {
        let recovering = if let Phase::Recovering(recovering) = &self.phase { Some(&**recovering) } else { None };
        RecoveryView {
            state: if recovering.is_some() { RecoveryState::Recovering } else { RecoveryState::Idle },
            started_at: recovering.map(|recovering| recovering.since),
            attempt: recovering.map(|recovering| recovering.attempt),
            step: recovering.map(|recovering| recovering.step_in_words().to_string()),
            pending_volume: recovering.and_then(|recovering| recovering.fork.clone()),
            replacement_machine: self.phase.replacement().map(|machine| machine.id.clone()),
            attempts: self.recoveries,
            last_error: self.errors.recovery.as_ref().map(|noted| ErrorView::new(ErrorKind::Recovery, noted)),
        }
    }
}
