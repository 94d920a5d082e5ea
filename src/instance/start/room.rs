//! A full host: the volume is taken elsewhere, once (G3).

use super::{Stage, Starting};
use crate::call::Content;
use crate::event::Milestone;
use crate::fault::Fault;
use crate::id::VolumeId;
use crate::instance::ensure;
use crate::instance::holdings::{Cause, Relocation, Thing};
use crate::instance::lookup::Lookup;
use crate::instance::note::Note;
use crate::instance::phase::Phase;
use crate::instance::placement::{Placed, Placement, Placing};
use crate::instance::turn::Turn;
use crate::status::Status;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;

impl Starting {
    /// The host of the volume is full: once, take the volume elsewhere (G3). The machine goes first, unless the volume would go with it:
    /// what it wrote after the copy was made would be nowhere but in the original.
    pub(super) fn make_room(mut self: Box<Self>, t: &mut Turn<'_>, fault: Fault) -> Phase {
        let (Some(class), false) = (fault.capacity(), self.moved) else {
            return self.fail(t, fault.to_string());
        };
        let status = fault.status.unwrap_or_default();
        let label = format!("fly_{status}_{}", class.as_str());
        t.emit(
            Note::new(Milestone::StartCapacityRecovery).status(Status::Starting).label(label).error(fault.to_string()),
        );
        if let (403, Some(region)) = (status, t.me.region.clone()) {
            t.evict(region, class);
        }
        self.crowded.clone_from(&t.me.volume);
        self.anew(t)
    }

    /// Nothing is to write to the volume any more: a volume elsewhere, with what is on this one.
    pub(super) fn take_elsewhere(mut self: Box<Self>, t: &mut Turn<'_>, volume: VolumeId) -> Phase {
        if t.me.holdings.awaits_machine() {
            // A machine that a lost create may yet bring up would write to the source after the copy.
            t.keep();
            t.rest();
            return self.to(Stage::Find(Lookup::List));
        }
        (self.crowded, self.moved) = (None, true);
        let region = t.me.region.clone();
        let placement = if t.me.has_data() {
            Placement::new(t, Content::Fork { source: volume }, region.as_ref())
        } else {
            ensure::place_fresh(t, region.as_ref())
        };
        match placement {
            Ok(placement) => self.to(Stage::Move(Box::new(placement))),
            Err(fault) => self.fail(t, fault.to_string()),
        }
    }

    pub(super) fn moved(mut self: Box<Self>, t: &mut Turn<'_>, placing: Placing) -> Phase {
        match placing {
            Placing::Next(placement) => self.to(Stage::Move(Box::new(placement))),
            Placing::Later(placement) => self.later(t, Stage::Move(Box::new(placement))),
            Placing::NoRoom(fault) | Placing::Refused(fault) => self.fail(t, fault.to_string()),
            Placing::Done(placed) => {
                self.keep_aside(t);
                let left = self.move_onto(t, placed);
                match left {
                    Some(volume) if t.me.has_data() => self.to(Stage::Snapshots(volume)),
                    Some(_) | None => self.create(t),
                }
            }
        }
    }

    /// The new volume is the instance's, in the same commit that puts the old one on the list.
    pub(super) fn move_onto(&self, t: &mut Turn<'_>, placed: Placed) -> Option<VolumeId> {
        let left = t.me.take_volume(placed.volume.clone());
        t.me.region = placed.region.or(t.me.region.take());
        let old = left.clone()?;
        if t.me.has_data() {
            let relocation = Relocation { fork: placed.volume, healthy: false, hydrated: false, immediate: false };
            let until = t.now.plus(t.policy.retention_ms);
            t.me.dispose(Thing::Volume(old), Cause::Relocated(relocation), until);
        } else {
            t.me.dispose(Thing::Volume(old), Cause::Replaced, t.now);
        }
        left
    }
}
