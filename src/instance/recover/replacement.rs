//! The replacement: made on the fork, watched until it has started (R5, R6).

use super::{Recovering, Stage};
use crate::call::{Content, Done};
use crate::event::Action;
use crate::fault::{Fault, FaultKind};
use crate::instance::creation::{Creating, Creation};
use crate::instance::holdings::{Cause, Thing};
use crate::instance::note::Note;
use crate::instance::phase::Phase;
use crate::instance::placement::Placement;
use crate::instance::turn::Turn;
use crate::observe::{HostStatus, Machine, MachineState};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;

impl Recovering {
    pub(super) fn create(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        let Some(fork) = self.fork.clone() else { return self.fork_source(t) };
        let region = self.region.clone();
        match Creation::new(t, fork, region) {
            Ok(creation) => self.to(Stage::Create(Box::new(creation))),
            Err(fault) => self.fail(t, &fault.to_string(), "alarm_relocated"),
        }
    }

    pub(super) fn created(mut self: Box<Self>, t: &mut Turn<'_>, creating: Creating) -> Phase {
        match creating {
            Creating::Next(creation) => self.to(Stage::Create(Box::new(creation))),
            Creating::Later(creation) => self.later(t, Stage::Create(Box::new(creation))),
            Creating::Done(machine, region) => {
                self.replacement = Some(machine);
                self.region = region.or(self.region);
                self.to(Stage::Wait)
            }
            Creating::NoRoom(fault) => self.elsewhere(t, &fault),
            Creating::MissingVolume(fault) | Creating::Refused(fault) => {
                self.fail(t, &fault.to_string(), "alarm_relocated")
            }
        }
    }

    /// The fork's host has no room for a machine: give the fork up and try the regions that are left (R5).
    pub(super) fn elsewhere(mut self: Box<Self>, t: &mut Turn<'_>, fault: &Fault) -> Phase {
        if let (Some(403), Some(region), Some(class)) = (fault.status, self.region.clone(), fault.capacity()) {
            t.evict(region, class);
        }
        if let Some(fork) = self.fork.take() {
            t.me.dispose_made(Thing::Volume(fork), Cause::FailedRecovery, t.now, self.forked_at);
        }
        let regions = core::mem::take(&mut self.regions_left);
        let Some(source) = t.me.volume.clone().filter(|_| !regions.is_empty()) else {
            return self.no_region(t, fault);
        };
        match Placement::among(t, Content::Fork { source }, regions) {
            Ok(placement) => self.to(Stage::Fork(Box::new(placement))),
            Err(fault) => self.fail(t, &fault.to_string(), "alarm_relocated"),
        }
    }

    pub(super) fn waited(self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match result {
            Ok(Done::Waited { state }) => self.state(t, &state),
            Err(fault) if fault.is_absent() => self.not_found(t),
            Err(fault) if fault.kind == FaultKind::Refused => self.fail(t, &fault.to_string(), "alarm_relocated"),
            Ok(_) | Err(_) if self.is_over(t) => self.to(Stage::Look),
            Ok(_) | Err(_) => self.later(t, Stage::Wait),
        }
    }

    pub(super) fn looked(self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match result {
            Ok(Done::Machine(machine)) => self.stands(t, &machine),
            Err(fault) if fault.is_absent() => self.not_found(t),
            Err(fault) if fault.kind == FaultKind::Refused => self.fail(t, &fault.to_string(), "alarm_relocated"),
            Ok(_) | Err(_) if self.is_over(t) => self.time_out(t),
            Ok(_) | Err(_) => self.later(t, Stage::Look),
        }
    }

    /// A state is only believed while the host that reports it answers.
    pub(super) fn stands(self: Box<Self>, t: &mut Turn<'_>, machine: &Machine) -> Phase {
        if machine.host_status == HostStatus::Ok {
            return self.state(t, &machine.state);
        }
        self.on_its_way(t)
    }

    pub(super) fn state(mut self: Box<Self>, t: &mut Turn<'_>, state: &MachineState) -> Phase {
        match state {
            MachineState::Started => {
                self.started = true;
                t.progress();
                let machine = self.replacement.as_ref().map(|machine| machine.id.clone());
                t.emit(machine.iter().fold(Note::log(Action::RecoveryMachineStarted), Note::machine));
                self.to(Stage::Verify)
            }
            MachineState::Stopped | MachineState::Failed | MachineState::Destroyed => {
                t.emit(Note::log(Action::RecoveryTerminalMachineState).detail("fly_state", state.as_str()));
                let message = format!("unexpected stop recovery replacement machine entered {state}");
                self.fail(t, &message, &format!("alarm_{state}"))
            }
            MachineState::Created
            | MachineState::Starting
            | MachineState::Stopping
            | MachineState::Suspending
            | MachineState::Suspended
            | MachineState::Replacing
            | MachineState::Updating
            | MachineState::Restarting
            | MachineState::Destroying
            | MachineState::Other(_) => self.on_its_way(t),
        }
    }

    pub(super) fn on_its_way(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        let machine = self.replacement.iter().map(|machine| &machine.id);
        t.emit(machine.fold(Note::log(Action::RecoveryWaitingForStart), Note::machine));
        if self.is_over(t) {
            return self.time_out(t);
        }
        t.progress();
        t.rest();
        self.to(Stage::Look)
    }

    pub(super) fn not_found(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        if self.replacement.as_ref().is_some_and(|machine| machine.is_fresh(t.policy, t.asked_at)) {
            return self.later(t, Stage::Look);
        }
        t.log(Action::RecoveryMachineGone);
        self.fail(t, "unexpected stop recovery replacement machine disappeared", "alarm_machine_gone")
    }
}
