//! What the simulated Fly does with volumes and snapshots.

use super::machines::{impossible, no_host};
use super::perform::{Refusal, Served};
use super::shelf::Mark;
use super::{Change, SimMachine, SimVolume, World};
use crate::call::{Content, Done, NewVolume, VolumeFilter};
use crate::id::{Invalid, MachineId, Region, SnapshotId, VolumeId};
use crate::observe::{HostStatus, Snapshot, Volume, VolumeState};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};

/// What a new volume begins with.
struct Origin {
    size_gb: u32,
    generation: u64,
    reads_from: Option<String>,
}

impl World {
    fn existing(&self, id: &str) -> Result<&SimVolume, Refusal> {
        let is_there = |volume: &&SimVolume| !volume.gone && self.sees(volume.app.as_ref());
        self.volumes.get(id).filter(is_there).ok_or_else(|| Refusal::new(404, "volume not found"))
    }

    fn found(&self, id: &str) -> Result<&SimVolume, Refusal> {
        self.existing(id).and_then(|volume| {
            let is_visible = self.is_visible(volume.created_at);
            is_visible.then_some(volume).ok_or_else(|| Refusal::new(404, "volume not found"))
        })
    }

    pub(super) fn get_volume(&self, id: &str) -> Served {
        let volume = self.found(id)?;
        self.shown(id, volume).map(|volume| Done::Volume(Box::new(volume))).map_err(impossible)
    }

    pub(super) fn list_volumes(&self, filter: &VolumeFilter) -> Served {
        let named = match filter {
            VolumeFilter::Named(name) => self.volumes.find(Mark::Name(name.to_string())).collect(),
            VolumeFilter::Ours { shared, prefix } => {
                let mut ours = self.volumes.named_like(prefix.as_str());
                let shared = shared.iter().flat_map(|name| self.volumes.find(Mark::Name(name.to_string())));
                ours.extend(shared);
                ours
            }
        };
        let fits =
            |volume: &SimVolume| !volume.gone && self.is_visible(volume.created_at) && self.sees(volume.app.as_ref());
        let listed = named.into_iter().filter(|(_, volume)| fits(volume));
        let volumes: Result<_, Invalid> = listed.map(|(id, volume)| self.shown(id, volume)).collect();
        volumes.map(Done::Volumes).map_err(impossible)
    }

    /// Snapshots outlive their volume.
    pub(super) fn list_snapshots(&self, volume: &str) -> Served {
        let listed = self.snapshots.get(volume).filter(|_| self.sees_snapshots_of(volume));
        let Some(listed) = listed else {
            self.existing(volume)?;
            return Ok(Done::Snapshots(alloc::vec::Vec::new()));
        };
        let shown = listed.iter().map(|snapshot| {
            Ok(Snapshot {
                id: SnapshotId::new(snapshot.id.as_str())?,
                status: snapshot.status.clone(),
                size_gb: snapshot.size_gb,
            })
        });
        shown.collect::<Result<_, Invalid>>().map(Done::Snapshots).map_err(impossible)
    }

    fn sees_snapshots_of(&self, volume: &str) -> bool {
        self.volumes.get(volume).is_none_or(|known| self.sees(known.app.as_ref()))
    }

    pub(super) fn create_volume(&mut self, new: &NewVolume) -> Served {
        let origin = self.origin(&new.content)?;
        let asked = new.region.as_str();
        if self.is_full(asked) {
            let body = r#"{"status":"insufficient_capacity","error":"could not find a candidate host"}"#.to_string();
            return Err(Refusal { status: 422, body });
        }
        self.take_room(asked);
        let id = self.volume_id();
        let hydrates = origin.reads_from.is_some() && self.hydrate_ms > 0;
        let volume = SimVolume {
            app: self.asked.clone(),
            state: if hydrates { VolumeState::Hydrating } else { VolumeState::Created },
            region: Some(concrete(asked)),
            size_gb: origin.size_gb,
            generation: origin.generation,
            reads_from: origin.reads_from.filter(|_| hydrates),
            ..SimVolume::new(new.name.as_str(), self.now)
        };
        let (region, state) = (volume.region.clone(), volume.state.clone());
        self.volumes.insert(id.clone(), volume);
        if hydrates {
            self.later(self.hydrate_ms, Change::Hydrated(id.clone()));
        }
        let volume = VolumeId::new(id).map_err(impossible)?;
        Ok(Done::VolumeCreated { volume, region: region.and_then(|name| Region::new(name).ok()), state })
    }

