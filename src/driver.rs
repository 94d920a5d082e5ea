//! The host's side of a step: load, step, commit, and only then call.
//!
//! *Does* two things that are never nested: [`Driver::apply`] (load the record, step, commit) and [`Driver::execute`] (one call, whose
//! outcome is the next input). [`Driver::handle`] alternates them until nothing is in flight. A host that must not hold an instance's
//! lock during a slow call uses the halves, and runs the second wherever it likes.
//!
//! *Guarantees*: a call that changes the world leaves after the commit that knows of it; one transaction for record, alarm and events;
//! a lost compare-and-swap is answered by loading and stepping again; events reach the sink at least once, in order, under the same keys;
//! a record that cannot be read is never overwritten.
//!
//! *Assumes* that inputs of one instance come one at a time, or else that the store's compare-and-swap works; and that the host rings
//! the alarm it is told of, again after a restart, when it also hands in [`Input::Resume`].
//!
//! A host that wants to write down what happens, to replay it elsewhere, uses [`Driver::decide`] and [`Driver::commit`]; see
//! [`Decision::trace`].
//!
//! *Knows nothing of* runtimes, timers, HTTP or databases. In particular [`Driver::execute`] does not end a call that hangs: the host
//! bounds it by [`Operation::deadline`], from which on the instance takes the call for lost anyway.

mod execute;
mod outbox;
mod outcome;
mod trace;

pub use outbox::Undelivered;
pub use outcome::{Applied, Eviction, Handled, Held, Pending, Reply};

use crate::call::Operation;
use crate::id::SandboxId;
use crate::instance::{self, Instance};
use crate::persist::{self, DecodeError, EncodeError};
use crate::policy::Policy;
use crate::port::{Clock, Commit, EventSink, HealthProbe, Provider, Revision, Store, StoreError};
use crate::step::{Ignored, Input, Step, Verdict};
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::string::String;

/// How often one input is stepped before a record that somebody else keeps changing is given up.
pub const TRIES: u32 = 8;

