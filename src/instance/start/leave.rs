//! A machine that is to be replaced, and may be all that keeps its volume.
//!
//! Whose delete somebody has asked for is deleted by Fly as soon as no machine holds it (`waiting_for_detach`).
//!
//! *Decides* whether the machine may go, stays as a stray, or goes after a copy was made.

use super::{Stage, Starting};
use crate::call::Done;
use crate::fault::Fault;
use crate::id::VolumeId;
use crate::instance::ensure::Ensure;
use crate::instance::lookup::Lookup;
use crate::instance::phase::Phase;
use crate::instance::turn::Turn;
use crate::observe::{Volume, VolumeState};
use alloc::boxed::Box;
use alloc::format;

impl Starting {
    /// A machine on the volume as it is now; the one there is has to go first.
    pub(super) fn anew(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        match (&t.me.machine, t.me.volume.clone()) {
            (Some(_), Some(volume)) => self.to(Stage::Leave(volume)),
            (Some(_), None) => self.to(Stage::Remove),
            (None, _) => self.create(t),
        }
    }

    pub(super) fn left(self: Box<Self>, t: &mut Turn<'_>, volume: VolumeId, result: Result<Done, Fault>) -> Phase {
        let seen = match result {
            Ok(Done::Volume(seen)) => Some(seen).filter(|seen| !seen.state.is_dead()),
            Err(fault) if fault.is_absent() => None,
            Ok(_) | Err(_) => return self.later(t, Stage::Leave(volume)),
        };
        t.progress();
        match seen {
            Some(seen) => self.leave(t, &seen),
            // Fly may have moved the data, and the machine with it.
            None if t.me.uses_volume(&volume) => self.to(Stage::Volume(Ensure::Check)),
            None => self.to(Stage::Remove),
        }
    }

    /// The volume that the machine mounts was looked at.
    pub(super) fn leave(self: Box<Self>, t: &mut Turn<'_>, volume: &Volume) -> Phase {
        if t.me.machine.is_none() {
            return self.create(t);
        }
        let is_data = t.me.uses_volume(&volume.id);
        if volume.state != VolumeState::WaitingForDetach || (is_data && !t.me.has_data()) {
            return self.to(Stage::Remove);
        }
        if !is_data {
            // What is on it may be newer than the data; another machine can be made beside this one.
            self.keep_aside(t);
            return self.to(Stage::Find(Lookup::List));
        }
        if self.moved {
            return self.fail(t, format!("volume {} would be deleted with its machine", volume.id));
        }
        self.take_elsewhere(t, volume.id.clone())
    }

    /// The machine serves no more, and holds its volume for as long as that is kept.
    pub(super) fn keep_aside(&self, t: &mut Turn<'_>) {
        let left = t.me.machine.take();
        t.me.holdings.strays.extend(left.map(|machine| machine.id));
    }
}
