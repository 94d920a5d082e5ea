//! Which commands are taken on in which status (section 4), and what each of them begins.
//!
//! *Guarantees*: a command turned down changes nothing; the same table answers the command and shows what is allowed.

use super::destroy::{self, Destroying};
use super::holdings::{Cause, Thing};
use super::note::Note;
use super::phase::Phase;
use super::reassociate::Reassociating;
use super::restart::Restarting;
use super::restore::{Previous, Restoring};
use super::start::Starting;
use super::stop::Stopping;
use super::turn::Turn;
use super::watch::Watch;
use super::{Instance, alarm, birth, dispose};
use crate::call::Call;
use crate::command::{Code, Command, CommandKind, Provision, Rejection, RequestId};
use crate::event::{Action, Milestone};
use crate::id::{Image, SnapshotId, VolumeId};
use crate::status::Status;
use crate::step::{Ignored, Verdict};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};

/// What the table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Cell {
    Accepted,
    Nothing,
    Rejected(Code),
}

use Cell::{Accepted as A, Nothing as N, Rejected as R};
use smol_str::SmolStr;

/// One row per command, one column per status.
fn cell(command: CommandKind, status: Status) -> Cell {
    use Code::{Busy, Destroying, MustBeStopped, NothingLost, Recovering, Restoring};
    //         provisioned starting running stopping stopped restarting recovering restoring destroying
    let row = match command {
        CommandKind::Provision => [A, A, A, A, A, A, R(Recovering), R(Restoring), R(Destroying)],
        CommandKind::Start => [A, N, A, R(Busy), A, R(Busy), R(Recovering), R(Restoring), R(Destroying)],
        CommandKind::Stop => [N, N, A, N, N, N, N, N, N],
        CommandKind::Restart => [R(Busy), R(Busy), A, R(Busy), A, R(Busy), R(Busy), R(Busy), R(Busy)],
        CommandKind::Destroy => [A, A, A, A, A, A, R(Recovering), R(Restoring), N],
        CommandKind::CleanupRetainedVolume => [A, A, A, A, A, A, R(Recovering), A, N],
        CommandKind::ReassociateVolume => {
            let no = R(MustBeStopped);
            [no, no, no, no, A, no, R(Recovering), R(Restoring), R(Destroying)]
        }
        CommandKind::Resize => {
            [A, R(Busy), R(MustBeStopped), R(Busy), A, R(Busy), R(Recovering), R(Restoring), R(Destroying)]
        }
        CommandKind::RestoreSnapshot => [A, R(Busy), A, R(Busy), A, R(Busy), R(Recovering), N, R(Destroying)],
        CommandKind::RetryLookup => [A, A, A, A, A, A, A, A, R(Destroying)],
        CommandKind::AcceptDataLoss => {
            [R(NothingLost), R(Busy), R(Busy), R(Busy), A, R(Busy), R(Recovering), R(Restoring), R(Destroying)]
        }
        CommandKind::Refresh => [N, N, A, N, N, N, N, N, N],
    };
    let column = Status::ALL.iter().position(|listed| *listed == status);
    column.and_then(|at| row.get(at)).copied().unwrap_or(R(Busy))
}

/// What the table says, together with what it does not: the machine, the missing volume, a reassociation under way.
pub(super) fn gate(me: &Instance, command: CommandKind) -> Result<Cell, Rejection> {
    let status = me.status();
    let unasked = matches!(&me.phase, Phase::Destroying(destroying) if !destroying.is_asked_for());
    // What removes itself as stale may turn out not to be; what somebody wants gone goes.
    let cell = if unasked && command == CommandKind::Destroy { A } else { cell(command, status) };
    let code = match (command, cell) {
        (CommandKind::Restart, _) if me.machine().is_none() => Some(Code::NoMachine),
        (_, R(code)) => Some(code),
        (CommandKind::Start | CommandKind::Restart | CommandKind::CleanupRetainedVolume, A) if me.missing.is_some() => {
            Some(Code::DataVolumeMissing)
        }
        (CommandKind::AcceptDataLoss, A) if me.missing.is_none() => Some(Code::NothingLost),
        (command, A) if matches!(me.phase, Phase::Reassociating(_)) && begins_work(command) => Some(Code::Busy),
        (_, A | N) => None,
    };
    match code {
        Some(code) => Err(reject(me, command, code)),
        None => Ok(cell),
    }
}

/// Whether the command would end a reassociation that is under way. Only a destroy may.
fn begins_work(command: CommandKind) -> bool {
    match command {
        CommandKind::Start
        | CommandKind::Stop
        | CommandKind::Restart
        | CommandKind::ReassociateVolume
        | CommandKind::RestoreSnapshot
        | CommandKind::AcceptDataLoss => true,
        CommandKind::Provision
        | CommandKind::Destroy
        | CommandKind::CleanupRetainedVolume
        | CommandKind::Resize
        | CommandKind::RetryLookup
        | CommandKind::Refresh => false,
    }
}

