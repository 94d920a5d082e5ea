//! One instance of a run: what is stored of it, its calls on their way, and who watches it.

use crate::call::Operation;
use crate::id::{Identity, OpId};
use crate::instance::Instance;
use crate::policy::Policy;
use crate::step::{Alarm, Input};
use crate::testkit::check::Checker;
use crate::testkit::request::Request;
use crate::testkit::shared::Shared;
use crate::time::Timestamp;
use alloc::vec::Vec;

/// A decided instance that was not committed, because the step only asks a question.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Held {
    pub(super) instance: Shared<Instance>,
    /// What was stored when it was decided.
    pub(super) revision: u64,
}

/// A call on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flight {
    pub(super) host: u8,
    pub(super) operation: Shared<Operation>,
    pub(super) began: Timestamp,
    pub(super) held: Option<Held>,
    /// The provider has seen it.
    pub(super) reached: bool,
    /// What the provider says, as the instance will hear it.
    pub(super) answer: Option<Shared<Input>>,
    /// Whoever made it is not there any more.
    pub(super) deaf: bool,
}

impl Flight {
    /// Its id.
    pub fn op(&self) -> OpId {
        self.operation.id
    }

    /// Which process made it.
    pub fn host(&self) -> u8 {
        self.host
    }

    /// What it asks for.
    pub fn request(&self) -> Request {
        Request::from(&self.operation.call)
    }

    /// When it left.
    pub fn began(&self) -> Timestamp {
        self.began
    }

    /// Whether the provider has seen it.
    pub fn has_reached(&self) -> bool {
        self.reached
    }

    /// Whether the provider has answered.
    pub fn is_answered(&self) -> bool {
        self.answer.is_some()
    }

    /// Whether it is a question of which the stored record knows nothing.
    pub fn is_uncommitted(&self) -> bool {
        self.held.is_some()
    }

    /// Whether anybody waits for the answer.
    pub fn is_awaited(&self) -> bool {
        !self.deaf
    }
}

/// One instance of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Life {
    pub(super) identity: Identity,
    pub(super) stored: Option<Shared<Instance>>,
    pub(super) revision: u64,
    pub(super) alarm: Option<Alarm>,
    pub(super) flights: Vec<Flight>,
    pub(super) checker: Checker,
}

impl Life {
    pub(super) fn new(identity: Identity, policy: &Policy) -> Self {
        let checker = Checker::new(&identity, policy);
        Self { identity, stored: None, revision: 0, alarm: None, flights: Vec::new(), checker }
    }

    pub(super) fn watch(&mut self, secret: Option<&str>, thorough: bool) -> bool {
        self.checker.be_thorough(thorough);
        if let Some(secret) = secret {
            self.checker.keep_secret(secret);
        }
        true
    }

    /// Whose it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What is stored of it.
    pub fn stored(&self) -> Option<&Instance> {
        self.stored.as_deref()
    }

    /// The alarm that is stored with it.
    pub fn alarm(&self) -> Option<Alarm> {
        self.alarm
    }

    /// Its calls on their way.
    pub fn flights(&self) -> &[Flight] {
        &self.flights
    }

    /// Who watches it.
    pub fn checker(&self) -> &Checker {
        &self.checker
    }

    /// The same, to be told what only the driver knows.
    pub fn checker_mut(&mut self) -> &mut Checker {
        &mut self.checker
    }

    pub(super) fn flight(&self, op: u64) -> Option<usize> {
        self.flights.iter().position(|flight| flight.operation.id.number == op)
    }

    /// A process is gone: its questions are gone with it, its changes may still reach the provider.
    pub(super) fn bereave(&mut self, host: u8) {
        for flight in self.flights.iter_mut().filter(|flight| flight.host == host) {
            flight.deaf = true;
            flight.held = None;
        }
        self.flights.retain(|flight| !flight.deaf || (flight.operation.id.kind.mutates() && !flight.reached));
    }

    /// A call is dead after its life.
    pub(super) fn expire(&mut self, now: Timestamp, life_ms: u64) {
        self.flights.retain(|flight| now.since(flight.began) <= life_ms || flight.answer.is_some());
    }
}
