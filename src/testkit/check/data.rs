//! I1: from the first start until a destroy was accepted, some live volume holds the newest data that the tenant wrote, and the record
//! names it. No empty volume stands in for one that has data.
//!
//! What counts as written by the tenant: whatever a machine writes that serves the instance, which is the one that the stored record
//! names as its machine. What a replacement writes before the cut-over is nobody's yet. What an admin puts in the place of the data (a
//! snapshot, another volume, an empty one) is the data from then on; what was given up may go once it has been kept for its time, or once
//! an admin has named it. What the tenant comes to be served without is kept for its time from then.

use super::branches::Branches;
use super::{Held, Seen, demand, named_machines, named_volumes};
use crate::call::{Call, Content};
use crate::command::{Command, CommandKind, RequestId};
use crate::id::VolumeId;
use crate::instance::{Instance, Phase};
use crate::status::Status;
use crate::step::{Effect, Input, Verdict};
use crate::testkit::request::Request;
use crate::testkit::world::{SimMachine, World};
use crate::time::Timestamp;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Data {
    /// The number of the last write that counts.
    newest: Option<u64>,
    /// Volumes that a list has hidden: the record cannot be blamed for not naming them.
    hidden: BTreeSet<String>,
    /// An admin has asked for other data, or accepted that there is none, and that is still being carried out.
    leave: bool,
    /// Volumes whose delete has left and not been answered by the provider: what is lost after that comes too late for the instance.
    leaving: BTreeSet<String>,
    /// Until when what an admin has given up is kept all the same.
    kept_until: Option<Timestamp>,
    /// What an admin has named to be done away with, by requests that are not answered yet.
    named: BTreeMap<RequestId, String>,
    /// What the tenant is served without.
    branches: Branches,
}

fn generation(world: &World, volume: &str) -> Option<u64> {
    world.volume(volume).map(|volume| volume.generation)
}

/// The last write on a volume that is there and whole.
fn intact(world: &World, volume: &str) -> Option<u64> {
    world.intact(volume).then(|| generation(world, volume)).flatten()
}

/// The volumes that a record names, and those that are mounted by machines it names.
pub(super) fn holdings<'a>(stored: &'a Instance, world: &'a World) -> impl Iterator<Item = &'a str> {
    let machines = named_machines(stored).filter_map(|machine| world.machine(machine.as_str()));
    let mounted = machines.filter(|machine| machine.is_live()).flat_map(|machine| machine.mounts.iter());
    named_volumes(stored).map(VolumeId::as_str).chain(mounted.map(String::as_str))
}

impl Data {
    pub(super) fn hide(&mut self, volume: String) {
        self.hidden.insert(volume);
    }

    pub(super) fn adopt(&mut self, instance: &Instance, world: &World) {
        self.leave = is_under_way(instance);
        if instance.ever_started() {
            self.newest = instance.volume().and_then(|volume| generation(world, volume.as_str()));
        }
        self.disturbed(Some(instance), world);
    }

    /// Only a command gives leave; what the record says of itself proves nothing.
    pub(super) fn heard(&mut self, seen: &Seen<'_>) {
        self.expire(seen);
        self.branches.age(seen.now, seen.policy.retention_ms);
        if let Input::Command(command) = seen.input {
            self.commanded(seen, command);
        }
        self.replied(seen.effects);
    }

    fn commanded(&mut self, seen: &Seen<'_>, command: &Command) {
        let gives = [CommandKind::AcceptDataLoss, CommandKind::RestoreSnapshot, CommandKind::ReassociateVolume]
            .contains(&command.kind());
        let taken = matches!(seen.verdict, Verdict::Applied | Verdict::Pending(_));
        self.leave |= gives && taken;
        if taken && command.kind() == CommandKind::AcceptDataLoss {
            self.kept_until = Some(seen.now.plus(seen.policy.retention_ms));
        }
        if let (Command::CleanupRetainedVolume { volume: Some(volume) }, Verdict::Pending(id)) = (command, seen.verdict)
        {
            self.named.insert(*id, volume.as_str().into());
        }
    }

