//! The status with all that belongs to it: one struct per status, so that nothing of one can linger in another.

use super::MachineRef;
use super::destroy::Destroying;
use super::placement::Placement;
use super::reassociate::Reassociating;
use super::recover::Recovering;
use super::restart::Restarting;
use super::restore::Restoring;
use super::start::Starting;
use super::stop::Stopping;
use super::turn::Turn;
use super::watch::{Watch, Watched};
use crate::call::Done;
use crate::fault::Fault;
use crate::id::VolumeId;
use crate::policy::Policy;
use crate::status::Status;
use crate::time::Timestamp;
use alloc::boxed::Box;
use serde::{Deserialize, Serialize};

/// What the instance is doing, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    Provisioned(Watch),
    Starting(Box<Starting>),
    Running(Watch),
    Stopping(Stopping),
    Stopped(Watch),
    /// Stopped, while an admin gives the instance another volume.
    Reassociating(Box<Reassociating>),
    Restarting(Restarting),
    Recovering(Box<Recovering>),
    Restoring(Box<Restoring>),
    Destroying(Destroying),
}

impl Phase {
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Provisioned(_) => Status::Provisioned,
            Self::Starting(_) => Status::Starting,
            Self::Running(_) => Status::Running,
            Self::Stopping(_) => Status::Stopping,
            Self::Stopped(_) | Self::Reassociating(_) => Status::Stopped,
            Self::Restarting(_) => Status::Restarting,
            Self::Recovering(_) => Status::Recovering,
            Self::Restoring(_) => Status::Restoring,
            Self::Destroying(_) => Status::Destroying,
        }
    }

    /// The phase in which a settled instance does nothing but wait.
    pub(crate) fn settled(status: Watched) -> Self {
        match status {
            Watched::Provisioned => Self::Provisioned(Watch::default()),
            Watched::Running => Self::Running(Watch::default()),
            Watched::Stopped => Self::Stopped(Watch::default()),
        }
    }

    /// A volume that is not the instance's data yet, and may become it.
    pub(crate) fn pending_volume(&self) -> Option<&VolumeId> {
        match self {
            Self::Recovering(recovering) => recovering.fork.as_ref(),
            Self::Restoring(restoring) => restoring.pending.as_ref(),
            Self::Reassociating(task) => Some(&task.target),
            Self::Provisioned(_)
            | Self::Starting(_)
            | Self::Running(_)
            | Self::Stopping(_)
            | Self::Stopped(_)
            | Self::Restarting(_)
            | Self::Destroying(_) => None,
        }
    }

    /// The volume that is being made.
    pub(crate) fn placement(&self) -> Option<&Placement> {
        match self {
            Self::Provisioned(watch) | Self::Running(watch) | Self::Stopped(watch) => watch.placement(),
            Self::Starting(starting) => starting.placement(),
            Self::Recovering(recovering) => recovering.placement(),
            Self::Restoring(restoring) => restoring.placement(),
            Self::Stopping(_) | Self::Reassociating(_) | Self::Restarting(_) | Self::Destroying(_) => None,
        }
    }

    /// The machine that a recovery has made and not yet put to use.
    pub(crate) fn replacement(&self) -> Option<&MachineRef> {
        if let Self::Recovering(recovering) = self { recovering.replacement.as_ref() } else { None }
    }

    /// The same, to be corrected when the clock was wrong.
    pub(crate) fn replacement_mut(&mut self) -> Option<&mut MachineRef> {
        if let Self::Recovering(recovering) = self { recovering.replacement.as_mut() } else { None }
    }

    /// Since when the status may last no longer than [`Phase::timeout_ms`].
    pub(crate) fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Starting(starting) => Some(starting.since),
            Self::Stopping(stopping) => Some(stopping.since),
            Self::Restarting(restarting) => Some(restarting.since),
            Self::Recovering(recovering) => Some(recovering.since),
            Self::Restoring(restoring) => Some(restoring.since),
            Self::Destroying(destroying) => Some(destroying.since),
            Self::Provisioned(_) | Self::Running(_) | Self::Stopped(_) | Self::Reassociating(_) => None,
        }
    }

    /// The same, to be corrected when the clock was wrong.
    pub(crate) fn since_mut(&mut self) -> Option<&mut Timestamp> {
        match self {
            Self::Starting(starting) => Some(&mut starting.since),
            Self::Stopping(stopping) => Some(&mut stopping.since),
            Self::Restarting(restarting) => Some(&mut restarting.since),
            Self::Recovering(recovering) => Some(&mut recovering.since),
            Self::Restoring(restoring) => Some(&mut restoring.since),
            Self::Destroying(destroying) => Some(&mut destroying.since),
            Self::Provisioned(_) | Self::Running(_) | Self::Stopped(_) | Self::Reassociating(_) => None,
        }
    }

    /// How long the status may last.
    pub(crate) fn timeout_ms(&self, policy: &Policy) -> Option<u64> {
        match self {
            Self::Starting(_) => Some(policy.starting_timeout_ms),
            Self::Stopping(_) => Some(policy.stopping_timeout_ms),
            Self::Restarting(_) => Some(policy.restarting_timeout_ms),
            Self::Recovering(_) => Some(policy.recovering_timeout_ms),
            Self::Restoring(_) => Some(policy.restoring_timeout_ms),
            Self::Provisioned(_)
            | Self::Running(_)
            | Self::Stopped(_)
            | Self::Reassociating(_)
            | Self::Destroying(_) => None,
        }
    }

    /// An alarm rang.
    pub(crate) fn wake(self, t: &mut Turn<'_>) -> Self {
        match self {
            Self::Provisioned(watch) => watch.wake(Watched::Provisioned, t),
            Self::Running(watch) => watch.wake(Watched::Running, t),
            Self::Stopped(watch) => watch.wake(Watched::Stopped, t),
            Self::Starting(starting) => starting.wake(t),
            Self::Stopping(stopping) => stopping.wake(t),
            Self::Restarting(restarting) => restarting.wake(t),
            Self::Recovering(recovering) => recovering.wake(t),
            Self::Restoring(restoring) => restoring.wake(t),
            Self::Reassociating(_) | Self::Destroying(_) => self,
        }
    }

    /// Make the next call, or rest.
    pub(crate) fn drive(self, t: &mut Turn<'_>) -> Self {
        match self {
            Self::Provisioned(watch) => watch.drive(Watched::Provisioned, t),
            Self::Running(watch) => watch.drive(Watched::Running, t),
            Self::Stopped(watch) => watch.drive(Watched::Stopped, t),
            Self::Starting(starting) => starting.drive(t),
            Self::Stopping(stopping) => stopping.drive(t),
            Self::Reassociating(task) => task.drive(t),
            Self::Restarting(restarting) => restarting.drive(t),
            Self::Recovering(recovering) => recovering.drive(t),
            Self::Restoring(restoring) => restoring.drive(t),
            Self::Destroying(destroying) => destroying.drive(t),
        }
    }

    /// The call that this phase made has ended.
    pub(crate) fn on(self, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Self {
        match self {
            Self::Provisioned(watch) => watch.on(Watched::Provisioned, t, result),
            Self::Running(watch) => watch.on(Watched::Running, t, result),
            Self::Stopped(watch) => watch.on(Watched::Stopped, t, result),
            Self::Starting(starting) => starting.on(t, result),
            Self::Stopping(stopping) => stopping.on(t, result),
            Self::Reassociating(task) => task.on(t, result),
            Self::Restarting(restarting) => restarting.on(t, result),
            Self::Recovering(recovering) => recovering.on(t, result),
            Self::Restoring(restoring) => restoring.on(t, result),
            Self::Destroying(destroying) => destroying.on(t, result),
        }
    }

    /// The phase ends before its work does: what it may have made without knowing is handed to the disposal list.
    pub(crate) fn abandon(self, t: &mut Turn<'_>) {
        match self {
            Self::Provisioned(watch) | Self::Running(watch) | Self::Stopped(watch) => watch.abandon(t),
            Self::Starting(starting) => starting.abandon(t),
            Self::Restoring(restoring) => restoring.abandon(t),
            Self::Recovering(recovering) => recovering.abandon(t),
            Self::Reassociating(task) => task.abandon(t),
            Self::Stopping(_) | Self::Restarting(_) | Self::Destroying(_) => {}
        }
    }
}
