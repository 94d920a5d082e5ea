//! What the tenant sees.

use super::{ErrorView, UserActions};
use crate::instance::Instance;
use crate::status::Status;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What the tenant sees of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView {
    /// What the instance is doing.
    pub status: Status,
    /// Since when, as far as is known.
    pub since: Option<Timestamp>,
    /// What went wrong last and still matters.
    pub last_error: Option<ErrorView>,
    /// What the tenant can do now.
    pub actions: UserActions,
}

impl Instance {
    /// What to show to the tenant.
    pub fn user_view(&self) -> UserView {
        UserView {
            status: self.status(),
            since: self.since(),
            last_error: self.last_error(),
            actions: UserActions::of(self),
        }
    }

    /// When the present status began, as far as is known. A start before the last stop says nothing about a machine that was since
    /// found running.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        match self.status() {
            Status::Provisioned => self.provisioned_at,
            Status::Running => self.last_started_at.filter(|at| self.last_stopped_at.is_none_or(|stop| stop <= *at)),
            Status::Stopped => self.last_stopped_at,
            Status::Starting
            | Status::Stopping
            | Status::Restarting
            | Status::Recovering
            | Status::Restoring
            | Status::Destroying => self.phase.since(),
        }
    }
}
