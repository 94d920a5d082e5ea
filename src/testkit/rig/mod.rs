//! Instances, their hosts and a simulated Fly, driven by one [`Act`] at a time and watched by a [`Checker`](super::check::Checker).
//!
//! What the simulator, the model checker and the fuzzer have in common: each makes up acts in its own way; what an act does is
//! decided here alone. The same acts always bring the same run.
//!
//! *Guarantees*: time moves only to the time of an act; a step that has to be committed is committed before its calls are on their way; a
//! question that was not committed is answered to whoever asked it, and is stale once the record has moved on, as with the
//! [`Driver`](crate::driver::Driver); a call is dead after the policy's `call_deadline_ms`.

mod act;
mod calm;
mod core;
mod life;
mod script;

pub use self::core::{Core, Decided, Real};
pub use act::{Act, End, Timed};
pub use life::{Flight, Life};
pub use script::acts;

use super::check::{Calm, Healed, Invariant, Seen, Violation};
use super::request::Request;
use super::shared::Shared;
use super::trace::Recorder;
use super::world::{Attempt, Strike, World};
use crate::event::EventName;
use crate::fault::Fault;
use crate::id::Identity;
use crate::instance::Instance;
use crate::policy::Policy;
use crate::step::{Effect, Input, Verdict};
use crate::time::Timestamp;
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use life::Held;

/// Steps of one instance at one instant after which it is taken to run in circles.
const MOST_AT_ONCE: u32 = 2_000;

/// What came of an act.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Happened {
    /// Whether there was anything it could happen to.
    pub done: bool,
    /// What became of the input, if an instance took a step.
    pub verdict: Option<Verdict>,
    /// What the step told, if it was committed.
    pub told: Vec<EventName>,
}

impl From<bool> for Happened {
    fn from(done: bool) -> Self {
        Self { done, ..Self::default() }
    }
}

/// A run.
#[derive(Clone, Debug)]
pub struct Rig<C = Real> {
    core: C,
    policy: Arc<Policy>,
    /// Shared with copies of the run until it changes, because a model checker keeps a copy for every move.
    world: Shared<World>,
    /// How far the hosts' clocks are ahead of the world's.
    ahead_ms: i64,
    lives: Vec<Life>,
    steps: u64,
    steps_now: u32,
    stepped_at: Timestamp,
    recorder: Option<Recorder>,
}

impl<C> Rig<C> {
    /// Everything that decides how the run goes on, and what it was blamed for.
    pub(crate) fn standing(&self) -> (&Shared<World>, i64, &[Life]) {
        (&self.world, self.ahead_ms, &self.lives)
    }
}

impl<C: Core> Rig<C> {
    /// A run without instances.
    pub fn new(core: C, policy: Policy, mut world: World) -> Self {
        world.keep_log(false);
        world.call_deadline_ms = policy.call_deadline_ms;
        Self {
            core,
            policy: Arc::new(policy),
            stepped_at: world.now(),
            world: Shared::new(world),
            ahead_ms: 0,
            lives: Vec::new(),
            steps: 0,
            steps_now: 0,
            recorder: None,
        }
    }

    /// An instance that exists already; answers with its number. Only its record is written down, so a trace that is to be replayed
    /// begins without.
    pub fn adopt(&mut self, instance: Instance) -> usize {
        let life = self.admit(instance.identity().clone());
        let world = &self.world;
        if let Some(new) = self.lives.get_mut(life) {
            new.checker.adopt(&instance, world);
            new.alarm = Some(instance.alarm());
            new.revision = 1;
            new.stored = Some(Shared::new(instance));
        }
        life
    }

    fn admit(&mut self, identity: Identity) -> usize {
        self.lives.push(Life::new(identity, &self.policy));
        self.lives.len().saturating_sub(1)
    }

    /// Writes down from now on what happens.
    pub fn record(&mut self, recorder: Recorder) {
        self.recorder = Some(recorder);
    }

