//! One call: which method of which port it is, and what its answer is called.

use crate::call::{Call, Done, Operation};
use crate::driver::trace;
use crate::fault::Fault;
use crate::id::Identity;
use crate::port::{HealthProbe, Provider};
use crate::step::Input;
use alloc::boxed::Box;
use tracing::Instrument;

pub(super) async fn execute<P: Provider, H: HealthProbe>(provider: &P, health: &H, operation: &Operation) -> Input {
    let result = route(provider, health, &operation.identity, &operation.call).instrument(trace::span(operation)).await;
    trace::called(operation, &result);
    Input::Outcome { op: operation.id, result }
}

async fn route<P: Provider, H: HealthProbe>(p: &P, health: &H, of: &Identity, call: &Call) -> Result<Done, Fault> {
    match call {
        Call::GetMachine { machine } => p.get_machine(of, machine).await.map(|seen| Done::Machine(Box::new(seen))),
        Call::ListMachines { metadata } => p.list_machines(of, metadata).await.map(Done::Machines),
        Call::CreateMachine(new) => {
            let made = p.create_machine(of, new).await?;
            Ok(Done::MachineCreated { machine: made.machine, region: made.region })
        }
        Call::UpdateMachine(update) => p.update_machine(of, update).await.map(accepted),
        Call::StartMachine { machine } => p.start_machine(of, machine).await.map(accepted),
        Call::StopMachine { machine } => p.stop_machine(of, machine).await.map(accepted),
        Call::DestroyMachine { machine } => p.destroy_machine(of, machine).await.map(accepted),
        Call::WaitMachine { machine, version, state, timeout_s } => {
            let state = p.wait_machine(of, machine, version.as_ref(), *state, *timeout_s).await?;
            Ok(Done::Waited { state })
        }
        Call::GetVolume { volume } => p.get_volume(of, volume).await.map(|seen| Done::Volume(Box::new(seen))),
        Call::ListVolumes(filter) => p.list_volumes(of, filter).await.map(Done::Volumes),
        Call::ListSnapshots { volume } => p.list_snapshots(of, volume).await.map(Done::Snapshots),
        Call::CreateVolume(new) => {
            let made = p.create_volume(of, new).await?;
            Ok(Done::VolumeCreated { volume: made.volume, region: made.region, state: made.state })
        }
        Call::DeleteVolume(condemned) => p.delete_volume(of, condemned.volume()).await.map(accepted),
        Call::ProbeHealth { machine, timeout_s, interval_ms } => {
            let healthy = health.probe(of, machine, *timeout_s, *interval_ms).await?;
            Ok(Done::Health { healthy })
        }
    }
}

fn accepted((): ()) -> Done {
    Done::Accepted
}
