//! A volume replaced by one made from a snapshot (X5).
//!
//! *Decides* whether the snapshot can be used, how large the new volume has to be, and what to go back to when it fails.
//!
//! ```text
//!   find the snapshot ─▶ look at the volume ─▶ [search by name] ─▶ remove the machine ─▶ make the volume ─▶ swap ─▶ starting
//!          └──────────────────┴────────────────────┴───────────────────┴──────────────────┴── fail ─▶ previous status, or stopped
//! ```
//!
//! *Guarantees*: nothing is destroyed before the snapshot was found and is finished; the replaced volume is retained; a failure leaves the
//! previous volume in its place.

use super::ensure;
use super::holdings::{Cause, Entry, Thing};
use super::note::Note;
use super::phase::Phase;
use super::placement::{Placement, Placing};
use super::start::Starting;
use super::turn::Turn;
use super::watch::{self, Watched};
use crate::call::{Call, Content, Done};
use crate::event::Milestone;
use crate::fault::Fault;
use crate::id::{SnapshotId, VolumeId};
use crate::name;
use crate::observe::{Snapshot, Volume, VolumeState};
use crate::status::Status;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// List the snapshots of the first of these volumes.
    Find(Vec<VolumeId>),
    /// Look at the volume that is to be replaced.
    Inspect,
    /// It is gone: what else carries our name may hold the data, and has to be known before the machine that may mount it goes.
    Search,
    /// Look at what the machine is known to mount besides.
    Beside(VolumeId),
    /// Destroy the machine.
    Remove,
    /// Make the volume.
    Place(Box<Placement>),
    /// Imported, and nobody knows which snapshot: wait for the time to be over.
    Wait,
}

/// What a failed restore goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Previous {
    Provisioned,
    Running,
    Stopped,
}

/// A restore in progress.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restoring {
    pub(crate) since: Timestamp,
    pub(crate) previous: Previous,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    snapshot: Option<SnapshotId>,
    stage: Stage,
    /// Size of the new volume in GiB.
    #[serde(default)]
    size_gb: u32,
    /// An imported restore had made this volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pending: Option<VolumeId>,
    /// The machine's destroy was asked for.
    #[serde(default)]
    removed: bool,
}

impl Restoring {
    pub(crate) fn begin(t: &Turn<'_>, previous: Previous, snapshot: SnapshotId) -> Phase {
        let mut seen = BTreeSet::new();
        let held = t.me.holdings.entries.iter().filter_map(|entry| entry.volume());
        let known = t.me.volume.iter().chain(held).chain(t.me.previous_volume.iter());
        let volumes = known.filter(|volume| seen.insert((*volume).clone())).cloned().collect();
        Phase::Restoring(Box::new(Self {
            since: t.now,
            previous,
            snapshot: Some(snapshot),
            stage: Stage::Find(volumes),
            size_gb: 0,
            pending: None,
            removed: false,
        }))
    }

    /// A restore that was imported. Which snapshot it is made from, its record does not say.
    pub(crate) fn imported(since: Timestamp, previous: Previous, pending: Option<VolumeId>) -> Self {
        Self { since, previous, snapshot: None, stage: Stage::Wait, size_gb: 0, pending, removed: false }
    }

