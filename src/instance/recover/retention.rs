//! When the source of a relocation may go (R8, R9).

use crate::id::VolumeId;
use crate::instance::Instance;
use crate::instance::holdings::{Entry, Relocation};
use crate::instance::turn::Turn;
use crate::observe::{Snapshot, SnapshotStatus, VolumeState};

/// Whether a snapshot is worth keeping its volume for. One in a state nobody knows is.
pub(crate) fn counts(snapshot: &Snapshot) -> bool {
    match snapshot.status {
        SnapshotStatus::Created | SnapshotStatus::Complete | SnapshotStatus::Other(_) => true,
        SnapshotStatus::Waiting
        | SnapshotStatus::Pending
        | SnapshotStatus::Creating
        | SnapshotStatus::Running
        | SnapshotStatus::Failed => false,
    }
}

/// Whether a fork in this state can do without its source.
pub(crate) fn is_independent(state: &VolumeState) -> bool {
    [VolumeState::Created, VolumeState::Extending].contains(state)
}

/// Whether a retained source could go if the instance were seen healthy on its copy.
pub(crate) fn waits_for_health(me: &Instance) -> bool {
    let waits = |relocation: &Relocation| relocation.immediate && !relocation.healthy;
    me.holdings
        .retained()
        .filter_map(Entry::relocation)
        .any(|relocation| waits(relocation) && Some(&relocation.fork) == me.volume.as_ref())
}

/// What runs on the present volume is healthy.
pub(crate) fn seen_healthy(t: &mut Turn<'_>) {
    prove(t, |relocation| relocation.healthy = true);
}

/// The present volume no longer depends on the one it was copied from.
pub(crate) fn seen_hydrated(t: &mut Turn<'_>) {
    prove(t, |relocation| relocation.hydrated = true);
}

/// Learns something about the copy the instance runs on. A source that is kept for nothing else may go once the copy is proven.
fn prove(t: &mut Turn<'_>, learn: impl Fn(&mut Relocation)) {
    let current = t.me.volume.clone();
    let now = t.now;
    let mut changed = false;
    for entry in &mut t.me.holdings.entries {
        let Some(relocation) = entry.relocation_mut().filter(|relocation| Some(&relocation.fork) == current.as_ref())
        else {
            continue;
        };
        let before = relocation.is_proven();
        let known = relocation.clone();
        learn(relocation);
        changed |= *relocation != known;
        if relocation.is_proven() && !before {
            entry.due = entry.due.min(now);
        }
    }
    if changed {
        t.keep();
    }
}

/// The volume left behind has no snapshots: it need not be kept once the copy is proven.
pub(crate) fn need_not_be_kept(t: &mut Turn<'_>, source: &VolumeId) {
    let entry = t.me.holdings.entries.iter_mut().find(|entry| entry.volume() == Some(source));
    if let Some(relocation) = entry.and_then(Entry::relocation_mut) {
        relocation.immediate = true;
    }
}
