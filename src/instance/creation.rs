//! Making a machine: one intent, one name.
//!
//! *Decides* after a lost answer whether the machine exists, and whether one that already has the name is ours (T5, R5, S1).
//!
//! *Guarantees*: no second create under the intent before a look-up has shown nothing; what may yet turn up under the name is handed to
//! the disposal list.

use super::MachineRef;
use super::holdings::{Cause, Thing};
use super::placement::watch_for;
use super::turn::Turn;
use crate::call::{Call, Done, NewMachine};
use crate::fault::{Fault, FaultKind};
use crate::id::{MachineId, Region, ResourceName, VolumeId};
use crate::name::{self, Owner};
use crate::observe::Machine;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What to ask next.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    Create,
    /// The last create was lost.
    Look,
    /// The name is taken by this machine.
    Verify(MachineId),
}

/// A machine that is to be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Creation {
    name: ResourceName,
    pub(crate) volume: VolumeId,
    region: Option<Region>,
    stage: Stage,
    /// When a create was made whose answer never came.
    lost_at: Option<Timestamp>,
    /// Another create was made after that, so that finding one does not rule out a second.
    again: bool,
}

/// How a creation goes on.
pub(crate) enum Creating {
    /// Ask again at once.
    Next(Creation),
    /// Ask again later.
    Later(Creation),
    /// There it is.
    Done(MachineRef, Option<Region>),
    /// The volume's host has no room.
    NoRoom(Fault),
    /// The provider says that the volume does not exist.
    MissingVolume(Fault),
    /// It cannot be made.
    Refused(Fault),
}

impl Creation {
    pub(crate) fn new(t: &mut Turn<'_>, volume: VolumeId, region: Option<Region>) -> Result<Self, Fault> {
        let number = t.me.number();
        let name = name::machine(&t.me.identity.sandbox, number)?;
        Ok(Self { name, volume, region, stage: Stage::Create, lost_at: None, again: false })
    }

    pub(crate) fn call(&self, t: &Turn<'_>) -> Call {
        let metadata = name::metadata(&t.policy.metadata_prefix, &t.me.identity);
        match &self.stage {
            Stage::Look => Call::ListMachines { metadata },
            Stage::Verify(machine) => Call::GetMachine { machine: machine.clone() },
            Stage::Create => Call::CreateMachine(Box::new(NewMachine {
                name: self.name.clone(),
                region: self.region.clone(),
                guest: t.me.spec.guest.unwrap_or(t.policy.guest),
                volume: self.volume.clone(),
                metadata,
                image: t.me.spec.image.clone(),
            })),
        }
    }

    pub(crate) fn on(self, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Creating {
        match self.stage {
            Stage::Create => self.created(t, result),
            Stage::Look => self.looked(t, result),
            Stage::Verify(_) => self.verified(t, result),
        }
    }

    fn created(mut self, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Creating {
        let fault = match result {
            Ok(Done::MachineCreated { machine, region }) => {
                let made = MachineRef { id: machine, created_at: Some(t.now) };
                return self.done(t, made, region);
            }
            Ok(_) => Fault::lost(),
            Err(fault) => fault,
        };
        match fault.kind {
            FaultKind::Unknown => {
                self.stage = Stage::Look;
                self.again = self.lost_at.replace(t.now).is_some();
                Creating::Later(self)
            }
            FaultKind::Conflict(Some(machine)) => {
                self.stage = Stage::Verify(machine);
                Creating::Next(self)
            }
            FaultKind::Conflict(None) => {
                self.stage = Stage::Look;
                Creating::Later(self)
            }
            FaultKind::Busy | FaultKind::RateLimited | FaultKind::Unauthorized => Creating::Later(self),
            FaultKind::NoCapacity(_) => {
                self.abandon(t);
                Creating::NoRoom(fault)
            }
            FaultKind::MissingVolume => {
                self.abandon(t);
                Creating::MissingVolume(fault)
            }
            FaultKind::Absent | FaultKind::Refused => {
                self.abandon(t);
                Creating::Refused(fault)
            }
        }
    }

    fn looked(mut self, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Creating {
        let Ok(Done::Machines(machines)) = result else { return Creating::Later(self) };
        let found: Vec<Machine> = machines
            .into_iter()
            .filter(|machine| machine.name.as_ref() == Some(&self.name) && !machine.state.is_going())
            .filter(|machine| !t.me.knows_machine(&machine.id))
            .collect();
        let mut found = found.into_iter();
        let Some(Machine { id, region, .. }) = found.next() else {
            self.stage = Stage::Create;
            return Creating::Next(self);
        };
        for twin in found {
            t.me.dispose(Thing::Machine(twin.id), Cause::LateCreate, t.now);
        }
        if !self.again {
            self.lost_at = None;
        }
        self.done(t, MachineRef { id, created_at: Some(t.now) }, region)
    }

    /// The name is only ours to use, so a machine that has it and our labels is what a lost create has made.
    fn verified(mut self, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Creating {
        let machine = match result {
            Ok(Done::Machine(machine)) if machine.state.is_going() => None,
            Ok(Done::Machine(machine)) => Some(machine),
            Err(fault) if fault.is_absent() => None,
            Ok(_) | Err(_) => return Creating::Later(self),
        };
        let Some(machine) = machine else {
            self.stage = Stage::Create;
            return Creating::Later(self);
        };
        let owner = name::owner(&t.policy.metadata_prefix, &t.me.identity.sandbox, machine.config.as_ref());
        match owner {
            Owner::Ours if machine.name.as_ref().is_none_or(|name| *name == self.name) => {
                let region = machine.region.clone();
                self.done(t, MachineRef { id: machine.id, created_at: Some(t.now) }, region)
            }
            Owner::Hidden => Creating::Later(self),
            Owner::Ours | Owner::Foreign(_) | Owner::Unlabelled => {
                let message = format!("the machine's name is taken by another machine: {}", machine.id);
                self.abandon(t);
                Creating::Refused(Fault::new(FaultKind::Refused, None, message))
            }
        }
    }

    fn done(self, t: &mut Turn<'_>, machine: MachineRef, region: Option<Region>) -> Creating {
        let region = region.or(self.region.clone());
        self.abandon(t);
        // A late answer may have put this very machine on the list.
        t.me.holdings.entries.retain(|entry| entry.machine() != Some(&machine.id));
        t.progress();
        t.keep();
        Creating::Done(machine, region)
    }

    /// The intent ends. What a create that is lost, or still in flight, may yet bring is looked for after the life of a call.
    pub(crate) fn abandon(self, t: &mut Turn<'_>) {
        let in_flight = t.me.in_flight.as_ref().filter(|call| call.creates(&self.name)).map(|_| t.now);
        if let Some(lost_at) = in_flight.or(self.lost_at) {
            watch_for(t, Thing::MachineNamed(self.name), lost_at);
        }
    }
}
