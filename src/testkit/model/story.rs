//! Where a model begins, and what may happen in it besides what may always happen.

use crate::command::{Command, Provision, Spec};
use crate::id::{Identity, SandboxId, SnapshotId, UserId};
use crate::observe::{MachineState, SnapshotStatus};
use crate::policy::{Knobs, Policy};
use crate::testkit::rig::{Act, Core, End, Rig, Timed};
use crate::testkit::trace::Recorder;
use crate::testkit::world::{World, WorldChange};
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A beginning, and what may happen.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// Its name.
    pub name: &'static str,
    /// What may be asked for.
    pub commands: Vec<Command>,
    /// What may befall the world.
    pub changes: Vec<WorldChange>,
    /// What has happened, in good weather.
    before: Vec<Act>,
    policy: Policy,
}

const HOUR_MS: u64 = 3_600_000;
const BEGIN_MS: u64 = 1_780_272_000_000;
/// Long enough for whatever was asked for to be done, and not long enough for the next alarm to find anything.
const PAUSE_MS: u64 = 61_000;

fn act(command: Command) -> Act {
    Act::Command { life: 0, host: 0, command: Box::new(command), end: End::Lives }
}

fn start() -> Command {
    Command::Start { reason: None }
}

fn stop() -> Command {
    Command::Stop { reason: None }
}

fn destroy() -> Command {
    Command::Destroy { reason: None }
}

/// The machine that the first start makes, and its volume.
const MACHINE: &str = "mnew1";
const VOLUME: &str = "vol_new1";

fn becomes(state: MachineState) -> WorldChange {
    WorldChange::Machine { id: MACHINE.to_string(), state, exit: None }
}

fn full(region: &str) -> WorldChange {
    WorldChange::Capacity { region: region.to_string(), creates: Some(0) }
}

fn snapshot() -> WorldChange {
    WorldChange::Snapshot { volume: VOLUME.to_string(), id: "snap-1".to_string(), status: SnapshotStatus::Created }
}

impl Story {
    /// Every story.
    pub fn all() -> [Self; 5] {
        [Self::recovery(), Self::start(), Self::stop(), Self::destroy(), Self::restore()]
    }

    fn new(name: &'static str, before: Vec<Act>, commands: Vec<Command>, changes: Vec<WorldChange>) -> Self {
        Self { name, commands, changes, before, policy: policy() }
    }

    /// The machine of a running instance has stopped.
    pub fn recovery() -> Self {
        let stopped = Act::World(becomes(MachineState::Stopped));
        let before = [act(start()), stopped].into();
        let changes = [becomes(MachineState::Started), full("ord"), WorldChange::HydrateMs(600_000)].into();
        Self::new("recovery", before, [stop(), destroy()].into(), changes)
    }

    /// An instance that has data is started on a host that may have no room.
    pub fn start() -> Self {
        let before = [act(start()), act(stop()), act(start())].into();
        let no_room = WorldChange::HostFull { volume: VOLUME.to_string(), full: true };
        Self::new("start", before, [stop(), start()].into(), [no_room, full("iad")].into())
    }

    /// A running instance is stopped.
    pub fn stop() -> Self {
        let before = [act(start()), act(stop())].into();
        let changes = [becomes(MachineState::Stopped), becomes(MachineState::Started)].into();
        Self::new("stop", before, [start(), destroy()].into(), changes)
    }

    /// An instance that is starting for the first time is destroyed.
    pub fn destroy() -> Self {
        let before = [act(start())].into();
        let changes = [WorldChange::DestroyMs(120_000), WorldChange::UnbindMs(120_000)].into();
        Self::new("destroy", before, [destroy()].into(), changes)
    }

    /// A running instance is given the data of a snapshot.
    pub fn restore() -> Self {
        let restore =
            SnapshotId::new("snap-1").ok().map(|snapshot| Command::RestoreSnapshot { snapshot, reason: None });
        let before = [act(start()), Act::World(snapshot())].into_iter().chain(restore.map(act)).collect();
        Self::new("restore", before, [stop()].into(), [full("iad"), becomes(MachineState::Failed)].into())
    }

    /// The policy of the story: two regions, short dates, and no jitter, so that more runs meet in the same states.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What has happened before the first move, as acts.
    pub(super) fn begin<C: Core>(&self, core: C, recorder: Option<Recorder>) -> Rig<C> {
        let mut rig = Rig::new(core, self.policy.clone(), World::new(Timestamp::from_millis(BEGIN_MS)));
        if let Some(recorder) = recorder {
            rig.record(recorder);
        }
        let Some(identity) = identity() else { return rig };
        let provision = Provision { identity: identity.clone(), seed: 7, spec: Spec::default() };
        let mut acts = Vec::from([Act::Admit { identity, secret: None, thorough: false }]);
        acts.push(act(Command::Provision(Box::new(provision))));
        acts.extend(self.before.iter().cloned());
        let last = acts.len().saturating_sub(1);
        for (at, act) in acts.into_iter().enumerate() {
            let now = rig.world().now();
            rig.act(&Timed { at: now, act });
            if at < last {
                rig.calm(now.plus(PAUSE_MS));
            }
        }
        rig
    }
}

fn policy() -> Policy {
    let regions = ["iad", "ord"].map(String::from).into();
    let short = Knobs {
        regions,
        alarm_jitter_ms: 0,
        alarm_running_ms: 900_000,
        retention_ms: 2 * HOUR_MS,
        disposal_backoff_ms: [60_000, 600_000].into(),
        ..Knobs::default()
    };
    Policy::new(short).unwrap_or_default()
}

fn identity() -> Option<Identity> {
    let user = UserId::new(String::from("user-1")).ok()?;
    Some(Identity { user, sandbox: SandboxId::new("sandbox-1").ok()?, app: None })
}
