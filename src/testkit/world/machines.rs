//! What the simulated Fly does with machines.

use super::perform::{Refusal, Served};
use super::shelf::Mark;
use super::{Change, SimMachine, SimVolume, World};
use crate::call::{Done, MachineUpdate, NewMachine};
use crate::id::{Invalid, MachineId, MachineVersion, Region, ResourceName, VolumeId};
use crate::observe::{Exit, HostStatus, Machine, MachineConfig, MachineState, Mount};
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;

impl World {
    /// Changes a machine's state now, and all that goes with it.
    pub(super) fn set_state(&mut self, id: &str, state: MachineState) {
        let now = self.now;
        let Some(machine) = self.machines.touch(id) else { return };
        machine.state = state.clone();
        machine.updated_at = now;
        self.overtake(id);
        self.entered(id, &state);
    }

    pub(super) fn entered(&mut self, id: &str, state: &MachineState) {
        if *state == MachineState::Started {
            self.write_through(id);
        }
        if *state == MachineState::Destroyed {
            self.release(id);
        }
    }

    /// What runs in the machine writes to what it mounts. `false` when it does not run, or mounts nothing that can be written to.
    pub(super) fn write_through(&mut self, id: &str) -> bool {
        let Some(machine) = self.machines.get(id).filter(|machine| machine.runs()) else { return false };
        let mounts = machine.mounts.clone();
        let mut written = false;
        for volume in &mounts {
            written |= self.write_to(volume);
        }
        written
    }

    /// The volumes of a machine that is no more become free, if not at once.
    pub(super) fn release(&mut self, id: &str) {
        let Some(machine) = self.machines.get(id) else { return };
        let claimed = self.volumes.find(Mark::Claimed(id.to_string())).map(|(volume, _)| volume.clone());
        let held: BTreeSet<String> = claimed.chain(machine.mounts.iter().cloned()).collect();
        let unbinds = self.unbind_ms > 0;
        for volume in held {
            let is_bound = self.volumes.change(&volume, |volume| {
                volume.claimed_by.take_if(|claim| claim.as_deref() == Some(id));
                let is_bound = unbinds && volume.is_live();
                if is_bound {
                    volume.bound_to = Some(id.to_string());
                }
                is_bound
            });
            if is_bound == Some(true) {
                self.later(self.unbind_ms, Change::Unbound { volume, machine: id.to_string() });
            }
        }
    }

    pub(super) fn becomes(&mut self, id: &str, wait_ms: u64, state: MachineState) {
        self.later(wait_ms, Change::Machine { machine: id.to_string(), state });
    }

    fn boots(&mut self, id: &str, meanwhile: MachineState) {
        self.set_state(id, meanwhile);
        self.becomes(id, self.boot_ms, self.boot.state());
    }

    /// Whether a thing that was made then can be found: a new one cannot at once.
    pub fn is_visible(&self, created_at: Timestamp) -> bool {
        self.now.since(created_at) >= self.visible_ms
    }

    fn known(&self, id: &str) -> Result<&SimMachine, Refusal> {
        let is_there = |machine: &&SimMachine| {
            !machine.gone && self.is_visible(machine.created_at) && self.sees(machine.app.as_ref())
        };
        let found = self.machines.get(id).filter(is_there);
        found.ok_or_else(|| Refusal::new(404, "machine not found"))
    }

    fn live(&self, id: &str) -> Result<&SimMachine, Refusal> {
        self.known(id)?;
        self.machines.get(id).filter(|machine| machine.is_live()).ok_or_else(|| Refusal::new(404, "machine not found"))
    }

    /// A live machine on a host that does what it is told.
    fn reachable(&self, id: &str) -> Result<&SimMachine, Refusal> {
        let machine = self.live(id)?;
        if machine.host_down { Err(no_host()) } else { Ok(machine) }
    }

    /// Room on the machine's host.
    fn room_for(&self, machine: &SimMachine) -> Result<(), Refusal> {
        let full = |volume: &String| self.volumes.get(volume).is_some_and(|volume| volume.host_full);
        if !machine.mounts.iter().any(full) {
            return Ok(());
        }
        let text = "could not reserve resource for machine: insufficient memory available to fulfill request";
        Err(Refusal::new(409, format!("aborted: {text}")))
    }

