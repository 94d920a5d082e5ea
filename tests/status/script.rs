//! One instance, led by hand: every step is held to the laws that all steps obey, and shown as text for the test to compare.

use crate::words::{self, Names};
use kiloclaw_lifecycle::call::{Call, Done, Operation};
use kiloclaw_lifecycle::command::{Command, Provision, RequestId, Spec};
use kiloclaw_lifecycle::event::Event;
use kiloclaw_lifecycle::fault::Fault;
use kiloclaw_lifecycle::id::{Identity, SandboxId, UserId};
use kiloclaw_lifecycle::persist::{self, flat};
use kiloclaw_lifecycle::{Alarm, Effect, Input, Instance, Knobs, Policy, Status, Step, Timestamp, Verdict, step};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Noon of the day on which every script begins.
pub(crate) const NOON: u64 = 1_775_476_800_000;
/// How long the provider takes for an answer.
pub(crate) const LATENCY_MS: u64 = 1_000;

pub(crate) const SECOND: u64 = 1_000;
pub(crate) const MINUTE: u64 = 60 * SECOND;
pub(crate) const HOUR: u64 = 60 * MINUTE;
pub(crate) const DAY: u64 = 24 * HOUR;

/// What came out of one step.
pub(crate) struct Got {
    pub(crate) verdict: Verdict,
    pub(crate) calls: Vec<Call>,
    pub(crate) events: Vec<Event>,
    pub(crate) alarm: Option<Alarm>,
    pub(crate) status: Option<Status>,
    /// All of it, one thing per line.
    pub(crate) text: String,
}

impl Got {
    /// The whole step, and nothing else. Indentation does not matter.
    #[track_caller]
    pub(crate) fn is(&self, expected: &str) {
        let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let got: Vec<&str> = self.text.lines().collect();
        assert!(got == expected, "wanted:\n{}\n\ngot:\n{}\n", expected.join("\n"), self.text);
    }
}

#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) policy: Policy,
    pub(crate) now: Timestamp,
    pub(crate) instance: Option<Instance>,
    /// The call in flight.
    pub(crate) call: Option<Operation>,
    pub(crate) names: Names,
    numbers: BTreeSet<u64>,
    keys: BTreeSet<String>,
}

/// The default policy without jitter, so that alarms can be told in advance.
pub(crate) fn knobs() -> Knobs {
    Knobs { alarm_jitter_ms: 0, ..Knobs::default() }
}

pub(crate) fn identity() -> Identity {
    Identity { user: UserId::new("user-1").unwrap(), sandbox: SandboxId::new("sandbox-1").unwrap(), app: None }
}

pub(crate) fn provision(spec: Spec) -> Command {
    Command::Provision(Box::new(Provision { identity: identity(), seed: 7, spec }))
}

impl Script {
    /// No instance.
    pub(crate) fn none(knobs: Knobs) -> Self {
        let (numbers, keys) = (BTreeSet::new(), BTreeSet::new());
        let (policy, now) = (Policy::new(knobs).unwrap(), Timestamp::from_millis(NOON));
        Self { policy, now, instance: None, call: None, names: Names::default(), numbers, keys }
    }

    /// An instance as a flat record describes it: machine `m1` on volume `vol-1` in `iad`, with what `changes` says instead.
    pub(crate) fn flat_under(knobs: Knobs, status: &str, changes: Value) -> Self {
        let mut script = Self::none(knobs);
        let mut record = json!({
            "userId": "user-1", "sandboxId": "sandbox-1", "status": status, "provisionedAt": NOON - 2 * DAY,
            "flyMachineId": "m1", "flyVolumeId": "vol-1", "flyRegion": "iad", "lastStartedAt": NOON - DAY,
        });
        let known = record.as_object_mut().unwrap();
        known.extend(changes.as_object().unwrap().clone());
        script.instance = flat::import(known, 7, &script.policy, script.now).unwrap();
        script
    }

