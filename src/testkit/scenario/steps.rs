//! The `steps` member of a scenario.

use super::Malformed;
use super::command::{self, Wish};
use super::cursor::At;
use super::fly::{self, MachineParts, VolumeParts};
use crate::testkit::world::Boot;
use alloc::string::String;
use alloc::vec::Vec;

/// One step.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Let time pass to the armed alarm and fire it.
    Alarm,
    /// Fire an alarm now.
    AlarmNow,
    /// Let time pass.
    Advance(u64),
    Command(Wish),
    Machine(String, MachineParts),
    Volume(String, VolumeParts),
    /// The host is restarted.
    Resume,
    Health(bool),
    Boot(Boot),
    Capacity(Vec<(String, u64)>),
}

const KINDS: [&str; 8] = ["alarm", "advance", "command", "fly", "resume", "health", "boot", "capacity"];

pub(super) fn step(at: &At<'_>) -> Result<Step, Malformed> {
    let members = at.object(None)?;
    let found: Vec<&str> = KINDS.into_iter().filter(|kind| members.get(kind).is_some()).collect();
    let [kind] = found.as_slice() else {
        return Err(at.wrong("a step with one of alarm, advance, command, fly, resume, health, boot, capacity"));
    };
    if *kind == "command" {
        return command::wish(at).map(Step::Command);
    }
    let members = at.object(Some(&[kind]))?;
    let value = members.need(kind, "a value")?;
    match *kind {
        "alarm" if value.value.as_str() == Some("now") => Ok(Step::AlarmNow),
        "alarm" => value.yes().map(|()| Step::Alarm).map_err(|_| value.wrong("true or \"now\"")),
        "advance" => value.span().map(Step::Advance),
        "fly" => change(&value),
        "resume" => value.yes().map(|()| Step::Resume),
        "health" => fly::health(&value).map(Step::Health),
        "boot" => fly::boot(&value).map(Step::Boot),
        _ => fly::capacity(&value).map(Step::Capacity),
    }
}

fn change(at: &At<'_>) -> Result<Step, Malformed> {
    let members = at.object(None)?;
    match (members.get("machine"), members.get("volume")) {
        (Some(machine), None) => Ok(Step::Machine(machine.string()?, fly::machine_parts(at, "machine")?)),
        (None, Some(volume)) => Ok(Step::Volume(volume.string()?, fly::volume_parts(at, "volume")?)),
        (Some(_), Some(_)) | (None, None) => Err(at.wrong("a change with one of machine, volume")),
    }
}
