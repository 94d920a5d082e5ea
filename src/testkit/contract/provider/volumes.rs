//! Rules about volumes, snapshots and lists.

use super::control::Control;
use super::trial::{Held, Stop, Trial, brought, demand, eventually, expects};
use crate::call::{Content, VolumeFilter};
use crate::fault::FaultKind;
use crate::id::{ResourceName, SnapshotId, VolumeId};
use crate::observe::{HostStatus, SnapshotStatus, Volume};
use crate::port::Provider;
use crate::testkit::world::WorldChange;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

/// An id that no volume has.
fn nobody() -> Result<VolumeId, Stop> {
    Ok(VolumeId::new("vol_0000000000000000")?)
}

pub(super) async fn absent<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let volume = nobody()?;
    let gone = [FaultKind::Absent];
    expects("A look", t.provider.get_volume(t.of(), &volume).await, &gone)?;
    expects("A delete", t.provider.delete_volume(t.of(), &volume).await, &gone)?;
    expects("A list of snapshots", t.provider.list_snapshots(t.of(), &volume).await, &gone)
}

pub(super) async fn empty_lists<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let machines = brought("Machines", t.provider.list_machines(t.of(), &t.labels()).await)?;
    demand!(machines.is_empty(), "Machines with labels that nothing carries: {machines:?}.");
    let filter = VolumeFilter::Named(t.name()?);
    let volumes = brought("Volumes", t.provider.list_volumes(t.of(), &filter).await)?;
    demand!(volumes.is_empty(), "Volumes of a name that nothing has: {volumes:?}.");
    let volume = t.volume().await?;
    let snapshots = brought("Snapshots", t.provider.list_snapshots(t.of(), &volume).await)?;
    demand!(snapshots.is_empty(), "Snapshots of a new volume: {snapshots:?}.");
    Ok(())
}

pub(super) async fn found<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let new = t.new_volume(Content::Empty { size_gb: 3 })?;
    let made = brought("A volume was to be made", t.provider.create_volume(t.of(), &new).await)?;
    demand!(!made.state.is_dead(), "A new volume is {}.", made.state);
    let elsewhere = made.region.filter(|region| *region != t.ground.region);
    demand!(elsewhere.is_none(), "It was made in {elsewhere:?}.");
    let listed = |volumes: &[Volume]| volumes.iter().any(|volume| volume.id == made.volume);
    demand!(eventually!(t, listed(&t.named(&new.name).await?)), "The list of its name does not hold it.");
    let seen = brought("A look", t.provider.get_volume(t.of(), &made.volume).await)?;
    let as_asked = seen.id == made.volume
        && seen.name == new.name.as_str()
        && seen.size_gb.is_none_or(|size| size == 3)
        && seen.region.as_ref().is_none_or(|region| *region == t.ground.region)
        && seen.attached_machine.is_none()
        && seen.host_status == HostStatus::Ok
        && !seen.state.is_dead();
    demand!(as_asked, "It is not what was asked for: {seen:?}.");
    Ok(())
}

pub(super) async fn filter<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let mut made = Vec::new();
    for ending in ["a1", "a2", "b1"] {
        let name = ResourceName::new(format!("{}{ending}", t.prefix()))?;
        let mut new = t.empty()?;
        new.name = name.clone();
        made.push((name, t.make(&new).await?));
    }
    let [(a1, first), (_, second), (b1, third)] = made.as_slice() else { return Ok(()) };
    let prefix = ResourceName::new(format!("{}a", t.prefix()))?;
    let ours = |shared: Option<&ResourceName>| VolumeFilter::Ours { shared: shared.cloned(), prefix: prefix.clone() };
    let cases: [(VolumeFilter, Vec<&VolumeId>); 4] = [
        (VolumeFilter::Named(a1.clone()), [first].into()),
        (VolumeFilter::Named(prefix.clone()), Vec::new()),
        (ours(None), [first, second].into()),
        (ours(Some(b1)), [first, second, third].into()),
    ];
    for (filter, expected) in cases {
        brings(t, &filter, expected).await?;
    }
    Ok(())
}

