//! How the simulated Fly behaves meanwhile: what befalls machines, volumes, hosts and clocks by itself.

use super::agenda::Plan;
use super::kind::Kind;
use super::{DAY_MS, HOUR_MS, MINUTE_MS, STRANGER, Sim, change, numbered};
use crate::observe::{MachineState, SnapshotStatus};
use crate::testkit::rig::{Act, Core};
use crate::testkit::world::{Boot, SimMachine, WorldChange};
use alloc::string::String;
use alloc::vec::Vec;

const REGIONS: [&str; 6] = ["eu", "us", "iad", "ord", "cdg", "ams"];

impl<C: Core> Sim<C> {
    /// Every few minutes each kind of weather has its chance.
    pub(super) fn season(&mut self) {
        self.plan_in(MINUTE_MS, 30 * MINUTE_MS, Plan::Season);
        self.agenda.forget(self.rig.world().now());
        self.write();
        for kind in Kind::ALL {
            if self.weather.strikes(*kind, &mut self.dice) {
                self.come(*kind);
            }
        }
    }

    fn come(&mut self, kind: Kind) {
        let done = match kind {
            Kind::Unauthorized | Kind::RateLimited => self.storm_of(kind),
            Kind::NotVisibleYet | Kind::SlowDestroy | Kind::SlowUnbind | Kind::SlowHydration | Kind::SlowStop => {
                self.slow(kind)
            }
            Kind::Unhealthy => self.for_a_while(kind, WorldChange::Healthy(false), WorldChange::Healthy(true)),
            Kind::NoCapacity => self.no_capacity(),
            Kind::BootStuck | Kind::BootSlow | Kind::BootFails | Kind::BootStops => self.boots(kind),
            Kind::MachineStops
            | Kind::MachineFails
            | Kind::MachineStarts
            | Kind::MachineSuspended
            | Kind::MachineDestroyed
            | Kind::MachineGone
            | Kind::Migration => self.machine(kind),
            Kind::Stuck | Kind::HostFull | Kind::HostDown | Kind::HostLost | Kind::VolumeLost | Kind::ForeignHolder => {
                self.volume(kind)
            }
            Kind::ClockAhead | Kind::ClockBehind => self.clock(kind),
            _ => false,
        };
        if done {
            self.coverage.fault(kind);
        }
    }

    fn storm_of(&mut self, kind: Kind) -> bool {
        let until = self.now().plus(self.dice.skewed(MINUTE_MS, 6 * HOUR_MS));
        if kind == Kind::Unauthorized {
            self.unauthorized_until = until;
        } else {
            self.limited_until = until;
        }
        true
    }

    fn for_a_while(&mut self, _: Kind, begin: WorldChange, end: WorldChange) -> bool {
        let until = self.now().plus(self.dice.skewed(MINUTE_MS, DAY_MS));
        self.act(Act::World(begin));
        self.agenda.put(until, change(end));
        true
    }

    fn slow(&mut self, kind: Kind) -> bool {
        let knob = |ms| match kind {
            Kind::NotVisibleYet => WorldChange::VisibleMs(ms),
            Kind::SlowDestroy => WorldChange::DestroyMs(ms),
            Kind::SlowUnbind => WorldChange::UnbindMs(ms),
            Kind::SlowHydration => WorldChange::HydrateMs(ms),
            _ => WorldChange::StopMs(ms),
        };
        // A thing is visible before the grace of a new machine is over.
        let most = if kind == Kind::NotVisibleYet { 25_000 } else { 6 * HOUR_MS };
        let ms = self.dice.skewed(1_000, most);
        self.for_a_while(kind, knob(ms), knob(0))
    }

    fn no_capacity(&mut self) -> bool {
        let region = self.dice.pick(&REGIONS).copied().unwrap_or("iad");
        let left = self.dice.between(0, 2);
        let limit = |creates| WorldChange::Capacity { region: region.into(), creates };
        self.for_a_while(Kind::NoCapacity, limit(Some(left)), limit(None))
    }

    fn boots(&mut self, kind: Kind) -> bool {
        let calm = WorldChange::Boot { boot: Boot::Started, ms: 4_000 };
        let ms = self.dice.skewed(1_000, 3 * HOUR_MS);
        let boot = match kind {
            Kind::BootSlow => Boot::Started,
            Kind::BootFails => Boot::Failed,
            Kind::BootStops => Boot::Stopped,
            _ if self.dice.once_in(2) => Boot::Created,
            _ => Boot::Starting,
        };
        let ms = if kind == Kind::BootSlow { ms } else { ms.min(10 * MINUTE_MS) };
        self.for_a_while(kind, WorldChange::Boot { boot, ms }, calm)
    }

