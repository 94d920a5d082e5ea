//! The fork becomes the instance's volume, and the source a retained one (R7–R9).

use super::{Recovering, Stage, retention};
use crate::call::Done;
use crate::event::{Action, Milestone};
use crate::fault::Fault;
use crate::id::VolumeId;
use crate::instance::holdings::{Cause, Relocation, Thing};
use crate::instance::note::Note;
use crate::instance::phase::Phase;
use crate::instance::turn::Turn;
use crate::instance::watch::Watched;
use crate::status::Status;
use alloc::boxed::Box;
use alloc::format;

impl Recovering {
    pub(super) fn verified(mut self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match result {
            Ok(Done::Volume(volume)) if volume.state.is_dead() => return self.fork_lost(t),
            Ok(Done::Volume(volume)) => {
                self.hydrated = retention::is_independent(&volume.state);
                self.region = volume.region.or(self.region);
            }
            Err(fault) if fault.is_absent() => return self.fork_lost(t),
            Ok(_) | Err(_) if !t.tried_enough() => return self.later(t, Stage::Verify),
            Ok(_) | Err(_) => {}
        }
        t.progress();
        self.to(Stage::Probe)
    }

    pub(super) fn fork_lost(self, t: &mut Turn<'_>) -> Phase {
        let fork = self.fork.as_ref().map_or("unknown", VolumeId::as_str);
        let message = format!("Cannot recover unexpected stop: replacement volume {fork} missing");
        self.fail(t, &message, "alarm_relocated")
    }

    pub(super) fn probed(self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        let healthy = matches!(result, Ok(Done::Health { healthy: true }));
        if !healthy {
            t.log(Action::RecoveryUnhealthy);
        }
        self.to(Stage::Snapshots { healthy })
    }

    /// R8 and R9. The source goes on the list in the same commit that makes the fork the instance's volume.
    pub(super) fn cut_over(mut self: Box<Self>, t: &mut Turn<'_>, healthy: bool, result: Result<Done, Fault>) -> Phase {
        let immediate = match result {
            Ok(Done::Snapshots(snapshots)) => !snapshots.iter().any(retention::counts),
            Err(fault) if fault.is_transient() && !t.tried_enough() => {
                return self.later(t, Stage::Snapshots { healthy });
            }
            Ok(_) | Err(_) => false,
        };
        let (Some(fork), Some(replacement)) = (self.fork.take(), self.replacement.take()) else {
            return self.fail(t, "the recovery has lost what it needs to go on", "alarm_relocated");
        };
        // There is one if it was left to hold a volume.
        t.me.keep_aside();
        t.me.machine = Some(replacement);
        t.me.region = self.region.take().or(t.me.region.take());
        let source = t.me.take_volume(fork.clone());
        if let Some(source) = source {
            let relocation = Relocation { fork, healthy, immediate, hydrated: self.hydrated };
            let due = if relocation.is_proven() { t.now } else { t.now.plus(t.policy.retention_ms) };
            t.me.dispose(Thing::Volume(source), Cause::Relocated(relocation), due);
        }
        t.me.last_started_at = Some(t.now);
        t.me.fail_count = 0;
        t.me.errors.recovery = None;
        let note = Note::new(Milestone::RecoverySucceeded)
            .status(Status::Running)
            .label("alarm_relocated")
            .duration_ms(Some(t.now.since(self.since)));
        t.emit(note);
        t.settle(Watched::Running)
    }
}
