//! What turns up late: made by a call whose answer came when nobody waited for it, or never.
//!
//! *Guarantees*: whatever was made of which the record knows nothing has a place on the list from then on.

use super::{Cause, Thing, settle, wait};
use crate::call::Done;
use crate::event::Action;
use crate::instance::Instance;
use crate::instance::turn::Turn;
use alloc::vec::Vec;

/// The look for what a lost create may have made began after the life of that call: nothing found is proof.
pub(super) fn looked_for(t: &mut Turn<'_>, key: u64, turned_up: Vec<Thing>) {
    let unknown = |thing: &Thing| match thing {
        Thing::Machine(machine) => !t.me.knows_machine(machine),
        Thing::Volume(volume) => !t.me.knows_volume(volume),
        Thing::MachineNamed(_) | Thing::VolumeNamed(_) => false,
    };
    let new: Vec<Thing> = turned_up.into_iter().filter(unknown).collect();
    if new.is_empty() {
        settle(t, key);
        return;
    }
    for thing in new {
        t.log(Action::DisposeLateCreate);
        t.me.dispose(thing, Cause::LateCreate, t.now);
    }
    wait(t, key);
}

/// What was made of which nothing is known yet.
pub(in crate::instance) fn news(me: &Instance, done: &Done) -> Option<Thing> {
    match done {
        Done::MachineCreated { machine, .. } if !me.knows_machine(machine) => Some(Thing::Machine(machine.clone())),
        Done::VolumeCreated { volume, .. } if !me.knows_volume(volume) => Some(Thing::Volume(volume.clone())),
        Done::MachineCreated { .. }
        | Done::VolumeCreated { .. }
        | Done::Accepted
        | Done::Machine(_)
        | Done::Machines(_)
        | Done::Waited { .. }
        | Done::Volume(_)
        | Done::Volumes(_)
        | Done::Snapshots(_)
        | Done::Health { .. } => None,
    }
}

/// Something was made that nobody waits for. Returns whether that is news.
pub(in crate::instance) fn late(t: &mut Turn<'_>, done: &Done) -> bool {
    let Some(thing) = news(&t.me, done) else { return false };
    t.log(Action::DisposeLateCreate);
    t.me.dispose_made(thing, Cause::LateCreate, t.now, Some(t.now));
    true
}
