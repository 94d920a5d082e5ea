//! One instance for each situation that the views tell apart.

use crate::script::{
    Script, absent, accepted, busy, found, health, look, machine, machine_made, no_machines, no_snapshots, no_volumes,
    refused, snapshot, unknown, volume, volume_id, volume_made, waited,
};
use kiloclaw_lifecycle::call::{CallKind, Done};
use kiloclaw_lifecycle::id::SnapshotId;
use kiloclaw_lifecycle::observe::{HostStatus, Machine, MachineState, VolumeState};
use kiloclaw_lifecycle::{Command, Knobs};

const START: Command = Command::Start { reason: None };
const STOP: Command = Command::Stop { reason: None };
const DESTROY: Command = Command::Destroy { reason: None };

/// Every situation with its name, which is also that of its file.
/// A situation and how to get there.
type Case = (&'static str, fn() -> Script);

pub(crate) const ALL: &[Case] = &[
    ("provisioned", Script::born),
    ("provisioned_making_volume", provisioned_making_volume),
    ("provisioned_stale", provisioned_stale),
    ("starting", starting),
    ("starting_with_stray", starting_with_stray),
    ("starting_waiting", starting_waiting),
    ("starting_refused", starting_refused),
    ("running", running),
    ("running_seen_stopped", running_seen_stopped),
    ("running_host_unreachable", running_host_unreachable),
    ("running_after_failed_stop", running_after_failed_stop),
    ("running_relocated", running_relocated),
    ("running_retained_refused", running_retained_refused),
    ("stopping", stopping),
    ("stopped", stopped),
    ("stopped_recovery_failed", stopped_recovery_failed),
    ("stopped_volume_missing", stopped_volume_missing),
    ("stopped_loss_accepted", stopped_loss_accepted),
    ("stopped_reassociating", stopped_reassociating),
    ("restarting", restarting),
    ("restarting_refused", restarting_refused),
    ("recovering_fork_lost", recovering_fork_lost),
    ("recovering_waiting", recovering_waiting),
    ("recovering_out_of_time", recovering_out_of_time),
    ("restoring", restoring),
    ("destroying", destroying),
    ("destroying_abandoned", destroying_abandoned),
    ("destroying_waiting", destroying_waiting),
    ("destroying_sweeping", destroying_sweeping),
];

fn ours(state: MachineState) -> Machine {
    machine("m-1", state, "vol-1")
}

fn provisioned_making_volume() -> Script {
    let mut s = Script::born();
    s.alarm().on(CallKind::ListMachines, no_machines()).on(CallKind::ListVolumes, no_volumes());
    s.on(CallKind::CreateVolume, unknown()).rests();
    s
}

/// Never started, and nobody could be asked for its machine until it was old.
fn provisioned_stale() -> Script {
    let mut s = Script::born_under(Knobs { stale_provision_ms: 3_600_000, ..Knobs::default() });
    s.alarm().on(CallKind::ListMachines, unknown()).rests();
    s.alarm().on(CallKind::ListMachines, unknown()).rests();
    s
}

fn starting() -> Script {
    let mut s = Script::born();
    s.command(Command::Start { reason: Some("the tenant has clicked".to_string()) });
    s.on(CallKind::ListMachines, no_machines()).on(CallKind::ListVolumes, no_volumes());
    s.awaits(CallKind::CreateVolume);
    s
}

fn starting_with_stray() -> Script {
    let mut s = Script::born();
    let found = vec![machine("m-2", MachineState::Failed, "vol-1"), ours(MachineState::Starting)];
    s.command(START).on(CallKind::ListMachines, Ok(Done::Machines(found))).awaits(CallKind::GetVolume);
    s
}

fn creating_machine() -> Script {
    let mut s = Script::born();
    s.command(START).on(CallKind::ListMachines, no_machines()).on(CallKind::ListVolumes, no_volumes());
    s.on(CallKind::CreateVolume, volume_made("vol-1", VolumeState::Created));
    s.awaits(CallKind::CreateMachine);
    s
}

fn starting_waiting() -> Script {
    let mut s = creating_machine();
    s.on(CallKind::CreateMachine, machine_made("m-1"));
    s.on(CallKind::WaitMachine, waited(MachineState::Starting)).rests();
    s
}

fn starting_refused() -> Script {
    let mut s = stopped();
    s.command(START).on(CallKind::GetVolume, found(volume("vol-1", VolumeState::Created)));
    s.on(CallKind::GetMachine, look(ours(MachineState::Stopped)));
    s.on(CallKind::UpdateMachine, refused()).rests();
    s
}

fn up(mut s: Script) -> Script {
    s.on(CallKind::CreateMachine, machine_made("m-1"));
    s.on(CallKind::WaitMachine, waited(MachineState::Started)).on(CallKind::ProbeHealth, health(true)).rests();
    s
}

pub(crate) fn running() -> Script {
    up(creating_machine())
}

fn running_seen_stopped() -> Script {
    let mut s = Script::born_under(Knobs { self_heal_threshold: 3, ..Knobs::default() });
    s.command(START).on(CallKind::ListMachines, no_machines()).on(CallKind::ListVolumes, no_volumes());
    s.on(CallKind::CreateVolume, volume_made("vol-1", VolumeState::Created));
    let mut s = up(s);
    s.alarm().on(CallKind::GetMachine, look(ours(MachineState::Stopped))).rests();
    s
}

fn running_host_unreachable() -> Script {
    let mut s = running();
    let unreachable = Machine { host_status: HostStatus::Unreachable, config: None, ..ours(MachineState::Stopped) };
    s.alarm().on(CallKind::GetMachine, look(unreachable)).rests();
    s
}

fn running_after_failed_stop() -> Script {
    let mut s = running();
    s.command(STOP).on(CallKind::StopMachine, refused()).rests();
    s
}

fn stopping() -> Script {
    let mut s = running();
    s.command(STOP).on(CallKind::StopMachine, accepted()).awaits(CallKind::WaitMachine);
    s
}

pub(crate) fn stopped() -> Script {
    let mut s = stopping();
    s.on(CallKind::WaitMachine, waited(MachineState::Stopped)).rests();
    s
}

/// The old machine is on its way out and the fork is about to be made.
fn forking() -> Script {
    let mut s = running();
    s.alarm().on(CallKind::GetMachine, look(ours(MachineState::Stopped)));
    s.on(CallKind::GetVolume, found(volume("vol-1", VolumeState::Created))).on(CallKind::DestroyMachine, accepted());
    s.awaits(CallKind::CreateVolume);
    s
}

fn recovering_fork_lost() -> Script {
    let mut s = forking();
    s.on(CallKind::CreateVolume, unknown()).rests();
    s
}

fn replacing() -> Script {
    let mut s = forking();
    s.on(CallKind::CreateVolume, volume_made("vol-2", VolumeState::Hydrating));
    s.on(CallKind::CreateMachine, machine_made("m-2")).awaits(CallKind::WaitMachine);
    s
}

fn recovering_waiting() -> Script {
    let mut s = replacing();
    s.on(CallKind::WaitMachine, waited(MachineState::Created)).rests();
    s
}

/// The replacement is still on its way, and the old machine is proven gone.
fn recovering_out_of_time() -> Script {
    let mut s = recovering_waiting();
    let begun = s.now;
    while s.now.since(begun) < 500_000 {
        s.alarm();
        if s.is_asked_about("m-1") {
            s.on(CallKind::GetMachine, absent());
        }
        s.on(CallKind::GetMachine, look(machine("m-2", MachineState::Starting, "vol-2"))).rests();
    }
    s
}

fn stopped_recovery_failed() -> Script {
    let mut s = replacing();
    s.on(CallKind::WaitMachine, waited(MachineState::Failed));
    s.on(CallKind::GetMachine, look(machine("m-2", MachineState::Failed, "vol-2")));
    s.on(CallKind::DestroyMachine, accepted()).on(CallKind::GetMachine, absent());
    s.on(CallKind::GetVolume, found(volume("vol-2", VolumeState::Created)));
    s.on(CallKind::GetVolume, found(volume("vol-1", VolumeState::Created)));
    s.on(CallKind::DeleteVolume, busy()).rests();
    s
}

fn relocated(fork: VolumeState, healthy: bool) -> Script {
    let mut s = replacing();
    s.on(CallKind::WaitMachine, waited(MachineState::Started));
    s.on(CallKind::GetVolume, found(volume("vol-2", fork))).on(CallKind::ProbeHealth, health(healthy));
    s.on(CallKind::ListSnapshots, no_snapshots());
    s
}

fn running_relocated() -> Script {
    let mut s = relocated(VolumeState::Hydrating, false);
    s.rests();
    s
}

/// A machine of somebody else holds the source.
fn running_retained_refused() -> Script {
    let mut s = relocated(VolumeState::Created, true);
    let mut held = volume("vol-1", VolumeState::Created);
    let mut holder = machine("m-9", MachineState::Started, "vol-1");
    held.attached_machine = Some(holder.id.clone());
    if let Some(config) = &mut holder.config {
        config.metadata.insert("kiloclaw_sandbox_id".to_string(), "sbx-9".to_string());
    }
    s.on(CallKind::GetVolume, found(held)).on(CallKind::GetMachine, look(holder)).rests();
    s
}

fn stopped_volume_missing() -> Script {
    let mut s = stopped();
    s.alarm().on(CallKind::GetMachine, look(ours(MachineState::Stopped))).on(CallKind::GetVolume, absent());
    let other = volume("vol-7", VolumeState::Created);
    s.on(CallKind::ListVolumes, Ok(Done::Volumes(vec![other]))).rests();
    s
}

fn stopped_loss_accepted() -> Script {
    let mut s = stopped_volume_missing();
    s.command(Command::AcceptDataLoss).rests();
    s
}

fn stopped_reassociating() -> Script {
    let mut s = stopped_volume_missing();
    let reason = "the proposal holds the data".to_string();
    s.command(Command::ReassociateVolume { volume: volume_id("vol-7"), reason });
    let target = volume("vol-7", VolumeState::Created);
    s.on(CallKind::GetVolume, found(target.clone())).on(CallKind::GetVolume, absent());
    s.on(CallKind::ListVolumes, Ok(Done::Volumes(vec![target])));
    s.awaits(CallKind::DestroyMachine);
    s
}

fn restarting() -> Script {
    let mut s = running();
    s.command(Command::Restart { image: None }).on(CallKind::GetMachine, look(ours(MachineState::Started)));
    s.on(CallKind::UpdateMachine, accepted()).on(CallKind::GetMachine, look(ours(MachineState::Replacing)));
    s.awaits(CallKind::WaitMachine);
    s
}

fn restarting_refused() -> Script {
    let mut s = running();
    s.command(Command::Restart { image: None }).on(CallKind::GetMachine, look(ours(MachineState::Started)));
    s.on(CallKind::UpdateMachine, refused()).rests();
    s
}

fn restoring() -> Script {
    let mut s = running();
    let wanted = SnapshotId::new("vs-1").expect("an id");
    s.command(Command::RestoreSnapshot { snapshot: wanted, reason: None });
    s.on(CallKind::ListSnapshots, snapshot("vs-1"));
    s.on(CallKind::GetVolume, found(volume("vol-1", VolumeState::Created))).awaits(CallKind::DestroyMachine);
    s
}

fn destroying() -> Script {
    let mut s = running();
    s.command(DESTROY).on(CallKind::GetMachine, look(ours(MachineState::Started))).awaits(CallKind::DestroyMachine);
    s
}

fn destroying_abandoned() -> Script {
    let mut s = Script::born_under(Knobs { disposal_max_attempts: 1, ..Knobs::default() });
    s.command(START).on(CallKind::ListMachines, no_machines()).on(CallKind::ListVolumes, no_volumes());
    s.on(CallKind::CreateVolume, volume_made("vol-1", VolumeState::Created));
    let mut s = up(s);
    s.command(DESTROY).on(CallKind::GetMachine, look(ours(MachineState::Started)));
    s.on(CallKind::DestroyMachine, refused()).awaits(CallKind::GetVolume);
    s
}

fn destroying_waiting() -> Script {
    let mut s = destroying();
    s.on(CallKind::DestroyMachine, unknown());
    s.on(CallKind::GetVolume, found(volume("vol-1", VolumeState::Created))).on(CallKind::DeleteVolume, busy()).rests();
    s
}

fn destroying_sweeping() -> Script {
    let mut s = destroying();
    s.on(CallKind::DestroyMachine, accepted()).on(CallKind::GetMachine, absent());
    s.on(CallKind::GetVolume, absent()).awaits(CallKind::ListVolumes);
    s
}
