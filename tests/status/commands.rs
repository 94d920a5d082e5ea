//! Commands, shortly.

use crate::script::provision;
use crate::world::volume_id;
use kiloclaw_lifecycle::Command;
use kiloclaw_lifecycle::command::{CommandKind, Spec};
use kiloclaw_lifecycle::guest::Guest;
use kiloclaw_lifecycle::id::SnapshotId;

pub(crate) fn start() -> Command {
    Command::Start { reason: None }
}

pub(crate) fn stop() -> Command {
    Command::Stop { reason: None }
}

pub(crate) fn restart() -> Command {
    Command::Restart { image: None }
}

pub(crate) fn destroy() -> Command {
    Command::Destroy { reason: None }
}

pub(crate) fn clean_up(volume: Option<&str>) -> Command {
    Command::CleanupRetainedVolume { volume: volume.map(volume_id) }
}

pub(crate) fn reassociate(volume: &str) -> Command {
    Command::ReassociateVolume { volume: volume_id(volume), reason: "the tenant asked for it".to_string() }
}

pub(crate) fn resize(memory_mb: u64) -> Command {
    Command::Resize { guest: Guest::new(2, memory_mb, None).unwrap() }
}

pub(crate) fn restore(snapshot: &str) -> Command {
    Command::RestoreSnapshot { snapshot: SnapshotId::new(snapshot).unwrap(), reason: None }
}

/// A sensible command of every kind.
pub(crate) fn any(kind: CommandKind) -> Command {
    match kind {
        CommandKind::Provision => provision(Spec::default()),
        CommandKind::Start => start(),
        CommandKind::Stop => stop(),
        CommandKind::Restart => restart(),
        CommandKind::Destroy => destroy(),
        CommandKind::CleanupRetainedVolume => clean_up(None),
        CommandKind::ReassociateVolume => reassociate("vol-7"),
        CommandKind::Resize => resize(4_096),
        CommandKind::RestoreSnapshot => restore("vs-1"),
        CommandKind::RetryLookup => Command::RetryLookup,
        CommandKind::AcceptDataLoss => Command::AcceptDataLoss,
        CommandKind::Refresh => Command::Refresh,
    }
}
