//! What those who see everything see of the simulated Fly.

use super::shelf::Mark;
use super::{SimMachine, SimVolume, World};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

impl World {
    /// The machines, destroyed ones included.
    pub fn machines(&self) -> impl Iterator<Item = (&String, &SimMachine)> {
        self.machines.iter()
    }

    /// The volumes, deleted ones included.
    pub fn volumes(&self) -> impl Iterator<Item = (&String, &SimVolume)> {
        self.volumes.iter()
    }

    /// The machines that exist, those that are being destroyed included.
    pub fn live_machines(&self) -> impl Iterator<Item = (&String, &SimMachine)> {
        self.machines.iter().filter(|(_, machine)| machine.is_live())
    }

    /// The volumes from which something can be had.
    pub fn live_volumes(&self) -> impl Iterator<Item = (&String, &SimVolume)> {
        self.volumes.iter().filter(|(_, volume)| volume.is_live())
    }

    /// How many more machines and volumes the regions take that are limited.
    pub fn capacity(&self) -> &BTreeMap<String, u64> {
        &self.capacity
    }

    /// A machine.
    pub fn machine(&self, id: &str) -> Option<&SimMachine> {
        self.machines.get(id)
    }

    /// A volume.
    pub fn volume(&self, id: &str) -> Option<&SimVolume> {
        self.volumes.get(id)
    }

    /// The machines that run at this moment and mount the volume.
    pub fn writers(&self, volume: &str) -> Vec<&String> {
        self.mounting(volume).filter(|(_, machine)| machine.runs()).map(|(id, _)| id).collect()
    }

    /// The machines that exist and mount the volume.
    pub(super) fn mounting(&self, volume: &str) -> impl Iterator<Item = (&String, &SimMachine)> {
        self.machines.find(Mark::Mounts(volume.to_string())).filter(|(_, machine)| machine.is_live())
    }

    /// Whether a volume whose last write is `last` holds the write `earlier`.
    pub fn descends(&self, last: u64, earlier: u64) -> bool {
        let mut write = last;
        while write > earlier {
            let Some(below) = self.below.get(&write) else { return false };
            write = *below;
        }
        write == earlier
    }

    /// Whether everything that was written to the volume can be had from it.
    pub fn intact(&self, volume: &str) -> bool {
        let is_live = |id: &str| self.volumes.get(id).is_some_and(SimVolume::is_live);
        let source = self.volumes.get(volume).and_then(|known| known.reads_from.as_deref());
        is_live(volume) && source.is_none_or(is_live)
    }

    /// A copy that still reads from a volume.
    pub fn reader(&self, volume: &str) -> Option<&String> {
        self.volumes.find(Mark::Reads(volume.to_string())).find(|(_, copy)| copy.is_live()).map(|(id, _)| id)
    }

    /// The machine that a look at a volume names as its holder.
    pub fn holder(&self, volume: &str) -> Option<&String> {
        let known = self.volumes.get(volume)?;
        match known.claimed_by.as_ref() {
            Some(claim) => claim.as_ref(),
            None => self.mounting(volume).next().map(|(id, _)| id).or(known.bound_to.as_ref()),
        }
    }
}
