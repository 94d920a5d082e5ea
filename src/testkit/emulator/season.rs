//! What happens to machines, hosts and regions by themselves when the weather is bad, and that what is over is forgotten.
//!
//! *Guarantees*: nothing is lost. What begins ends within ten minutes of the world.

use super::{Due, Emulator, MINUTE_MS};
use crate::observe::{Exit, MachineState};
use crate::testkit::sim::Kind;
use crate::testkit::world::{Boot, WorldChange};
use alloc::string::String;
use alloc::vec::Vec;

const REGIONS: [&str; 6] = ["eu", "us", "iad", "ord", "cdg", "ams"];
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

pub(super) const KINDS: [Kind; 20] = [
    Kind::NotVisibleYet,
    Kind::NoCapacity,
    Kind::HostFull,
    Kind::BootStuck,
    Kind::BootSlow,
    Kind::BootFails,
    Kind::BootStops,
    Kind::MachineStops,
    Kind::MachineFails,
    Kind::MachineStarts,
    Kind::MachineSuspended,
    Kind::MachineDestroyed,
    Kind::MachineGone,
    Kind::SlowDestroy,
    Kind::SlowUnbind,
    Kind::Stuck,
    Kind::SlowHydration,
    Kind::SlowStop,
    Kind::HostDown,
    Kind::Unhealthy,
];

impl Emulator {
    /// Each kind has its chance, and the next season comes.
    pub(super) fn season(&mut self) {
        let Some(odds) = self.storm.as_ref().map(|storm| storm.odds.clone()) else { return };
        for kind in KINDS {
            if odds.strikes(kind, &mut self.dice) {
                self.come(kind);
            }
        }
        let next = self.dice.between(MINUTE_MS / 2, 5 * MINUTE_MS);
        self.later(next, Due::Season);
    }

    #[allow(clippy::wildcard_enum_match_arm, reason = "of the many kinds of fault, seasons know a few")]
    fn come(&mut self, kind: Kind) {
        let calm = WorldChange::Boot { boot: Boot::Started, ms: 4_000 };
        let ms = self.dice.skewed(1_000, 10 * MINUTE_MS);
        match kind {
            // A thing is visible before the grace of a new machine is over.
            Kind::NotVisibleYet => self.passes(WorldChange::VisibleMs(ms.min(25_000)), WorldChange::VisibleMs(0)),
            Kind::SlowDestroy => self.passes(WorldChange::DestroyMs(ms), WorldChange::DestroyMs(0)),
            Kind::SlowUnbind => self.passes(WorldChange::UnbindMs(ms), WorldChange::UnbindMs(0)),
            Kind::SlowHydration => self.passes(WorldChange::HydrateMs(ms), WorldChange::HydrateMs(0)),
            Kind::SlowStop => self.passes(WorldChange::StopMs(ms), WorldChange::StopMs(0)),
            Kind::Unhealthy => self.passes(WorldChange::Healthy(false), WorldChange::Healthy(true)),
            Kind::BootSlow => self.passes(WorldChange::Boot { boot: Boot::Started, ms }, calm),
            Kind::BootFails => self.passes(WorldChange::Boot { boot: Boot::Failed, ms }, calm),
            Kind::BootStops => self.passes(WorldChange::Boot { boot: Boot::Stopped, ms }, calm),
            Kind::BootStuck => self.passes(WorldChange::Boot { boot: Boot::Created, ms }, calm),
            Kind::NoCapacity => self.no_capacity(),
            Kind::HostDown | Kind::HostFull | Kind::Stuck => self.host(kind),
            _ => self.machine(kind),
        }
    }

    /// Begins something, and ends it later.
    fn passes(&mut self, begin: WorldChange, end: WorldChange) {
        self.world.change(&begin);
        let ms = self.dice.skewed(5_000, 10 * MINUTE_MS);
        self.later(ms, Due::Change(end));
    }

    fn no_capacity(&mut self) {
        let region: String = self.dice.pick(&REGIONS).copied().unwrap_or("iad").into();
        let creates = Some(self.dice.between(0, 2));
        let begin = WorldChange::Capacity { region: region.clone(), creates };
        self.passes(begin, WorldChange::Capacity { region, creates: None });
    }

    fn host(&mut self, kind: Kind) {
        let live: Vec<String> = self.world.live_volumes().map(|(id, _)| id.clone()).collect();
        let Some(volume) = self.dice.pick(&live).cloned() else { return };
        let other = volume.clone();
        if kind == Kind::HostDown {
            self.passes(WorldChange::HostDown { volume }, WorldChange::HostBack { volume: other });
        } else if kind == Kind::HostFull {
            let end = WorldChange::HostFull { volume: other, full: false };
            self.passes(WorldChange::HostFull { volume, full: true }, end);
        } else {
            self.passes(WorldChange::Stuck { volume, stuck: true }, WorldChange::Stuck { volume: other, stuck: false });
        }
    }

    #[allow(clippy::wildcard_enum_match_arm, reason = "of the many kinds of fault, machines know a few")]
    fn machine(&mut self, kind: Kind) {
        let idle = [MachineState::Stopped, MachineState::Suspended, MachineState::Failed];
        let fits = |state: &MachineState| {
            let starts = kind == Kind::MachineStarts;
            if starts { idle.contains(state) } else { *state != MachineState::Destroying }
        };
        let found = self.world.live_machines().filter(|(_, machine)| fits(&machine.state));
        let found: Vec<String> = found.map(|(id, _)| id.clone()).collect();
        let Some(id) = self.dice.pick(&found).cloned() else { return };
        let (state, exit) = match kind {
            Kind::MachineGone => {
                self.world.change(&WorldChange::MachineGone { id });
                return;
            }
            Kind::MachineStarts => (MachineState::Started, None),
            Kind::MachineSuspended => (MachineState::Suspended, None),
            Kind::MachineDestroyed => (MachineState::Destroyed, None),
            Kind::MachineFails => (MachineState::Failed, Some(Exit { code: Some(1), ..Exit::default() })),
            _ => (MachineState::Stopped, Some(Exit { code: Some(137), oom_killed: true, requested_stop: false })),
        };
        self.world.change(&WorldChange::Machine { id, state, exit });
    }

    /// Nobody knows a destroyed machine any more after an hour; everything that is over is forgotten after two days.
    pub(super) fn hourly(&mut self) {
        let now = self.world.now().as_millis();
        let before = crate::time::Timestamp::from_millis(now.saturating_sub(HOUR_MS));
        let over = |machine: &crate::testkit::world::SimMachine| {
            machine.state == MachineState::Destroyed && machine.updated_at < before
        };
        let over: Vec<String> =
            self.world.machines().filter(|(_, machine)| over(machine)).map(|(id, _)| id.clone()).collect();
        for id in over {
            self.world.change(&WorldChange::MachineGone { id });
        }
        let before = crate::time::Timestamp::from_millis(now.saturating_sub(2 * DAY_MS));
        self.world.change(&WorldChange::Purge { before });
        let world = &self.world;
        self.configs.retain(|id, _| world.machine(id).is_some());
        self.histories.retain(|id, _| world.machine(id).is_some());
        self.volume_options.retain(|id, _| world.volume(id).is_some());
        self.later(HOUR_MS, Due::Hourly);
    }
}