    /// A clean-up that has been answered gives no leave any more.
    fn replied(&mut self, effects: &[Effect]) {
        for effect in effects {
            if let Effect::Reply { to, .. } = effect {
                self.named.remove(to);
            }
        }
    }

    /// What was given up and nothing has taken the place of is nobody's data once its time is over, or once an admin does away with it.
    fn expire(&mut self, seen: &Seen<'_>) {
        let given_up = self.kept_until.filter(|_| seen.before.is_some_and(|before| before.fresh_allowed));
        let clean_up =
            matches!(seen.input, Input::Command(command) if command.kind() == CommandKind::CleanupRetainedVolume);
        if given_up.is_some_and(|until| clean_up || seen.now >= until) {
            self.newest = None;
            self.branches.forget();
        }
        self.kept_until = given_up;
    }

    /// The provider may have lost something: the newest that is left of what the record names is the newest there is.
    pub(super) fn disturbed(&mut self, stored: Option<&Instance>, world: &World) {
        self.hidden.extend(stored.into_iter().flat_map(|stored| moved_too_late(stored, world)).cloned());
        let (Some(newest), Some(stored)) = (self.newest, stored) else { return };
        // What has become the instance's own since is its to keep, whatever became of the delete.
        let own = stored.volume().map(VolumeId::as_str);
        let staying = holdings(stored, world).filter(|volume| own == Some(*volume) || !self.leaving.contains(*volume));
        let staying: Vec<u64> = staying.filter_map(|volume| intact(world, volume)).collect();
        self.branches.keep(|branch| staying.iter().any(|last| world.descends(*last, branch)));
        let left = staying.into_iter().max();
        self.newest = left.map(|left| left.min(newest));
    }

    pub(super) fn leaves(&mut self, request: &Request, stored: Option<&Instance>, world: &World) {
        let Request::DeleteVolume(volume) = request else { return };
        self.leaving.insert(volume.as_str().into());
        if self.named.values().any(|named| named == volume.as_str()) {
            self.disturbed(stored, world);
        }
    }

    pub(super) fn landed(&mut self, request: &Request) {
        if let Request::DeleteVolume(volume) = request {
            self.leaving.remove(volume.as_str());
        }
    }

    /// What serves now may have written.
    fn written(&mut self, stored: &Instance, world: &World) {
        if let Some(machine) = serves(stored, world) {
            let written = machine.mounts.iter().filter_map(|volume| intact(world, volume)).max();
            self.branches.served(self.newest, written, world);
            self.newest = self.newest.max(written);
        }
    }

    pub(super) fn i1_data(&mut self, stored: Option<&Instance>, world: &World, destroyed: bool) -> Held {
        if destroyed {
            self.newest = None;
            self.branches.forget();
            return Ok(());
        }
        let Some(stored) = stored else {
            let newest = self.newest.take();
            return demand(newest.is_none(), || "an instance with data is forgotten, and nobody asked for it".into());
        };
        self.written(stored, world);
        let known = holdings(stored, world).chain(self.hidden.iter().map(String::as_str));
        let known: Vec<u64> = known.filter_map(|volume| intact(world, volume)).collect();
        self.branches.held(|branch| known.iter().any(|last| world.descends(*last, branch)))?;
        let Some(newest) = self.newest else { return Ok(()) };
        let kept = known.iter().any(|written| *written >= newest);
        demand(kept, || format!("no live volume that the record names holds the newest data (write {newest})"))
    }

