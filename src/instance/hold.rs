//! What keeps an entry of the disposal list from being removed, whatever its date.

use super::holdings::Relocation;
use super::{Entry, Instance};
use crate::status::Status;
use core::fmt;
use serde::{Deserialize, Serialize};

/// What holds a removal back, whatever its date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// The data volume is missing, and this may be the last copy.
    DataVolumeMissing,
    /// A restore is under way.
    RestoreUnderWay,
    /// The instance uses it, or is about to.
    InUse,
    /// The copy that the instance runs on has not been seen to do without it.
    CopyDependent,
    /// It would go at once, but the instance has not been seen healthy on the copy. Ends at its date.
    CopyUnproven,
    /// It may hold newer data than the data volume, and the instance has not been seen healthy without it.
    InstanceUnproven,
}

impl Hold {
    /// Whether no attempt is made at all meanwhile.
    pub(crate) fn bars_attempts(self) -> bool {
        match self {
            Self::DataVolumeMissing | Self::RestoreUnderWay | Self::InUse | Self::InstanceUnproven => true,
            Self::CopyDependent | Self::CopyUnproven => false,
        }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DataVolumeMissing => "the data volume is missing and this may be the last copy",
            Self::RestoreUnderWay => "a restore is under way",
            Self::InUse => "the instance uses it",
            Self::CopyDependent => "the copy has not been seen to do without it",
            Self::CopyUnproven => "the instance has not been seen healthy on the copy",
            Self::InstanceUnproven => "the instance has not been seen healthy without it",
        })
    }
}

/// What holds an entry back.
pub(crate) fn holds(me: &Instance, entry: &Entry) -> impl Iterator<Item = Hold> {
    let going = me.status() == Status::Destroying;
    let kept = entry.is_retained() && entry.asked.is_none();
    let used = entry.volume().is_some_and(|volume| me.uses_volume(volume))
        || entry.machine().is_some_and(|machine| me.uses_machine(machine));
    let copy = |fails: fn(&Relocation) -> bool| entry.relocation().is_some_and(fails);
    let missed = entry.volume().is_some() && me.missing.is_some();
    [
        (missed, Hold::DataVolumeMissing),
        (kept && me.status() == Status::Restoring, Hold::RestoreUnderWay),
        (used, Hold::InUse),
        (copy(|copy| !copy.hydrated), Hold::CopyDependent),
        (copy(|copy| copy.immediate && !copy.healthy), Hold::CopyUnproven),
        (entry.awaits_health && entry.asked.is_none(), Hold::InstanceUnproven),
    ]
    .into_iter()
    .filter_map(move |(holds, hold)| (holds && !going).then_some(hold))
}
