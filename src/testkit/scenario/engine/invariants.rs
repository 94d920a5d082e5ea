//! Has the invariants checked, whatever a file expects.

use super::Engine;
use crate::call::Operation;
use crate::driver::{Decision, Held};
use crate::instance::{self, Instance};
use crate::step::Input;
use crate::testkit::check::Seen;
use crate::testkit::request::Request;
use crate::testkit::world::Strike;
use alloc::string::ToString;

impl Engine<'_> {
    /// The record from which a step begins.
    pub(super) fn before(&mut self, held: Option<&Held>) -> Option<Instance> {
        held.map(|held| held.instance().clone()).or_else(|| self.stored())
    }

    /// A step was decided. It is taken again: the same arguments have to bring the same step.
    pub(super) fn decided(&mut self, before: Option<&Instance>, input: &Input, decision: &Decision) {
        let Some(checker) = &mut self.checker else { return };
        let (policy, now) = (&self.scenario.policy, decision.now());
        let seen = Seen::of(policy, now, before, input, decision.step());
        checker.step(&seen);
        let again = instance::step(before, policy, now, input.clone());
        checker.again(&seen, &Seen::of(policy, now, before, input, &again));
    }

    /// It was committed, if it had to be. `was` is what had been stored.
    pub(super) fn committed(&mut self, was: Option<&Instance>) {
        let stored = self.stored();
        let Some(checker) = &mut self.checker else { return };
        self.sim.with(|world| {
            checker.committed(was, stored.as_ref(), world);
            checker.rests(stored.as_ref(), world);
        });
        if stored.is_some() != self.alarm().is_some() {
            self.violated("I5 alarm: a stored record without one, or one without a record");
        }
    }

    /// A call leaves.
    pub(super) fn leaves(&mut self, operation: &Operation) {
        let stored = self.stored();
        let Some(checker) = &mut self.checker else { return };
        self.sim.with(|world| checker.leaves(operation, stored.as_ref(), world));
    }

    /// The provider has answered; with `strike` nobody knows what it did.
    pub(super) fn landed(&mut self, request: &Request, outcome: &Input, strike: Option<&Strike>) {
        if let (Input::Outcome { result, .. }, None, Some(checker)) = (outcome, strike, &mut self.checker) {
            checker.landed(request, result);
        }
        self.stands();
    }

    /// The file has changed the world.
    pub(super) fn disturbed(&mut self) {
        let stored = self.stored();
        let Some(checker) = &mut self.checker else { return };
        self.sim.with(|world| checker.disturbed(stored.as_ref(), world));
        self.stands();
    }

    fn stands(&mut self) {
        let stored = self.stored();
        let Some(checker) = &mut self.checker else { return };
        self.sim.with(|world| checker.rests(stored.as_ref(), world));
    }

    /// What did not hold, as the outcome shows it.
    pub(super) fn collect(&mut self) {
        let found = self.checker.as_ref().map(|checker| checker.violations().to_vec());
        for violation in found.unwrap_or_default() {
            self.violated(violation.to_string());
        }
    }
}
