//! L1–L4: what is true once the weather has been good for long enough.
//!
//! "Long enough" is the driver's to say, in alarms: these are bounded promises, not hopes.

use super::data::holdings;
use super::intent::Intent;
use super::owner::Owner;
use super::{Held, demand, named_machines};
use crate::instance::{Entry, Instance, Thing};
use crate::observe::MachineState;
use crate::status::Status;
use crate::testkit::world::{SimMachine, SimVolume, World};
use crate::time::Timestamp;
use alloc::format;
use serde::{Deserialize, Serialize};

/// For how long the weather has been good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calm {
    /// Long enough to come to rest.
    Rest,
    /// Long enough to have looked for everything that was lost.
    Found,
    /// Long enough for every date to be over.
    Dates,
}

/// How things stand after good weather.
#[derive(Clone, Copy, Debug)]
pub struct Healed<'a> {
    /// What is stored.
    pub stored: Option<&'a Instance>,
    /// The truth.
    pub world: &'a World,
    /// The time.
    pub now: Timestamp,
    /// How long it has been good.
    pub calm: Calm,
}

/// L1: it has come to rest; if it says that it runs, it does, on its own volume; if it should and does not, it says why.
pub(super) fn l1_rest(healed: &Healed<'_>, intent: &Intent) -> Held {
    let Some(stored) = healed.stored.filter(|stored| stored.status() != Status::Destroying) else { return Ok(()) };
    let status = stored.status();
    demand(status.is_settled(), || format!("still {status}"))?;
    if status != Status::Running {
        return demand(!intent.wants_running() || says_why(stored), || format!("{status}, and nothing says why"));
    }
    let machine = stored.machine().and_then(|machine| healed.world.machine(machine.as_str()));
    let Some(machine) = machine else {
        return Err(format!("running, and its machine {:?} does not exist", stored.machine()));
    };
    // Nobody suspends these machines but an operator, and what an operator does is not undone.
    let quiet = machine.state == MachineState::Suspended;
    demand(machine.runs() || quiet, || {
        format!("running, and its machine {:?} is {}", stored.machine(), machine.state)
    })?;
    let mounted = machine.mounts.iter().any(|mounted| stored.volume().is_some_and(|own| own.as_str() == mounted));
    demand(mounted || is_lost(healed, stored), || {
        format!("running, and its machine does not mount {:?}", stored.volume())
    })
}

/// The provider has lost the data volume of an instance that runs; that is reported, and what is retained is kept until somebody decides.
fn is_lost(healed: &Healed<'_>, stored: &Instance) -> bool {
    let volume = stored.volume().and_then(|volume| healed.world.volume(volume.as_str()));
    !volume.is_some_and(SimVolume::is_live)
}

/// An error, or that the machine ended by itself and the policy does not bring it back.
fn says_why(stored: &Instance) -> bool {
    let view = stored.user_view();
    view.last_error.is_some() || stored.missing.is_some() || stored.last_stopped_at.is_some()
}

/// L2: what was to be destroyed is forgotten, and nothing of it is left but what was given up.
pub(super) fn l2_destroyed(healed: &Healed<'_>, intent: &Intent, owner: &Owner) -> Held {
    if !intent.destroy_accepted() || healed.calm != Calm::Dates {
        return Ok(());
    }
    if let Some(stored) = healed.stored {
        return Err(format!("still {}", stored.status()));
    }
    nothing_unknown(healed, owner, None)
}

/// L3: everything that is live and carries our name or labels is in the record.
pub(super) fn l3_no_leak(healed: &Healed<'_>, owner: &Owner) -> Held {
    if healed.calm == Calm::Rest {
        return Ok(());
    }
    nothing_unknown(healed, owner, healed.stored)
}

fn nothing_unknown(healed: &Healed<'_>, owner: &Owner, stored: Option<&Instance>) -> Held {
    let awaited =
        |name: &str| stored.is_some_and(|stored| stored.holdings.entries.iter().any(|entry| awaits(entry, name)));
    for (id, machine) in healed.world.live_machines().filter(|(_, machine)| owner.labels(machine)) {
        let known = stored.is_some_and(|stored| named_machines(stored).any(|named| named.as_str() == id.as_str()));
        let known = known || owner.is_excused(id) || owner.is_excused(&machine.name) || awaited(&machine.name);
        demand(known, || format!("the machine {id} is ours, and nobody knows of it"))?;
    }
    for (id, volume) in healed.world.live_volumes().filter(|(_, volume)| owner.names(&volume.name)) {
        let known = stored.is_some_and(|stored| holdings(stored, healed.world).any(|named| named == id));
        let known = known || owner.is_excused(id) || owner.is_excused(&volume.name) || awaited(&volume.name);
        demand(known, || format!("the volume {id} is ours, and nobody knows of it"))?;
    }
    Ok(())
}

/// Whether the entry waits for something of this name to turn up.
fn awaits(entry: &Entry, name: &str) -> bool {
    match &entry.thing {
        Thing::MachineNamed(named) | Thing::VolumeNamed(named) => named.as_str() == name,
        Thing::Machine(_) | Thing::Volume(_) => false,
    }
}

/// Whether the instance runs as far as anybody can see, so that it could be seen to do without what may hold newer data.
fn is_running(healed: &Healed<'_>, stored: &Instance) -> bool {
    let machine = stored.machine().and_then(|machine| healed.world.machine(machine.as_str()));
    stored.status() == Status::Running && machine.is_some_and(SimMachine::runs)
}

/// L4: nothing is retained or condemned past its date, unless it was given up, an admin has to decide, or it may hold newer data than the
/// data volume and the instance does not run.
pub(super) fn l4_nothing_kept(healed: &Healed<'_>) -> Held {
    let Some(stored) = healed.stored.filter(|_| healed.calm == Calm::Dates) else { return Ok(()) };
    let undecided = stored.missing.is_some() || is_lost(healed, stored);
    let idle = !is_running(healed, stored);
    let waits =
        |entry: &Entry| entry.abandoned || (undecided && entry.volume().is_some()) || (idle && entry.awaits_health);
    let left = stored.holdings.entries.iter().find(|entry| !waits(entry));
    demand(left.is_none(), || format!("still on the list, long past its date: {left:?}"))
}
