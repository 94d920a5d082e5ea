//! Hosts that fail and come back, what Fly moves, and copies that lose their source.

use super::shelf::Mark;
use super::{Change, World};
use crate::observe::{HostStatus, MachineState, VolumeState};
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

impl World {
    /// What was live there is known no longer to run, and nothing there goes on.
    pub(super) fn host_down(&mut self, volume: &str) -> bool {
        let Some(known) = self.volumes.touch(volume).filter(|known| !known.gone) else { return false };
        known.host_down = true;
        for id in self.on_host_of(volume) {
            self.overtake(&id);
            if let Some(machine) = self.machines.touch(&id) {
                machine.host_down = true;
                machine.host_status = HostStatus::Unreachable;
            }
        }
        true
    }

    /// What was on its way goes on; what had started runs again; what was to be destroyed is destroyed.
    pub(super) fn host_back(&mut self, volume: &str) -> bool {
        let Some(known) = self.volumes.touch(volume).filter(|known| !known.gone || known.host_down) else {
            return false;
        };
        known.host_down = false;
        for id in self.on_host_of(volume) {
            let Some(machine) = self.machines.touch(&id).filter(|machine| machine.host_down) else { continue };
            machine.host_down = false;
            machine.host_status = HostStatus::Ok;
            let state = machine.state.clone();
            self.goes_on(&id, &state);
        }
        let copies = self.volumes.find(Mark::Reads(volume.to_string())).map(|(id, _)| id.clone());
        for copy in copies.chain([volume.to_string()]).collect::<BTreeSet<_>>() {
            self.hydrates_on(&copy);
        }
        true
    }

    fn goes_on(&mut self, id: &str, state: &MachineState) {
        if *state == MachineState::Started {
            self.entered(id, state);
        } else if *state == MachineState::Destroying {
            self.becomes(id, self.destroy_ms, MachineState::Destroyed);
        } else if *state == MachineState::Stopping {
            self.becomes(id, self.stop_ms, MachineState::Stopped);
        } else if *state == MachineState::Suspending {
            self.becomes(id, self.stop_ms, MachineState::Suspended);
        } else if is_coming_up(state) {
            self.becomes(id, self.boot_ms, self.boot.state());
        }
    }

