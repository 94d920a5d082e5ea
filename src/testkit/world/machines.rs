//! What the simulated Fly does with machines.

use super::perform::{Refusal, Served};
use super::{Change, SimMachine, World};
use crate::call::{Done, MachineUpdate, NewMachine};
use crate::id::{Invalid, MachineId, MachineVersion, Region, ResourceName, VolumeId};
use crate::observe::{Exit, HostStatus, Machine, MachineConfig, MachineState, Mount};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;

impl World {
    /// Changes a machine's state now, and all that goes with it.
    pub(super) fn set_state(&mut self, id: &str, state: MachineState) {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(id) else { return };
        machine.state = state.clone();
        machine.updated_at = now;
        self.overtake(id);
        self.entered(id, &state);
    }

    pub(super) fn entered(&mut self, id: &str, state: &MachineState) {
        if *state == MachineState::Started {
            let mounts = self.machines.get(id).map(|machine| machine.mounts.clone()).unwrap_or_default();
            for volume in mounts {
                self.write_to(&volume);
            }
        }
        if *state == MachineState::Destroyed {
            for volume in self.volumes.values_mut() {
                if volume.claimed_by.as_ref().is_some_and(|claim| claim.as_deref() == Some(id)) {
                    volume.claimed_by = None;
                }
            }
        }
    }

    fn becomes(&mut self, id: &str, wait_ms: u64, state: MachineState) {
        let epoch = self.epoch(id);
        self.later(wait_ms, Change::Machine { machine: id.to_string(), epoch, state });
    }

    fn boots(&mut self, id: &str, meanwhile: MachineState) {
        self.set_state(id, meanwhile);
        self.becomes(id, self.boot_ms, self.boot.state());
    }

    fn known(&self, id: &str) -> Result<&SimMachine, Refusal> {
        self.machines.get(id).filter(|machine| !machine.gone).ok_or_else(|| Refusal::new(404, "machine not found"))
    }

    fn live(&self, id: &str) -> Result<&SimMachine, Refusal> {
        self.known(id)?;
        self.machines.get(id).filter(|machine| machine.is_live()).ok_or_else(|| Refusal::new(404, "machine not found"))
    }

    pub(super) fn get_machine(&self, id: &str) -> Served {
        let machine = self.known(id)?;
        shown(id, machine, &self.mount_path).map(|machine| Done::Machine(Box::new(machine))).map_err(impossible)
    }

    pub(super) fn list_machines(&self, labels: &BTreeMap<String, String>) -> Served {
        let fits = |machine: &SimMachine| {
            machine.is_live() && labels.iter().all(|(key, value)| machine.metadata.get(key) == Some(value))
        };
        let listed = self.machines.iter().filter(|(_, machine)| fits(machine));
        let machines: Result<_, Invalid> = listed.map(|(id, machine)| shown(id, machine, &self.mount_path)).collect();
        machines.map(Done::Machines).map_err(impossible)
    }

    pub(super) fn create_machine(&mut self, new: &NewMachine) -> Served {
        let volume_id = new.volume.as_str();
        let volume = self.volumes.get(volume_id).filter(|volume| !volume.gone);
        let Some(volume) = volume else { return Err(Refusal::new(404, "volume not found")) };
        if volume.state.is_dead() {
            return Err(Refusal::new(422, format!("volume does not exist: {volume_id}")));
        }
        let at_home = volume.region.clone();
        let twin = self.machines.iter().find(|(_, machine)| machine.is_live() && machine.name == new.name.as_str());
        if let Some((id, _)) = twin {
            let text = format!(
                "already_exists: unique machine name violation, machine ID {id} already exists with name \"{}\"",
                new.name
            );
            return Err(Refusal::new(409, text));
        }
        if let Some((id, _)) =
            self.machines.iter().find(|(_, m)| m.is_live() && m.mounts.iter().any(|v| v == volume_id))
        {
            return Err(Refusal::new(412, format!("failed_precondition: volume already claimed by machine {id}")));
        }
        let asked = new.region.as_ref().map(|region| region.as_str().to_string());
        let concrete = asked.as_deref().map(super::volumes::concrete);
        if let (Some(home), Some(asked)) = (&at_home, &concrete)
            && home != asked
        {
            return Err(Refusal::new(
                400,
                format!("invalid_argument: volume {volume_id} is in region {home}, not {asked}"),
            ));
        }
        let counted = asked.or_else(|| at_home.clone()).unwrap_or_else(|| "iad".to_string());
        if self.is_full(&counted) {
            let text = format!("insufficient resources to create new machine with existing volume '{volume_id}'");
            return Err(Refusal::new(412, text));
        }
        self.take_room(&counted);
        let region = at_home.or(concrete).unwrap_or_else(|| "iad".to_string());
        self.make_machine(new, region)
    }