    fn some_machine(&mut self, fits: impl Fn(&SimMachine) -> bool) -> Option<String> {
        let found: Vec<String> = self
            .rig
            .world()
            .live_machines()
            .filter(|(id, machine)| !id.starts_with(STRANGER) && fits(machine))
            .map(|(id, _)| id.clone())
            .collect();
        self.dice.pick(&found).cloned()
    }

    fn machine(&mut self, kind: Kind) -> bool {
        let idle = [MachineState::Stopped, MachineState::Suspended, MachineState::Failed];
        let starts = kind == Kind::MachineStarts;
        let fits = |machine: &SimMachine| {
            let state = &machine.state;
            if starts { idle.contains(state) } else { *state != MachineState::Destroying }
        };
        let Some(id) = self.some_machine(fits) else { return false };
        let state = match kind {
            Kind::MachineGone => return self.act(Act::World(WorldChange::MachineGone { id })).done,
            Kind::Migration => return self.act(Act::World(WorldChange::Migrate { machine: id })).done,
            Kind::MachineStops => MachineState::Stopped,
            Kind::MachineFails => MachineState::Failed,
            Kind::MachineStarts => MachineState::Started,
            Kind::MachineSuspended => MachineState::Suspended,
            _ => MachineState::Destroyed,
        };
        self.act(Act::World(WorldChange::Machine { id, state, exit: None })).done
    }

    fn volume(&mut self, kind: Kind) -> bool {
        let found: Vec<String> = self.rig.world().live_volumes().map(|(id, _)| id.clone()).collect();
        let Some(volume) = self.dice.pick(&found).cloned() else { return false };
        match kind {
            Kind::HostDown => self.for_a_while(
                kind,
                WorldChange::HostDown { volume: volume.clone() },
                WorldChange::HostBack { volume },
            ),
            Kind::HostFull => self.for_a_while(
                kind,
                WorldChange::HostFull { volume: volume.clone(), full: true },
                WorldChange::HostFull { volume, full: false },
            ),
            Kind::Stuck => self.for_a_while(
                kind,
                WorldChange::Stuck { volume: volume.clone(), stuck: true },
                WorldChange::Stuck { volume, stuck: false },
            ),
            Kind::HostLost => self.act(Act::World(WorldChange::HostLost { volume })).done,
            Kind::VolumeLost => self.act(Act::World(WorldChange::VolumeGone { id: volume })).done,
            _ => self.foreign(volume),
        }
    }

    /// A machine of another tenant claims a volume of ours that no machine of ours holds.
    fn foreign(&mut self, volume: String) -> bool {
        if self.rig.world().holder(&volume).is_some() {
            return false;
        }
        let id = numbered(&mut self.made, STRANGER);
        let gone = WorldChange::MachineGone { id: id.clone() };
        let comes = WorldChange::Foreign { id, volume: Some(volume), sandbox: "somebody-else".into() };
        self.for_a_while(Kind::ForeignHolder, comes, gone)
    }

    fn clock(&mut self, kind: Kind) -> bool {
        let off = i64::try_from(self.dice.skewed(1_000, 12 * HOUR_MS)).unwrap_or(0);
        let off = if kind == Kind::ClockAhead { off } else { off.saturating_neg() };
        self.act(Act::Clock { ahead_ms: off });
        let until = self.now().plus(self.dice.skewed(MINUTE_MS, 12 * HOUR_MS));
        self.agenda.put(until, Plan::Clock(0));
        true
    }

    /// Tenants write while their machines run.
    fn write(&mut self) {
        if let Some(machine) = self.some_machine(SimMachine::runs) {
            self.act(Act::World(WorldChange::Write { machine }));
        }
    }

    /// Once a day snapshots are taken, in runs that have them, and what is long gone is forgotten.
    pub(super) fn nightly(&mut self) {
        self.plan_in(DAY_MS, DAY_MS, Plan::Nightly);
        let before = self.now().as_millis().saturating_sub(2 * DAY_MS);
        self.act(Act::World(WorldChange::Purge { before: crate::time::Timestamp::from_millis(before) }));
        if self.setting.seed.is_multiple_of(3) {
            return;
        }
        let volumes: Vec<String> = self.rig.world().live_volumes().map(|(id, _)| id.clone()).collect();
        for volume in volumes {
            let status = if self.dice.once_in(6) { SnapshotStatus::Failed } else { SnapshotStatus::Created };
            let id = numbered(&mut self.made, "snap");
            self.act(Act::World(WorldChange::Snapshot { volume, id, status }));
        }
    }
}
