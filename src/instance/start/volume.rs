//! A volume that the provider does not find when it is to be mounted.

use super::{Stage, Starting};
use crate::call::Done;
use crate::event::Action;
use crate::fault::Fault;
use crate::instance::ensure::{self, Ensure};
use crate::instance::holdings::{Cause, Thing};
use crate::instance::note::Note;
use crate::instance::phase::Phase;
use crate::instance::turn::Turn;
use alloc::boxed::Box;
use alloc::string::ToString;

impl Starting {
    /// The provider did not find the volume when it was to be mounted. Does it find it when asked?
    pub(super) fn volume_seen(mut self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        let alive = match result {
            Ok(Done::Volume(volume)) => Some(volume).filter(|volume| !volume.state.is_dead()),
            Err(fault) if !fault.is_absent() => return self.later(t, Stage::MissingVolume),
            Ok(_) | Err(_) => None,
        };
        let Some(volume) = alive else {
            return self.to(Stage::Volume(Ensure::Check));
        };
        if !self.remade {
            self.remade = true;
            return self.leave(t, &volume);
        }
        if !ensure::may_be_fresh(t) {
            return self.to(Stage::Volume(Ensure::Propose { refused: true }));
        }
        if let Some(volume) = t.me.volume.take() {
            t.emit(Note::log(Action::ReplaceLostVolume).detail("volume", volume.as_str()).detail("data_loss", false));
            t.me.dispose(Thing::Volume(volume), Cause::Replaced, t.now);
        }
        match ensure::place_fresh(t, None) {
            Ok(placement) => self.to(Stage::Volume(Ensure::Place(Box::new(placement)))),
            Err(fault) => self.fail(t, fault.to_string()),
        }
    }
}
