//! An attempt that somebody else began: how far has it come?

use super::{Recovering, Stage};
use crate::call::Done;
use crate::fault::Fault;
use crate::instance::phase::Phase;
use crate::instance::placement::Placement;
use crate::instance::turn::Turn;
use crate::instance::{MachineRef, dispose};
use crate::observe::Machine;
use alloc::boxed::Box;

impl Recovering {
    pub(super) fn identified(mut self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        let machine = match result {
            Ok(Done::Machine(machine)) => machine,
            Err(fault) if fault.is_absent() => {
                // The reference forgets the old machine before it forks, so what it names beside a fork is the replacement.
                let gone = t.me.machine.take();
                if self.fork.is_some() {
                    self.replacement = gone;
                    return self.not_found(t);
                }
                return self.to(Stage::CheckFork);
            }
            Ok(_) | Err(_) if self.is_over(t) => return self.time_out(t),
            Ok(_) | Err(_) => return self.later(t, Stage::Identify),
        };
        let Some(config) = &machine.config else {
            if self.is_over(t) {
                return self.time_out(t);
            }
            return self.later(t, Stage::Identify);
        };
        let mounted = config.mounted_at(&t.policy.mount_path);
        if mounted.is_some() && mounted == self.fork.as_ref() {
            self.replacement = t.me.machine.take();
            self.region = machine.region.clone();
            return self.stands(t, &machine);
        }
        if self.is_over(t) {
            return self.time_out(t);
        }
        dispose::remember_served(t, &machine);
        self.to(Stage::CheckFork)
    }

    pub(super) fn fork_checked(mut self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match result {
            Ok(Done::Volume(volume)) if !volume.state.is_dead() => {
                self.region = volume.region;
                self.regions_left = Placement::regions(t, t.me.region.clone().as_ref());
                self.regions_left.retain(|region| Some(region) != self.region.as_ref());
                if t.me.machine.is_some() { self.to(Stage::Inspect) } else { self.to(Stage::FindReplacement) }
            }
            Err(fault) if !fault.is_absent() => self.later(t, Stage::CheckFork),
            Ok(_) | Err(_) => {
                self.fork = None;
                self.to(Stage::Inspect)
            }
        }
    }

    pub(super) fn searched(mut self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        let Ok(Done::Machines(machines)) = result else { return self.later(t, Stage::FindReplacement) };
        let mounts_fork = |machine: &&Machine| {
            machine.config.as_ref().and_then(|config| config.mounted_at(&t.policy.mount_path)) == self.fork.as_ref()
        };
        let Some(machine) = machines.iter().filter(|machine| !machine.state.is_going()).find(mounts_fork) else {
            return self.to(Stage::Inspect);
        };
        self.replacement = Some(MachineRef::adopted(machine.id.clone()));
        t.keep();
        self.stands(t, machine)
    }
}
