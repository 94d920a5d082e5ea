//! Instances that somebody else has brought this far: no call is in flight, and nothing is done before the next alarm.

use super::Instance;
use super::destroy::Destroying;
use super::phase::Phase;
use super::recover::Recovering;
use super::restart::Restarting;
use super::restore::{Previous, Restoring};
use super::start::Starting;
use super::stop::Stopping;
use super::turn::Turn;
use super::watch::Watched;
use crate::id::VolumeId;
use crate::policy::Policy;
use crate::status::Status;
use crate::time::Timestamp;
use alloc::boxed::Box;

impl Phase {
    /// A start under way since `since`.
    pub(crate) fn imported_start(since: Timestamp) -> Self {
        Self::Starting(Box::new(Starting::imported(since)))
    }

    /// A restart under way since `since`, whose update was `sent` or not.
    pub(crate) fn imported_restart(since: Timestamp, sent: bool) -> Self {
        Restarting::imported(since, sent)
    }

    /// A recovery under way since `since`, which may have made a fork.
    pub(crate) fn imported_recovery(since: Timestamp, fork: Option<VolumeId>) -> Self {
        Self::Recovering(Box::new(Recovering::imported(since, fork)))
    }

    /// A restore under way since `since`, which may have made a volume.
    pub(crate) fn imported_restore(since: Timestamp, previous: Previous, pending: Option<VolumeId>) -> Self {
        Self::Restoring(Box::new(Restoring::imported(since, previous, pending)))
    }

    /// Any other status.
    pub(crate) fn imported(status: Status, now: Timestamp) -> Self {
        match status {
            Status::Provisioned => Self::settled(Watched::Provisioned),
            Status::Running => Self::settled(Watched::Running),
            Status::Stopping => Stopping::begin(now),
            Status::Destroying => Destroying::begun(now),
            Status::Stopped | Status::Starting | Status::Restarting | Status::Recovering | Status::Restoring => {
                Self::settled(Watched::Stopped)
            }
        }
    }
}

impl Instance {
    /// With an alarm that fits what is known.
    pub(crate) fn armed(self, policy: &Policy, now: Timestamp) -> Self {
        *Turn::new(Box::new(self), policy, now).armed()
    }

    /// Without a phase: what its calls may yet bring, and what only it knew of, is on the disposal list.
    pub(crate) fn wound_up(self, policy: &Policy, now: Timestamp) -> Self {
        let mut t = Turn::new(Box::new(self), policy, now);
        t.switch(Phase::settled(Watched::Stopped));
        *t.me
    }
}
