//! What must hold in every run of an instance, whatever it is asked, answered, denied or told twice.
//!
//! A [`Checker`] watches one instance from outside, with an account of its own: it sees every step, every call that leaves and what the
//! provider really did with it, and it can look into the simulated world, which the instance cannot. Each invariant is one file and one
//! function with its number.
//!
//! | number | what |
//! |---|---|
//! | I1 | data: a live volume that the record names holds the newest data; nothing empty stands in for it |
//! | I2 | ownership: nothing is mounted or destroyed that is not provably ours; volumes in use are never deleted |
//! | I3 | no second writer |
//! | I4 | a call that changes the world leaves after the commit that knows of it |
//! | I5 | a live instance has exactly one alarm, not in the past, with a reason |
//! | I6 | what was accepted survives |
//! | I7 | the same arguments bring the same step, and its bytes the same record |
//! | I8 | what is retained has a date, what is condemned a next attempt |
//! | I9 | no secret in a record, an event, a call or an answer |
//! | I10 | an outcome that nobody waits for changes no status, and what it made is not forgotten |
//! | L1–L4 | after the weather has cleared: it comes to rest, is destroyed, has leaked nothing, has kept nothing too long |
//!
//! *Assumes* that one checker sees everything that happens to its instance, in order.

mod alarm;
mod branches;
mod data;
mod dates;
mod ends;
mod fence;
mod intent;
mod order;
mod owner;
mod same;
mod secrets;
mod writers;

pub use ends::{Calm, Healed};

use super::request::Request;
use super::world::World;
use crate::call::{Done, Operation};
use crate::fault::Fault;
use crate::id::{Identity, MachineId, VolumeId};
use crate::instance::Instance;
use crate::policy::Policy;
use crate::step::{Effect, Input, Step, Verdict};
use crate::time::Timestamp;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// The number and name of an invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Invariant {
    /// I1
    Data,
    /// I2
    Ownership,
    /// I3
    Writers,
    /// I4
    CommitFirst,
    /// I5
    Alarm,
    /// I6
    Intent,
    /// I7
    Determinism,
    /// I8
    Dates,
    /// I9
    Secrets,
    /// I10
    Fence,
    /// L1
    Rest,
    /// L2
    Destroyed,
    /// L3
    Leak,
    /// L4
    Kept,
}

impl Invariant {
    /// Every one.
    pub const ALL: [Self; 14] = [
        Self::Data,
        Self::Ownership,
        Self::Writers,
        Self::CommitFirst,
        Self::Alarm,
        Self::Intent,
        Self::Determinism,
        Self::Dates,
        Self::Secrets,
        Self::Fence,
        Self::Rest,
        Self::Destroyed,
        Self::Leak,
        Self::Kept,
    ];

    /// Number and name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Data => "I1 data",
            Self::Ownership => "I2 ownership",
            Self::Writers => "I3 writers",
            Self::CommitFirst => "I4 commit first",
            Self::Alarm => "I5 alarm",
            Self::Intent => "I6 intent",
            Self::Determinism => "I7 determinism",
            Self::Dates => "I8 dates",
            Self::Secrets => "I9 secrets",
            Self::Fence => "I10 fence",
            Self::Rest => "L1 rest",
            Self::Destroyed => "L2 destroyed",
            Self::Leak => "L3 leak",
            Self::Kept => "L4 kept",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// What was seen instead.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

/// What an invariant's function answers: `Err` says what was seen instead.
type Held = Result<(), String>;

fn demand(holds: bool, what: impl FnOnce() -> String) -> Held {
    if holds { Ok(()) } else { Err(what()) }
}

/// A step that is about to be committed.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The policy it was decided by.
    pub policy: &'a Policy,
    /// The time it was given.
    pub now: Timestamp,
    /// The record it began with.
    pub before: Option<&'a Instance>,
    /// What it was about.
    pub input: &'a Input,
    /// What became of the input.
    pub verdict: &'a Verdict,
    /// The record it ended with.
    pub next: Option<&'a Instance>,
    /// What it asks for.
    pub effects: &'a [Effect],
    /// Whether it says that it has to be committed.
    pub needs_commit: bool,
}

impl<'a> Seen<'a> {
    /// A view of `step`.
    pub fn of(
        policy: &'a Policy,
        now: Timestamp,
        before: Option<&'a Instance>,
        input: &'a Input,
        step: &'a Step,
    ) -> Self {
        Self {
            policy,
            now,
            before,
            input,
            verdict: &step.verdict,
            next: step.next.as_deref(),
            effects: &step.effects,
            needs_commit: step.needs_commit,
        }
    }
}

/// Watches one instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Checker {
    /// What must appear nowhere.
    secret: Option<String>,
    /// Whether to check what costs a multiple of the step itself (I7, I9).
    thorough: bool,
    data: data::Data,
    owner: owner::Owner,
    writers: writers::Writers,
    intent: intent::Intent,
    dates: dates::Dates,
    found: Vec<Violation>,
}

impl Checker {
    /// Of an instance that may be born under this identity.
    pub fn new(identity: &Identity, policy: &Policy) -> Self {
        Self {
            secret: None,
            thorough: true,
            data: data::Data::default(),
            owner: owner::Owner::new(identity, policy),
            writers: writers::Writers::default(),
            intent: intent::Intent::default(),
            dates: dates::Dates::default(),
            found: Vec::new(),
        }
    }

    /// A text that must appear in nothing the instance makes.
    pub fn keep_secret(&mut self, secret: impl Into<String>) {
        self.secret = Some(secret.into());
    }

    /// Whether to check what costs a multiple of the step itself.
    pub fn be_thorough(&mut self, thorough: bool) {
        self.thorough = thorough;
    }

