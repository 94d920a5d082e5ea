//! What the parts of a host share: the seats, who sits on them, and who waits.

use super::engine::Engine;
use super::{HostError, Settings, meters, seat};
use crate::command::{Answer, Rejection, RequestId};
use crate::driver::Reply;
use crate::id::SandboxId;
use crate::step::{Alarm, Input, Verdict};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::pin::pin;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use core::time::Duration;
use futures::future::{Either, select};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::task::AbortHandle;

type End = Result<Answer, Rejection>;
/// What became of a command, and where its end will come from.
pub(super) type Answered = Result<(Verdict, Option<oneshot::Receiver<End>>), HostError>;

/// An input on its way to its instance.
pub(super) struct Message {
    pub(super) input: Input,
    /// Who waits for what becomes of it.
    pub(super) answer: Option<oneshot::Sender<Answered>>,
}

struct Seat {
    inbox: mpsc::Sender<Message>,
    task: AbortHandle,
}

pub(super) struct Shared {
    pub(super) engine: Box<dyn Engine>,
    pub(super) settings: Settings,
    permits: Arc<Semaphore>,
    /// Of the commands only the first stands in line for a seat, so that alarms, which come one at a time, get every other one.
    first: Semaphore,
    seats: Mutex<BTreeMap<SandboxId, Seat>>,
    waiting: AtomicU32,
    requests: Mutex<BTreeMap<(SandboxId, RequestId), oneshot::Sender<End>>>,
    stopping: watch::Sender<bool>,
    /// Wakes the wheel before its time.
    wake: Notify,
    /// When the wheel turns by itself, in milliseconds since 1970.
    planned: AtomicU64,
}

fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No section can panic half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(engine: Box<dyn Engine>, settings: Settings) -> Self {
        meters::waiting(0);
        let seats = usize::try_from(settings.seats.max(1)).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            engine,
            settings,
            permits: Arc::new(Semaphore::new(seats.min(Semaphore::MAX_PERMITS))),
            first: Semaphore::new(1),
            seats: Mutex::default(),
            waiting: AtomicU32::new(0),
            requests: Mutex::default(),
            stopping: watch::Sender::new(false),
            wake: Notify::new(),
            planned: AtomicU64::new(u64::MAX),
        }
    }

    /// Brings an input to its instance; waits for a seat if it has none.
    pub(super) async fn enter(
        self: &Arc<Self>,
        sandbox: &SandboxId,
        input: Input,
    ) -> Result<oneshot::Receiver<Answered>, HostError> {
        let (answer, answered) = oneshot::channel();
        let message = Message { input, answer: Some(answer) };
        let Some(message) = self.hand_over(sandbox, message)? else { return Ok(answered) };
        let permit = match self.free_seat() {
            Some(permit) => permit,
            None => self.turn().await?,
        };
        self.sit(sandbox, permit, message)?;
        Ok(answered)
    }

    /// A seat that nobody waits for.
    fn free_seat(&self) -> Option<OwnedSemaphorePermit> {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            return None;
        }
        self.permits.clone().try_acquire_owned().ok()
    }

    /// A seat when it is this command's turn.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, HostError> {
        let _place = Place::take(self)?;
        let _first = match select(pin!(self.first.acquire()), pin!(self.stopped())).await {
            Either::Left((first, _)) => first.map_err(|_| HostError::ShuttingDown)?,
            Either::Right(((), _)) => return Err(HostError::ShuttingDown),
        };
        self.seat().await.ok_or(HostError::ShuttingDown)
    }

    /// A free seat; `None` when the host ends.
    pub(super) async fn seat(&self) -> Option<OwnedSemaphorePermit> {
        if self.is_stopping() {
            return None;
        }
        let (permit, stopped) = (pin!(self.permits.clone().acquire_owned()), pin!(self.stopped()));
        match select(permit, stopped).await {
            Either::Left((permit, _)) => permit.ok(),
            Either::Right(((), _)) => None,
        }
    }

    /// Gives the message to whoever works on the instance; brings it back when nobody does.
    pub(super) fn hand_over(&self, sandbox: &SandboxId, message: Message) -> Result<Option<Message>, HostError> {
        if self.is_stopping() {
            return Err(HostError::ShuttingDown);
        }
        give(&open(&self.seats), sandbox, message)
    }

    /// Takes the seat. Somebody may have begun to work on the instance in the meantime; then the seat stays free.
    pub(super) fn sit(
        self: &Arc<Self>,
        sandbox: &SandboxId,
        permit: OwnedSemaphorePermit,
        message: Message,
    ) -> Result<(), HostError> {
        let mut seats = open(&self.seats);
        let Some(message) = give(&seats, sandbox, message)? else { return Ok(()) };
        let room = usize::try_from(self.settings.waiting_each.max(1)).unwrap_or(usize::MAX);
        let (inbox, messages) = mpsc::channel(room.min(Semaphore::MAX_PERMITS));
        // There is room for one.
        drop(inbox.try_send(message));
        let task = tokio::spawn(seat::work(self.clone(), sandbox.clone(), messages, permit)).abort_handle();
        seats.insert(sandbox.clone(), Seat { inbox, task });
        meters::seats(seats.len());
        Ok(())
    }

    /// Leaves the seat, unless something has come in. Whoever hands something over holds the same lock.
    pub(super) fn leave(&self, sandbox: &SandboxId, inbox: &mpsc::Receiver<Message>) -> bool {
        let mut seats = open(&self.seats);
        let leaves = inbox.is_empty();
        if leaves {
            seats.remove(sandbox);
            meters::seats(seats.len());
        }
        leaves
    }

    /// The work on the instance has ended, however that came about.
    pub(super) fn vacate(&self, sandbox: &SandboxId) {
        let mut seats = open(&self.seats);
        seats.remove(sandbox);
        meters::seats(seats.len());
    }

    pub(super) fn is_seated(&self, sandbox: &SandboxId) -> bool {
        open(&self.seats).contains_key(sandbox)
    }

    pub(super) fn seated(&self) -> Vec<SandboxId> {
        open(&self.seats).keys().cloned().collect()
    }

    /// Somebody will want to know how the request ends.
    pub(super) fn expect(&self, sandbox: &SandboxId, request: RequestId) -> oneshot::Receiver<End> {
        let (end, ended) = oneshot::channel();
        let mut requests = open(&self.requests);
        requests.retain(|_, waiter| !waiter.is_closed());
        requests.insert((sandbox.clone(), request), end);
        ended
    }

    pub(super) fn reply(&self, sandbox: &SandboxId, reply: Reply) {
        if let Some(waiter) = open(&self.requests).remove(&(sandbox.clone(), reply.to)) {
            // Whoever has asked may have gone.
            drop(waiter.send(reply.result));
        }
    }

    /// The requests whose end somebody here waits for.
    pub(super) fn awaited(&self) -> Vec<(SandboxId, RequestId)> {
        let mut requests = open(&self.requests);
        requests.retain(|_, waiter| !waiter.is_closed());
        requests.keys().cloned().collect()
    }

    /// Nobody will hear of its end here.
    pub(super) fn forget(&self, request: &(SandboxId, RequestId)) {
        open(&self.requests).remove(request);
    }

    /// Nobody will hear of any end here.
    pub(super) fn end_nothing_more(&self) {
        open(&self.requests).clear();
    }

    /// The wheel has to turn by then.
    pub(super) fn plan(&self, alarm: Option<Alarm>) {
        if alarm.is_some_and(|alarm| alarm.at.as_millis() < self.planned.load(Ordering::SeqCst)) {
            self.wake.notify_one();
        }
    }

    /// When the wheel turns by itself. Before it looks that is never, so that what changes while it looks wakes it.
    pub(super) fn planned(&self, at: u64) {
        self.planned.store(at, Ordering::SeqCst);
    }

    /// Waits that long, until woken, or until the host ends.
    pub(super) async fn rest(&self, time: Duration) {
        let (woken, stopped) = (pin!(self.wake.notified()), pin!(self.stopped()));
        // Elapsed is as good as woken.
        drop(tokio::time::timeout(time, select(woken, stopped)).await);
    }

    /// Waits that long, or until the host ends.
    pub(super) async fn wait(&self, time: Duration) {
        drop(tokio::time::timeout(time, self.stopped()).await);
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    pub(super) async fn stopped(&self) {
        // The sender is ours, and so never gone.
        drop(self.stopping.subscribe().wait_for(|stopping| *stopping).await);
    }

    pub(super) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    pub(super) async fn all_seats_free(&self) {
        let all = self.settings.seats.max(1);
        drop(self.permits.acquire_many(all).await);
    }

    /// Ends all work where it is.
    pub(super) fn abandon(&self) -> Vec<SandboxId> {
        let seats = core::mem::take(&mut *open(&self.seats));
        meters::seats(0);
        seats.values().for_each(|seat| seat.task.abort());
        seats.into_keys().collect()
    }
}

fn give(
    seats: &BTreeMap<SandboxId, Seat>,
    sandbox: &SandboxId,
    message: Message,
) -> Result<Option<Message>, HostError> {
    let Some(seat) = seats.get(sandbox) else { return Ok(Some(message)) };
    match seat.inbox.try_send(message) {
        Ok(()) => Ok(None),
        Err(mpsc::error::TrySendError::Full(_)) => Err(HostError::Overloaded),
        // It has ended by a panic, and is about to be removed.
        Err(mpsc::error::TrySendError::Closed(_)) => Err(HostError::Interrupted),
    }
}

/// One of the commands that wait for a seat.
struct Place<'a>(&'a AtomicU32);

impl<'a> Place<'a> {
    fn take(shared: &'a Shared) -> Result<Self, HostError> {
        let more = |waiting: u32| waiting.checked_add(1).filter(|waiting| *waiting <= shared.settings.waiting);
        let before = shared.waiting.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        let before = before.map_err(|_| HostError::Overloaded)?;
        meters::waiting(before.saturating_add(1));
        Ok(Self(&shared.waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        meters::waiting(self.0.fetch_sub(1, Ordering::SeqCst).saturating_sub(1));
    }
}