/// Why an input was not taken on. The record is as it was, unless the store failed after it had written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DriverError {
    /// The store did not load or commit. From [`Driver::commit`] this may be a conflict; [`Driver::apply`] answers conflicts itself.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Every compare-and-swap was lost.
    #[error("the record was changed by somebody else {TRIES} times in a row")]
    Contended,
    /// The stored record cannot be read; it stays as it is.
    #[error("the stored record cannot be read: {0}")]
    Record(#[from] DecodeError),
    /// The next record could not be written as text.
    #[error(transparent)]
    Unwritable(#[from] EncodeError),
}

/// The five ports and a policy, for as many instances as the store holds.
#[derive(Clone, Debug)]
pub struct Driver<P, H, S, K, C> {
    policy: Policy,
    provider: P,
    health: H,
    store: S,
    sink: K,
    clock: C,
}

/// A step that has been decided and not been committed.
#[derive(Clone, Debug)]
#[must_use = "a decision that is not committed has not happened"]
pub struct Decision {
    sandbox: SandboxId,
    expected: Option<Revision>,
    now: Timestamp,
    /// Somebody looks after the instance: the time to deliver what could not be delivered before.
    wakes: bool,
    step: Step,
}

impl Decision {
    /// What was decided.
    pub fn step(&self) -> &Step {
        &self.step
    }

    /// When it was decided.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The decision and the input that it was taken on, as lines of a [trace](crate::trace).
    ///
    /// To be written down once it is committed, or together with [`lost`](crate::trace::lost) if it is not. A trace begins with its
    /// [`head`](crate::trace::head) and with the [`record`](crate::trace::record) that is stored. Where a store does not say whether it has
    /// committed, and after a crash, the record that is loaded next is written as a checkpoint.
    ///
    /// ```
    /// # use kiloclaw_lifecycle::driver::{Applied, Driver, DriverError, Held};
    /// # use kiloclaw_lifecycle::port::StoreError;
    /// # use kiloclaw_lifecycle::{Clock, EventSink, HealthProbe, Input, Provider, Store};
    /// # use kiloclaw_lifecycle::{id::SandboxId, trace};
    /// /// What `Driver::apply` does, written down. `host` is a number for this process; `None` is an outcome that came too late.
    /// async fn apply<P: Provider, H: HealthProbe, S: Store, K: EventSink, C: Clock>(
    ///     driver: &Driver<P, H, S, K, C>,
    ///     lines: &mut String,
    ///     (sandbox, host): (&SandboxId, u8),
    ///     held: Option<Held>,
    ///     input: Input,
    /// ) -> Result<Option<Applied>, DriverError> {
    ///     let answers_held = held.is_some();
    ///     let mut held = held;
    ///     loop {
    ///         let decision = driver.decide(sandbox, held.take(), input.clone()).await?;
    ///         let step = decision.trace(host, &input);
    ///         let committed = driver.commit(decision).await;
    ///         lines.push_str(&step);
    ///         if committed.is_err() {
    ///             lines.push_str(&trace::lost(sandbox, host));
    ///         }
    ///         match committed {
    ///             Err(DriverError::Store(StoreError::Conflict)) if answers_held => return Ok(None),
    ///             Err(DriverError::Store(StoreError::Conflict)) => {}
    ///             end => return end.map(Some),
    ///         }
    ///     }
    /// }
    /// ```
    pub fn trace(&self, host: u8, input: &Input) -> String {
        crate::trace::step(&self.sandbox, host, self.now, input, &self.step)
    }
}

impl<P, H, S, K, C> Driver<P, H, S, K, C> {
    /// Connects the ports.
    pub fn new(policy: Policy, provider: P, health: H, store: S, sink: K, clock: C) -> Self {
        Self { policy, provider, health, store, sink, clock }
    }

    /// The policy that every step is decided by.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The time that every step is decided at.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// The same with another sink, made of this one: one that gives up in time, counts or filters.
    pub fn map_sink<L>(self, made: impl FnOnce(K) -> L) -> Driver<P, H, S, L, C> {
        let Self { policy, provider, health, store, sink, clock } = self;
        Driver { policy, provider, health, store, sink: made(sink), clock }
    }

    /// Where the records are.
    pub fn store(&self) -> &S {
        &self.store
    }
}

impl<P: Provider, H: HealthProbe, S: Store, K: EventSink, C: Clock> Driver<P, H, S, K, C> {
    /// Takes `input` on and does all that follows from it, until nothing is in flight.
    ///
    /// # Errors
    /// [`DriverError`] when the input itself was not taken on. What goes wrong after that does not take it back, and is
    /// [`Handled::interrupted`].
    pub async fn handle(&self, sandbox: &SandboxId, input: Input) -> Result<Handled, DriverError> {
        let first = self.apply(sandbox, None, input).await?;
        let (mut handled, mut pending) = Handled::begin(first);
        while let Some(Pending { operation, held }) = pending {
            let outcome = self.execute(&operation).await;
            pending = match self.apply(sandbox, held, outcome).await {
                Ok(applied) => handled.go_on(applied),
                Err(error) => {
                    handled.interrupted = Some(error);
                    None
                }
            };
        }
        Ok(handled)
    }

    /// Loads, steps and commits; after a lost compare-and-swap again, on what is stored then.
    ///
    /// `held` is that of the [`Pending`] whose outcome `input` is, and `None` for every other input. A question whose instance was not
    /// committed is known to nobody else: when the record has moved on in the meantime its outcome is
    /// [stale](Ignored::Stale), even if the record waits for a call of the same number by now.
    ///
    /// # Errors
    /// [`DriverError`] when the input was not taken on.
    pub async fn apply(&self, sandbox: &SandboxId, held: Option<Held>, input: Input) -> Result<Applied, DriverError> {
        let answers_held = held.is_some() && matches!(input, Input::Outcome { .. });
        let mut held = held;
        for _ in 0..TRIES {
            let decision = self.decide(sandbox, held.take(), input.clone()).await?;
            match self.commit(decision).await {
                Err(DriverError::Store(StoreError::Conflict)) if answers_held => return self.stale(sandbox).await,
                Err(DriverError::Store(StoreError::Conflict)) => trace::conflict(sandbox),
                answer => return answer,
            }
        }
        Err(DriverError::Contended)
    }

    /// Loads the record, or takes `held` for it, and steps. Writes nothing.
    ///
    /// # Errors
    /// [`DriverError`] when the record could not be loaded or read.
    pub async fn decide(&self, sandbox: &SandboxId, held: Option<Held>, input: Input) -> Result<Decision, DriverError> {
        let held = match held {
            Some(held) => Some((held.instance, held.revision)),
            None => self.load(sandbox).await?.map(|(instance, revision)| (instance, Some(revision))),
        };
        let (record, expected) = held.map_or((None, None), |(instance, revision)| (Some(instance), revision));
        let now = self.clock.now();
        let wakes = matches!(input, Input::Alarm | Input::Resume);
        let step = match record {
            Some(record) => record.step(&self.policy, now, input),
            None => instance::step(None, &self.policy, now, input),
        };
        Ok(Decision { sandbox: sandbox.clone(), expected, now, wakes, step })
    }

    /// Makes the decision durable where it has to be, and then releases what follows from it. Delivers its events; those that
    /// cannot be delivered now stay in the outbox and are no error of the step.
    ///
    /// # Errors
    /// [`DriverError::Store`], a conflict included: then nothing was written.
    pub async fn commit(&self, decision: Decision) -> Result<Applied, DriverError> {
        let Decision { sandbox, expected, now, wakes, step } = decision;
        let durable = step.needs_commit();
        let alarm = step.alarm();
        let verdict = step.verdict.clone();
        if durable {
            self.store.commit(&sandbox, transaction(expected, now, &step)?).await?;
        }
        let told = durable && step.events().next().is_some();
        let (next, effects) = step.committed();
        trace::committed(&effects);
        if told || wakes {
            self.deliver_or_leave(&sandbox).await;
        }
        let held = next.filter(|_| !durable).map(|instance| Held { instance, revision: expected });
        Ok(Applied::release(verdict, alarm, effects, held))
    }

    /// Makes one call. Its answer is the next input, to be given to [`Driver::apply`] together with what came with the operation.
    ///
    /// Never fails and never gives up by itself: whoever awaits it gives up at [`Operation::deadline`].
    pub async fn execute(&self, operation: &Operation) -> Input {
        execute::execute(&self.provider, &self.health, operation).await
    }

    async fn load(&self, sandbox: &SandboxId) -> Result<Option<(Box<Instance>, Revision)>, DriverError> {
        let Some(stored) = self.store.load(sandbox).await? else { return Ok(None) };
        Ok(Some((persist::decode(&stored.record)?, stored.revision)))
    }

    /// An outcome that nobody waits for any more; the record has gone on, and so has its alarm.
    async fn stale(&self, sandbox: &SandboxId) -> Result<Applied, DriverError> {
        trace::conflict(sandbox);
        let alarm = self.load(sandbox).await?.map(|(instance, _)| instance.alarm());
        Ok(Applied::nothing(Verdict::Ignored(Ignored::Stale), alarm))
    }
}

fn transaction(expected: Option<Revision>, now: Timestamp, step: &Step) -> Result<Commit, EncodeError> {
    Ok(Commit {
        expected,
        now,
        record: step.next.as_deref().map(persist::encode).transpose()?,
        alarm: step.alarm(),
        events: step.events().cloned().collect(),
    })
}
