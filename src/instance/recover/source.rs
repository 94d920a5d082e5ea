//! The source: inspected, freed of its old machine, forked (R2–R4).

use super::{Recovering, Stage};
use crate::call::{Call, Content, Done};
use crate::fault::Fault;
use crate::id::{MachineId, VolumeId};
use crate::instance::holdings::{Cause, Thing};
use crate::instance::phase::Phase;
use crate::instance::placement::{Placed, Placement, Placing};
use crate::instance::turn::Turn;
use crate::observe::VolumeState;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;

impl Recovering {
    pub(super) fn inspected(self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match result {
            Ok(Done::Volume(volume)) if !volume.state.is_dead() => {
                if volume.region.is_some() && volume.region != t.me.region {
                    t.me.region = volume.region;
                    t.keep();
                }
                t.progress();
                if volume.state == VolumeState::WaitingForDetach {
                    // Somebody has asked for its delete, which nothing but the machine keeps from happening: the copy comes first.
                    return self.fork_source(t);
                }
                self.to(Stage::Beside)
            }
            Err(fault) if fault.is_transient() => self.later(t, Stage::Inspect),
            Err(fault) if !fault.is_absent() => self.fail(t, &fault.to_string(), "alarm_relocated"),
            Ok(_) | Err(_) => {
                let source = t.me.volume.as_ref().map_or("unknown", VolumeId::as_str);
                let message = format!("Cannot recover unexpected stop: source volume {source} missing");
                self.fail(t, &message, "alarm_relocated")
            }
        }
    }

    /// The old machine stays with what would be deleted with it.
    pub(super) fn beside_seen(self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        let stays = match result {
            Ok(Done::Volume(volume)) => volume.state == VolumeState::WaitingForDetach,
            Err(fault) if !fault.is_transient() => false,
            Ok(_) | Err(_) => return self.later(t, Stage::Beside),
        };
        t.progress();
        if stays { self.fork_source(t) } else { self.to(Stage::RemoveOld) }
    }

    pub(super) fn old_removed(self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match result {
            Err(fault) if fault.is_transient() => self.later(t, Stage::RemoveOld),
            Err(fault) if !fault.is_absent() => {
                t.me.machine = None;
                self.fail(t, &fault.to_string(), "alarm_relocated")
            }
            Ok(_) | Err(_) => {
                t.me.machine = None;
                t.progress();
                self.fork_source(t)
            }
        }
    }

    pub(super) fn fork_source(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        if self.fork.is_some() {
            return self.create(t);
        }
        let in_time = !t.is_over(self.since, t.policy.recovering_timeout_ms / 2);
        if t.me.holdings.awaits_machine() && in_time {
            // A machine that a lost create may yet bring up would write to the source after the copy.
            t.keep();
            t.rest();
            return self.to(Stage::Inspect);
        }
        let Some(source) = t.me.volume.clone() else { return self.to(Stage::Inspect) };
        let failed = t.me.region.clone();
        match Placement::new(t, Content::Fork { source }, failed.as_ref()) {
            Ok(placement) => self.to(Stage::Fork(Box::new(placement))),
            Err(fault) => self.fail(t, &fault.to_string(), "alarm_relocated"),
        }
    }

    pub(super) fn forked(mut self: Box<Self>, t: &mut Turn<'_>, placing: Placing) -> Phase {
        match placing {
            Placing::Next(placement) => self.to(Stage::Fork(Box::new(placement))),
            Placing::Later(placement) => self.later(t, Stage::Fork(Box::new(placement))),
            Placing::Done(Placed { volume, region, regions_left, .. }) => {
                self.fork = Some(volume);
                self.forked_at = Some(t.now);
                self.region = region;
                self.regions_left = regions_left;
                self.create(t)
            }
            Placing::NoRoom(fault) => self.no_region(t, &fault),
            Placing::Refused(fault) => self.fail(t, &fault.to_string(), "alarm_relocated"),
        }
    }

    pub(super) fn no_region(self, t: &mut Turn<'_>, last: &Fault) -> Phase {
        self.fail(t, &format!("no region can take the replacement volume: {last}"), "alarm_relocated")
    }
}

/// From the moment its destroy is asked for, the old machine is no longer the instance's: it is on the list until it is proven gone.
pub(super) fn condemn_old(t: &mut Turn<'_>, machine: MachineId) -> Call {
    let due = t.now.plus(t.policy.disposal_backoff_ms.first().copied().unwrap_or_default());
    t.me.dispose(Thing::Machine(machine.clone()), Cause::Replaced, due);
    Call::DestroyMachine { machine }
}
