//! Rules about waits.

use super::control::Control;
use super::trial::{Held, Stop, Trial, brought, demand, eventually};
use crate::call::{MachineUpdate, WaitFor};
use crate::id::{MachineId, MachineVersion};
use crate::observe::MachineState;
use crate::port::Provider;

async fn version<P: Provider + ?Sized, C: Control + ?Sized>(
    t: &Trial<'_, P, C>,
    machine: &MachineId,
) -> Result<Option<MachineVersion>, Stop> {
    Ok(brought("A look", t.provider.get_machine(t.of(), machine).await)?.version)
}

pub(super) async fn started<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let new = t.new_machine(&t.volume().await?)?;
    let made = t.provider.create_machine(t.of(), &new).await;
    let machine = brought("A machine was to be made", made)?.machine;
    // It may not be found at once.
    let seen = eventually!(t, !t.provider.get_machine(t.of(), &machine).await.is_err_and(|fault| fault.is_absent()));
    demand!(seen, "A machine that was made is absent.");
    let version = version(t, &machine).await?;
    // One wait takes a minute at most, and a machine may take longer.
    let reached = eventually!(t, {
        let wait = t.provider.wait_machine(t.of(), &machine, version.as_ref(), WaitFor::Started, 60);
        brought("A wait", wait.await)? == MachineState::Started
    });
    demand!(reached, "No wait has seen it started.");
    demand!(t.is_in(&machine, &MachineState::Started).await, "The machine is not started after all.");
    brought("A stop", t.provider.stop_machine(t.of(), &machine).await)?;
    let stopped = eventually!(t, brought("A wait", t.wait(&machine, WaitFor::Stopped).await)? == MachineState::Stopped);
    demand!(stopped, "It never was stopped.");
    Ok(())
}

pub(super) async fn runs_out<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let (machine, _) = t.machine().await?;
    let wait = t.provider.wait_machine(t.of(), &machine, None, WaitFor::Stopped, 1).await;
    let seen = brought("A wait for what does not come", wait)?;
    demand!(seen == MachineState::Started, "The machine is started, and was seen {seen}.");
    Ok(())
}

pub(super) async fn old_version<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let (machine, volume) = t.machine().await?;
    let Some(old) = version(t, &machine).await? else { return Err(Stop::Broken("It shows no version.".into())) };
    let update = MachineUpdate {
        machine: machine.clone(),
        guest: t.ground.other_guest,
        volume,
        metadata: t.labels(),
        image: t.ground.image.clone(),
    };
    brought("An update", t.provider.update_machine(t.of(), &update).await)?;
    demand!(t.comes_to(&machine, &MachineState::Started).await, "The updated machine does not start.");
    let wait = t.provider.wait_machine(t.of(), &machine, Some(&old), WaitFor::Stopped, 1).await;
    let seen = brought("A wait for a version that is no more", wait)?;
    demand!(seen != MachineState::Stopped, "It was seen stopped, and is started.");
    brought("A stop", t.provider.stop_machine(t.of(), &machine).await)?;
    demand!(t.comes_to(&machine, &MachineState::Stopped).await, "The updated machine does not stop.");
    let wait = t.provider.wait_machine(t.of(), &machine, Some(&old), WaitFor::Started, 1).await;
    let seen = brought("A wait for a version that is no more", wait)?;
    demand!(seen != MachineState::Started, "It was seen started, and is stopped.");
    Ok(())
}
