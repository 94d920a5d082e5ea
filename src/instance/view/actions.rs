//! Which buttons are shown, and which of them work (W2).
//!
//! Whether a command would be taken on is asked of the table that answers commands. What is added here can only disable or hide a button:
//! no button offers what the table turns down.

use crate::command::{CommandKind, Rejection};
use crate::instance::Instance;
use crate::instance::accept::{self, Cell};
use crate::status::Status;
use alloc::format;
use alloc::string::{String, ToString};
use serde::{Deserialize, Serialize};

/// What would become of a command now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// It would be taken on.
    Accepted,
    /// It would find nothing to do.
    NothingToDo,
    /// It would be turned down.
    Rejected(Rejection),
}

impl Gate {
    pub(super) fn of(me: &Instance, command: CommandKind) -> Self {
        match accept::gate(me, command) {
            Ok(Cell::Accepted) => Self::Accepted,
            Ok(Cell::Nothing | Cell::Rejected(_)) => Self::NothingToDo,
            Err(rejection) => Self::Rejected(rejection),
        }
    }

    fn is_open(me: &Instance, command: CommandKind) -> bool {
        Self::of(me, command) == Self::Accepted
    }
}

/// What the tenant can do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserActions {
    /// Start the instance.
    pub start: bool,
    /// Stop it.
    pub stop: bool,
    /// Restart what runs in the machine.
    pub restart_process: bool,
    /// Edit files in the machine.
    pub edit: bool,
    /// Roll the present configuration onto the machine.
    pub redeploy: bool,
    /// Remove the instance.
    pub destroy: bool,
}

impl UserActions {
    pub(super) fn of(me: &Instance) -> Self {
        let running = me.status() == Status::Running;
        Self {
            start: Gate::is_open(me, CommandKind::Start) && !running,
            stop: Gate::is_open(me, CommandKind::Stop),
            restart_process: running,
            edit: running,
            redeploy: Gate::is_open(me, CommandKind::Restart),
            destroy: Gate::is_open(me, CommandKind::Destroy),
        }
    }
}

/// A button of the admin page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// Whether it is there.
    pub shown: bool,
    /// Whether it works.
    pub enabled: bool,
    /// Why it does not: a sentence for people.
    pub why_not: Option<String>,
}

impl Control {
    fn of(me: &Instance, command: CommandKind) -> Self {
        let why_not = match Gate::of(me, command) {
            Gate::Accepted => None,
            Gate::NothingToDo => Some(format!("There is nothing to do while the instance is {}.", me.status())),
            Gate::Rejected(rejection) => Some(rejection.message),
        };
        Self { shown: true, enabled: why_not.is_none(), why_not }
    }

    fn shown_if(self, shown: bool) -> Self {
        Self { shown, ..self }
    }

    fn only_if(self, holds: bool, why_not: &str) -> Self {
        if holds || !self.enabled {
            return self;
        }
        Self { enabled: false, why_not: Some(why_not.to_string()), ..self }
    }
}

/// What an admin can do now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminActions {
    /// Whether the part of the page that holds start, stop and redeploy is there.
    pub runtime_controls_shown: bool,
    /// Start the instance; a running one is looked at.
    pub start: Control,
    /// Stop it.
    pub stop: Control,
    /// Roll the present configuration onto the machine.
    pub redeploy: Control,
    /// Remove the instance.
    pub destroy: Control,
    /// Delete retained volumes before their date.
    pub delete_retained_volume: Control,
    /// Make another volume the data volume.
    pub reassociate_volume: Control,
    /// Go on with an empty volume where the data volume is missing.
    pub accept_data_loss: Control,
    /// Replace the volume by one made from a snapshot.
    pub restore_snapshot: Control,
    /// Use another machine size from the next start on.
    pub resize: Control,
    /// Look for the machine again.
    pub retry_lookup: Control,
    /// Look at the machine now.
    pub refresh: Control,
}

impl AdminActions {
    pub(super) fn of(me: &Instance) -> Self {
        let status = me.status();
        let runtime = status != Status::Restoring && status != Status::Recovering;
        let of = |command| Control::of(me, command);
        Self {
            runtime_controls_shown: runtime,
            start: of(CommandKind::Start).shown_if(runtime),
            stop: of(CommandKind::Stop).shown_if(runtime),
            redeploy: of(CommandKind::Restart).shown_if(runtime),
            destroy: of(CommandKind::Destroy),
            delete_retained_volume: of(CommandKind::CleanupRetainedVolume)
                .shown_if(me.holdings.retained().next().is_some()),
            reassociate_volume: of(CommandKind::ReassociateVolume).shown_if(status != Status::Recovering),
            accept_data_loss: of(CommandKind::AcceptDataLoss).shown_if(me.missing.is_some()),
            restore_snapshot: of(CommandKind::RestoreSnapshot),
            resize: of(CommandKind::Resize),
            retry_lookup: of(CommandKind::RetryLookup).only_if(
                status == Status::Stopped && me.machine().is_none(),
                "Only a stopped instance without a machine has one to look for.",
            ),
            refresh: of(CommandKind::Refresh),
        }
    }
}
