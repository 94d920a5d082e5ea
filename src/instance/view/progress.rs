//! What is being done just now, in words.

use crate::instance::Instance;
use crate::instance::ensure::Ensure;
use crate::instance::phase::Phase;
use crate::instance::watch::Watch;

impl Instance {
    /// The step of the work in progress; `None` while nothing is to be done before the next alarm of a settled status.
    pub(crate) fn step_in_words(&self) -> Option<&'static str> {
        match &self.phase {
            Phase::Provisioned(watch) | Phase::Running(watch) | Phase::Stopped(watch) => {
                (self.in_flight.is_some() || !self.resting || self.retry.due.is_some()).then(|| looking(watch))
            }
            Phase::Starting(starting) => Some(starting.step_in_words()),
            Phase::Stopping(stopping) => Some(stopping.step_in_words()),
            Phase::Reassociating(_) => Some("giving the instance another volume"),
            Phase::Restarting(restarting) => Some(restarting.step_in_words()),
            Phase::Recovering(recovering) => Some(recovering.step_in_words()),
            Phase::Restoring(restoring) => Some(restoring.step_in_words()),
            Phase::Destroying(_) if self.holdings.entries.iter().any(|entry| !entry.abandoned) => {
                Some("removing what is on the disposal list")
            }
            Phase::Destroying(_) => Some("looking for anything else that carries the instance's name"),
        }
    }
}

fn looking(watch: &Watch) -> &'static str {
    match watch {
        Watch::Machine | Watch::Refresh => "looking at the machine",
        Watch::Find(_) => "looking for the machine",
        Watch::Volume(Ensure::Place(_)) => "making the volume",
        Watch::Volume(_) | Watch::Mounted { .. } | Watch::Stranger { .. } => "checking the volume",
        Watch::Health => "asking the gateway whether it is healthy",
    }
}
