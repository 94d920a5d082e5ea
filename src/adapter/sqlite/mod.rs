//! Records, alarms and undelivered events in one SQLite file.
//!
//! *Does* each commit in one transaction: record, revision, due time and events, or nothing. The file is in WAL mode and every commit is
//! on the disk when it is answered (`synchronous=FULL`); commits that wait for the disk share its next sync. Due alarms are found by an
//! index.
//!
//! *Guarantees*: several processes may open the file at once; a file that is damaged, that is somebody else's or that a newer version of
//! this library has written is refused and left as it is.
//!
//! *Assumes* a local disk: SQLite's locks are not to be trusted on network file systems; and that whoever copies the file takes along what lies
//! beside it (`-wal`), which may hold what was written last, even when every process has ended.
//!
//! *Knows nothing of* runtimes. SQLite blocks, so it has threads of its own: one that writes, and one that reads what has been written.

mod open;
mod queries;
mod schema;
mod worker;
mod writer;

pub use open::OpenError;

use crate::event::Event;
use crate::id::SandboxId;
use crate::port::{Commit, Fleet, Revision, Store, StoreError, Stored};
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::fmt;
use core::time::Duration;
use std::path::{Path, PathBuf};
use worker::Worker;
use writer::Writer;

/// How long a transaction waits for another process's, unless said otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

/// A store in one SQLite file. Clones share it.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use kiloclaw_lifecycle::adapter::sqlite::SqliteStore;
/// use kiloclaw_lifecycle::Store;
/// use kiloclaw_lifecycle::id::SandboxId;
///
/// # let folder = tempfile::tempdir()?;
/// # let file = folder.path().join("instances.db");
/// let store = SqliteStore::open(&file)?;
/// let stored = futures::executor::block_on(store.load(&SandboxId::new("sandbox-1")?))?;
/// assert_eq!(stored, None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    path: Arc<PathBuf>,
    /// The file that was opened, in case another has come to its place.
    file: (u64, u64),
    writer: Writer,
    reader: Worker,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the file, or makes it. Brings an older form of it up to date. Blocks.
    ///
    /// # Errors
    /// [`OpenError`]; then the file is as it was.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_patient(path, PATIENCE)
    }

    /// The same; a transaction waits that long for those of other processes before it is [`StoreError::Unavailable`].
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn open_patient(path: impl AsRef<Path>, patience: Duration) -> Result<Self, OpenError> {
        let path = path.as_ref();
        // Where it is stays where it is, whatever folder the process goes to.
        let absolute = std::path::absolute(path).map_err(|error| open::unusable(path, &error))?;
        let writing = open::writing(path, patience)?;
        let reading = open::reading(path, patience)?;
        Ok(Self {
            file: open::which(&absolute).map_err(|error| open::unusable(path, &error))?,
            path: Arc::new(absolute),
            writer: Writer::start("kiloclaw-store", writing).map_err(|error| open::unusable(path, &error))?,
            reader: Worker::start("kiloclaw-read", reading).map_err(|error| open::unusable(path, &error))?,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn load(&self, sandbox: &SandboxId) -> Result<Option<Stored>, StoreError> {
        let sandbox = sandbox.clone();
        self.reader.ask(move |db| queries::load(db, &sandbox)).await
    }

    async fn commit(&self, sandbox: &SandboxId, commit: Commit) -> Result<Revision, StoreError> {
        let (sandbox, path, file) = (sandbox.clone(), self.path.clone(), self.file);
        self.writer
            .write(move |db| {
                // SQLite would go on writing to what nobody will ever read.
                if open::which(&path).ok() != Some(file) {
                    return Err(StoreError::Unavailable(format!("{} is not the file that was opened", path.display())));
                }
                queries::commit(db, &sandbox, &commit)
            })
            .await
    }

    async fn outbox(&self, sandbox: &SandboxId) -> Result<Vec<Event>, StoreError> {
        let sandbox = sandbox.clone();
        self.reader.ask(move |db| queries::outbox(db, &sandbox)).await
    }

    async fn acknowledge(&self, sandbox: &SandboxId, events: &[Event]) -> Result<(), StoreError> {
        let sandbox = sandbox.clone();
        let keys = events.iter().map(|event| event.key.clone()).collect::<Vec<_>>();
        self.writer.write(move |db| queries::acknowledge(db, &sandbox, &keys)).await
    }
}

#[async_trait]
impl Fleet for SqliteStore {
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<(SandboxId, Timestamp)>, StoreError> {
        self.reader.ask(move |db| queries::due(db, now, limit)).await
    }

    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.reader.ask(move |db| queries::next_due(db, after)).await
    }

    async fn instances(&self, after: Option<&SandboxId>, limit: u32) -> Result<Vec<SandboxId>, StoreError> {
        let after = after.cloned();
        self.reader.ask(move |db| queries::instances(db, after.as_ref(), limit)).await
    }

    async fn undelivered(&self, after: Option<&SandboxId>, limit: u32) -> Result<Vec<SandboxId>, StoreError> {
        let after = after.cloned();
        self.reader.ask(move |db| queries::undelivered(db, after.as_ref(), limit)).await
    }
}
