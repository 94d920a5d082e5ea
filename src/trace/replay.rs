//! Decides everything in a trace again.
//!
//! *Guarantees*: keeps what is stored, who waits for the answer to a question, and which record that question was based on, as the driver and
//! its store do. An outcome of a question whose record has moved on is decided and not committed.
//!
//! *Assumes* nothing about which record an input was given to where it can have been more than one: the same question was asked twice, an
//! answer came twice, or a step that was not committed began before another host's was. There the recorded decision tells which it was;
//! where it fits more than one, the question that was asked first is answered first.

use super::decided::{self, Decided};
use super::difference::{self, Difference};
use super::read::{Entry, Trace};
use crate::id::SandboxId;
use crate::instance::{self, Instance};
use crate::persist;
use crate::policy::Policy;
use crate::step::{Effect, Input, Step};
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde_json::{Value, json};

/// How many questions of one process, and how many earlier records, are remembered.
const REMEMBERED: usize = 64;

/// What a replay brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// How many steps were decided again.
    pub steps: usize,
    /// Where they differ from the recorded ones, in the order of the trace. Later ones may only follow from the first.
    pub differences: Vec<Difference>,
}

impl Report {
    /// Where the replay first brings something else.
    pub fn first(&self) -> Option<&Difference> {
        self.differences.first()
    }
}

/// Decides every step again, under the recorded policy or another one.
///
/// After a difference it goes on with what it has decided itself, until a checkpoint says what is stored.
pub fn replay(trace: &Trace, policy: Option<Policy>) -> Report {
    let policy = policy.unwrap_or_else(|| trace.policy().clone());
    let lost = lost(trace);
    let mut lives: BTreeMap<&SandboxId, Life> = BTreeMap::new();
    let mut report = Report::default();
    let mut lines = trace.lines().iter().peekable();
    while let Some(line) = lines.next() {
        match &line.entry {
            Entry::Record { sandbox, instance } => {
                let life = lives.entry(sandbox).or_default();
                report.note(line.number, sandbox, life.checkpoint(instance.as_deref()));
            }
            Entry::In { sandbox, host, at, input } => {
                let Some(out) = lines.peek() else { continue };
                let Entry::Out { decided, .. } = &out.entry else { continue };
                let life = lives.entry(sandbox).or_default();
                let is_lost = lost.contains(&line.number);
                let may_be_late = is_lost || !decided.commit;
                let given = Given { host: *host, at: *at, input, is_lost, may_be_late };
                report.steps = report.steps.saturating_add(1);
                report.note(out.number, sandbox, life.step(&policy, &given, decided));
            }
            Entry::Crash { host } => lives.values_mut().for_each(|life| life.bereave(*host)),
            Entry::Out { .. } | Entry::Lost { .. } | Entry::Act { .. } => {}
        }
    }
    report
}

impl Report {
    fn note(&mut self, line: usize, sandbox: &SandboxId, places: Vec<difference::Place>) {
        self.differences.extend(places.into_iter().map(|(path, recorded, decided)| {
            let sandbox = sandbox.clone();
            Difference { line, sandbox, path, recorded, decided }
        }));
    }
}

/// The lines of the inputs whose steps were not committed.
fn lost(trace: &Trace) -> BTreeSet<usize> {
    let mut last = BTreeMap::new();
    let mut lost = BTreeSet::new();
    for line in trace.lines() {
        match &line.entry {
            Entry::In { sandbox, host, .. } => {
                last.insert((sandbox, *host), line.number);
            }
            Entry::Lost { sandbox, host } => lost.extend(last.get(&(sandbox, *host)).copied()),
            Entry::Record { .. } | Entry::Out { .. } | Entry::Crash { .. } | Entry::Act { .. } => {}
        }
    }
    lost
}

struct Given<'a> {
    host: u8,
    at: Timestamp,
    input: &'a Input,
    is_lost: bool,
    /// The record may have moved on since the host loaded it: no compare-and-swap has told.
    may_be_late: bool,
}

/// A record that a step can begin from.
#[derive(Clone, Default)]
struct Base {
    record: Option<Arc<Instance>>,
    /// Of what is stored; of a record that was not committed, of the one it came from.
    revision: u64,
}

impl Base {
    fn waits_for(&self, input: &Input) -> bool {
        let Input::Outcome { op, .. } = input else { return false };
        self.record.as_ref().and_then(|record| record.in_flight()) == Some(*op)
    }
}

/// Who waits for the answer to a question and was not committed.
struct Held {
    base: Base,
    /// How many have come.
    answers: u32,
}