    pub(super) fn get_machine(&self, id: &str) -> Served {
        let machine = self.known(id)?;
        shown(id, machine, &self.mount_path).map(|machine| Done::Machine(Box::new(machine))).map_err(impossible)
    }

    pub(super) fn list_machines(&self, labels: &BTreeMap<String, String>) -> Served {
        let fits = |machine: &SimMachine| {
            machine.is_live()
                && self.is_visible(machine.created_at)
                && self.sees(machine.app.as_ref())
                && labels.iter().all(|(key, value)| machine.metadata.get(key) == Some(value))
        };
        let shown = |(id, machine): (&String, &SimMachine)| shown(id, machine, &self.mount_path);
        let listed: Result<_, Invalid> = match labels.first_key_value() {
            Some((key, value)) => {
                let labelled = self.machines.find(Mark::Label(key.clone(), value.clone()));
                labelled.filter(|(_, machine)| fits(machine)).map(shown).collect()
            }
            None => self.machines.iter().filter(|(_, machine)| fits(machine)).map(shown).collect(),
        };
        listed.map(Done::Machines).map_err(impossible)
    }

    pub(super) fn create_machine(&mut self, new: &NewMachine) -> Served {
        let volume_id = new.volume.as_str();
        let is_there = |volume: &&SimVolume| !volume.gone && self.sees(volume.app.as_ref());
        let volume = self.volumes.get(volume_id).filter(is_there);
        let Some(volume) = volume else { return Err(Refusal::new(404, "volume not found")) };
        if volume.state.is_dead() {
            return Err(Refusal::new(422, format!("volume does not exist: {volume_id}")));
        }
        let at_home = volume.region.clone();
        let is_twin = |machine: &SimMachine| machine.is_live() && self.sees(machine.app.as_ref());
        let twin = self.machines.find(Mark::Name(new.name.to_string())).find(|(_, machine)| is_twin(machine));
        if let Some((id, _)) = twin {
            let text = format!(
                "already_exists: unique machine name violation, machine ID {id} already exists with name \"{}\"",
                new.name
            );
            return Err(Refusal::new(409, text));
        }
        if let Some(id) = self.mounting(volume_id).next().map(|(id, _)| id).or(volume.bound_to.as_ref()) {
            return Err(Refusal::new(412, format!("failed_precondition: volume already claimed by machine {id}")));
        }
        if volume.host_down {
            return Err(no_host());
        }
        let host_full = volume.host_full;
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
        if host_full || self.is_full(&counted) {
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
            app: self.asked.clone(),
            state: MachineState::Created,
            region: Some(region.clone()),
            mounts: vec![new.volume.to_string()],
            metadata: new.metadata.clone(),
            guest: Some(new.guest),
            image: new.image.clone(),
            ..SimMachine::new(new.name.as_str(), self.now)
        };
        self.machines.insert(id.clone(), machine);
        self.volumes.change(new.volume.as_str(), |volume| volume.claimed_by = None);
        self.boots(&id, MachineState::Created);
        let machine = MachineId::new(id).map_err(impossible)?;
        Ok(Done::MachineCreated { machine, region: Region::new(region).ok() })
    }

    pub(super) fn update_machine(&mut self, update: &MachineUpdate) -> Served {
        let id = update.machine.as_str();
        let machine = self.reachable(id)?;
        let is_there = |volume: &&SimVolume| volume.is_live() && self.sees(volume.app.as_ref());
        let missing = |volume: &str| self.volumes.get(volume).filter(is_there).is_none();
        if missing(update.volume.as_str()) {
            return Err(Refusal::new(422, format!("volume does not exist: {}", update.volume)));
        }
        if !machine.mounts.iter().any(|mounted| mounted == update.volume.as_str()) && !machine.mounts.is_empty() {
            return Err(Refusal::new(400, "invalid_argument: the volume of a machine cannot be changed"));
        }
        if machine.state == MachineState::Destroying {
            return Err(not_from(&machine.state, "update"));
        }
        self.room_for(machine)?;
        let running = machine.state == MachineState::Started;
        self.machines.change(id, |machine| {
            machine.version = machine.version.saturating_add(1);
            machine.guest = Some(update.guest);
            machine.mounts = vec![update.volume.to_string()];
            machine.metadata = update.metadata.clone();
            machine.image = update.image.clone();
        });
        if running {
            self.boots(id, MachineState::Replacing);
        } else {
            self.set_state(id, MachineState::Stopped);
        }
        Ok(Done::Accepted)
    }

