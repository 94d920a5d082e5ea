//! A thread that owns a connection.
//!
//! *Guarantees*: jobs run one after the other, in the order in which they came; a job that was handed over is done even if nobody waits
//! for its answer any more; the thread ends when the last handle is gone.

use crate::port::StoreError;
use alloc::boxed::Box;
use alloc::string::ToString;
use futures::channel::oneshot;
use rusqlite::Connection;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::{io, thread};

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle on the thread.
#[derive(Clone)]
pub(super) struct Worker {
    jobs: Sender<Job>,
}

impl Worker {
    pub(super) fn start(name: &str, connection: Connection) -> Result<Self, io::Error> {
        let (jobs, queue) = channel();
        thread::Builder::new().name(name.to_string()).spawn(move || work(connection, &queue))?;
        Ok(Self { jobs })
    }

    /// Has the thread do something, and waits for what comes of it.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = what(connection);
            // Whoever has asked may have given up; what was done stays done.
            drop(answer.send(result));
        });
        let ended = || StoreError::Unavailable("the thread of the store has ended".to_string());
        self.jobs.send(job).map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }
}

fn work(mut connection: Connection, queue: &Receiver<Job>) {
    for job in queue {
        job(&mut connection);
    }
}