    /// Whether it does; then whoever drives the instance takes each step twice, for [`Checker::again`].
    pub fn is_thorough(&self) -> bool {
        self.thorough
    }

    /// The instance exists already: what it knows is its own.
    pub fn adopt(&mut self, instance: &Instance, world: &World) {
        self.owner.adopt(instance);
        self.dates.adopt(instance);
        self.data.adopt(instance, world);
        self.writers.serves(Some(instance));
    }

    /// A step was decided and is about to be committed.
    pub fn step(&mut self, seen: &Seen<'_>) {
        self.note(Invariant::Alarm, alarm::i5_alarm(seen));
        let intent = self.intent.i6_intent(seen);
        self.note(Invariant::Intent, intent);
        self.note(Invariant::Fence, fence::i10_fence(seen));
        let dates = self.dates.i8_dates(seen);
        self.note(Invariant::Dates, dates);
        if self.thorough {
            let secrets = secrets::i9_secrets(self.secret.as_deref(), seen);
            self.note(Invariant::Secrets, secrets);
        }
        self.data.heard(seen);
        self.writers.heard(seen);
        self.owner.heard(seen);
    }

    /// The same step was taken again.
    pub fn again(&mut self, seen: &Seen<'_>, again: &Seen<'_>) {
        self.note(Invariant::Determinism, same::i7_determinism(seen, again));
    }

    /// A step was committed: `before` was stored until now, `next` is from now on.
    pub fn committed(&mut self, before: Option<&Instance>, next: Option<&Instance>, world: &World) {
        let data = self.data.i1_data_is_not_swapped(before, next, world);
        self.note(Invariant::Data, data);
        self.writers.serves(next);
        if let (Some(before), None) = (before, next) {
            self.owner.gave_up(before);
        }
    }

    /// A call leaves; `stored` is what is durable by now.
    pub fn leaves(&mut self, operation: &Operation, stored: Option<&Instance>, world: &World) {
        self.note(Invariant::CommitFirst, order::i4_commit_first(operation, stored));
        let request = Request::from(&operation.call);
        let data = self.data.i1_nothing_empty(&request, stored);
        self.note(Invariant::Data, data);
        self.data.leaves(&request, stored, world);
        let owner = self.owner.i2_ownership(&request, stored, world);
        self.note(Invariant::Ownership, owner);
        let writers = self.writers.i3_old_machine_goes_first(&request, world);
        self.note(Invariant::Writers, writers);
    }

    /// The provider has done, or refused to do, what a call asked for.
    pub fn landed(&mut self, request: &Request, answer: &Result<Done, Fault>) {
        self.data.landed(request);
        self.owner.landed(answer);
        self.writers.landed(request, answer);
    }

    /// The world has changed without being asked to: what it has lost is not the instance's fault.
    pub fn disturbed(&mut self, stored: Option<&Instance>, world: &World) {
        self.data.disturbed(stored, world);
    }

    /// Something has happened; this is how things stand now.
    pub fn rests(&mut self, stored: Option<&Instance>, world: &World) {
        let data = self.data.i1_data(stored, world, self.intent.destroy_accepted());
        self.note(Invariant::Data, data);
        let writers = writers::i3_one_writer(world, &self.owner);
        self.note(Invariant::Writers, writers);
    }

    /// A list or a look has lied about this machine or volume: nobody can be blamed for not knowing it any more.
    pub fn excuse(&mut self, id: impl Into<String>) {
        let id = id.into();
        self.data.hide(id.clone());
        self.owner.excuse(id);
    }

    /// What is destroyed or leaked once the weather has been good for long enough.
    pub fn healed(&mut self, healed: &Healed<'_>) {
        let (owner, intent) = (self.owner.clone(), self.intent.clone());
        self.note(Invariant::Rest, ends::l1_rest(healed, &intent));
        self.note(Invariant::Destroyed, ends::l2_destroyed(healed, &intent, &owner));
        self.note(Invariant::Leak, ends::l3_no_leak(healed, &owner));
        self.note(Invariant::Kept, ends::l4_nothing_kept(healed));
    }

    /// Whether a destroy was accepted, after which there is no data to be kept.
    pub fn destroy_accepted(&self) -> bool {
        self.intent.destroy_accepted()
    }

    /// A complaint of whoever drives the instance.
    pub fn complain(&mut self, invariant: Invariant, what: impl Into<String>) {
        self.note(invariant, Err(what.into()));
    }

    /// Everything that did not hold so far, each once.
    pub fn violations(&self) -> &[Violation] {
        &self.found
    }

    fn note(&mut self, invariant: Invariant, held: Held) {
        let Err(what) = held else { return };
        let violation = Violation { invariant, what };
        if !self.found.contains(&violation) {
            self.found.push(violation);
        }
    }
}

/// The volumes that a record names, one way or another.
fn named_volumes(instance: &Instance) -> impl Iterator<Item = &VolumeId> {
    let proposal = instance.missing.as_ref().and_then(|missing| missing.proposal.as_ref());
    let listed = instance.holdings.entries.iter().filter_map(|entry| entry.volume());
    let own = instance.volume.iter().chain(instance.phase.pending_volume());
    own.chain(listed).chain(instance.previous_volume.iter()).chain(proposal)
}

/// The machines that a record names, one way or another.
fn named_machines(instance: &Instance) -> impl Iterator<Item = &MachineId> {
    let own = instance.machine.iter().chain(instance.phase.replacement()).map(|machine| &machine.id);
    let listed = instance.holdings.entries.iter().filter_map(|entry| entry.machine());
    own.chain(listed).chain(&instance.holdings.strays)
}