    pub(super) fn start_machine(&mut self, id: &str) -> Served {
        let machine = self.reachable(id)?;
        let state = machine.state.clone();
        if [MachineState::Started, MachineState::Starting].contains(&state) {
            return Ok(Done::Accepted);
        }
        if ![MachineState::Stopped, MachineState::Suspended, MachineState::Failed].contains(&state) {
            return Err(not_from(&state, "start"));
        }
        self.room_for(machine)?;
        self.boots(id, MachineState::Starting);
        Ok(Done::Accepted)
    }

    pub(super) fn stop_machine(&mut self, id: &str) -> Served {
        let state = self.reachable(id)?.state.clone();
        if [MachineState::Replacing, MachineState::Updating, MachineState::Destroying].contains(&state) {
            return Err(not_from(&state, "stop"));
        }
        if [MachineState::Stopped, MachineState::Stopping].contains(&state) {
            return Ok(Done::Accepted);
        }
        self.set_state(id, MachineState::Stopping);
        if let Some(machine) = self.machines.touch(id) {
            machine.exit = Some(Exit { code: None, oom_killed: false, requested_stop: true });
        }
        self.becomes(id, self.stop_ms, MachineState::Stopped);
        Ok(Done::Accepted)
    }

    /// Accepted at once, done later: on a host that is down, when it is back.
    pub(super) fn destroy_machine(&mut self, id: &str) -> Served {
        let machine = self.known(id)?;
        if !machine.is_live() {
            return Ok(Done::Accepted);
        }
        let (host_down, is_going) = (machine.host_down, machine.state == MachineState::Destroying);
        if host_down {
            self.set_state(id, MachineState::Destroying);
        } else if self.destroy_ms == 0 {
            self.set_state(id, MachineState::Destroyed);
        } else if !(is_going && self.is_changing(id)) {
            self.set_state(id, MachineState::Destroying);
            self.becomes(id, self.destroy_ms, MachineState::Destroyed);
        }
        Ok(Done::Accepted)
    }

    fn is_changing(&self, id: &str) -> bool {
        self.due.values().any(|change| matches!(change, Change::Machine { machine, .. } if machine == id))
    }

    /// Over when the machine has come to rest, or at `end`.
    pub(super) fn wait_machine(
        &self,
        id: &str,
        version: Option<&MachineVersion>,
        wanted: &MachineState,
        end: Timestamp,
    ) -> Result<Option<Done>, Refusal> {
        let machine = self.known(id)?;
        let overtaken = version.is_some_and(|version| version.as_str() != version_word(machine));
        if !overtaken && has_come_to_rest(&machine.state) {
            return Ok(Some(Done::Waited { state: machine.state.clone() }));
        }
        if self.now < end {
            return Ok(None);
        }
        let seen = if overtaken { "replaced" } else { machine.state.as_str() };
        let text = format!("machine failed to reach desired state, {wanted}, currently {seen}");
        Err(Refusal::new(408, format!("deadline_exceeded: {text}")))
    }

    /// Over when the machine runs and is well, or at `end`.
    pub(super) fn probe_health(&self, id: &str, end: Timestamp) -> Result<Option<Done>, Refusal> {
        let machine = self.machines.get(id);
        if machine.is_some_and(|machine| !self.is_visible(machine.created_at)) {
            return Err(Refusal::new(404, "machine not found"));
        }
        let healthy = self.healthy && machine.is_some_and(SimMachine::runs);
        Ok((healthy || self.now >= end).then_some(Done::Health { healthy }))
    }
}

/// What is asked of a host that does not answer: the caller cannot know that nothing happened.
pub(super) fn no_host() -> Refusal {
    Refusal::new(408, "deadline_exceeded: the host did not answer in time")
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