    fn make_machine(&mut self, new: &NewMachine, region: String) -> Served {
        let id = self.machine_id();
        let machine = SimMachine {
            state: MachineState::Created,
            region: Some(region.clone()),
            mounts: vec![new.volume.to_string()],
            metadata: new.metadata.clone(),
            guest: Some(new.guest),
            image: new.image.clone(),
            ..SimMachine::new(new.name.as_str(), self.now)
        };
        self.machines.insert(id.clone(), machine);
        if let Some(volume) = self.volumes.get_mut(new.volume.as_str()) {
            volume.claimed_by = None;
        }
        self.boots(&id, MachineState::Created);
        let machine = MachineId::new(id).map_err(impossible)?;
        Ok(Done::MachineCreated { machine, region: Region::new(region).ok() })
    }

    pub(super) fn update_machine(&mut self, update: &MachineUpdate) -> Served {
        let id = update.machine.as_str();
        let machine = self.live(id)?;
        let missing = |volume: &str| self.volumes.get(volume).is_none_or(|known| known.gone || known.state.is_dead());
        if missing(update.volume.as_str()) {
            return Err(Refusal::new(422, format!("volume does not exist: {}", update.volume)));
        }
        if !machine.mounts.iter().any(|mounted| mounted == update.volume.as_str()) && !machine.mounts.is_empty() {
            return Err(Refusal::new(400, "invalid_argument: the volume of a machine cannot be changed"));
        }
        if machine.state == MachineState::Destroying {
            return Err(not_from(&machine.state, "update"));
        }
        let running = machine.state == MachineState::Started;
        if let Some(machine) = self.machines.get_mut(id) {
            machine.version = machine.version.saturating_add(1);
            machine.guest = Some(update.guest);
            machine.mounts = vec![update.volume.to_string()];
            machine.metadata = update.metadata.clone();
            machine.image = update.image.clone();
        }
        if running {
            self.boots(id, MachineState::Replacing);
        } else {
            self.set_state(id, MachineState::Stopped);
        }
        Ok(Done::Accepted)
    }

    pub(super) fn start_machine(&mut self, id: &str) -> Served {
        let state = self.live(id)?.state.clone();
        if [MachineState::Started, MachineState::Starting].contains(&state) {
            return Ok(Done::Accepted);
        }
        if ![MachineState::Stopped, MachineState::Suspended, MachineState::Failed].contains(&state) {
            return Err(not_from(&state, "start"));
        }
        self.boots(id, MachineState::Starting);
        Ok(Done::Accepted)
    }

    pub(super) fn stop_machine(&mut self, id: &str) -> Served {
        let state = self.live(id)?.state.clone();
        if [MachineState::Replacing, MachineState::Updating, MachineState::Destroying].contains(&state) {
            return Err(not_from(&state, "stop"));
        }
        if [MachineState::Stopped, MachineState::Stopping].contains(&state) {
            return Ok(Done::Accepted);
        }
        self.set_state(id, MachineState::Stopping);
        if let Some(machine) = self.machines.get_mut(id) {
            machine.exit = Some(Exit { code: None, oom_killed: false, requested_stop: true });
        }
        self.becomes(id, self.stop_ms, MachineState::Stopped);
        Ok(Done::Accepted)
    }

