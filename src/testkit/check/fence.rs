//! I10: an outcome that nobody waits for changes no status; if it made something, that is not forgotten.

use super::{Held, Seen, demand};
use crate::call::Done;
use crate::step::Input;
use alloc::format;

pub(super) fn i10_fence(seen: &Seen<'_>) -> Held {
    let (Input::Outcome { op, result }, Some(before)) = (seen.input, seen.before) else { return Ok(()) };
    if before.in_flight() == Some(*op) {
        return Ok(());
    }
    let Some(next) = seen.next else { return Err(format!("a stale outcome ({op}) ends the instance")) };
    let (old, new) = (before.status(), next.status());
    demand(old == new, || format!("a stale outcome ({op}) leads from {old} to {new}"))?;
    demand(before.in_flight() == next.in_flight(), || format!("a stale outcome ({op}) ends the call that is awaited"))?;
    match result {
        Ok(Done::MachineCreated { machine, .. }) => {
            demand(next.knows_machine(machine), || format!("{machine} was made by {op}, and is dropped"))
        }
        Ok(Done::VolumeCreated { volume, .. }) => {
            demand(next.knows_volume(volume), || format!("{volume} was made by {op}, and is dropped"))
        }
        Ok(
            Done::Accepted
            | Done::Machine(_)
            | Done::Machines(_)
            | Done::Waited { .. }
            | Done::Volume(_)
            | Done::Volumes(_)
            | Done::Snapshots(_)
            | Done::Health { .. },
        )
        | Err(_) => Ok(()),
    }
}
