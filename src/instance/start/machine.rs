//! Bringing a machine up: the one there is, or a new one (S1).

use super::{Stage, Starting, may_have_run, mounted, mounts_another, note_run, seen};
use crate::call::Done;
use crate::event::Action;
use crate::fault::{Fault, FaultKind};
use crate::id::MachineVersion;
use crate::instance::creation::{Creating, Creation};
use crate::instance::dispose;
use crate::instance::ensure::Ensure;
use crate::instance::holdings::{Cause, Thing};
use crate::instance::lookup::Lookup;
use crate::instance::phase::Phase;
use crate::instance::turn::Turn;
use crate::observe::{HostStatus, MachineState};
use alloc::boxed::Box;
use alloc::string::ToString;

impl Starting {
    /// What the machine is in decides what brings it up.
    pub(super) fn machine_seen(self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        let machine = match seen(result) {
            Ok(machine) => machine,
            Err(fault) if fault.is_absent() => return self.machine_gone(t),
            Err(_) => return self.later(t, Stage::Machine),
        };
        note_run(t, &machine);
        if machine.host_status != HostStatus::Ok {
            t.rest();
            return self.to(Stage::Look);
        }
        match machine.state {
            MachineState::Started => self.to(Stage::Probe),
            MachineState::Stopped | MachineState::Created | MachineState::Failed | MachineState::Suspended
                if mounts_another(t, &machine) =>
            {
                t.log(Action::RepairMount);
                dispose::remember_served(t, &machine);
                // What it mounts elsewhere is not looked at, unless it is the data.
                let held = mounted(t, &machine).or(t.me.volume.clone());
                self.to(held.map_or(Stage::Remove, Stage::Leave))
            }
            MachineState::Created if self.updated || self.made => self.to(Stage::Wait(machine.version)),
            MachineState::Stopped | MachineState::Failed | MachineState::Suspended if self.updated => {
                self.to(Stage::Boot)
            }
            MachineState::Stopped | MachineState::Created | MachineState::Failed | MachineState::Suspended => {
                self.to(Stage::Update)
            }
            MachineState::Destroying | MachineState::Destroyed => self.machine_gone(t),
            MachineState::Starting
            | MachineState::Stopping
            | MachineState::Suspending
            | MachineState::Replacing
            | MachineState::Updating
            | MachineState::Restarting
            | MachineState::Other(_) => self.to(Stage::Wait(machine.version)),
        }
    }

    /// There is no machine (any more): make one. One that is still on its way out is watched until it is gone.
    pub(super) fn machine_gone(mut self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        if t.me.machine.as_ref().is_some_and(|machine| machine.is_fresh(t.policy, t.asked_at)) {
            return self.later(t, Stage::Machine);
        }
        (self.updated, self.made) = (false, false);
        if let Some(machine) = t.me.machine.take() {
            may_have_run(t);
            t.me.dispose(Thing::Machine(machine.id), Cause::Replaced, t.now);
        }
        self.create(t)
    }

    pub(super) fn updated(mut self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match result {
            Ok(_) => {
                self.updated = true;
                t.progress();
                self.to(Stage::Recheck)
            }
            Err(fault) => self.not_up(t, fault, Stage::Machine),
        }
    }

    pub(super) fn rechecked(self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match seen(result) {
            Ok(machine) if machine.state.is_going() => self.machine_gone(t),
            Ok(machine) => {
                let down = [MachineState::Stopped, MachineState::Failed, MachineState::Suspended];
                if down.contains(&machine.state) { self.to(Stage::Boot) } else { self.to(Stage::Wait(machine.version)) }
            }
            Err(fault) if fault.is_absent() => self.machine_gone(t),
            Err(_) => self.later(t, Stage::Recheck),
        }
    }

    pub(super) fn booted(self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match result {
            Ok(_) => {
                t.progress();
                self.to(Stage::Wait(None))
            }
            Err(fault) => self.not_up(t, fault, Stage::Recheck),
        }
    }

    /// An update or a start was turned down.
    pub(super) fn not_up(self: Box<Self>, t: &mut Turn<'_>, fault: Fault, again: Stage) -> Phase {
        match fault.kind {
            FaultKind::NoCapacity(_) => self.make_room(t, fault),
            FaultKind::MissingVolume => self.to(Stage::MissingVolume),
            FaultKind::Absent => self.machine_gone(t),
            FaultKind::Refused | FaultKind::Conflict(_) => self.fail(t, fault.to_string()),
            FaultKind::Busy | FaultKind::RateLimited | FaultKind::Unauthorized | FaultKind::Unknown => {
                self.later(t, again)
            }
        }
    }

    pub(super) fn removed(mut self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match result {
            Err(fault) if fault.is_transient() => self.later(t, Stage::Remove),
            Err(fault) if !fault.is_absent() => self.fail(t, fault.to_string()),
            Ok(_) | Err(_) => {
                t.progress();
                (self.updated, self.made) = (false, false);
                if let Some(machine) = t.me.machine.take() {
                    let due = t.now.plus(t.policy.disposal_backoff_ms.first().copied().unwrap_or_default());
                    t.me.dispose(Thing::Machine(machine.id), Cause::Replaced, due);
                }
                // Another machine of ours may hold the volume.
                if self.looked_up { self.create(t) } else { self.to(Stage::Find(Lookup::List)) }
            }
        }
    }

    pub(super) fn create(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        let Some(volume) = t.me.volume.clone() else {
            let ensure = Ensure::begin(t);
            return self.to(Stage::Volume(ensure));
        };
        if self.crowded.as_ref() == Some(&volume) {
            return self.take_elsewhere(t, volume);
        }
        let region = t.me.region.clone();
        match Creation::new(t, volume, region) {
            Ok(creation) => self.to(Stage::Create(Box::new(creation))),
            Err(fault) => self.fail(t, fault.to_string()),
        }
    }

    pub(super) fn created(mut self: Box<Self>, t: &mut Turn<'_>, creating: Creating) -> Phase {
        match creating {
            Creating::Next(creation) => self.to(Stage::Create(Box::new(creation))),
            Creating::Later(creation) => self.later(t, Stage::Create(Box::new(creation))),
            Creating::Done(machine, region) => {
                t.me.machine = Some(machine);
                // It is launched as soon as it is made, whoever sees it run.
                may_have_run(t);
                self.made = true;
                t.me.region = region.or(t.me.region.take());
                self.to(Stage::Wait(None))
            }
            Creating::NoRoom(fault) => self.make_room(t, fault),
            Creating::MissingVolume(_) => self.to(Stage::MissingVolume),
            Creating::Refused(fault) => self.fail(t, fault.to_string()),
        }
    }

    pub(super) fn waited(
        self: Box<Self>,
        t: &mut Turn<'_>,
        version: Option<MachineVersion>,
        result: Result<Done, Fault>,
    ) -> Phase {
        match result {
            Ok(Done::Waited { state: MachineState::Started }) => self.to(Stage::Probe),
            Err(fault) if fault.is_transient() => self.later(t, Stage::Wait(version)),
            Ok(_) | Err(_) => {
                t.rest();
                self.to(Stage::Look)
            }
        }
    }
}
