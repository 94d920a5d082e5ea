//! Waiting for a state.
//!
//! *Decides* what a wait tells about the machine: the state that its answer names. Where it names none, or says that it has watched a version
//! that is no more, a look at the machine tells.
//!
//! *Guarantees*: a state is only passed on if somebody has seen it; the last known state of a machine whose host does not answer is not.

use super::super::answer::still_in;
use super::line::{Ask, Line};
use super::read::{self, Unreadable, text};
use super::reply::{Reply, fault};
use crate::call::WaitFor;
use crate::fault::{Fault, FaultKind};
use crate::id::{MachineId, MachineVersion};
use crate::observe::{HostStatus, Machine, MachineState};
use serde_json::Value;

/// What an answer tells.
enum Seen {
    In(MachineState),
    /// Another version has taken the place of the one that was watched.
    Overtaken,
    Nothing,
}

/// A wait, and the look that is taken where it does not tell enough.
pub(super) async fn wait(
    line: &Line,
    wait: &Ask<'_>,
    look: &Ask<'_>,
    (machine, version): (&MachineId, Option<&MachineVersion>),
    wanted: WaitFor,
) -> Result<MachineState, Fault> {
    let reply = line.ask(wait).await?;
    let seen = if reply.is_success() {
        reply.read(|value| reached(value, wanted))?
    } else if reply.status == 408 {
        ran_out(&reply)
    } else {
        return Err(line.refused(wait, &reply));
    };
    let overtaken = match seen {
        Seen::In(state) => return Ok(state),
        Seen::Overtaken => true,
        Seen::Nothing => false,
    };
    match line.bring(look, |value| read::machine(value, Some(machine))).await {
        Ok(found) if is_telling(&found, version, overtaken) => Ok(found.state),
        Err(gone) if gone.is_absent() => Err(gone),
        Ok(_) | Err(_) if reply.is_success() => Err(unclear(&reply)),
        Ok(_) | Err(_) => Err(line.refused(wait, &reply)),
    }
}

/// Older answers only say `ok`.
fn reached(value: &Value, wanted: WaitFor) -> Result<Seen, Unreadable> {
    let ok = value.get("ok").and_then(Value::as_bool);
    match text(value, "state") {
        Some(state) => Ok(seen(MachineState::from(state))),
        None if ok == Some(true) => Ok(Seen::In(wanted.state())),
        None => Err(Unreadable("a wait without a state")),
    }
}

fn ran_out(reply: &Reply) -> Seen {
    let page = reply.body.trim_start().starts_with('<');
    still_in(&reply.body).filter(|_| !page).map_or(Seen::Nothing, seen)
}

fn seen(state: MachineState) -> Seen {
    if ["replaced", "migrated"].contains(&state.as_str()) { Seen::Overtaken } else { Seen::In(state) }
}

/// Whether the look shows what the wait was about: the version that was to be watched, or, where that is known to be no more, another one.
fn is_telling(found: &Machine, version: Option<&MachineVersion>, overtaken: bool) -> bool {
    let same = version.is_none_or(|version| found.version.as_ref() == Some(version));
    let fits = if overtaken && version.is_some() { !same && found.version.is_some() } else { same };
    found.host_status == HostStatus::Ok && fits
}

fn unclear(reply: &Reply) -> Fault {
    fault(FaultKind::Unknown, Some(reply.status), "a wait that does not tell the state", reply.request.as_deref())
}
