//! A host for many instances on tokio.
//!
//! ```text
//!  command ─┐                        ┌▶ step ─▶ commit ─▶ call ─▶ outcome ─┐
//!  alarm ───┼─▶ a seat, one of so ───┤                                     │   until nothing is left to do; then the seat is free
//!  resume ──┘   many                 └─────────────────────────────────────┘
//! ```
//!
//! *Does* what [`Driver`] leaves to its host: rings alarms from the store's index, keeps the inputs of one instance in order, makes calls
//! and ends those that hang, resumes after a restart what was in flight, delivers events that could not be delivered before, and ends
//! without losing anything.
//!
//! *Guarantees*: at most [`Settings::seats`] instances are worked on at once, each with its steps one after the other; whoever waits for a
//! seat does so before anything is decided, so that no call is late when it leaves; nothing is in memory alone that is needed later, so
//! that the process may be killed at any time, and several may share one store.
//!
//! *Knows nothing of* HTTP, of databases, and of who is asking.
//!
//! # Metrics
//!
//! Through the [`metrics`] facade. The values of labels come from fixed lists: no instance, machine or region is ever one.
//!
//! | name | kind | labels | what |
//! |---|---|---|---|
//! | `kiloclaw_steps_total` | counter | `input`, `verdict` | inputs taken on, turned down or ignored |
//! | `kiloclaw_step_failures_total` | counter | `input`, `error` | inputs that could not be taken on |
//! | `kiloclaw_calls_total` | counter | `call`, `outcome` | calls that have ended |
//! | `kiloclaw_call_seconds` | histogram | `call` | how long they took |
//! | `kiloclaw_alarms_total` | counter | | alarms rung |
//! | `kiloclaw_alarm_lag_seconds` | histogram | | how late they were |
//! | `kiloclaw_resumed_total` | counter | | instances resumed after a start |
//! | `kiloclaw_events_total` | counter | | events delivered later than at once |
//! | `kiloclaw_delivery_failures_total` | counter | | deliveries that failed |
//! | `kiloclaw_evictions_total` | counter | `class` | hints that a region had no room |
//! | `kiloclaw_seats_taken` | gauge | | instances that are worked on |
//! | `kiloclaw_waiting` | gauge | | commands that wait for a seat |

mod call;
mod ends;
mod engine;
mod meters;
mod outbox;
mod rung;
mod seat;
mod shared;
mod wheel;

use crate::command::{Answer, Command, Rejection};
use crate::driver::{Driver, DriverError};
use crate::id::SandboxId;
use crate::instance::Instance;
use crate::port::{Clock, EventSink, Fleet, HealthProbe, Provider, StoreError};
use crate::step::{Input, Verdict};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use shared::Shared;
use tokio::sync::oneshot;

/// How much the host does at once, and how patient it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Instances that are worked on at once, and so calls in flight. At least 1.
    pub seats: u32,
    /// Commands that may wait for a seat; one more is turned away.
    pub waiting: u32,
    /// Commands that may wait for one instance that is being worked on; one more is turned away.
    pub waiting_each: u32,
    /// The store is asked for due alarms at least that often: another process may have set one.
    pub look: Duration,
    /// Until an alarm rings again that nothing has come of: the store did not work, or another process was faster. Doubles each time, up to
    /// 64 times as long.
    pub ring_again: Duration,
    /// Between two rounds through what could not be delivered.
    pub deliver_again: Duration,
    /// How long the sink may take for one delivery: until then nothing else is done for the instance.
    pub deliver_within: Duration,
}

impl Default for Settings {
    /// 256 seats, 1024 waiting (16 for each instance), a look every 5 s, again after 1 s, a delivery every 30 s
    /// that takes 10 s at most.
    fn default() -> Self {
        Self {
            seats: 256,
            waiting: 1024,
            waiting_each: 16,
            look: Duration::from_secs(5),
            ring_again: Duration::from_secs(1),
            deliver_again: Duration::from_secs(30),
            deliver_within: Duration::from_secs(10),
        }
    }
}

/// Why a command was not taken on, or an instance not shown.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum HostError {
    /// Too much is waiting. Try again later.
    #[error("too much is waiting")]
    Overloaded,
    /// The host is about to end. Another process, or the next one, takes it on.
    #[error("the host is shutting down")]
    ShuttingDown,
    /// The work on the instance broke off: an adapter has panicked. What is committed goes on with the next alarm.
    #[error("the work on the instance broke off")]
    Interrupted,
    /// The record could not be loaded, read or written.
    #[error(transparent)]
    Driver(#[from] DriverError),
}

