//! What led to the present status.

use super::date;
use crate::instance::phase::Phase;
use crate::instance::view::ErrorKind;
use crate::instance::{Instance, Noted};
use alloc::format;
use alloc::string::{String, ToString};

/// A sentence without its full stop.
pub(super) fn of(me: &Instance) -> String {
    let since = me.since().map_or_else(String::new, |at| format!(" since {}", date(at)));
    match &me.phase {
        Phase::Provisioned(_) => format!("The instance has been registered{since} and was never started"),
        Phase::Starting(_) => format!("The instance has been starting{since}{}", but(me.errors.start.as_ref())),
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
            let error = but(me.errors.restart.as_ref());
            format!("A new configuration has been on its way to the machine{since}; {sent}{error}")
        }
        Phase::Recovering(recovering) => {
            format!(
                "The machine stopped unexpectedly; recovery attempt {} has been under way{since}",
                recovering.attempt
            )
        }
        Phase::Restoring(_) => format!("The volume has been being replaced by one made from a snapshot{since}"),
        Phase::Destroying(_) => destroying(me),
    }
}

fn but(noted: Option<&Noted>) -> String {
    noted.map_or_else(String::new, |noted| format!(", but: {}", noted.message))
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
        Some(error) => format!("the last {} did not work: {}", work(error.kind), error.message),
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
    let error = me.errors.destroy.as_ref().map(|error| &error.noted).filter(|_| left > 0);
    match left {
        0 => "The instance is being removed, and nothing that is known of it is left".to_string(),
        1 => format!("The instance is being removed, and one thing is left{}", but(error)),
        _ => format!("The instance is being removed, and {left} things are left{}", but(error)),
    }
}
