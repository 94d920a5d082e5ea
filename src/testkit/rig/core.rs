//! The machine under test: the real one, or one that is wrong on purpose.

use crate::instance::{self, Instance};
use crate::policy::Policy;
use crate::step::{Effect, Input, Step, Verdict};
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// A step, taken apart. Unlike a [`Step`] it can be made by hand, so that tests can make wrong ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// What became of the input.
    pub verdict: Verdict,
    /// The record from now on.
    pub next: Option<Box<Instance>>,
    /// What has to be done.
    pub effects: Vec<Effect>,
    /// Whether the step has to be durable first.
    pub needs_commit: bool,
}

impl From<Step> for Decided {
    fn from(step: Step) -> Self {
        Self { needs_commit: step.needs_commit, verdict: step.verdict, next: step.next, effects: step.effects }
    }
}

/// Decides a step.
pub trait Core {
    /// One transition; pure, as [`step`](crate::step()) is.
    fn step(&self, record: Option<&Instance>, policy: &Policy, now: Timestamp, input: Input) -> Decided;
}

/// The state machine of this crate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Real;

impl Core for Real {
    fn step(&self, record: Option<&Instance>, policy: &Policy, now: Timestamp, input: Input) -> Decided {
        instance::step(record, policy, now, input).into()
    }
}
