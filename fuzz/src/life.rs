//! An instance that is carried on by whatever comes in, and what must hold after each step.

use kiloclaw_lifecycle::call::Call;
use kiloclaw_lifecycle::persist::{self, flat};
use kiloclaw_lifecycle::{Effect, Input, Instance, Policy, Step, Timestamp, Verdict, step};

/// When everything begins.
pub(super) const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

pub(super) struct Life {
    pub(super) policy: Policy,
    pub(super) now: Timestamp,
    pub(super) instance: Option<Instance>,
    /// The call in flight.
    pub(super) call: Option<Call>,
}

impl Life {
    pub(super) fn of(instance: Instance) -> Self {
        kept(&instance);
        let call = instance.admin_view().call.map(|call| call.call);
        Self { policy: Policy::default(), now: NOW, instance: Some(instance), call }
    }

    /// Hands in an input, twice, and takes the step.
    pub(super) fn input(&mut self, input: Input) -> Verdict {
        let before = self.instance.take();
        let flew = before.as_ref().and_then(Instance::in_flight);
        let step = step(before.as_ref(), &self.policy, self.now, input.clone());
        let again = kiloclaw_lifecycle::step(before.as_ref(), &self.policy, self.now, input);
        assert_eq!(step, again, "the same arguments bring the same step");
        self.wakes(&step);
        let (verdict, needs_commit) = (step.verdict.clone(), step.needs_commit());
        let told = serde_json::to_string(&verdict).expect("a verdict can be written");
        assert_eq!(serde_json::from_str::<Verdict>(&told).ok().as_ref(), Some(&verdict), "{told}");
        let (next, effects) = step.committed();
        let in_flight = next.as_deref().and_then(Instance::in_flight);
        self.call.take_if(|_| in_flight.is_none() || in_flight != flew);
        for effect in effects {
            let Effect::Call(operation) = effect else { continue };
            assert_eq!(in_flight, Some(operation.id), "one call at a time, and the record knows of it");
            assert!(needs_commit || !operation.id.kind.mutates(), "{} leaves before a commit", operation.id);
            self.call = Some(operation.call);
        }
        if let Some(next) = &next {
            kept(next);
        }
        self.instance = next.map(|next| *next);
        verdict
    }

    /// The last instance can be explained and exported.
    pub(super) fn end(&self) {
        if let Some(instance) = &self.instance {
            let _ = instance.explain(&self.policy);
            exported(instance);
        }
    }

    /// A live instance always has an alarm, and it does not lie behind.
    fn wakes(&self, step: &Step) {
        match (&step.next, step.alarm()) {
            (Some(next), Some(alarm)) => {
                assert!(alarm.at >= self.now, "the alarm lies in the past: {alarm:?}");
                assert_eq!(alarm.at, next.alarm().at.max(self.now), "the alarm is the record's");
            }
            (Some(_), None) => assert!(!step.needs_commit(), "a step of a live instance sets no alarm"),
            (None, alarm) => assert_eq!(alarm, None, "an alarm without an instance"),
        }
    }

    /// An alarm on time.
    pub(super) fn ring(&mut self) -> Verdict {
        if let Some(instance) = &self.instance {
            self.now = self.now.max(instance.alarm().at);
        }
        self.input(Input::Alarm)
    }
}

/// What is stored brings the same instance back.
pub(super) fn kept(instance: &Instance) {
    let stored = persist::encode(instance).expect("every instance can be stored");
    let back = persist::decode(&stored);
    assert_eq!(back.as_deref(), Ok(instance), "what is stored brings the same instance back: {stored}");
    let again = back.ok().and_then(|back| persist::encode(&back).ok());
    assert_eq!(again, Some(stored), "byte for byte");
}

/// What is exported brings an instance back that looks the same.
pub(super) fn exported(instance: &Instance) {
    let view = instance.admin_view();
    serde_json::to_string(&view).expect("every view can be written");
    let record = flat::export(instance);
    match flat::import(&record, 99, &Policy::default(), NOW.plus(5)) {
        Ok(Some(back)) => {
            assert_eq!(back.admin_view(), view, "what is exported looks the same again");
            assert_eq!(flat::export(&back), record, "what is exported is exported in the same way again");
        }
        other => panic!("what was exported is taken for {other:?}"),
    }
}
