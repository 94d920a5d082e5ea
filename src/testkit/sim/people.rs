//! What tenants and admins ask for.

use super::{HOUR_MS, MINUTE_MS, Plan, Sim, provision};
use crate::command::{Command, CommandKind};
use crate::guest::{CpuKind, Guest};
use crate::id::{SnapshotId, VolumeId};
use crate::instance::Instance;
use crate::status::Status;
use crate::testkit::rig::{Act, Core};
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

/// What is asked for; the more often, the more often it is in the list.
const WISHES: [CommandKind; 20] = [
    CommandKind::Start,
    CommandKind::Start,
    CommandKind::Start,
    CommandKind::Start,
    CommandKind::Start,
    CommandKind::Start,
    CommandKind::Stop,
    CommandKind::Stop,
    CommandKind::Restart,
    CommandKind::Restart,
    CommandKind::RestoreSnapshot,
    CommandKind::CleanupRetainedVolume,
    CommandKind::ReassociateVolume,
    CommandKind::RetryLookup,
    CommandKind::AcceptDataLoss,
    CommandKind::Refresh,
    CommandKind::Resize,
    CommandKind::Provision,
    CommandKind::Destroy,
    CommandKind::Start,
];

impl<C: Core> Sim<C> {
    pub(super) fn people(&mut self, life: usize) {
        self.plan_in(MINUTE_MS, 8 * HOUR_MS, Plan::People { life });
        let Some(of) = self.rig.life(life) else { return };
        let (identity, stored) = (of.identity().clone(), of.stored().cloned());
        let command = match &stored {
            None => Some(provision(&identity, &mut self.dice)),
            Some(instance) => self.wish(instance),
        };
        if let Some(command) = command {
            self.command(life, command);
        }
    }

    pub(super) fn command(&mut self, life: usize, command: Command) {
        let kind = command.kind();
        let end = self.end();
        let happened = self.act(Act::Command { life, host: 0, command: Box::new(command), end });
        if let (Some(verdict), true) = (&happened.verdict, end.lives()) {
            self.coverage.command(kind, verdict);
        }
        self.after(0, end);
    }

    fn wish(&mut self, instance: &Instance) -> Option<Command> {
        let mut kind = self.dice.pick(&WISHES).copied().unwrap_or(CommandKind::Start);
        // An end is rare, or nothing ever grows old.
        if kind == CommandKind::Destroy && !self.dice.once_in(4) {
            kind = CommandKind::Refresh;
        }
        if instance.status() == Status::Running && kind == CommandKind::Start && self.dice.once_in(2) {
            return None;
        }
        let reason = || Some("simulated".to_string());
        Some(match kind {
            CommandKind::Provision => provision(instance.identity(), &mut self.dice),
            CommandKind::Start => Command::Start { reason: reason() },
            CommandKind::Stop => Command::Stop { reason: reason() },
            CommandKind::Restart => Command::Restart { image: None },
            CommandKind::Destroy => Command::Destroy { reason: reason() },
            CommandKind::CleanupRetainedVolume => {
                Command::CleanupRetainedVolume { volume: self.some_volume(instance).filter(|_| self.dice.once_in(2)) }
            }
            CommandKind::ReassociateVolume => Command::ReassociateVolume {
                volume: self.some_volume(instance)?,
                reason: "a simulated reason".to_string(),
            },
            CommandKind::Resize => Command::Resize { guest: Guest::new(2, 4096, Some(CpuKind::Shared)).ok()? },
            CommandKind::RestoreSnapshot => {
                Command::RestoreSnapshot { snapshot: self.some_snapshot(instance)?, reason: reason() }
            }
            CommandKind::RetryLookup => Command::RetryLookup,
            CommandKind::AcceptDataLoss => Command::AcceptDataLoss,
            CommandKind::Refresh => Command::Refresh,
        })
    }

    /// A volume that an admin might name: one of the record's, or one that the views propose.
    fn some_volume(&mut self, instance: &Instance) -> Option<VolumeId> {
        let view = instance.admin_view();
        let proposed = view.missing.and_then(|missing| missing.proposal);
        let retained = view.retained.into_iter().map(|entry| entry.volume);
        let known: Vec<VolumeId> = proposed.into_iter().chain(retained).chain(view.volume).collect();
        self.dice.pick(&known).cloned()
    }

    fn some_snapshot(&mut self, instance: &Instance) -> Option<SnapshotId> {
        let world = self.rig.world();
        let known = instance.admin_view();
        let volumes = known.volume.into_iter().chain(known.retained.into_iter().map(|entry| entry.volume));
        let snapshots: Vec<SnapshotId> = volumes
            .flat_map(|volume| world.snapshots(volume.as_str()).to_vec())
            .filter_map(|snapshot| SnapshotId::new(snapshot.id.as_str()).ok())
            .collect();
        self.dice.pick(&snapshots).cloned()
    }
}
