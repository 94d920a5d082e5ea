//! Whether good weather brings a state to a good end.

use super::State;
use crate::command::Command;
use crate::status::Status;
use crate::testkit::check::{Calm, Violation};
use crate::testkit::rig::{Act, Core, End, Flight, Rig, Timed};
use crate::testkit::world::WorldChange;
use alloc::boxed::Box;

const HOUR_MS: u64 = 3_600_000;

impl<C: Core + Clone> State<C> {
    /// Whether nothing is on its way. Every run comes to such states again and again, so it is enough to judge these.
    pub fn rests(&self) -> bool {
        self.rig.life(0).is_some_and(|life| !life.flights().iter().any(Flight::is_awaited))
    }

    /// What does not hold once the weather has been good for long enough; `None` when everything does. Whatever is still on its way has
    /// not arrived. In the end the instance is destroyed.
    pub fn judge(&self) -> Option<Violation> {
        let mut rig = self.rig.clone();
        clear_up(&mut rig);
        rig.violations().next().map(|(_, violation)| violation.clone())
    }
}

/// Lets the weather be good for long enough, and checks what has to be true then.
pub(super) fn clear_up<C: Core>(rig: &mut Rig<C>) {
    now(rig, Act::World(WorldChange::Heal));
    last(rig, 2 * HOUR_MS, Calm::Rest);
    last(rig, HOUR_MS, Calm::Found);
    last(rig, 3 * HOUR_MS, Calm::Dates);
    let lives = rig.life(0).and_then(|life| life.stored()).is_some_and(|of| of.status() != Status::Destroying);
    if lives {
        let command = Box::new(Command::Destroy { reason: None });
        now(rig, Act::Command { life: 0, host: 0, command, end: End::Lives });
        last(rig, 3 * HOUR_MS, Calm::Dates);
    }
}

fn now<C: Core>(rig: &mut Rig<C>, act: Act) {
    let at = rig.world().now();
    rig.act(&Timed { at, act });
}

fn last<C: Core>(rig: &mut Rig<C>, ms: u64, calm: Calm) {
    let end = rig.world().now().plus(ms);
    rig.calm(end);
    now(rig, Act::Judge(calm));
}
