//! What happens to the simulated Fly without anybody asking it for anything, as data.

use super::{Boot, SimMachine, SimSnapshot, SimVolume, World};
use crate::observe::{Exit, HostStatus, MachineState, SnapshotStatus};
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A change of the world from outside.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum WorldChange {
    /// A machine changes its state by itself. Not one whose destroy was accepted (unless it is now destroyed), and not one on a host that
    /// is down.
    Machine {
        /// Which.
        id: String,
        /// The state it is in from now on.
        state: MachineState,
        /// How it ended, if it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit: Option<Exit>,
    },
    /// Nobody knows a machine any more.
    MachineGone {
        /// Which.
        id: String,
    },
    /// A volume is lost.
    VolumeGone {
        /// Which.
        id: String,
    },
    /// What machines that are created or started become from now on.
    Boot {
        /// What.
        boot: Boot,
        /// After how long.
        ms: u64,
    },
    /// Whether what runs in started machines is well.
    Healthy(bool),
    /// How many more machines and volumes a region takes.
    Capacity {
        /// Which.
        region: String,
        /// How many; `None` is any number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        creates: Option<u64>,
    },
    /// How long forks read from their source.
    HydrateMs(u64),
    /// How long stops take.
    StopMs(u64),
    /// How long destroys take.
    DestroyMs(u64),
    /// How long destroyed machines hold their volumes.
    UnbindMs(u64),
    /// How long new things are not found.
    VisibleMs(u64),
    /// The host of a volume does not answer: nothing on it runs.
    HostDown {
        /// The volume.
        volume: String,
    },
    /// The host of a volume is back, with everything on it.
    HostBack {
        /// The volume.
        volume: String,
    },
    /// The host of a volume is lost, with everything on it.
    HostLost {
        /// The volume.
        volume: String,
    },
    /// Whether the host of a volume has no room for machines.
    HostFull {
        /// The volume.
        volume: String,
        /// Whether it has none.
        full: bool,
    },
    /// Fly moves a machine to another host; its volumes get new ids.
    Migrate {
        /// The machine.
        machine: String,
    },
    /// Whether a volume cannot be deleted.
    Stuck {
        /// The volume.
        volume: String,
        /// Whether it cannot.
        stuck: bool,
    },
    /// What runs in a machine writes to what the machine mounts.
    Write {
        /// The machine.
        machine: String,
    },
    /// A snapshot is taken, or one that was begun comes to another status.
    Snapshot {
        /// Of which volume.
        volume: String,
        /// Its id.
        id: String,
        /// Its status.
        status: SnapshotStatus,
    },
    /// A started machine of another sandbox turns up.
    Foreign {
        /// Its id.
        id: String,
        /// The volume that it holds from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        volume: Option<String>,
        /// Whose it is.
        sandbox: String,
    },
    /// An empty volume turns up that nobody here asked for.
    ForeignVolume {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
    },
    /// Calm: machines boot in 4 s and are well, there is room everywhere, hosts are back, nothing takes time, and what is under way comes
    /// to its end. What a struck call has still to bring about stays on its way.
    Heal,
    /// What was destroyed or deleted, and has not changed since then, is forgotten.
    Purge {
        /// The time.
        before: Timestamp,
    },
}

impl World {
    /// Lets something happen. `false` when it names something that is not there, or that cannot be what happens to it.
    pub fn change(&mut self, change: &WorldChange) -> bool {
        match change {
            WorldChange::Machine { id, state, exit } => return self.changes_itself(id, state, exit.as_ref()),
            WorldChange::MachineGone { id } => return self.machine_gone(id),
            WorldChange::VolumeGone { id } => return self.volume_gone(id),
            WorldChange::Boot { boot, ms } => (self.boot, self.boot_ms) = (*boot, *ms),
            WorldChange::Healthy(healthy) => self.healthy = *healthy,
            WorldChange::Capacity { region, creates: Some(creates) } => self.limit(region, *creates),
            WorldChange::Capacity { region, creates: None } => {
                self.capacity.remove(&region.to_ascii_lowercase());
            }
            WorldChange::HydrateMs(ms) => self.hydrate_ms = *ms,
            WorldChange::StopMs(ms) => self.stop_ms = *ms,
            WorldChange::DestroyMs(ms) => self.destroy_ms = *ms,
            WorldChange::UnbindMs(ms) => self.unbind_ms = *ms,
            WorldChange::VisibleMs(ms) => self.visible_ms = *ms,
            WorldChange::HostDown { volume } => return self.host_down(volume),
            WorldChange::HostBack { volume } => return self.host_back(volume),
            WorldChange::HostLost { volume } => return self.host_lost(volume),
            WorldChange::HostFull { volume, full } => return self.mark(volume, |known| known.host_full = *full),
            WorldChange::Migrate { machine } => return self.migrate(machine),
            WorldChange::Stuck { volume, stuck } => return self.mark(volume, |known| known.stuck = *stuck),
            WorldChange::Write { machine } => return self.write_through(machine),
            WorldChange::Snapshot { volume, id, status } => return self.snapshot(volume, id, status),
            WorldChange::Foreign { id, volume, sandbox } => return self.foreign(id, volume.as_deref(), sandbox),
            WorldChange::ForeignVolume { id, name } => return self.foreign_volume(id, name),
            WorldChange::Heal => self.heal(),
            WorldChange::Purge { before } => self.purge(*before),
        }
        true
    }

