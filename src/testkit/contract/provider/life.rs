//! Rules about what becomes of machines.

use super::control::Control;
use super::trial::{Held, Stop, Trial, brought, demand, eventually, expects};
use crate::call::MachineUpdate;
use crate::fault::FaultKind;
use crate::id::MachineId;
use crate::observe::{Exit, HostStatus, MachineState, Mount};
use crate::port::Provider;
use crate::testkit::world::WorldChange;
use alloc::vec;

pub(super) async fn updated<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let (machine, volume) = t.machine().await?;
    let before = brought("A look", t.provider.get_machine(t.of(), &machine).await)?;
    let mut metadata = t.labels();
    metadata.insert("contract_part".into(), "updated".into());
    let update = MachineUpdate {
        machine: machine.clone(),
        guest: t.ground.other_guest,
        volume: volume.clone(),
        metadata: metadata.clone(),
        image: t.ground.image.clone(),
    };
    brought("An update", t.provider.update_machine(t.of(), &update).await)?;
    demand!(t.comes_to(&machine, &MachineState::Started).await, "It does not start again.");
    let after = brought("A look", t.provider.get_machine(t.of(), &machine).await)?;
    demand!(after.version.is_some() && after.version != before.version, "Its version is still {:?}.", after.version);
    let mounts = vec![Mount { volume, path: t.ground.mount_path.clone() }];
    let as_asked = after.config.as_ref().is_some_and(|config| {
        config.mounts == mounts
            && metadata.iter().all(|(key, label)| config.metadata.get(key) == Some(label))
            && config.guest.is_none_or(|guest| guest == t.ground.other_guest)
            && (update.image.is_none() || config.image == update.image)
    });
    demand!(as_asked, "It is not what it was updated to: {after:?}.");
    Ok(())
}

pub(super) async fn stopped_and_started<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let (machine, _) = t.machine().await?;
    brought("A stop", t.provider.stop_machine(t.of(), &machine).await)?;
    demand!(t.comes_to(&machine, &MachineState::Stopped).await, "It does not stop.");
    brought("A start", t.provider.start_machine(t.of(), &machine).await)?;
    demand!(t.comes_to(&machine, &MachineState::Started).await, "It does not start again.");
    Ok(())
}

pub(super) async fn stopped_by_itself<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let (machine, _) = t.machine().await?;
    let exit = Exit { code: Some(3), oom_killed: true, requested_stop: false };
    let id = machine.as_str().into();
    t.happens(WorldChange::Machine { id, state: MachineState::Stopped, exit: Some(exit.clone()) }).await?;
    demand!(t.comes_to(&machine, &MachineState::Stopped).await, "It is not stopped.");
    let seen = brought("A look", t.provider.get_machine(t.of(), &machine).await)?;
    demand!(seen.exit.as_ref().is_none_or(|shown| *shown == exit), "It ended as {exit:?}, and shows {:?}.", seen.exit);
    Ok(())
}

/// Whether it is gone, or will be.
async fn is_gone<P: Provider + ?Sized, C: Control + ?Sized>(
    t: &Trial<'_, P, C>,
    machine: &MachineId,
) -> Result<bool, Stop> {
    match t.provider.get_machine(t.of(), machine).await {
        Ok(seen) => Ok(seen.state == MachineState::Destroyed),
        Err(fault) if fault.is_absent() => Ok(true),
        Err(fault) => Err(brought::<()>("A look", Err(fault)).err().unwrap_or(Stop::Broken("A look.".into()))),
    }
}

pub(super) async fn destroyed<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let (machine, _) = t.machine().await?;
    brought("A destroy", t.provider.destroy_machine(t.of(), &machine).await)?;
    demand!(eventually!(t, is_gone(t, &machine).await?), "It is still there.");
    let listed = eventually!(t, {
        let listed = brought("Machines", t.provider.list_machines(t.of(), &t.labels()).await)?;
        !listed.iter().any(|seen| seen.id == machine && !seen.state.is_going())
    });
    demand!(listed, "The list still shows it alive.");
    match t.provider.destroy_machine(t.of(), &machine).await {
        Ok(()) => Ok(()),
        again => expects("A second destroy", again, &[FaultKind::Absent]),
    }
}

pub(super) async fn freed<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let (machine, volume) = t.machine().await?;
    brought("A destroy", t.provider.destroy_machine(t.of(), &machine).await)?;
    let deleted = eventually!(
        t,
        match t.provider.delete_volume(t.of(), &volume).await {
            Ok(()) => true,
            busy => {
                expects("A delete", busy, &[FaultKind::Busy])?;
                false
            }
        }
    );
    demand!(deleted, "It is never let go of.");
    Ok(())
}

pub(super) async fn host_down<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let (machine, volume) = t.machine().await?;
    t.happens(WorldChange::HostDown { volume: volume.as_str().into() }).await?;
    let looked = t.provider.get_machine(t.of(), &machine).await;
    let listed = t.provider.list_machines(t.of(), &t.labels()).await;
    let held = t.provider.get_volume(t.of(), &volume).await;
    t.happens(WorldChange::HostBack { volume: volume.as_str().into() }).await?;
    let seen = brought("A look", looked)?;
    demand!(seen.host_status != HostStatus::Ok, "Its host is said to answer.");
    demand!(seen.config.is_none(), "Its configuration is said to be {:?}.", seen.config);
    let held = brought("A look at the volume", held)?;
    demand!(held.host_status != HostStatus::Ok, "The host of its volume is said to answer.");
    // A list by labels may leave out what shows no labels, and may show it; it must not show it as healthy.
    let healthy = |seen: &crate::observe::Machine| seen.id == machine && seen.host_status == HostStatus::Ok;
    demand!(!brought("A list", listed)?.iter().any(healthy), "A list says that its host answers.");
    Ok(())
}