    fn origin(&self, content: &Content) -> Result<Origin, Refusal> {
        match content {
            Content::Empty { size_gb } => Ok(Origin { size_gb: *size_gb, generation: 0, reads_from: None }),
            Content::Fork { source } => {
                let volume = self.existing(source.as_str())?;
                if volume.state.is_dead() {
                    let text = format!("invalid_argument: volume {source} is {} and cannot be forked", volume.state);
                    return Err(Refusal::new(422, text));
                }
                if volume.host_down {
                    return Err(no_host());
                }
                let reads_from = Some(source.to_string());
                Ok(Origin { size_gb: volume.size_gb, generation: volume.generation, reads_from })
            }
            Content::Snapshot { snapshot, size_gb } => {
                let seen = self.snapshots.iter().filter(|(volume, _)| self.sees_snapshots_of(volume));
                let mut all = seen.flat_map(|(_, snapshots)| snapshots);
                let Some(known) = all.find(|known| known.id == snapshot.as_str()) else {
                    return Err(Refusal::new(404, "snapshot not found"));
                };
                let least = known.size_gb.unwrap_or(1);
                if *size_gb < least {
                    let text = format!("volume size ({size_gb} GiB) is smaller than the snapshot size ({least} GiB)");
                    return Err(Refusal::new(422, text));
                }
                Ok(Origin { size_gb: *size_gb, generation: known.generation, reads_from: None })
            }
        }
    }

    pub(super) fn delete_volume(&mut self, id: &str) -> Served {
        let volume = self.found(id)?;
        if volume.host_down {
            return Err(no_host());
        }
        let is_live = |name: &&String| self.machines.get(name).is_some_and(SimMachine::is_live);
        let claimed = self.holder(id).filter(is_live);
        if let Some(holder) = self.mounting(id).map(|(name, _)| name).chain(claimed).min() {
            return Err(bound(holder));
        }
        if let Some(holder) = volume.bound_to.as_deref().or(volume.stuck.then_some(NOBODY)) {
            return Err(bound(holder));
        }
        self.change_volume(id, |volume| volume.gone = true);
        Ok(Done::Accepted)
    }

    /// A volume as an adapter would read it off the answer.
    fn shown(&self, id: &str, volume: &SimVolume) -> Result<Volume, Invalid> {
        let holder = self.holder(id).map(|holder| MachineId::new(holder.as_str())).transpose()?;
        Ok(Volume {
            id: VolumeId::new(id)?,
            name: volume.name.clone(),
            state: volume.state.clone(),
            region: volume.region.as_deref().and_then(|region| Region::new(region).ok()),
            size_gb: Some(volume.size_gb),
            attached_machine: holder,
            host_status: if volume.host_down { HostStatus::Unreachable } else { HostStatus::Ok },
            created_at: Some(volume.created_at),
        })
    }
}

/// How Fly writes a holder that it does not know.
const NOBODY: &str = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn bound(holder: &str) -> Refusal {
    Refusal::new(412, format!("failed_precondition: volume is currently bound to machine: {holder}"))
}

/// Where something asked for in `region` is placed.
pub(super) fn concrete(region: &str) -> String {
    match region.to_ascii_lowercase().as_str() {
        "eu" => "ams".to_string(),
        "us" => "iad".to_string(),
        _ => region.to_string(),
    }
}
