//! How to be wrong: the real machine, with something done to what it is told, to its record, or to the step it has decided.

use kiloclaw_lifecycle::call::{Call, Done};
use kiloclaw_lifecycle::step::{Effect, Ignored};
use kiloclaw_lifecycle::testkit::rig::{Core, Decided, Real};
use kiloclaw_lifecycle::{Alarm, Input, Instance, Policy, Timestamp, Verdict};
use serde_json::{Value, json};

/// What a machine is asked to decide.
pub(crate) struct Asked<'a> {
    pub(crate) record: Option<&'a Instance>,
    pub(crate) policy: &'a Policy,
    pub(crate) now: Timestamp,
    pub(crate) input: Input,
}

impl Asked<'_> {
    /// What the real machine decides.
    pub(crate) fn really(self) -> Decided {
        Real.step(self.record, self.policy, self.now, self.input)
    }

    /// What the real machine decides when its record is another.
    pub(crate) fn with_record(self, change: impl FnOnce(&mut Value)) -> Decided {
        let record = self.record.map(|record| rewritten(record, change));
        Real.step(record.as_ref(), self.policy, self.now, self.input)
    }

    /// What the real machine decides when it hears something else.
    pub(crate) fn hearing(mut self, change: impl FnOnce(&mut Done)) -> Decided {
        if let Input::Outcome { result: Ok(done), .. } = &mut self.input {
            change(done);
        }
        self.really()
    }

    /// A step in which nothing happens.
    pub(crate) fn ignored(self) -> Decided {
        let alarm = self.record.map(|record| Alarm { at: record.alarm().at.max(self.now), ..record.alarm() });
        Decided {
            verdict: Verdict::Ignored(Ignored::Stale),
            next: self.record.cloned().map(Box::new),
            effects: alarm.map(Effect::ScheduleAlarm).into_iter().collect(),
            needs_commit: false,
        }
    }
}

/// A machine that is wrong in one way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wrong(pub(crate) fn(Asked<'_>) -> Decided);

impl Core for Wrong {
    fn step(&self, record: Option<&Instance>, policy: &Policy, now: Timestamp, input: Input) -> Decided {
        (self.0)(Asked { record, policy, now, input })
    }
}

/// A record with something changed in its stored form.
pub(crate) fn rewritten(instance: &Instance, change: impl FnOnce(&mut Value)) -> Instance {
    let mut stored = serde_json::to_value(instance).unwrap();
    change(&mut stored);
    serde_json::from_value(stored).unwrap()
}

/// A step whose record is another.
pub(crate) fn with_next(mut decided: Decided, change: impl FnOnce(&mut Value)) -> Decided {
    decided.next = decided.next.map(|next| Box::new(rewritten(&next, change)));
    decided
}

/// The call that a step makes.
pub(crate) fn call_of(decided: &Decided) -> Option<&Call> {
    decided
        .effects
        .iter()
        .find_map(|effect| if let Effect::Call(operation) = effect { Some(&operation.call) } else { None })
}

/// A step that makes another call in place of the one it makes, and knows of it.
pub(crate) fn calling(mut decided: Decided, call: Call) -> Decided {
    for effect in &mut decided.effects {
        if let Effect::Call(operation) = effect {
            operation.call = call.clone();
            operation.id.kind = call.kind();
        }
    }
    decided.needs_commit |= call.kind().mutates();
    with_next(decided, |next| {
        next["in_flight"]["op"]["kind"] = json!(call.kind());
        next["in_flight"]["call"] = json!(call);
    })
}

/// The entries of a record's disposal list.
pub(crate) fn entries(record: &mut Value) -> &mut Vec<Value> {
    record["holdings"]["entries"].as_array_mut().unwrap()
}