    /// The data volume changes only for one that has the newest data, or on an admin's word.
    pub(super) fn i1_data_is_not_swapped(
        &mut self,
        before: Option<&Instance>,
        next: Option<&Instance>,
        world: &World,
    ) -> Held {
        let leave = self.leave;
        self.leave &= next.is_some_and(is_under_way);
        let (Some(before), Some(next)) = (before, next) else { return Ok(()) };
        let (Some(newest), Some(volume)) = (self.newest, next.volume()) else { return Ok(()) };
        if before.volume() == Some(volume) {
            return Ok(());
        }
        serves_from(volume, before, next, world)?;
        let held = generation(world, volume.as_str());
        if leave && is_under_way(before) {
            self.newest = held;
            self.branches.forget();
            return Ok(());
        }
        // What is lost by now, after it was looked at, takes the place only of what was lost before.
        let lost = |volume: &VolumeId| !world.intact(volume.as_str());
        let both_lost = lost(volume) && before.volume().is_none_or(lost);
        demand(both_lost || held.is_none_or(|held| held >= newest), || {
            format!("{volume} (write {held:?}) takes the place of the newest data (write {newest})")
        })
    }

    /// An instance that was ever started gets no empty volume unless an admin has accepted the loss.
    pub(super) fn i1_nothing_empty(&self, request: &Request, stored: Option<&Instance>) -> Held {
        let (Request::CreateVolume(new), Some(stored)) = (request, stored) else { return Ok(()) };
        let empty = matches!(new.content, Content::Empty { .. });
        let accepted = self.leave && stored.fresh_allowed;
        let lost = stored.has_data() && !accepted && stored.status() != Status::Destroying;
        demand(!(empty && lost), || format!("the empty volume {} is made for an instance that has data", new.name))
    }
}

/// The machine that runs for the instance, as the record has it.
fn serves<'a>(stored: &Instance, world: &'a World) -> Option<&'a SimMachine> {
    let serving = stored.machine.as_ref().filter(|machine| !stored.holdings.condemns(&machine.id));
    serving.and_then(|serving| world.machine(serving.id.as_str())).filter(|machine| machine.runs())
}

/// What a machine mounts that is moved while its destroy is on its way (one whose answer was lost, too), or about to be sent (again) by what
/// has looked at it before: the machine may be gone before anybody has learnt the new id. From the list it is asked what it had mounted.
fn moved_too_late<'a>(stored: &'a Instance, world: &'a World) -> impl Iterator<Item = &'a String> {
    let destroyed = match stored.in_flight.as_ref().map(|call| &call.call) {
        Some(Call::DestroyMachine { machine }) => Some(machine),
        Some(_) | None => None,
    };
    let replaced = stored.machine().filter(|_| matches!(stored.status(), Status::Recovering | Status::Restoring));
    let tried = stored.holdings.entries.iter().filter(|entry| entry.attempts > 0).filter_map(|entry| entry.machine());
    let going =
        destroyed.into_iter().chain(replaced).chain(tried).filter_map(|machine| world.machine(machine.as_str()));
    let mounted = going.flat_map(|machine| machine.mounts.iter());
    mounted.filter(|mounted| !named_volumes(stored).any(|named| named.as_str() == mounted.as_str()))
}

/// A machine that comes to serve together with a volume mounts it: otherwise the tenant goes on writing to what was left behind.
fn serves_from(volume: &VolumeId, before: &Instance, next: &Instance, world: &World) -> Held {
    let new = next.machine.as_ref().filter(|machine| before.machine.as_ref().is_none_or(|old| old.id != machine.id));
    let Some(machine) = new.filter(|_| world.intact(volume.as_str())) else { return Ok(()) };
    let known = world.machine(machine.id.as_str()).filter(|known| known.is_live());
    let mounted = known.is_none_or(|known| known.mounts.iter().any(|mounted| mounted == volume.as_str()));
    demand(mounted, || format!("{volume} becomes the data, and {}, which is to serve, does not mount it", machine.id))
}

/// Whether the record says that an admin's word is being carried out that puts other data in the place of the present.
fn is_under_way(instance: &Instance) -> bool {
    instance.fresh_allowed || matches!(instance.phase, Phase::Restoring(_) | Phase::Reassociating(_))
}