impl From<StoreError> for HostError {
    fn from(error: StoreError) -> Self {
        Self::Driver(error.into())
    }
}

/// What became of a command.
#[derive(Debug)]
pub struct Taken {
    /// What became of it.
    pub verdict: Verdict,
    end: Option<oneshot::Receiver<Result<Answer, Rejection>>>,
}

impl Taken {
    /// How a command that is [pending](Verdict::Pending) has ended. `None` for all others; and where the end came about in another
    /// process, or this one was shut down.
    pub async fn end(self) -> Option<Result<Answer, Rejection>> {
        self.end?.await.ok()
    }
}

/// How a shutdown went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// Instances whose call had not ended in time. What became of it is looked up by whoever resumes them.
    pub unfinished: Vec<SandboxId>,
}

/// A handle on the host. Clones are handles on the same one; it works on when all of them are gone.
#[derive(Clone)]
pub struct Host {
    shared: Arc<Shared>,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

impl Host {
    /// Starts working: resumes what was in flight, rings alarms, delivers events.
    ///
    /// # Panics
    /// Outside of a tokio runtime with a timer.
    pub fn start<P, H, S, K, C>(driver: Driver<P, H, S, K, C>, settings: Settings) -> Self
    where
        P: Provider + 'static,
        H: HealthProbe + 'static,
        S: Fleet + 'static,
        K: EventSink + 'static,
        C: Clock + 'static,
    {
        let shared = Arc::new(Shared::new(engine::engine(driver, settings.deliver_within), settings));
        keep_up(&shared, wheel::turn);
        keep_up(&shared, outbox::deliver);
        keep_up(&shared, ends::watch);
        Self { shared }
    }

    /// Takes a command on: the answer comes once it is committed, while what follows from it goes on.
    ///
    /// # Errors
    /// [`HostError`]: the command was not taken on, unless the store failed after it had written.
    pub async fn command(&self, sandbox: &SandboxId, command: Command) -> Result<Taken, HostError> {
        let answer = self.shared.enter(sandbox, Input::Command(command)).await?;
        let (verdict, end) = answer.await.unwrap_or(Err(HostError::Interrupted))?;
        Ok(Taken { verdict, end })
    }

    /// The instance as it is stored.
    ///
    /// # Errors
    /// [`HostError::Driver`] when it cannot be loaded or read.
    pub async fn instance(&self, sandbox: &SandboxId) -> Result<Option<Box<Instance>>, HostError> {
        Ok(self.shared.engine.load(sandbox).await?)
    }

    /// The names of the instances, those after `after`, at most `limit` of them.
    ///
    /// # Errors
    /// [`HostError::Driver`] when the store does not answer.
    pub async fn instances(&self, after: Option<&SandboxId>, limit: u32) -> Result<Vec<SandboxId>, HostError> {
        Ok(self.shared.engine.instances(after, limit).await?)
    }

    /// How many instances are being worked on.
    pub fn at_work(&self) -> usize {
        self.shared.seated().len()
    }

    /// Ends: nothing new is taken on, no call is begun, and for calls in flight it is waited until `patience` is over. What has not ended
    /// by then is left to whoever resumes.
    pub async fn shutdown(&self, patience: Duration) -> Shutdown {
        self.shared.stop();
        let finished = tokio::time::timeout(patience, self.shared.all_seats_free()).await.is_ok();
        let unfinished = if finished { Vec::new() } else { self.shared.abandon() };
        self.shared.end_nothing_more();
        Shutdown { unfinished }
    }
}

/// Begins it again if an adapter panics: without it no alarm would ring, and no event be delivered, ever again.
fn keep_up<F: Future<Output = ()> + Send + 'static>(shared: &Arc<Shared>, begin: fn(Arc<Shared>) -> F) {
    let shared = shared.clone();
    tokio::spawn(async move {
        while let Err(error) = tokio::spawn(begin(shared.clone())).await {
            if error.is_cancelled() {
                // The runtime ends.
                return;
            }
            tracing::error!(target: "kiloclaw::host", error = %error, "an adapter has panicked");
            shared.wait(shared.settings.ring_again).await;
            if shared.is_stopping() {
                return;
            }
        }
    });
}
