//! What a provider may say and an admin may ask, the absurd included.

use super::life::NOW;
use super::raw::Raw;
use kiloclaw_lifecycle::Instance;
use kiloclaw_lifecycle::call::{Call, CallKind, Done};
use kiloclaw_lifecycle::command::{Command, Provision, Spec};
use kiloclaw_lifecycle::fault::{Capacity, Fault, FaultKind};
use kiloclaw_lifecycle::guest::Guest;
use kiloclaw_lifecycle::id::{Image, Invalid, MachineId, Region, ResourceName, SnapshotId, VolumeId};
use kiloclaw_lifecycle::observe::{
    Exit, HostStatus, Machine, MachineConfig, MachineState, Mount, Snapshot, SnapshotStatus, Volume, VolumeState,
};
use kiloclaw_lifecycle::time::Timestamp;

/// Some call.
pub(super) fn kind(raw: &mut Raw<'_>) -> CallKind {
    *raw.one_of(CallKind::ALL)
}

/// An answer of the form that a call of `kind` can bring, or a fault.
pub(super) fn result(
    raw: &mut Raw<'_>,
    kind: CallKind,
    call: Option<&Call>,
    instance: Option<&Instance>,
) -> Result<Done, Fault> {
    if raw.below(4) == 3 { Err(fault(raw)) } else { Ok(Maker { raw, call, instance }.done(kind)) }
}

fn fault(raw: &mut Raw<'_>) -> Fault {
    let kind = raw
        .one_of(&[
            FaultKind::Unknown,
            FaultKind::Absent,
            FaultKind::NoCapacity(Capacity::InsufficientMemory),
            FaultKind::NoCapacity(Capacity::NoCapacity),
            FaultKind::Conflict(None),
            FaultKind::Conflict(MachineId::new("mach_1").ok()),
            FaultKind::Busy,
            FaultKind::MissingVolume,
            FaultKind::RateLimited,
            FaultKind::Unauthorized,
            FaultKind::Refused,
        ])
        .clone();
    let status = raw.flag().then(|| u16::try_from(raw.number() % 65_536).unwrap_or(0));
    // As it would come from another process, and so longer than it should be.
    Fault { kind, status, message: raw.text() }
}

/// Some command.
pub(super) fn command(raw: &mut Raw<'_>, instance: Option<&Instance>) -> Command {
    let reason = raw.flag().then(|| raw.text());
    let mut maker = Maker { raw, call: None, instance };
    match maker.raw.below(12) {
        0 => Command::Start { reason },
        1 => Command::Stop { reason },
        2 => Command::Restart { image: Image::new(maker.raw.text()).ok() },
        3 => Command::Destroy { reason },
        4 => Command::CleanupRetainedVolume { volume: maker.maybe(Maker::volume) },
        5 => Command::ReassociateVolume { volume: maker.volume(), reason: reason.unwrap_or_default() },
        6 => Command::Resize { guest: maker.guest().unwrap_or(Guest::STANDARD) },
        7 => Command::RestoreSnapshot { snapshot: maker.id(SnapshotId::new, &["snap_1"], "snap_1"), reason },
        8 => Command::RetryLookup,
        9 => Command::AcceptDataLoss,
        10 => Command::Refresh,
        _ => maker.provision().map_or(Command::Refresh, |provision| Command::Provision(Box::new(provision))),
    }
}

struct Maker<'r, 'd, 's> {
    raw: &'r mut Raw<'d>,
    call: Option<&'s Call>,
    instance: Option<&'s Instance>,
}