pub(super) fn reject(me: &Instance, command: CommandKind, code: Code) -> Rejection {
    let (status, verb) = (me.status(), command.as_str().replace('_', " "));
    let message = match code {
        Code::NoMachine => "Cannot restart: there is no machine.".to_string(),
        Code::NothingLost => "Cannot accept a data loss: the data volume is not missing.".to_string(),
        Code::DataVolumeMissing => {
            let missing = super::ensure::missing_message(me.volume.as_ref());
            format!("Cannot {verb}: {missing}. Reassociate a volume, restore a snapshot, or accept the loss.")
        }
        Code::Recovering => format!("Cannot {verb}: instance is recovering from an unexpected stop."),
        Code::Restoring => format!("Cannot {verb}: instance is restoring from snapshot."),
        Code::Destroying => format!("Cannot {verb}: instance is being destroyed."),
        Code::MustBeStopped => format!("Cannot {verb}: instance must be stopped before, and is {status}."),
        Code::NotProvisioned
        | Code::Busy
        | Code::InvalidArgument
        | Code::IdentityMismatch
        | Code::NotOurs
        | Code::HeldBack
        | Code::CleanupFailed
        | Code::SameVolume
        | Code::VolumeNotFound
        | Code::VolumeUnusable
        | Code::ForeignHolder
        | Code::ForeignVolume
        | Code::Unavailable => format!("Cannot {verb}: instance is busy ({status})."),
    };
    Rejection { code, status: Some(status), message }
}

fn invalid(me: &Instance, message: String) -> Verdict {
    Verdict::Denied(Rejection { code: Code::InvalidArgument, status: Some(me.status()), message })
}

/// A command.
pub(super) fn command(t: &mut Turn<'_>, command: Command) -> Verdict {
    let kind = command.kind();
    match gate(&t.me, kind) {
        Err(rejection) => return Verdict::Denied(rejection),
        Ok(Cell::Nothing) => return Verdict::Ignored(Ignored::NothingToDo),
        Ok(Cell::Accepted | Cell::Rejected(_)) => {}
    }
    match command {
        Command::Provision(provision) => reconfigure(t, *provision),
        Command::Start { reason } => start(t, reason),
        Command::Stop { reason } => {
            begin(t, kind, reason.as_deref());
            t.switch(Stopping::begin(t.now));
            go(t)
        }
        Command::Restart { image } => restart(t, image),
        Command::Destroy { reason } => {
            begin(t, kind, None);
            t.switch(Destroying::begun(t.now));
            destroy::announce(t, reason.as_deref());
            go(t)
        }
        Command::CleanupRetainedVolume { volume } => clean_up(t, volume.as_ref()),
        Command::ReassociateVolume { volume, reason } => reassociate(t, volume, reason),
        Command::Resize { guest } => {
            t.me.spec.guest = Some(guest);
            Verdict::Applied
        }
        Command::RestoreSnapshot { snapshot, reason } => restore(t, snapshot, reason.as_deref()),
        Command::RetryLookup => {
            t.me.looked_up_at = None;
            alarm::pull_look(t);
            Verdict::Applied
        }
        Command::AcceptDataLoss => accept_data_loss(t),
        Command::Refresh => refresh(t),
    }
}

fn begin(t: &mut Turn<'_>, command: CommandKind, reason: Option<&str>) {
    t.me.reason = reason.map_or(SmolStr::new_static(command.as_str()), |reason| reason.chars().take(200).collect());
}

fn go(t: &mut Turn<'_>) -> Verdict {
    t.proceed();
    Verdict::Applied
}

fn reconfigure(t: &mut Turn<'_>, provision: Provision) -> Verdict {
    if provision.identity != t.me.identity {
        let message = "Cannot provision: the sandbox belongs to another user or app.".to_string();
        return Verdict::Denied(Rejection { code: Code::IdentityMismatch, status: Some(t.me.status()), message });
    }
    if let Err(message) = birth::check(&provision.spec) {
        return invalid(&t.me, message);
    }
    let (given, known) = (provision.spec, &mut t.me.spec);
    known.guest = given.guest.or(known.guest);
    known.volume_size_gb = given.volume_size_gb.or(known.volume_size_gb);
    known.regions = given.regions.or(known.regions.take());
    known.image = given.image.or(known.image.take());
    Verdict::Applied
}

