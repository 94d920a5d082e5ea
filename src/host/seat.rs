//! The work on one instance: its inputs one after the other, its calls beside them.

use super::call::{self, Ended};
use super::shared::{Answered, Message, Shared};
use super::{HostError, meters};
use crate::driver::{Applied, DriverError, Held};
use crate::id::SandboxId;
use crate::port::StoreError;
use crate::step::{Ignored, Input, Verdict};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::pin::pin;
use core::time::Duration;
use futures::future::{Either, select};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;
use tracing::Instrument;

/// Between two tries to hand in an outcome while the store does not work; doubles up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Until nothing is left to do. The permit goes last.
pub(super) async fn work(
    shared: Arc<Shared>,
    sandbox: SandboxId,
    inbox: mpsc::Receiver<Message>,
    permit: OwnedSemaphorePermit,
) {
    let span = tracing::info_span!(target: "kiloclaw::host", "instance", sandbox = sandbox.as_str());
    let sitting = Sitting { shared: shared.clone(), sandbox: sandbox.clone() };
    let bench = Bench { shared, sandbox, calls: JoinSet::new() };
    bench.work(inbox).instrument(span).await;
    drop(sitting);
    drop(permit);
}

/// Frees the seat even if the work ends by a panic.
struct Sitting {
    shared: Arc<Shared>,
    sandbox: SandboxId,
}

impl Drop for Sitting {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.vacate(&self.sandbox);
        }
    }
}

/// What comes next.
enum Next {
    Message(Message),
    Ended(Box<Ended>),
}

struct Bench {
    shared: Arc<Shared>,
    sandbox: SandboxId,
    calls: JoinSet<Ended>,
}

impl Bench {
    async fn work(mut self, mut inbox: mpsc::Receiver<Message>) {
        while let Some(next) = self.next(&mut inbox).await {
            match next {
                Next::Message(message) => self.take(message).await,
                Next::Ended(ended) => self.hand_in(ended).await,
            }
        }
    }

    /// `None` when nothing is left to do, and the seat is left.
    async fn next(&mut self, inbox: &mut mpsc::Receiver<Message>) -> Option<Next> {
        loop {
            if self.calls.is_empty() {
                match inbox.try_recv() {
                    Ok(message) => return Some(Next::Message(message)),
                    Err(_) if self.shared.leave(&self.sandbox, inbox) => return None,
                    Err(_) => continue,
                }
            }
            let first = match select(pin!(self.calls.join_next()), pin!(inbox.recv())).await {
                Either::Left((ended, _)) => Either::Left(ended),
                Either::Right((message, _)) => Either::Right(message),
            };
            match first {
                Either::Left(Some(Ok(ended))) => return Some(Next::Ended(Box::new(ended))),
                Either::Left(Some(Err(error))) => self.broken(&error),
                Either::Left(None) => {}
                Either::Right(Some(message)) => return Some(Next::Message(message)),
                // The seats are taken away at the very end.
                Either::Right(None) => return None,
            }
        }
    }

    /// An adapter has panicked. Its call is lost, which the instance sees when the call is overdue.
    fn broken(&self, error: &tokio::task::JoinError) {
        tracing::error!(target: "kiloclaw::host", sandbox = self.sandbox.as_str(), error = %error, "a call has broken off");
    }

    async fn take(&mut self, message: Message) {
        let Message { input, answer } = message;
        let applied = self.apply(None, input).await;
        let answered: Answered = match applied {
            Ok(applied) => {
                let end = match applied.verdict {
                    Verdict::Pending(request) => Some(self.shared.expect(&self.sandbox, request)),
                    Verdict::Applied | Verdict::Ignored(_) | Verdict::Denied(_) => None,
                };
                let verdict = applied.verdict.clone();
                self.go_on(applied);
                Ok((verdict, end))
            }
            Err(error) => Err(HostError::Driver(error)),
        };
        if let Some(answer) = answer {
            // Whoever has asked may have gone.
            drop(answer.send(answered));
        }
    }

    /// An outcome is worth more than a command that can be given again: while the store does not work it is kept, until the instance
    /// would take it for lost anyway. The answer to a question that nobody has committed is not: it is asked again.
    async fn hand_in(&mut self, ended: Box<Ended>) {
        let Ended { mut held, outcome, deadline } = *ended;
        let (mut pause, longest) = PAUSES;
        let tries_again = held.is_none();
        let mut again = false;
        loop {
            match self.apply(held.take(), outcome.clone()).await {
                // The first try was written after all, and what it asked for was never heard.
                Ok(applied) if again && applied.verdict == Verdict::Ignored(Ignored::Stale) => {
                    return self.resume().await;
                }
                Ok(applied) => return self.go_on(applied),
                Err(DriverError::Store(StoreError::Unavailable(_)) | DriverError::Contended)
                    if tries_again && self.shared.engine.now() < deadline =>
                {
                    again = true;
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2).min(longest);
                }
                Err(_) => return,
            }
        }
    }

    async fn resume(&mut self) {
        if let Ok(applied) = self.apply(None, Input::Resume).await {
            self.go_on(applied);
        }
    }

    async fn apply(&self, held: Option<Held>, input: Input) -> Result<Applied, DriverError> {
        let named = meters::input(&input);
        let applied = self.shared.engine.apply(&self.sandbox, held, input).await;
        match &applied {
            Ok(applied) => meters::stepped(named, &applied.verdict),
            Err(error) => {
                meters::failed(named, error);
                let sandbox = self.sandbox.as_str();
                tracing::warn!(target: "kiloclaw::host", sandbox, input = named, error = %error, "an input was not taken on");
            }
        }
        applied
    }

    fn go_on(&mut self, applied: Applied) {
        for reply in applied.replies {
            self.shared.reply(&self.sandbox, reply);
        }
        for eviction in applied.evictions {
            meters::evicted(eviction.class);
            let region = eviction.region.as_str();
            tracing::info!(target: "kiloclaw::host", region, class = eviction.class.as_str(), "a region has no room");
        }
        self.shared.plan(applied.alarm);
        // At the end no call is begun: what is committed is resumed by whoever comes next, what is not is asked again.
        if let Some(pending) = applied.pending.filter(|_| !self.shared.is_stopping()) {
            let making = call::make(self.shared.clone(), pending);
            self.calls.spawn(making.in_current_span());
        }
    }
}