    /// What was written down.
    pub fn recorded(&mut self) -> Option<Recorder> {
        self.recorder.take()
    }

    /// The simulated Fly.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The policy of every step.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The time by the hosts' clocks.
    pub fn hosts_now(&self) -> Timestamp {
        let now = self.world.now().as_millis();
        Timestamp::from_millis(now.saturating_add_signed(self.ahead_ms))
    }

    /// How far the hosts' clocks are ahead.
    pub fn ahead_ms(&self) -> i64 {
        self.ahead_ms
    }

    /// The instances.
    pub fn lives(&self) -> &[Life] {
        &self.lives
    }

    /// One of them.
    pub fn life(&self, life: usize) -> Option<&Life> {
        self.lives.get(life)
    }

    /// The same, to tell its checker something.
    pub fn life_mut(&mut self, life: usize) -> Option<&mut Life> {
        self.lives.get_mut(life)
    }

    /// How many steps were taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Every violation of every instance.
    pub fn violations(&self) -> impl Iterator<Item = (usize, &Violation)> {
        self.lives
            .iter()
            .enumerate()
            .flat_map(|(life, of)| of.checker.violations().iter().map(move |found| (life, found)))
    }

    /// Lets time pass.
    pub fn pass(&mut self, until: Timestamp) {
        let due = self.world.next_change().is_some_and(|at| at <= until);
        if due || until > self.world.now() {
            self.world.make_mut().advance_to(until);
        }
        let (now, life_ms) = (self.world.now(), self.policy.call_deadline_ms);
        for life in &mut self.lives {
            life.expire(now, life_ms);
        }
    }

    /// Lets time pass to `timed`, and `timed` happen.
    pub fn act(&mut self, timed: &Timed) -> Happened {
        self.pass(timed.at);
        if let Some(recorder) = &mut self.recorder {
            let act = serde_json::to_value(&timed.act).unwrap_or_else(|error| error.to_string().into());
            recorder.act(timed.at, &act);
        }
        let known = self.violations().count();
        let happened = self.happen(&timed.act);
        let world = &self.world;
        for life in &mut self.lives {
            life.checker.rests(life.stored.as_deref(), world);
        }
        self.write_down(known);
        happened
    }

    /// What did not hold is part of the trace.
    fn write_down(&mut self, known: usize) {
        let Some(mut recorder) = self.recorder.take() else { return };
        for (life, violation) in self.violations().skip(known) {
            recorder.note(&format!("VIOLATION instance {life}: {violation}"));
        }
        self.recorder = Some(recorder);
    }

    fn happen(&mut self, act: &Act) -> Happened {
        match act {
            Act::Command { life, host, command, end } => {
                self.feed(*life, *host, Shared::new(Input::Command((**command).clone())), None, *end)
            }
            Act::Alarm { life, host, end } => self.feed(*life, *host, Shared::new(Input::Alarm), None, *end),
            Act::Resume { life, host, end } => self.feed(*life, *host, Shared::new(Input::Resume), None, *end),
            Act::Admit { identity, secret, thorough } => {
                let life = self.admit(identity.clone());
                let world = self.world.make_mut();
                world.secret = secret.clone().or(world.secret.take());
                self.lives.get_mut(life).is_some_and(|of| of.watch(secret.as_deref(), *thorough)).into()
            }
            Act::Reach { life, op, strike } => self.reach(*life, *op, strike.as_ref()).into(),
            Act::Answer { life, op, end, twice } => self.answer(*life, *op, *end, *twice),
            Act::Break { life, op } => self.break_off(*life, *op),
            Act::Crash { host } => {
                for life in &mut self.lives {
                    life.bereave(*host);
                }
                if let Some(recorder) = &mut self.recorder {
                    recorder.crash(*host);
                }
                true.into()
            }
            Act::Excuse { life, id } => {
                let of = self.lives.get_mut(*life);
                of.map(|of| of.checker.excuse(id.as_str())).is_some().into()
            }
            Act::Judge(calm) => {
                self.judge(*calm);
                true.into()
            }
            Act::World(change) => {
                let done = self.world.make_mut().change(change);
                let world = &self.world;
                for life in &mut self.lives {
                    life.checker.disturbed(life.stored.as_deref(), world);
                }
                done.into()
            }
            Act::Clock { ahead_ms } => {
                self.ahead_ms = *ahead_ms;
                true.into()
            }
        }
    }