/// A running instance is only looked at. A volume that is already being made is taken over.
fn start(t: &mut Turn<'_>, reason: Option<String>) -> Verdict {
    if t.me.status() == Status::Running {
        alarm::pull_look(t);
        return Verdict::Applied;
    }
    begin(t, CommandKind::Start, reason.as_deref());
    t.me.errors.start = None;
    let being_made = match &t.me.phase {
        Phase::Provisioned(watch) | Phase::Stopped(watch) => watch.placing(),
        Phase::Starting(_)
        | Phase::Running(_)
        | Phase::Stopping(_)
        | Phase::Reassociating(_)
        | Phase::Restarting(_)
        | Phase::Recovering(_)
        | Phase::Restoring(_)
        | Phase::Destroying(_) => None,
    };
    match being_made {
        Some(ensure) => t.take_over(Phase::Starting(Box::new(Starting::with_volume(t.now, ensure)))),
        None => {
            let starting = Starting::begin(t);
            t.switch(Phase::Starting(Box::new(starting)));
        }
    }
    go(t)
}

fn restart(t: &mut Turn<'_>, image: Option<Image>) -> Verdict {
    begin(t, CommandKind::Restart, None);
    let label = image.as_ref().map_or_else(|| "redeploy-same-image".to_string(), |image| format!("pin-to-tag:{image}"));
    t.me.spec.image = image.or(t.me.spec.image.take());
    t.me.errors.restart = None;
    t.emit(Note::new(Milestone::Restarting).status(Status::Restarting).label(label));
    t.switch(Restarting::begin(t.now));
    go(t)
}

fn clean_up(t: &mut Turn<'_>, only: Option<&VolumeId>) -> Verdict {
    begin(t, CommandKind::CleanupRetainedVolume, None);
    let id = RequestId(t.me.number());
    if !dispose::clean_up(t, id, only) {
        t.reply(id, Ok(crate::command::Answer::Deleted(None)));
        return Verdict::Pending(id);
    }
    t.keep();
    t.proceed();
    Verdict::Pending(id)
}

fn reassociate(t: &mut Turn<'_>, volume: VolumeId, reason: String) -> Verdict {
    let length = reason.chars().count();
    if !(10..=500).contains(&length) {
        return invalid(&t.me, format!("reason: expected 10 to 500 characters, got {length}"));
    }
    if t.me.volume.as_ref() == Some(&volume) {
        let message = format!("Volume {volume} is the instance's volume already.");
        return Verdict::Denied(Rejection { code: Code::SameVolume, status: Some(t.me.status()), message });
    }
    begin(t, CommandKind::ReassociateVolume, None);
    let id = RequestId(t.me.number());
    t.switch(Reassociating::begin(volume, id, reason));
    t.proceed();
    Verdict::Pending(id)
}

fn restore(t: &mut Turn<'_>, snapshot: SnapshotId, reason: Option<&str>) -> Verdict {
    begin(t, CommandKind::RestoreSnapshot, reason);
    let previous = match t.me.status() {
        Status::Provisioned => Previous::Provisioned,
        Status::Running => Previous::Running,
        Status::Starting
        | Status::Stopping
        | Status::Stopped
        | Status::Restarting
        | Status::Recovering
        | Status::Restoring
        | Status::Destroying => Previous::Stopped,
    };
    t.me.errors.restore = None;
    t.emit(Note::new(Milestone::RestoreEnqueued).status(Status::Restoring).label("admin_snapshot_restore"));
    let phase = Restoring::begin(t, previous, snapshot);
    t.switch(phase);
    go(t)
}

/// The next alarm, at once, makes an empty volume.
fn accept_data_loss(t: &mut Turn<'_>) -> Verdict {
    begin(t, CommandKind::AcceptDataLoss, None);
    t.log(Action::AcceptDataLoss);
    let refused = t.me.missing.take().is_some_and(|missing| missing.refused);
    t.me.errors.start = None;
    t.me.fresh_allowed = true;
    let until = t.now.plus(t.policy.retention_ms);
    t.me.retain_anew(until);
    if let Some(lost) = t.me.volume.take() {
        if refused {
            // It is there, and must not be found again as what is to be mounted.
            t.me.dispose(Thing::Volume(lost.clone()), Cause::Kept, until);
        }
        t.me.previous_volume = Some(lost);
    }
    t.switch(Phase::Stopped(Watch::default()));
    t.rest();
    alarm::pull_look(t);
    Verdict::Applied
}

fn refresh(t: &mut Turn<'_>) -> Verdict {
    let soon = t.me.refreshed_at.is_some_and(|at| t.now.since(at) < t.policy.refresh_throttle_ms);
    let Some(machine) = t.me.machine.clone().filter(|_| !soon && t.me.in_flight.is_none() && t.me.resting) else {
        return Verdict::Ignored(Ignored::NothingToDo);
    };
    begin(t, CommandKind::Refresh, None);
    t.me.refreshed_at = Some(t.now);
    t.me.phase = Phase::Running(Watch::Refresh);
    t.me.resting = false;
    t.ask(Call::GetMachine { machine: machine.id });
    Verdict::Applied
}