    fn changes_itself(&mut self, id: &str, state: &MachineState, exit: Option<&Exit>) -> bool {
        let can = |machine: &&mut SimMachine| {
            let doomed = machine.state == MachineState::Destroying && *state != MachineState::Destroyed;
            machine.is_live() && !machine.host_down && !doomed
        };
        let Some(machine) = self.machines.touch(id).filter(can) else { return false };
        if let Some(exit) = exit {
            machine.exit = Some(exit.clone());
        }
        self.set_state(id, state.clone());
        true
    }

    fn mark(&mut self, volume: &str, mark: impl FnOnce(&mut SimVolume)) -> bool {
        self.volumes.touch(volume).filter(|known| !known.gone).map(mark).is_some()
    }

    fn snapshot(&mut self, volume: &str, id: &str, status: &SnapshotStatus) -> bool {
        let begun = self.snapshots.get_mut(volume).and_then(|all| all.iter_mut().find(|snapshot| snapshot.id == id));
        if let Some(snapshot) = begun {
            snapshot.status = status.clone();
            return true;
        }
        let Some(known) = self.volumes.get(volume).filter(|known| known.is_live() && !known.host_down) else {
            return false;
        };
        let snapshot = SimSnapshot {
            id: id.to_string(),
            status: status.clone(),
            size_gb: Some(known.size_gb),
            generation: known.generation,
        };
        self.snapshots.entry(volume.to_string()).or_default().push(snapshot);
        true
    }

    /// It mounts the volume as well, unless another machine does.
    fn foreign(&mut self, id: &str, volume: Option<&str>, sandbox: &str) -> bool {
        let is_known = volume.is_none_or(|volume| self.volumes.get(volume).is_some_and(|known| !known.gone));
        if self.machines.contains_key(id) || !is_known {
            return false;
        }
        let mut machine = SimMachine::new(id, self.now);
        machine.region = Some("iad".to_string());
        machine.metadata = BTreeMap::from([("kiloclaw_sandbox_id".to_string(), sandbox.to_string())]);
        if let Some(volume) = volume {
            if self.mounting(volume).next().is_none() {
                machine.mounts = vec![volume.to_string()];
            }
            self.volumes.change(volume, |known| {
                machine.region.clone_from(&known.region);
                known.claimed_by = Some(Some(id.to_string()));
            });
        }
        self.machines.insert(id.to_string(), machine);
        true
    }

    fn foreign_volume(&mut self, id: &str, name: &str) -> bool {
        if self.volumes.contains_key(id) {
            return false;
        }
        let volume = SimVolume { region: Some("iad".to_string()), ..SimVolume::new(name, self.now) };
        self.volumes.insert(id.to_string(), volume);
        true
    }

    fn heal(&mut self) {
        (self.boot, self.boot_ms, self.healthy) = (Boot::Started, 4_000, true);
        (self.hydrate_ms, self.stop_ms, self.destroy_ms) = (0, 0, 0);
        (self.unbind_ms, self.visible_ms) = (0, 0);
        self.capacity.clear();
        let down = self.volumes.iter().filter(|(_, volume)| volume.host_down);
        for volume in down.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.host_back(&volume);
        }
        for volume in self.volumes.touch_all() {
            (volume.stuck, volume.host_full) = (false, false);
        }
        for machine in self.machines.touch_all() {
            machine.host_status = HostStatus::Ok;
        }
        self.finish();
    }

    fn purge(&mut self, before: Timestamp) {
        self.machines.retain(|_, machine| machine.is_live() || machine.updated_at >= before);
        let snapshots = &mut self.snapshots;
        self.volumes.retain(|id, volume| {
            let stays = volume.is_live() || volume.host_down || volume.updated_at >= before;
            if !stays {
                snapshots.remove(id);
            }
            stays
        });
    }
}