    /// Everything that is under way comes to its end, boots in their time.
    pub(super) fn finish(&mut self) {
        self.due.retain(|_, change| matches!(change, Change::Lands(..)));
        let live: Vec<String> = self.live_machines().map(|(id, _)| id.clone()).collect();
        for id in live {
            let Some(machine) = self.machines.get(&id) else { continue };
            let state = machine.state.clone();
            if state != MachineState::Started {
                self.goes_on(&id, &state);
            }
        }
        self.volumes.touch_all().for_each(|volume| volume.bound_to = None);
        let copies = self.volumes.iter().filter(|(_, volume)| volume.reads_from.is_some());
        for copy in copies.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.volumes.change(&copy, |copy| {
                copy.reads_from = None;
                if copy.state == VolumeState::Hydrating {
                    copy.state = VolumeState::Created;
                }
            });
        }
    }

    /// A volume and its machines are gone, and with them what still reads from it.
    pub(super) fn host_lost(&mut self, volume: &str) -> bool {
        let machines = self.on_host_of(volume);
        if !self.volume_gone(volume) {
            return false;
        }
        for id in machines {
            self.machine_gone(&id);
        }
        true
    }

    pub(super) fn machine_gone(&mut self, id: &str) -> bool {
        let now = self.now;
        let Some(machine) = self.machines.touch(id).filter(|machine| !machine.gone) else { return false };
        machine.gone = true;
        machine.updated_at = now;
        self.overtake(id);
        self.release(id);
        true
    }

    pub(super) fn volume_gone(&mut self, id: &str) -> bool {
        self.volumes.get(id).is_some_and(|volume| !volume.gone) && self.change_volume(id, |volume| volume.gone = true)
    }

    /// The copies that still read from what is gone die with it, and theirs with them.
    pub(super) fn bereave(&mut self, source: &str) {
        let reads = self.volumes.find(Mark::Reads(source.to_string())).filter(|(_, copy)| !copy.gone);
        for copy in reads.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.due.retain(|_, change| !matches!(change, Change::Hydrated(volume) if *volume == copy));
            self.change_volume(&copy, |copy| {
                copy.reads_from = None;
                if copy.is_live() {
                    copy.state = VolumeState::ForkCleanup;
                }
                copy.generation = 0;
            });
        }
    }

    /// A copy needs its source no longer, if both their hosts have been there to the end.
    pub(super) fn hydrated(&mut self, volume: &str) {
        let is_down = |id: &str| self.volumes.get(id).is_some_and(|known| known.host_down);
        let source = self.volumes.get(volume).and_then(|copy| copy.reads_from.as_deref());
        if is_down(volume) || source.is_some_and(is_down) {
            return;
        }
        let now = self.now;
        self.volumes.change(volume, |copy| {
            copy.reads_from = None;
            if copy.state == VolumeState::Hydrating {
                copy.state = VolumeState::Created;
                copy.updated_at = now;
            }
        });
    }

    fn hydrates_on(&mut self, volume: &str) {
        let under_way = self.due.values().any(|change| matches!(change, Change::Hydrated(copy) if copy == volume));
        if !under_way && self.volumes.get(volume).is_some_and(|copy| copy.reads_from.is_some()) {
            self.later(self.hydrate_ms, Change::Hydrated(volume.to_string()));
        }
    }

    /// The machine is on another host: the same machine, on copies of its volumes that have ids of their own. What was known of the old
    /// host is over.
    pub(super) fn migrate(&mut self, machine: &str) -> bool {
        let Some(known) = self.machines.get(machine).filter(|known| known.is_live() && !known.host_down) else {
            return false;
        };
        let is_live = |id: &&String| self.volumes.get(id).is_some_and(|volume| volume.is_live());
        let old: Vec<String> = known.mounts.iter().filter(is_live).cloned().collect();
        for id in &old {
            self.moves(id);
        }
        !old.is_empty()
    }

    fn moves(&mut self, old: &str) {
        let now = self.now;
        let new = self.volume_id();
        let Some(mut moved) = self.volumes.get(old).cloned() else { return };
        self.volumes.change(old, |left| {
            (left.gone, left.updated_at, left.reads_from, left.claimed_by) = (true, now, None, None);
        });
        (moved.host_full, moved.stuck, moved.bound_to, moved.updated_at) = (false, false, None, now);
        self.volumes.insert(new.clone(), moved);
        let copies = self.volumes.find(Mark::Reads(old.to_string())).map(|(id, _)| id.clone());
        for copy in copies.collect::<Vec<_>>() {
            self.volumes.change(&copy, |copy| copy.reads_from = Some(new.clone()));
        }
        let mounting = self.machines.find(Mark::Mounts(old.to_string())).map(|(id, _)| id.clone());
        for machine in mounting.collect::<Vec<_>>() {
            self.machines.change(&machine, |machine| {
                machine
                    .mounts
                    .iter_mut()
                    .filter(|mounted| *mounted == old)
                    .for_each(|mounted| mounted.clone_from(&new));
            });
        }
        for change in self.due.values_mut() {
            if let Change::Hydrated(volume) = change
                && volume == old
            {
                volume.clone_from(&new);
            }
        }
    }

    fn on_host_of(&self, volume: &str) -> Vec<String> {
        self.mounting(volume).map(|(id, _)| id.clone()).collect()
    }
}

fn is_coming_up(state: &MachineState) -> bool {
    [
        MachineState::Created,
        MachineState::Starting,
        MachineState::Replacing,
        MachineState::Updating,
        MachineState::Restarting,
    ]
    .contains(state)
}
