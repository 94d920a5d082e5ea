//! A fleet in a file of the store, written past the store so that it is quick.

use crate::storm::Fleet;
use kiloclaw_lifecycle::adapter::sqlite::SqliteStore;
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(crate) struct Filed {
    pub(crate) store: SqliteStore,
    path: PathBuf,
    // Goes last.
    _folder: TempDir,
}

impl Filed {
    /// The store makes its own tables; the rows are those that its commits would have left.
    pub(crate) fn of(fleet: &Fleet) -> Self {
        // Beside the build, and so on the same disk as everything else; /tmp may be memory.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let path = folder.path().join("instances.db");
        let store = SqliteStore::open(&path).expect("a store");
        let mut db = Connection::open(&path).expect("the file");
        let transaction = db.transaction().expect("a transaction");
        {
            let sql = "INSERT INTO instance (sandbox, revision, record, due) VALUES (?1, 1, ?2, ?3)";
            let mut insert = transaction.prepare(sql).expect("the tables of the store");
            for member in &fleet.members {
                let due = i64::try_from(member.alarm.at.as_millis()).expect("a date");
                insert.execute(params![member.sandbox.as_str(), member.record, due]).expect("a row");
            }
        }
        transaction.commit().expect("a commit");
        let filed = Self { store, path, _folder: folder };
        filed.settle(&db);
        filed
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Brings everything from the log into the file.
    fn settle(&self, db: &Connection) {
        let busy: i64 = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).expect("a checkpoint");
        assert_eq!(busy, 0, "nobody else is at work");
    }

    /// The size of the file.
    pub(crate) fn bytes(&self) -> u64 {
        std::fs::metadata(&self.path).expect("the file").len()
    }
}