    fn reach(&mut self, life: usize, op: u64, strike: Option<&Strike>) -> bool {
        let Some(of) = self.lives.get_mut(life) else { return false };
        let Some(flight) = of.flight(op).and_then(|at| of.flights.get_mut(at)) else { return false };
        if flight.answer.is_some() || (flight.reached && flight.operation.id.kind.mutates()) {
            return false;
        }
        let request = Request::from(&flight.operation.call);
        let (id, deaf, mutates) = (flight.operation.id, flight.deaf, flight.operation.id.kind.mutates());
        let attempt = match strike {
            // Nothing changes by being looked at, and copies of the run go on sharing their world.
            None if !mutates => self.world.look(&request, flight.began),
            None | Some(_) => self.world.make_mut().attempt(&request, flight.began, strike),
        };
        flight.reached = true;
        let truth = match attempt {
            Attempt::Answered(answer) => Some(answer),
            Attempt::Silent | Attempt::Unfinished => None,
        };
        if mutates {
            let lost = Err(Fault::lost());
            let done = truth.as_ref().filter(|_| strike.is_none());
            of.checker.landed(&request, done.unwrap_or(&lost));
        }
        flight.answer = truth.map(|result| Shared::new(Input::Outcome { op: id, result }));
        if deaf {
            of.flights.retain(|flight| flight.operation.id.number != op);
        }
        true
    }

    fn judge(&mut self, calm: Calm) {
        let (world, now) = (&self.world, self.world.now());
        for life in &mut self.lives {
            let stored = life.stored.clone();
            life.checker.healed(&Healed { stored: stored.as_deref(), world, now, calm });
        }
    }

    fn answer(&mut self, life: usize, op: u64, end: End, twice: bool) -> Happened {
        let Some(of) = self.lives.get_mut(life) else { return false.into() };
        let Some(at) = of.flight(op) else { return false.into() };
        let Some(flight) = of.flights.get(at).filter(|flight| !flight.deaf) else { return false.into() };
        let Some(heard) = flight.answer.clone() else { return false.into() };
        let (host, held) = (flight.host, flight.held.clone());
        if !twice {
            of.flights.remove(at);
        }
        self.feed(life, host, heard, held, end)
    }

    fn break_off(&mut self, life: usize, op: u64) -> Happened {
        let Some(of) = self.lives.get_mut(life) else { return false.into() };
        let Some(at) = of.flight(op) else { return false.into() };
        let Some(flight) = of.flights.get_mut(at).filter(|flight| !flight.deaf) else { return false.into() };
        flight.deaf = true;
        let held = flight.held.take();
        let (host, id) = (flight.host, flight.operation.id);
        of.flights.retain(|flight| !flight.deaf || (flight.operation.id.kind.mutates() && !flight.reached));
        let lost = Input::Outcome { op: id, result: Err(Fault::lost()) };
        self.feed(life, host, Shared::new(lost), held, End::Lives)
    }

