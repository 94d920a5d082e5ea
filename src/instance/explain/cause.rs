//! What led to the present status.

use crate::command::CommandKind;
use crate::instance::phase::Phase;
use crate::instance::view::ErrorKind;
use crate::instance::{Instance, Noted};
use alloc::format;
use alloc::string::{String, ToString};

/// A sentence without its full stop.
pub(super) fn of(me: &Instance) -> String {
    let since = me.since().map_or_else(String::new, |at| format!(" since {}", at));
    match &me.phase {
        Phase::Provisioned(_) => {
            let at = me.provisioned_at.map_or_else(String::new, |at| format!(" at {}", at));
            format!("The instance was registered{at} and has never been started")
        }
        Phase::Starting(_) => format!("The instance has been starting{since}{}", error(me.errors.start.as_deref())),
        Phase::Running(_) => running(me, &since),
        Phase::Stopping(_) => format!("The instance has been stopping{since}, because a stop was asked for"),
        Phase::Stopped(_) => format!("The instance has been stopped{since}, because {}", stopped(me)),
        Phase::Reassociating(task) => {
            let old = me.volume.as_ref().map_or_else(String::new, |old| format!(" in place of {old}"));
            format!("The instance is stopped while it is given volume {}{old}, as an admin has asked", task.target)
        }
        Phase::Restarting(restarting) => {
            let sent =
                if restarting.sent { "the machine has taken it on" } else { "the machine has not taken it on yet" };
            let trouble = error(me.errors.restart.as_deref());
            format!("A new configuration has been on its way to the machine{since}; {sent}{trouble}")
        }
        Phase::Recovering(recovering) => {
            format!(
                "The machine stopped unexpectedly; recovery attempt {} has been under way{since}",
                recovering.attempt
            )
        }
        Phase::Restoring(_) => {
            format!("The volume is to be replaced by one made from a snapshot, which has been under way{since}")
        }
        Phase::Destroying(_) => destroying(me),
    }
}

fn error(noted: Option<&Noted>) -> String {
    noted.map_or_else(String::new, |noted| format!("; the last error was: {}", noted.message))
}

fn running(me: &Instance, since: &str) -> String {
    let trouble = match (me.fail_count, me.last_error()) {
        (0, None) => String::new(),
        (0, Some(error)) => format!("; the last {} did not work: {}", work(error.kind), error.message),
        (1, _) => "; its machine was just seen stopped".to_string(),
        (count, _) => format!("; its machine was seen stopped {count} times in a row"),
    };
    format!("The instance has been running{since}{trouble}")
}

fn stopped(me: &Instance) -> String {
    if me.missing.is_some() {
        return me.volume.as_ref().map_or_else(
            || "its data volume is missing".to_string(),
            |volume| format!("its data volume {volume} is missing"),
        );
    }
    match me.last_error() {
        _ if me.fresh_allowed => "its data volume was lost, which an admin has accepted".to_string(),
        Some(error) => format!("the last {} did not work: {}", work(error.kind), error.message),
        None if me.reason == CommandKind::Stop.as_str() => "a stop was asked for".to_string(),
        None if me.machine.is_none() => "its machine is gone or was never made".to_string(),
        None => "a stop was asked for, or its machine was found down".to_string(),
    }
}

fn work(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Start => "start",
        ErrorKind::Stop => "stop",
        ErrorKind::Restart => "restart",
        ErrorKind::Recovery => "recovery",
        ErrorKind::Restore => "restore",
        ErrorKind::DestroyMachine | ErrorKind::DestroyVolume | ErrorKind::DestroyLookup | ErrorKind::Disposal => {
            "removal"
        }
    }
}

fn destroying(me: &Instance) -> String {
    let left = me.holdings.entries.iter().filter(|entry| !entry.abandoned).count();
    let trouble = me.errors.destroy.as_ref().map(|error| &error.noted);
    match left {
        0 => "The instance is being removed, and nothing that is known of it is left".to_string(),
        1 => format!("The instance is being removed, and one thing is left{}", error(trouble)),
        _ => format!("The instance is being removed, and {left} things are left{}", error(trouble)),
    }
}