    pub(crate) fn flat(status: &str, changes: Value) -> Self {
        Self::flat_under(knobs(), status, changes)
    }

    pub(crate) fn running() -> Self {
        Self::flat("running", json!({}))
    }

    pub(crate) fn stopped() -> Self {
        Self::flat("stopped", json!({ "lastStoppedAt": NOON - HOUR }))
    }

    /// Registered, and nothing more.
    pub(crate) fn provisioned() -> Self {
        let mut script = Self::none(knobs());
        script.command(provision(Spec::default()));
        script
    }

    pub(crate) fn status(&self) -> Option<Status> {
        self.instance.as_ref().map(Instance::status)
    }

    /// Time passes.
    pub(crate) fn after(&mut self, ms: u64) -> &mut Self {
        self.now = self.now.plus(ms);
        self
    }

    pub(crate) fn command(&mut self, command: Command) -> Got {
        self.give(Input::Command(command))
    }

    /// The alarm rings when it is due.
    #[track_caller]
    pub(crate) fn alarm(&mut self) -> Got {
        self.now = self.now.max(self.instance.as_ref().unwrap().alarm().at);
        self.give(Input::Alarm)
    }

    /// An alarm rings now, whatever is due.
    pub(crate) fn ring(&mut self) -> Got {
        self.give(Input::Alarm)
    }

    pub(crate) fn resume(&mut self) -> Got {
        self.give(Input::Resume)
    }

    /// The call in flight ends, with an answer to what it asks.
    #[track_caller]
    pub(crate) fn answer(&mut self, result: Result<Done, Fault>) -> Got {
        let asked = self.call.as_ref().expect("a call in flight");
        let op = asked.id;
        let (question, answer) = (thing_asked(&asked.call), thing_seen(&result));
        assert!(answer.is_none() || question.is_none() || question == answer, "{answer:?} is not {question:?}");
        self.after(LATENCY_MS);
        let got = self.give(Input::Outcome { op, result });
        assert_eq!(got.verdict, Verdict::Applied, "an answer that fits the call");
        got
    }

    /// The calls in flight end, one after the other.
    #[track_caller]
    pub(crate) fn answers(&mut self, results: impl IntoIterator<Item = Result<Done, Fault>>) -> &mut Self {
        for result in results {
            self.answer(result);
        }
        self
    }

    /// One step.
    #[track_caller]
    pub(crate) fn give(&mut self, input: Input) -> Got {
        let before = self.instance.clone();
        let made = step(before.as_ref(), &self.policy, self.now, input.clone());
        assert_eq!(made, step(before.as_ref(), &self.policy, self.now, input), "T1");
        let committed = self.lawful(before.as_ref(), &made);
        let verdict = made.verdict.clone();
        let (next, effects) = made.committed();
        self.instance = next.map(|next| *next);
        self.call.take_if(|call| self.instance.as_ref().and_then(Instance::in_flight) != Some(call.id));
        let text = words::step(self, before.as_ref(), &verdict, committed, &effects);
        let (mut calls, mut events) = (Vec::new(), Vec::new());
        for effect in effects {
            match effect {
                Effect::Call(call) => {
                    calls.push(call.call.clone());
                    self.call = Some(*call);
                }
                Effect::EmitEvent(event) => events.push(*event),
                Effect::ScheduleAlarm(_) | Effect::EvictRegion { .. } | Effect::Reply { .. } | Effect::Forget => {}
            }
        }
        let (alarm, status) = (self.instance.as_ref().map(Instance::alarm), self.status());
        Got { verdict, calls, events, alarm, status, text }
    }