impl Maker<'_, '_, '_> {
    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.raw.flag().then(|| make(self))
    }

    /// One of the known ids, or another one.
    fn id<T>(&mut self, new: fn(String) -> Result<T, Invalid>, known: &[&str], fallback: &str) -> T {
        let text = if self.raw.below(8) == 7 { self.raw.text() } else { (*self.raw.one_of(known)).to_string() };
        new(text).or_else(|_| new(fallback.to_string())).expect("a well-formed id")
    }

    fn machine(&mut self) -> MachineId {
        let asked = match self.call {
            Some(
                Call::GetMachine { machine }
                | Call::StartMachine { machine }
                | Call::StopMachine { machine }
                | Call::DestroyMachine { machine }
                | Call::WaitMachine { machine, .. }
                | Call::ProbeHealth { machine, .. },
            ) => machine.as_str(),
            Some(Call::UpdateMachine(update)) => update.machine.as_str(),
            Some(
                Call::ListMachines { .. }
                | Call::CreateMachine(_)
                | Call::GetVolume { .. }
                | Call::ListVolumes(_)
                | Call::ListSnapshots { .. }
                | Call::CreateVolume(_)
                | Call::DeleteVolume(_),
            )
            | None => "mach_9",
        };
        let ours = self.instance.and_then(Instance::machine).map_or("mach_8", |machine| machine.as_str());
        self.id(MachineId::new, &[asked, ours, "mach_1", "mach_2", "mach_3", "mach_4"], "mach_7")
    }

    fn volume(&mut self) -> VolumeId {
        let asked = match self.call {
            Some(Call::GetVolume { volume } | Call::ListSnapshots { volume }) => volume.as_str(),
            Some(Call::DeleteVolume(condemned)) => condemned.volume().as_str(),
            Some(Call::CreateMachine(new)) => new.volume.as_str(),
            Some(Call::UpdateMachine(update)) => update.volume.as_str(),
            Some(
                Call::GetMachine { .. }
                | Call::ListMachines { .. }
                | Call::StartMachine { .. }
                | Call::StopMachine { .. }
                | Call::DestroyMachine { .. }
                | Call::WaitMachine { .. }
                | Call::ListVolumes(_)
                | Call::CreateVolume(_)
                | Call::ProbeHealth { .. },
            )
            | None => "vol_9",
        };
        let ours = self.instance.and_then(Instance::volume).map_or("vol_8", |volume| volume.as_str());
        self.id(VolumeId::new, &[asked, ours, "vol_1", "vol_2", "vol_3", "vol_elsewhere"], "vol_7")
    }

    fn region(&mut self) -> Option<Region> {
        self.maybe(|maker| maker.id(Region::new, &["iad", "eu", "us", "cdg"], "iad"))
    }

    fn time(&mut self) -> Option<Timestamp> {
        self.maybe(|maker| Timestamp::from_millis(maker.raw.number()))
    }

    fn guest(&mut self) -> Option<Guest> {
        Guest::new(self.raw.number(), self.raw.number(), None).ok()
    }

    fn machine_state(&mut self) -> MachineState {
        let words = [
            "started",
            "stopped",
            "created",
            "failed",
            "destroyed",
            "destroying",
            "starting",
            "stopping",
            "suspending",
            "suspended",
            "replacing",
            "updating",
            "restarting",
        ];
        if self.raw.below(16) == 15 { self.raw.text().into() } else { (*self.raw.one_of(&words)).into() }
    }

    fn volume_state(&mut self) -> VolumeState {
        let words = [
            "created",
            "hydrating",
            "creating",
            "destroyed",
            "pending_destroy",
            "waiting_for_detach",
            "restoring",
            "fork_cleanup",
            "enabling_remote_export",
            "extending",
            "recovering",
            "scheduling_destroy",
            "destroying",
        ];
        if self.raw.below(16) == 15 { self.raw.text().into() } else { (*self.raw.one_of(&words)).into() }
    }

    fn host_status(&mut self) -> HostStatus {
        (*self.raw.one_of(&["ok", "ok", "ok", "unknown", "unreachable", "on fire"])).into()
    }

    /// A machine as a list or a look shows it.
    fn shown_machine(&mut self) -> Machine {
        Machine {
            id: self.machine(),
            name: self.maybe(|maker| maker.id(ResourceName::new, &["sb-1"], "sb-1")),
            state: self.machine_state(),
            region: self.region(),
            version: None,
            config: self.maybe(Self::config),
            host_status: self.host_status(),
            updated_at: self.time(),
            exit: self.maybe(|maker| Exit {
                code: None,
                oom_killed: maker.raw.flag(),
                requested_stop: maker.raw.flag(),
            }),
        }
    }

    fn config(&mut self) -> MachineConfig {
        let mounts = (0..self.raw.below(3)).map(|_| {
            let path = if self.raw.below(4) == 3 { self.raw.text() } else { "/root".to_string() };
            Mount { volume: self.volume(), path }
        });
        let mounts = mounts.collect();
        let asked = if let Some(Call::ListMachines { metadata }) = self.call { Some(metadata.clone()) } else { None };
        let own = [("kiloclaw_user_id", "user|1"), ("kiloclaw_sandbox_id", "sb-1")];
        let own = || own.map(|(name, value)| (name.to_string(), value.to_string())).into();
        let mut metadata = asked.unwrap_or_else(own);
        if self.raw.below(4) == 3 {
            metadata.pop_first();
        }
        MachineConfig { mounts, metadata, guest: self.maybe(Self::guest).flatten(), image: None }
    }

    fn shown_volume(&mut self) -> Volume {
        let name = if let Some(Call::CreateVolume(new)) = self.call {
            new.name.to_string()
        } else {
            "kiloclaw_sb_1".to_string()
        };
        Volume {
            id: self.volume(),
            name: if self.raw.below(4) == 3 { self.raw.text() } else { name },
            state: self.volume_state(),
            region: self.region(),
            size_gb: self.maybe(|maker| u32::try_from(maker.raw.number()).unwrap_or(u32::MAX)),
            attached_machine: self.maybe(Self::machine),
            host_status: self.host_status(),
            created_at: self.time(),
        }
    }

    fn snapshot(&mut self) -> Snapshot {
        Snapshot {
            id: self.id(SnapshotId::new, &["snap_1", "snap_2"], "snap_1"),
            status: SnapshotStatus::from(*self.raw.one_of(&["created", "complete", "failed", "running", "odd"])),
            size_gb: self.maybe(|maker| u32::try_from(maker.raw.number()).unwrap_or(u32::MAX)),
        }
    }

    fn done(&mut self, kind: CallKind) -> Done {
        match kind {
            CallKind::UpdateMachine
            | CallKind::StartMachine
            | CallKind::StopMachine
            | CallKind::DestroyMachine
            | CallKind::DeleteVolume => Done::Accepted,
            CallKind::GetMachine => Done::Machine(Box::new(self.shown_machine())),
            CallKind::ListMachines => Done::Machines((0..self.raw.below(4)).map(|_| self.shown_machine()).collect()),
            CallKind::CreateMachine => Done::MachineCreated { machine: self.machine(), region: self.region() },
            CallKind::WaitMachine => Done::Waited { state: self.machine_state() },
            CallKind::GetVolume => Done::Volume(Box::new(self.shown_volume())),
            CallKind::ListVolumes => Done::Volumes((0..self.raw.below(4)).map(|_| self.shown_volume()).collect()),
            CallKind::ListSnapshots => Done::Snapshots((0..self.raw.below(4)).map(|_| self.snapshot()).collect()),
            CallKind::CreateVolume => {
                Done::VolumeCreated { volume: self.volume(), region: self.region(), state: self.volume_state() }
            }
            CallKind::ProbeHealth => Done::Health { healthy: self.raw.flag() },
        }
    }

    fn provision(&mut self) -> Option<Provision> {
        let spec = Spec {
            guest: self.guest(),
            volume_size_gb: self.maybe(|maker| u32::try_from(maker.raw.number()).unwrap_or(u32::MAX)),
            regions: self.maybe(|maker| (0..maker.raw.below(4)).filter_map(|_| maker.region()).collect()),
            image: None,
        };
        let seed = NOW.as_millis() ^ self.raw.number();
        Some(Provision { identity: self.instance?.identity().clone(), seed, spec })
    }
}