impl Held {
    fn numbered((at, held): (usize, &Self)) -> (Option<usize>, &Base) {
        (Some(at), &held.base)
    }
}

/// One instance in the replay.
#[derive(Default)]
struct Life {
    /// The trace has said something about it.
    is_known: bool,
    stored: Base,
    /// What was stored before, the latest last.
    earlier: Vec<Base>,
    /// Per process, who waits for the answer to a question; the latest last.
    held: BTreeMap<u8, Vec<Held>>,
}

impl Life {
    fn checkpoint(&mut self, recorded: Option<&Instance>) -> Vec<difference::Place> {
        let differs = self.stored.record.as_deref() != recorded;
        let places = match self.is_known && differs {
            true => {
                let (recorded, own) = (recorded.map(stored), self.stored.record.as_deref().map(stored));
                difference::places(recorded.as_ref(), own.as_ref())
            }
            false => Vec::new(),
        };
        if differs {
            self.store(recorded.cloned().map(Box::new));
        }
        self.is_known = true;
        places
    }

    fn step(&mut self, policy: &Policy, given: &Given<'_>, recorded: &Decided) -> Vec<difference::Place> {
        self.is_known = true;
        let (base, step, decided) = self.decide(policy, given, recorded);
        let places = match decided == *recorded {
            true => Vec::new(),
            false => difference::places(Some(&decided::value(recorded)), Some(&decided::value(&decided))),
        };
        if given.is_lost {
            return places;
        }
        let asks = step.effects.iter().any(|effect| matches!(effect, Effect::Call(_)));
        if step.needs_commit && base.revision == self.stored.revision {
            self.store(step.next);
        } else if !step.needs_commit && asks {
            let held = self.held.entry(given.host).or_default();
            let base = Base { record: step.next.map(Arc::from), revision: base.revision };
            remember(held, Held { base, answers: 0 });
        }
        places
    }

    /// Decides on the record that brings the recorded decision; if none does, on the likeliest.
    fn decide(&mut self, policy: &Policy, given: &Given<'_>, recorded: &Decided) -> (Base, Step, Decided) {
        let decide = |(held, base): (Option<usize>, &Base)| {
            let step = instance::step(base.record.as_deref(), policy, given.at, given.input.clone());
            let decided = Decided::from(&step);
            (held, (base.clone(), step, decided))
        };
        let bases = self.bases(given);
        let fitting = bases.iter().copied().map(decide).find(|(_, (_, _, decided))| decided == recorded);
        let likeliest = || decide(bases.first().copied().unwrap_or((None, &self.stored)));
        let (held, taken) = fitting.unwrap_or_else(likeliest);
        let answered = held.and_then(|at| self.held.get_mut(&given.host)?.get_mut(at));
        if let Some(answered) = answered {
            answered.answers = answered.answers.saturating_add(1);
        }
        taken
    }

    /// The records that an input can have been given to, the likeliest first; of those that a process holds, also which they are.
    fn bases(&self, given: &Given<'_>) -> Vec<(Option<usize>, &Base)> {
        let mut held: Vec<(usize, &Held)> = self.held.get(&given.host).into_iter().flatten().enumerate().collect();
        held.retain(|(_, held)| held.base.waits_for(given.input));
        held.sort_by_key(|(_, held)| held.answers);
        let (present, stale): (Vec<_>, Vec<_>) =
            held.into_iter().partition(|(_, held)| held.base.revision == self.stored.revision);
        let earlier = self.earlier.iter().rev().filter(|_| given.may_be_late);
        let mut bases: Vec<(Option<usize>, &Base)> = present.into_iter().map(Held::numbered).collect();
        bases.push((None, &self.stored));
        bases.extend(stale.into_iter().map(Held::numbered));
        bases.extend(earlier.map(|base| (None, base)));
        bases
    }

    fn store(&mut self, next: Option<Box<Instance>>) {
        let stored = Base { record: next.map(Arc::from), revision: self.stored.revision.saturating_add(1) };
        remember(&mut self.earlier, core::mem::replace(&mut self.stored, stored));
    }

    fn bereave(&mut self, host: u8) {
        self.held.remove(&host);
    }
}

fn remember<T>(list: &mut Vec<T>, latest: T) {
    if list.len() >= REMEMBERED {
        list.remove(0);
    }
    list.push(latest);
}

/// The stored form as JSON.
fn stored(instance: &Instance) -> Value {
    json!({ "version": persist::VERSION, "instance": decided::value(instance) })
}