    /// What holds for every step of every instance. Returns whether the step has to be committed.
    #[track_caller]
    fn lawful(&mut self, before: Option<&Instance>, made: &Step) -> bool {
        let committed = made.needs_commit();
        let refused = matches!(made.verdict, Verdict::Ignored(_) | Verdict::Denied(_));
        let (next, effects) = made.clone().committed();
        let calls: Vec<&Operation> = effects.iter().filter_map(as_call).collect();
        assert!(calls.len() <= 1, "T3: {calls:?}");
        if refused {
            assert!(!committed && next.as_deref() == before, "what is turned down changes nothing");
            assert_eq!(effects.len(), usize::from(next.is_some()), "only the alarm there is");
        }
        if let Verdict::Denied(rejection) = &made.verdict {
            assert_eq!(rejection.status, before.map(Instance::status));
            assert!(rejection.message.len() > 10, "a sentence: {rejection}");
        }
        // An alarm that is overdue is asked for again, for now.
        let due = next.as_deref().map(Instance::alarm).map(|alarm| Alarm { at: alarm.at.max(self.now), ..alarm });
        let alarms: Vec<Alarm> = effects.iter().filter_map(as_alarm).collect();
        assert_eq!(alarms, due.into_iter().collect::<Vec<_>>(), "T7");
        assert_eq!(effects.contains(&Effect::Forget), before.is_some() && next.is_none());
        if let (Some(before), Some(next)) = (before, &next) {
            let (was, is) = (before.alarm(), next.alarm());
            assert!(is == was || is.generation > was.generation, "a changed alarm has a new generation");
        }
        for call in calls {
            assert_eq!(next.as_deref().and_then(Instance::in_flight), Some(call.id), "T3");
            assert!(self.numbers.insert(call.id.number), "T3: {} was used before", call.id);
            assert_eq!(call.deadline, self.now.plus(self.policy.call_deadline_ms + 1));
            assert_eq!(Some(&call.identity), next.as_deref().map(Instance::identity));
            assert!(committed || !call.id.kind.mutates(), "T2: {}", call.id);
        }
        for event in effects.iter().filter_map(as_event) {
            assert!(committed, "T9: an event without a commit");
            assert!(self.keys.insert(event.key.clone()), "T9: {} was used before", event.key);
            assert_eq!((event.at, event.user.as_str(), event.sandbox.as_str()), (self.now, "user-1", "sandbox-1"));
            assert!(event.error.as_ref().is_none_or(|error| error.chars().count() <= 200));
        }
        let answered: Vec<RequestId> = effects.iter().filter_map(as_request).collect();
        assert!(committed || answered.is_empty());
        assert!(answered.iter().collect::<BTreeSet<_>>().len() == answered.len(), "one answer each: {answered:?}");
        if let Some(next) = next.as_deref() {
            let stored = persist::encode(next).unwrap();
            assert_eq!(persist::decode(&stored).as_deref(), Ok(next), "I7");
        }
        committed
    }
}

/// The one thing that the call looks at.
fn thing_asked(call: &Call) -> Option<&str> {
    if let Call::GetMachine { machine } = call { Some(machine.as_str()) } else { volume_asked(call) }
}

fn volume_asked(call: &Call) -> Option<&str> {
    if let Call::GetVolume { volume } = call { Some(volume.as_str()) } else { None }
}

/// The one thing that the answer shows.
fn thing_seen(answer: &Result<Done, Fault>) -> Option<&str> {
    if let Ok(Done::Machine(machine)) = answer { Some(machine.id.as_str()) } else { volume_seen(answer) }
}

fn volume_seen(answer: &Result<Done, Fault>) -> Option<&str> {
    if let Ok(Done::Volume(volume)) = answer { Some(volume.id.as_str()) } else { None }
}

fn as_call(effect: &Effect) -> Option<&Operation> {
    if let Effect::Call(call) = effect { Some(call) } else { None }
}

fn as_request(effect: &Effect) -> Option<RequestId> {
    if let Effect::Reply { to, .. } = effect { Some(*to) } else { None }
}

fn as_alarm(effect: &Effect) -> Option<Alarm> {
    if let Effect::ScheduleAlarm(alarm) = effect { Some(*alarm) } else { None }
}

fn as_event(effect: &Effect) -> Option<&Event> {
    if let Effect::EmitEvent(event) = effect { Some(event) } else { None }
}
