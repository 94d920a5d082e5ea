//! Rules about machines: how they are found, and what they are made on.

use super::control::Control;
use super::trial::{Held, Stop, Trial, brought, demand, eventually, expects, refused};
use crate::call::{MachineUpdate, WaitFor};
use crate::fault::FaultKind;
use crate::id::{MachineId, VolumeId};
use crate::observe::{HostStatus, Machine, Mount};
use crate::port::Provider;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// An id that no machine has.
fn nobody() -> Result<MachineId, Stop> {
    Ok(MachineId::new("00000000000000")?)
}

pub(super) async fn absent<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let (machine, gone) = (nobody()?, [FaultKind::Absent]);
    expects("A look", t.provider.get_machine(t.of(), &machine).await, &gone)?;
    expects("A wait", t.wait(&machine, WaitFor::Started).await, &gone)?;
    expects("A start", t.provider.start_machine(t.of(), &machine).await, &gone)?;
    expects("A stop", t.provider.stop_machine(t.of(), &machine).await, &gone)?;
    expects("A destroy", t.provider.destroy_machine(t.of(), &machine).await, &gone)?;
    let update = MachineUpdate {
        machine,
        guest: t.ground.guest,
        volume: t.volume().await?,
        metadata: t.labels(),
        image: t.ground.image.clone(),
    };
    expects("An update", t.provider.update_machine(t.of(), &update).await, &gone)
}

async fn listed<P: Provider + ?Sized, C: Control + ?Sized>(
    t: &Trial<'_, P, C>,
    labels: &BTreeMap<String, String>,
) -> Result<Vec<Machine>, Stop> {
    let listed = brought("Machines", t.provider.list_machines(t.of(), labels).await)?;
    Ok(listed.into_iter().filter(|machine| !machine.state.is_going()).collect())
}

pub(super) async fn found<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let volume = t.volume().await?;
    let new = t.new_machine(&volume)?;
    let id = t.launch(&new).await?;
    let looked = brought("A look", t.provider.get_machine(t.of(), &id).await)?;
    let in_list = eventually!(t, listed(t, &t.labels()).await?.iter().any(|machine| machine.id == id));
    demand!(in_list, "The list of its labels does not hold it.");
    let mounts = vec![Mount { volume: volume.clone(), path: t.ground.mount_path.clone() }];
    let from_list = listed(t, &t.labels()).await?.into_iter().find(|machine| machine.id == id);
    for (place, seen) in [("look", Some(looked)), ("list", from_list)] {
        let Some(seen) = seen else { continue };
        let config = seen.config.as_ref();
        let as_asked = seen.id == id
            && seen.name.as_ref().is_none_or(|name| *name == new.name)
            && seen.region.as_ref().is_none_or(|region| *region == t.ground.region)
            && seen.version.is_some()
            && seen.host_status == HostStatus::Ok
            && config.is_some_and(|config| {
                config.mounts == mounts
                    && t.labels().iter().all(|(key, label)| config.metadata.get(key) == Some(label))
                    && config.guest.is_none_or(|guest| guest == t.ground.guest)
                    && (new.image.is_none() || config.image == new.image)
            });
        demand!(as_asked, "In a {place} it is not what was asked for: {seen:?}.");
    }
    Ok(())
}

pub(super) async fn filter<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let mut made = Vec::new();
    for part in ["one", "two"] {
        let mut new = t.new_machine(&t.volume().await?)?;
        new.metadata.insert("contract_part".into(), part.into());
        made.push(t.launch(&new).await?);
    }
    let [one, two] = made.as_slice() else { return Ok(()) };
    let with = |key: &str, label: &str| {
        let mut labels = t.labels();
        labels.insert(key.into(), label.into());
        labels
    };
    let cases = [
        (t.labels(), Vec::from([one, two])),
        (with("contract_part", "one"), Vec::from([one])),
        (with("contract_part", "three"), Vec::new()),
        (with("contract_other", "one"), Vec::new()),
    ];
    for (labels, expected) in cases {
        let mut found: Vec<_>;
        let brings = eventually!(t, {
            found = listed(t, &labels).await?.into_iter().map(|machine| machine.id).collect();
            found.len() == expected.len() && found.iter().all(|id| expected.contains(&id))
        });
        demand!(brings, "{labels:?} brings {found:?} and not {expected:?}.");
    }
    Ok(())
}

pub(super) async fn name_taken<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let new = t.new_machine(&t.volume().await?)?;
    let id = t.launch(&new).await?;
    let mut twin = t.new_machine(&t.volume().await?)?;
    twin.name = new.name.clone();
    let fault = refused("A second create", t.provider.create_machine(t.of(), &twin).await)?;
    let names_it = fault.kind == FaultKind::Conflict(Some(id.clone()));
    demand!(names_it, "The name is that of {id}, and the fault is {:?}: {fault}.", fault.kind);
    let listed = listed(t, &t.labels()).await?;
    demand!(listed.len() == 1, "There are {listed:?}.");
    Ok(())
}

async fn holder_of<P: Provider + ?Sized, C: Control + ?Sized>(
    t: &Trial<'_, P, C>,
    volume: &VolumeId,
) -> Result<Option<MachineId>, Stop> {
    Ok(brought("A look", t.provider.get_volume(t.of(), volume).await)?.attached_machine)
}

pub(super) async fn holder<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let (machine, volume) = t.machine().await?;
    let shown = eventually!(t, holder_of(t, &volume).await?.as_ref() == Some(&machine));
    demand!(shown, "It is mounted by {machine}, and shows {:?}.", holder_of(t, &volume).await?);
    Ok(())
}

pub(super) async fn claimed<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let (_, volume) = t.machine().await?;
    let second = t.new_machine(&volume)?;
    expects("A second machine", t.provider.create_machine(t.of(), &second).await, &[FaultKind::Busy])?;
    let listed = listed(t, &t.labels()).await?;
    demand!(listed.len() == 1, "There are {listed:?}.");
    Ok(())
}

pub(super) async fn bound<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let (_, volume) = t.machine().await?;
    expects("A delete", t.provider.delete_volume(t.of(), &volume).await, &[FaultKind::Busy])?;
    let seen = brought("A look", t.provider.get_volume(t.of(), &volume).await)?;
    demand!(!seen.state.is_dead(), "It is {} nevertheless.", seen.state);
    Ok(())
}

pub(super) async fn missing_volume<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let new = t.new_machine(&VolumeId::new("vol_0000000000000000")?)?;
    expects("A machine", t.provider.create_machine(t.of(), &new).await, &[FaultKind::MissingVolume])?;
    let listed = listed(t, &t.labels()).await?;
    demand!(listed.is_empty(), "There are {listed:?}.");
    Ok(())
}
