//! Whether good weather brings a state to a good end.

use super::State;
use super::foreseen::Foreseen;
use crate::command::Command;
use crate::status::Status;
use crate::testkit::check::{Calm, Violation};
use crate::testkit::rig::{Act, Core, End, Flight, Life, Rig, Timed};
use crate::testkit::shared::{Shared, fingerprint};
use crate::testkit::world::{World, WorldChange};
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::vec::Vec;

const HOUR_MS: u64 = 3_600_000;

impl<C: Core + Clone> State<C> {
    /// Whether nothing is on its way. Every run comes to such states again and again, so it is enough to judge these.
    pub fn rests(&self) -> bool {
        self.rig.life(0).is_some_and(|life| !life.flights().iter().any(Flight::is_awaited))
    }

    /// What does not hold once the weather has been good for long enough; `None` when everything does. Whatever is still on its way has
    /// not arrived. In the end the instance is destroyed.
    pub fn judge(&self) -> Option<Violation> {
        self.judge_with(&Foreseen::default())
    }

    /// The same, in a search that asks it of many states: what is `foreseen` is not gone through again.
    pub fn judge_with(&self, foreseen: &Foreseen) -> Option<Violation> {
        let mut rig = self.rig.clone();
        let mut passed = Vec::new();
        clear_up(&mut rig, |point| {
            let print = fingerprint(&point);
            passed.push(print);
            foreseen.knows(print)
        });
        let violation = rig.violations().next().map(|(_, violation)| violation.clone());
        if violation.is_none() {
            foreseen.learn(passed);
        }
        violation
    }
}

/// A point on the way through good weather: the stage, its end, what happens next, and how things stand. Nothing else decides how it goes
/// on; the count of steps at one instant begins anew, as time has just passed.
type Point<'a> = (Stage, Timestamp, &'a Timed, (&'a Shared<World>, i64, &'a [Life]));

/// What good weather is to bring, and whether a destroy has been asked for.
type Stage = (Calm, bool);

/// Lets the weather be good for long enough, and checks what has to be true then, unless a point on the way is `known`: then it ends there.
pub(super) fn clear_up<C: Core>(rig: &mut Rig<C>, mut known: impl FnMut(Point<'_>) -> bool) {
    now(rig, Act::World(WorldChange::Heal));
    for (ms, calm) in [(2 * HOUR_MS, Calm::Rest), (HOUR_MS, Calm::Found), (3 * HOUR_MS, Calm::Dates)] {
        if last(rig, ms, (calm, false), &mut known) {
            return;
        }
    }
    let lives = rig.life(0).and_then(|life| life.stored()).is_some_and(|of| of.status() != Status::Destroying);
    if lives {
        let command = Box::new(Command::Destroy { reason: None });
        now(rig, Act::Command { life: 0, host: 0, command, end: End::Lives });
        last(rig, 3 * HOUR_MS, (Calm::Dates, true), &mut known);
    }
}

fn now<C: Core>(rig: &mut Rig<C>, act: Act) {
    let at = rig.world().now();
    rig.act(&Timed { at, act });
}

/// Answers whether it has ended at what is known.
fn last<C: Core>(rig: &mut Rig<C>, ms: u64, stage: Stage, known: &mut impl FnMut(Point<'_>) -> bool) -> bool {
    let end = rig.world().now().plus(ms);
    if rig.calm_until(end, |rig, next| known((stage, end, next, rig.standing()))) {
        return true;
    }
    now(rig, Act::Judge(stage.0));
    false
}
