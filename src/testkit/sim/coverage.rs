//! What a simulation has exercised: part of its result.

use super::kind::Kind;
use crate::call::CallKind;
use crate::command::CommandKind;
use crate::event::{EventName, Milestone};
use crate::status::Status;
use crate::step::Verdict;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Counts, to be added up over seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Runs.
    pub seeds: u64,
    /// Steps taken.
    pub steps: u64,
    /// Time that has passed in the simulated world, times instances, in milliseconds.
    pub instance_ms: u64,
    /// Faults by kind.
    pub faults: BTreeMap<Kind, u64>,
    /// Times a process died.
    pub crashes: u64,
    /// In which status a call was made, and which.
    pub asked: BTreeMap<(Status, CallKind), u64>,
    /// In which status, during which call, the process died.
    pub crashed: BTreeMap<(Status, CallKind), u64>,
    /// Milestones told.
    pub told: BTreeMap<Milestone, u64>,
    /// Commands by what became of them: accepted, nothing to do, refused.
    pub commands: BTreeMap<CommandKind, [u64; 3]>,
}

impl Coverage {
    pub(super) fn fault(&mut self, kind: Kind) {
        add(&mut self.faults, kind, 1);
    }

    pub(super) fn told(&mut self, events: &[EventName]) {
        for event in events {
            if let EventName::Life(milestone) = event {
                add(&mut self.told, *milestone, 1);
            }
        }
    }

    pub(super) fn command(&mut self, kind: CommandKind, verdict: &Verdict) {
        let at = match verdict {
            Verdict::Applied | Verdict::Pending(_) => 0,
            Verdict::Ignored(_) => 1,
            Verdict::Denied(_) => 2,
        };
        if let Some(count) = self.commands.entry(kind).or_default().get_mut(at) {
            *count = count.saturating_add(1);
        }
    }

    pub(super) fn asked(&mut self, status: Status, call: CallKind) {
        add(&mut self.asked, (status, call), 1);
    }

    pub(super) fn crashed(&mut self, status: Status, call: CallKind) {
        add(&mut self.crashed, (status, call), 1);
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        self.seeds = self.seeds.saturating_add(other.seeds);
        self.steps = self.steps.saturating_add(other.steps);
        self.instance_ms = self.instance_ms.saturating_add(other.instance_ms);
        self.crashes = self.crashes.saturating_add(other.crashes);
        merge(&mut self.faults, &other.faults);
        merge(&mut self.asked, &other.asked);
        merge(&mut self.crashed, &other.crashed);
        merge(&mut self.told, &other.told);
        for (kind, counts) in &other.commands {
            let own = self.commands.entry(*kind).or_default();
            for (own, more) in own.iter_mut().zip(counts) {
                *own = own.saturating_add(*more);
            }
        }
    }

    /// How often something was told.
    pub fn milestone(&self, milestone: Milestone) -> u64 {
        self.told.get(&milestone).copied().unwrap_or(0)
    }

    /// Kinds of fault that never came.
    pub fn faults_missed(&self) -> Vec<Kind> {
        Kind::ALL.iter().copied().filter(|kind| !self.faults.contains_key(kind)).collect()
    }

    /// Calls that were made in a status in which no process ever died during one.
    pub fn crashes_missed(&self) -> Vec<(Status, CallKind)> {
        self.asked.keys().copied().filter(|pair| !self.crashed.contains_key(pair)).collect()
    }

    /// Milestones that were never told.
    pub fn milestones_missed(&self) -> Vec<Milestone> {
        Milestone::ALL.iter().copied().filter(|milestone| !self.told.contains_key(milestone)).collect()
    }
}

fn add<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K, more: u64) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(more);
}

fn merge<K: Ord + Copy>(counts: &mut BTreeMap<K, u64>, other: &BTreeMap<K, u64>) {
    for (key, more) in other {
        add(counts, *key, *more);
    }
}
