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
            Err(fault) if !fault.is_transient() && !t.me.uses_volume(&volume) => None,
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
        // Who has been set aside and is found again cannot be told apart from the machine that serves.
        let stays = if is_data { self.moved } else { self.aside };
        match (stays, is_data) {
            (true, _) => self.fail(t, format!("volume {} would be deleted with its machine", volume.id)),
            (false, true) => self.take_elsewhere(t, volume.id.clone()),
            (false, false) => self.beside(t),
        }
    }

    /// What the machine mounts may be newer than the data: another one is made beside it.
    fn beside(mut self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        self.keep_aside(t);
        t.keep();
        self.aside = true;
        self.to(Stage::Find(Lookup::List))
    }

    /// The machine serves no more.
    pub(super) fn keep_aside(&mut self, t: &mut Turn<'_>) {
        (self.updated, self.made) = (false, false);
        t.me.keep_aside();
    }
}