    pub(crate) fn step_in_words(&self) -> &'static str {
        match self.stage {
            Stage::Find(_) => "looking for the snapshot",
            Stage::Inspect | Stage::Search | Stage::Beside(_) => "looking at the volume that is to be replaced",
            Stage::Remove => "removing the machine",
            Stage::Place(_) => "making the volume",
            Stage::Wait => "waiting for a restore that somebody else began",
        }
    }

    fn to(mut self: Box<Self>, stage: Stage) -> Phase {
        self.stage = stage;
        Phase::Restoring(self)
    }

    fn later(self: Box<Self>, t: &mut Turn<'_>, stage: Stage) -> Phase {
        t.back_off();
        self.to(stage)
    }

    pub(crate) fn wake(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        if t.is_over(self.since, t.policy.restoring_timeout_ms) {
            return self.fail(t, "alarm_timeout", "restore timed out");
        }
        Phase::Restoring(self)
    }

    pub(crate) fn drive(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        let call = match &self.stage {
            Stage::Find(volumes) => match volumes.first() {
                Some(volume) => Call::ListSnapshots { volume: volume.clone() },
                None => {
                    let wanted = self.snapshot.as_ref().map_or("", SnapshotId::as_str);
                    let message = format!("snapshot {wanted} not found");
                    return self.fail(t, "snapshot_not_found", &message);
                }
            },
            Stage::Inspect => match t.me.volume.clone() {
                Some(volume) => Call::GetVolume { volume },
                None => return self.to(Stage::Search),
            },
            Stage::Search => match name::our_volumes(&t.policy.metadata_prefix, &t.me.identity) {
                Ok(ours) => Call::ListVolumes(ours),
                Err(_) => return self.sized(t, None, false),
            },
            Stage::Beside(volume) => Call::GetVolume { volume: volume.clone() },
            Stage::Remove => match t.me.machine.clone() {
                Some(machine) => Call::DestroyMachine { machine: machine.id },
                None => return self.place(t),
            },
            Stage::Place(placement) => match placement.call(t) {
                Some(call) => call,
                None => return self.fail(t, "no_region", "there is no region to make the volume in"),
            },
            Stage::Wait => {
                t.rest();
                return Phase::Restoring(self);
            }
        };
        t.ask(call);
        Phase::Restoring(self)
    }

    pub(crate) fn on(mut self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match core::mem::replace(&mut self.stage, Stage::Wait) {
            Stage::Find(volumes) => self.searched(t, volumes, result),
            Stage::Inspect => match result {
                Ok(Done::Volume(volume)) if !volume.state.is_dead() => {
                    let alone = t.me.alone_keeps(&volume);
                    self.sized(t, Some(*volume), alone)
                }
                Err(fault) if !fault.is_absent() => self.later(t, Stage::Inspect),
                Ok(_) | Err(_) => self.to(Stage::Search),
            },
            Stage::Search => match result {
                Ok(Done::Volumes(volumes)) => {
                    ensure::remember_all(t, volumes);
                    self.sized(t, None, false)
                }
                Ok(_) | Err(_) => self.later(t, Stage::Search),
            },
            Stage::Beside(volume) => match result {
                Ok(Done::Volume(seen)) if seen.state == VolumeState::WaitingForDetach => self.part(t),
                Err(fault) if fault.is_transient() => self.later(t, Stage::Beside(volume)),
                Ok(_) | Err(_) => self.to(Stage::Remove),
            },
            Stage::Remove => match result {
                Err(fault) if fault.is_transient() => self.later(t, Stage::Remove),
                Err(fault) if !fault.is_absent() => self.fail(t, "machine_not_removed", &fault.to_string()),
                Ok(_) | Err(_) => {
                    self.removed = true;
                    if let Some(machine) = t.me.machine.take() {
                        let due = t.now.plus(t.policy.disposal_backoff_ms.first().copied().unwrap_or_default());
                        t.me.dispose(Thing::Machine(machine.id), Cause::Replaced, due);
                    }
                    t.progress();
                    self.place(t)
                }
            },
            Stage::Place(placement) => match placement.on(t, result) {
                Placing::Next(placement) => self.to(Stage::Place(Box::new(placement))),
                Placing::Later(placement) => self.later(t, Stage::Place(Box::new(placement))),
                Placing::NoRoom(fault) => self.fail(t, "no_capacity", &fault.to_string()),
                Placing::Refused(fault) => self.fail(t, "refused", &fault.to_string()),
                Placing::Done(placed) => {
                    t.me.region = placed.region.or(t.me.region.take());
                    swap(t, placed.volume)
                }
            },
            Stage::Wait => Phase::Restoring(self),
        }
    }

    /// The volume that is being made.
    pub(crate) fn placement(&self) -> Option<&Placement> {
        if let Stage::Place(placement) = &self.stage { Some(placement) } else { None }
    }

    pub(crate) fn abandon(mut self, t: &mut Turn<'_>) {
        if let Some(volume) = self.pending.take() {
            t.me.dispose(Thing::Volume(volume), Cause::FailedRestore, t.now);
        }
        if let Stage::Place(placement) = self.stage {
            placement.abandon(t);
        }
    }

    fn searched(
        mut self: Box<Self>,
        t: &mut Turn<'_>,
        mut volumes: Vec<VolumeId>,
        result: Result<Done, Fault>,
    ) -> Phase {
        let snapshots = match result {
            Ok(Done::Snapshots(snapshots)) => snapshots,
            Err(fault) if fault.is_transient() => return self.later(t, Stage::Find(volumes)),
            Ok(_) | Err(_) => Vec::new(),
        };
        let wanted = self.snapshot.clone();
        match snapshots.into_iter().find(|snapshot| Some(&snapshot.id) == wanted.as_ref()) {
            Some(Snapshot { id, status, .. }) if !status.is_finished() => {
                let message = format!("snapshot {id} is not finished but {status}");
                self.fail(t, "snapshot_not_finished", &message)
            }
            Some(snapshot) => {
                self.size_gb = snapshot.size_gb.unwrap_or_default();
                self.to(Stage::Inspect)
            }
            None => {
                if !volumes.is_empty() {
                    volumes.remove(0);
                }
                self.to(Stage::Find(volumes))
            }
        }
    }

    /// As large as the snapshot and as the present volume; in the present volume's region.
    fn sized(mut self: Box<Self>, t: &mut Turn<'_>, current: Option<Volume>, alone: bool) -> Phase {
        if alone && self.serves(t) {
            return self.keep_serving(t);
        }
        let wished = t.me.spec.volume_size_gb.unwrap_or(t.policy.volume_size_gb);
        let present = current.as_ref().map_or(wished, |volume| volume.size_gb.unwrap_or(wished));
        self.size_gb = self.size_gb.max(present);
        t.me.region = current.and_then(|volume| volume.region).or(t.me.region.take());
        t.progress();
        t.emit(Note::new(Milestone::RestoreStarted).status(Status::Restoring).label("admin_snapshot_restore"));
        match known_mount(t) {
            _ if alone => self.part(t),
            Some(volume) => self.to(Stage::Beside(volume)),
            None => self.to(Stage::Remove),
        }
    }

    /// A volume would be deleted with the machine, which is left with it. One that serves cannot be left so.
    fn part(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        if self.serves(t) {
            return self.keep_serving(t);
        }
        t.me.keep_aside();
        t.keep();
        self.to(Stage::Remove)
    }

    fn serves(&self, t: &Turn<'_>) -> bool {
        self.previous == Previous::Running && t.me.machine.is_some()
    }

    fn keep_serving(self, t: &mut Turn<'_>) -> Phase {
        self.fail(t, "volume_goes_with_machine", "a volume would be deleted with the machine; stop it first")
    }

    fn place(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        let Some(snapshot) = self.snapshot.clone() else { return self.to(Stage::Wait) };
        let content = Content::Snapshot { snapshot, size_gb: self.size_gb };
        let placement = match t.me.region.clone() {
            Some(region) => Placement::among(t, content, [region].to_vec()),
            None => Placement::new(t, content, None),
        };
        match placement {
            Ok(placement) => self.to(Stage::Place(Box::new(placement))),
            Err(fault) => self.fail(t, "refused", &fault.to_string()),
        }
    }

    fn fail(self, t: &mut Turn<'_>, label: &str, message: &str) -> Phase {
        let back = match self.previous {
            Previous::Running if !self.removed => Watched::Running,
            Previous::Provisioned if !self.removed => Watched::Provisioned,
            Previous::Running | Previous::Provisioned | Previous::Stopped => Watched::Stopped,
        };
        self.abandon(t);
        t.me.errors.restore = Some(t.noted(message));
        if back == Watched::Stopped {
            watch::mark_stopped(t);
        }
        let phase = t.settle(back);
        t.emit(Note::new(Milestone::RestoreFailed).status(phase.status()).label(label).error(message));
        phase
    }
}

/// What the machine was seen to mount instead of the data volume.
fn known_mount(t: &Turn<'_>) -> Option<VolumeId> {
    let machine = &t.me.machine.as_ref()?.id;
    let mounts = |entry: &&Entry| entry.cause == Cause::Candidate && entry.held_by.as_ref() == Some(machine);
    t.me.holdings.entries.iter().find(mounts).and_then(Entry::volume).cloned()
}

/// The new volume is the instance's, in the same commit that retains the old one; then it is started.
fn swap(t: &mut Turn<'_>, volume: VolumeId) -> Phase {
    let old = t.me.take_volume(volume);
    if let Some(old) = old.clone() {
        let until = t.now.plus(t.policy.retention_ms);
        t.me.dispose(Thing::Volume(old), Cause::Kept, until);
    }
    t.me.given_data = true;
    t.me.previous_volume = old.or(t.me.previous_volume.take());
    t.me.errors.restore = None;
    t.me.errors.start = None;
    t.emit(Note::new(Milestone::RestoreCompleted).status(Status::Starting).label("admin_snapshot_restore"));
    let starting = Starting::begin(t);
    t.enter(Phase::Starting(Box::new(starting)))
}