    /// One step of one instance: decide, commit, and send the call on its way.
    fn feed(&mut self, life: usize, host: u8, input: Shared<Input>, held: Option<Held>, end: End) -> Happened {
        let now = self.hosts_now();
        let Some(of) = self.lives.get_mut(life) else { return false.into() };
        let answers_held = held.is_some();
        let (before, revision) = match held {
            Some(held) => (Some(held.instance), held.revision),
            None => (of.stored.clone(), of.revision),
        };
        let decided = self.core.step(before.as_deref(), &self.policy, now, Input::clone(&input));
        let seen = seen(&self.policy, now, before.as_deref(), &input, &decided);
        if of.checker.is_thorough() {
            let again = self.core.step(before.as_deref(), &self.policy, now, Input::clone(&input));
            of.checker.again(&seen, &self::seen(&self.policy, now, before.as_deref(), &input, &again));
        }
        // The record has moved on: what was asked is not known to it.
        let is_lost = decided.needs_commit && answers_held && revision != of.revision;
        if !is_lost && end != End::Uncommitted {
            of.checker.step(&seen);
        }
        if let Some(recorder) = &mut self.recorder {
            let sandbox = &of.identity.sandbox;
            let Decided { verdict, next, effects, needs_commit } = &decided;
            recorder.decided(sandbox, host, now, &input, verdict, next.as_deref(), effects, *needs_commit);
            if is_lost || end == End::Uncommitted {
                recorder.lost(sandbox, host);
            }
        }
        self.count(life);
        let mut happened = Happened { done: true, verdict: Some(decided.verdict.clone()), told: Vec::new() };
        if end == End::Uncommitted {
            self.die(host);
        } else if !is_lost {
            happened.told = self.commit(life, host, decided, revision, end);
        }
        happened
    }

    /// Makes a step durable where it has to be, and sends its call on its way. Answers with what was told.
    fn commit(&mut self, life: usize, host: u8, decided: Decided, revision: u64, end: End) -> Vec<EventName> {
        let Some(of) = self.lives.get_mut(life) else { return Vec::new() };
        let Decided { next, effects, needs_commit, .. } = decided;
        let next = next.map(|next| Shared::new(*next));
        let mut told = Vec::new();
        if needs_commit {
            of.checker.committed(of.stored.as_deref(), next.as_deref(), &self.world);
            of.revision = of.revision.saturating_add(1);
            of.alarm = next.as_ref().map(|next| next.alarm());
            of.stored.clone_from(&next);
            told.extend(effects.iter().filter_map(event));
        }
        if end == End::Committed {
            self.die(host);
            return told;
        }
        let held = next.filter(|_| !needs_commit).map(|instance| Held { instance, revision });
        for effect in effects {
            if let Effect::Call(operation) = effect {
                of.checker.leaves(&operation, of.stored.as_deref(), &self.world);
                let (operation, began, held) = (Shared::new(*operation), self.world.now(), held.clone());
                of.flights.push(Flight { host, operation, began, held, reached: false, answer: None, deaf: false });
            }
        }
        told
    }

    fn die(&mut self, host: u8) {
        if let Some(recorder) = &mut self.recorder {
            recorder.crash(host);
        }
        for life in &mut self.lives {
            life.bereave(host);
        }
    }

    fn count(&mut self, life: usize) {
        let now = self.world.now();
        self.steps = self.steps.saturating_add(1);
        self.steps_now = if now == self.stepped_at { self.steps_now.saturating_add(1) } else { 1 };
        self.stepped_at = now;
        if self.steps_now > MOST_AT_ONCE
            && let Some(of) = self.lives.get_mut(life)
        {
            of.checker.complain(Invariant::Alarm, "it runs in circles at one instant");
        }
    }
}

fn event(effect: &Effect) -> Option<EventName> {
    if let Effect::EmitEvent(event) = effect { Some(event.event) } else { None }
}

fn seen<'a>(
    policy: &'a Policy,
    now: Timestamp,
    before: Option<&'a Instance>,
    input: &'a Input,
    decided: &'a Decided,
) -> Seen<'a> {
    Seen {
        policy,
        now,
        before,
        input,
        verdict: &decided.verdict,
        next: decided.next.as_deref(),
        effects: &decided.effects,
        needs_commit: decided.needs_commit,
    }
}