/// The list holds these, once new ones are on lists at all.
async fn brings<P: Provider + ?Sized, C: Control + ?Sized>(
    t: &Trial<'_, P, C>,
    filter: &VolumeFilter,
    expected: impl IntoIterator<Item = &VolumeId>,
) -> Held {
    let expected: BTreeSet<VolumeId> = expected.into_iter().cloned().collect();
    let mut found: Vec<_>;
    let brings = eventually!(t, {
        let listed = brought("Volumes", t.provider.list_volumes(t.of(), filter).await)?;
        found = listed.into_iter().map(|volume| volume.id).collect();
        found.len() == expected.len() && found.iter().all(|id| expected.contains(id))
    });
    demand!(brings, "{filter:?} brings {found:?} and not {expected:?}.");
    Ok(())
}

pub(super) async fn names<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let new = t.empty()?;
    let (first, second) = (t.make(&new).await?, t.make(&new).await?);
    demand!(first != second, "Both are {first}.");
    brings(t, &VolumeFilter::Named(new.name.clone()), [&first, &second]).await
}

pub(super) async fn deleted<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let new = t.empty()?;
    let volume = t.make(&new).await?;
    brought("A delete", t.provider.delete_volume(t.of(), &volume).await)?;
    let gone = eventually!(
        t,
        match t.provider.get_volume(t.of(), &volume).await {
            Ok(seen) => seen.state.is_dead(),
            Err(fault) => fault.is_absent(),
        }
    );
    demand!(gone, "It is still there.");
    demand!(eventually!(t, t.named(&new.name).await?.is_empty()), "The list still shows it alive.");
    match t.provider.delete_volume(t.of(), &volume).await {
        Ok(()) => Ok(()),
        again => expects("A second delete", again, &[FaultKind::Absent]),
    }
}

pub(super) async fn fork<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let source = t.make(&t.new_volume(Content::Empty { size_gb: 2 })?).await?;
    let copy = t.make(&t.new_volume(Content::Fork { source: source.clone() })?).await?;
    demand!(copy != source, "The fork is its source.");
    for (what, volume) in [("fork", &copy), ("source", &source)] {
        let seen = brought("A look", t.provider.get_volume(t.of(), volume).await)?;
        let fine = !seen.state.is_dead() && seen.size_gb.is_none_or(|size| size == 2);
        demand!(fine, "The {what} is {seen:?}.");
    }
    Ok(())
}

pub(super) async fn copy_of_nothing<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let snapshot = SnapshotId::new("vs_0000000000000000")?;
    let nothing = [Content::Fork { source: nobody()? }, Content::Snapshot { snapshot, size_gb: 1 }];
    for content in nothing {
        let what = format!("{content:?}");
        let new = t.new_volume(content)?;
        expects(&what, t.provider.create_volume(t.of(), &new).await, &[FaultKind::Absent, FaultKind::Refused])?;
        let listed = t.named(&new.name).await?;
        demand!(listed.is_empty(), "{what} has made {listed:?}.");
    }
    Ok(())
}

/// A snapshot of a volume of 2 GiB.
async fn snapshot<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Result<SnapshotId, Stop> {
    let volume = t.make(&t.new_volume(Content::Empty { size_gb: 2 })?).await?;
    let id = format!("vs_{}{}", t.ground.prefix, t.rule as u8);
    let taken =
        WorldChange::Snapshot { volume: volume.as_str().into(), id: id.clone(), status: SnapshotStatus::Created };
    t.happens(taken).await?;
    let listed = brought("Snapshots", t.provider.list_snapshots(t.of(), &volume).await)?;
    let [only] = listed.as_slice() else { return Err(Stop::Broken(format!("One was taken, listed are {listed:?}."))) };
    let as_taken = only.id.as_str() == id && only.status.is_finished() && only.size_gb.is_none_or(|size| size == 2);
    demand!(as_taken, "It is not listed as it was taken: {only:?}.");
    Ok(only.id.clone())
}

pub(super) async fn snapshots<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let snapshot = snapshot(t).await?;
    let volume = t.make(&t.new_volume(Content::Snapshot { snapshot, size_gb: 4 })?).await?;
    let seen = brought("A look", t.provider.get_volume(t.of(), &volume).await)?;
    demand!(!seen.state.is_dead() && seen.size_gb.is_none_or(|size| size == 4), "What was made of it is {seen:?}.");
    Ok(())
}

pub(super) async fn too_large<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let snapshot = snapshot(t).await?;
    let new = t.new_volume(Content::Snapshot { snapshot, size_gb: 1 })?;
    expects("1 GiB for 2 GiB", t.provider.create_volume(t.of(), &new).await, &[FaultKind::Refused])?;
    let listed = t.named(&new.name).await?;
    demand!(listed.is_empty(), "It has made {listed:?}.");
    Ok(())
}
