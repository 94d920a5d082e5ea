//! The thread that writes.
//!
//! *Decides* what is written together: whatever has come while the disk was busy shares one transaction, and so one sync.
//!
//! *Guarantees*: writes take effect in the order in which they came; each is answered when it is on the disk and not before; one that fails
//! takes none of those beside it along; one that was handed over is done even if nobody waits for its answer any more; the thread ends
//! when the last handle is gone.

use super::queries::failed;
use crate::port::StoreError;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use futures::channel::oneshot;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::{io, iter, thread};

/// As many writes as share one transaction at most: the first of them waits for the last.
const MOST: usize = 256;

/// A handle on the thread.
#[derive(Clone)]
pub(super) struct Writer {
    jobs: Sender<Box<dyn Job>>,
}

impl Writer {
    pub(super) fn start(name: &str, connection: Connection) -> Result<Self, io::Error> {
        let (jobs, queue) = channel();
        thread::Builder::new().name(name.to_string()).spawn(move || work(connection, &queue))?;
        Ok(Self { jobs })
    }

    /// Has the thread write something, and waits until it is on the disk. `what` is done inside of a transaction, and done again in another
    /// one if that has failed for something else. After a [`StoreError::Conflict`] it must not have written anything.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        what: impl Fn(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let ended = || StoreError::Unavailable("the thread of the store has ended".to_string());
        self.jobs.send(Box::new(Write { what, done: None, answer })).map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }
}

/// What has come of a write, and whether the transaction is still good for others.
trait Job: Send {
    fn attempt(&mut self, transaction: &Transaction<'_>) -> bool;
    /// `ended` is how the transaction has ended, in which all were that are to be answered.
    fn answer(self: Box<Self>, ended: Result<(), StoreError>);
}

struct Write<T, F> {
    what: F,
    done: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: Fn(&Transaction<'_>) -> Result<T, StoreError> + Send> Job for Write<T, F> {
    fn attempt(&mut self, transaction: &Transaction<'_>) -> bool {
        let done = (self.what)(transaction);
        let is_good = matches!(done, Ok(_) | Err(StoreError::Conflict));
        self.done = Some(done);
        is_good
    }

    fn answer(self: Box<Self>, ended: Result<(), StoreError>) {
        let Self { done, answer, .. } = *self;
        let unwritten = || Err(StoreError::Unavailable("nothing was written".to_string()));
        // Whoever has asked may have given up; what was done stays done.
        drop(answer.send(ended.and_then(|()| done.unwrap_or_else(unwritten))));
    }
}

fn work(mut connection: Connection, queue: &Receiver<Box<dyn Job>>) {
    while let Ok(first) = queue.recv() {
        write(&mut connection, iter::once(first).chain(queue.try_iter().take(MOST.saturating_sub(1))).collect());
    }
}

fn write(connection: &mut Connection, mut jobs: Vec<Box<dyn Job>>) {
    match together(connection, &mut jobs) {
        Some(ended) => jobs.into_iter().for_each(|job| job.answer(ended.clone())),
        // It says itself what was wrong.
        None if jobs.len() <= 1 => jobs.into_iter().for_each(|job| job.answer(Ok(()))),
        None => jobs.into_iter().for_each(|job| write(connection, [job].into_iter().collect())),
    }
}

/// How the transaction has ended; `None` if one of them has failed, and so nothing is written.
fn together(connection: &mut Connection, jobs: &mut [Box<dyn Job>]) -> Option<Result<(), StoreError>> {
    let transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => return Some(Err(failed(error))),
    };
    // An open transaction is rolled back when it is dropped.
    jobs.iter_mut().all(|job| job.attempt(&transaction)).then(|| transaction.commit().map_err(failed))
}
