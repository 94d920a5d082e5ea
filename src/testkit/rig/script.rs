//! The acts of a recorded run, to be played again.

use super::{Core, Rig, Timed};
use crate::testkit::trace::Recorder;
use crate::testkit::world::World;
use crate::time::Timestamp;
use crate::trace::{Entry, Trace};
use alloc::vec::Vec;

/// The acts that a trace holds; none in the trace of an incident, which has only inputs and decisions.
///
/// # Errors
/// What is wrong with the first act that cannot be read.
pub fn acts(trace: &Trace) -> Result<Vec<Timed>, serde_json::Error> {
    let entries = trace.lines().iter().map(|line| &line.entry);
    let acts = entries.filter_map(|entry| if let Entry::Act { at, act } = entry { Some((*at, act)) } else { None });
    acts.map(|(at, act)| Ok(Timed { at, act: serde_json::from_value(act.clone())? })).collect()
}

impl<C: Core> Rig<C> {
    /// A rig in which the acts of `trace` can happen again: an empty world at the time of the first one. It writes everything down.
    pub fn to_play(core: C, trace: &Trace, acts: &[Timed]) -> Self {
        let begin = acts.first().map_or(Timestamp::default(), |first| first.at);
        let mut rig = Self::new(core, trace.policy().clone(), World::new(begin));
        rig.record(Recorder::new(trace.policy()));
        rig
    }
}