    pub(super) fn destroy_machine(&mut self, id: &str) -> Served {
        if self.known(id)?.is_live() {
            self.set_state(id, MachineState::Destroyed);
        }
        Ok(Done::Accepted)
    }

    /// Lets time pass until the machine has come to rest or the wait is over.
    pub(super) fn wait_machine(
        &mut self,
        id: &str,
        version: Option<&MachineVersion>,
        wanted: &MachineState,
        timeout_s: u32,
    ) -> Served {
        let end = self.now.plus(u64::from(timeout_s).saturating_mul(1_000));
        loop {
            let machine = self.known(id)?;
            let overtaken = version.is_some_and(|version| version.as_str() != version_word(machine));
            if !overtaken && has_come_to_rest(&machine.state) {
                return Ok(Done::Waited { state: machine.state.clone() });
            }
            let seen = if overtaken { "replaced" } else { machine.state.as_str() }.to_string();
            match self.next_change().filter(|at| *at <= end) {
                Some(at) => self.advance_to(at),
                None => {
                    self.advance_to(end);
                    let text = format!("machine failed to reach desired state, {wanted}, currently {seen}");
                    return Err(Refusal::new(408, format!("deadline_exceeded: {text}")));
                }
            }
        }
    }

    /// Asks until the machine runs and is well, or until the time is over.
    pub(super) fn probe_health(&mut self, id: &str, timeout_s: u32) -> Done {
        let end = self.now.plus(u64::from(timeout_s).saturating_mul(1_000));
        loop {
            let runs = self.machines.get(id).is_some_and(|machine| machine.true_state() == MachineState::Started);
            if runs && self.healthy {
                return Done::Health { healthy: true };
            }
            match self.next_change().filter(|at| *at <= end) {
                Some(at) => self.advance_to(at),
                None => {
                    self.advance_to(end);
                    return Done::Health { healthy: false };
                }
            }
        }
    }
}

fn has_come_to_rest(state: &MachineState) -> bool {
    [
        MachineState::Started,
        MachineState::Stopped,
        MachineState::Suspended,
        MachineState::Failed,
        MachineState::Destroyed,
    ]
    .contains(state)
}

fn not_from(state: &MachineState, verb: &str) -> Refusal {
    Refusal::new(412, format!("failed_precondition: unable to {verb} machine from current state: '{state}'"))
}

/// An answer with an id that cannot be one is no answer.
pub(super) fn impossible(invalid: Invalid) -> Refusal {
    Refusal { status: 200, body: invalid.to_string() }
}

fn version_word(machine: &SimMachine) -> String {
    format!("v{}", machine.version)
}

/// A machine as an adapter would read it off the answer.
fn shown(id: &str, machine: &SimMachine, mount_path: &str) -> Result<Machine, Invalid> {
    let mount = |volume: &String| Ok(Mount { volume: VolumeId::new(volume.as_str())?, path: mount_path.to_string() });
    let config = MachineConfig {
        mounts: machine.mounts.iter().map(mount).collect::<Result<_, Invalid>>()?,
        metadata: machine.metadata.clone(),
        guest: machine.guest,
        image: machine.image.clone(),
    };
    Ok(Machine {
        id: MachineId::new(id)?,
        name: ResourceName::new(machine.name.as_str()).ok(),
        state: machine.state.clone(),
        region: machine.region.as_deref().and_then(|region| Region::new(region).ok()),
        version: MachineVersion::new(version_word(machine)).ok(),
        config: (machine.host_status == HostStatus::Ok).then_some(config),
        host_status: machine.host_status.clone(),
        updated_at: Some(machine.updated_at),
        exit: machine.exit.clone(),
    })
}
