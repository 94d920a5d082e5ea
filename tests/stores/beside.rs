//! Others who have the file open, or would like to: what must not happen to them, nor to us.

use futures::executor::block_on;
use kiloclaw_lifecycle::adapter::sqlite::{OpenError, SqliteStore};
use kiloclaw_lifecycle::id::SandboxId;
use kiloclaw_lifecycle::port::{Commit, Revision, Store, StoreError};
use kiloclaw_lifecycle::step::Why;
use kiloclaw_lifecycle::{Alarm, Timestamp};
use rusqlite::Connection;
use std::time::{Duration, Instant};

fn commit(store: &SqliteStore, expected: Option<Revision>, record: &str) -> Revision {
    let now = Timestamp::from_millis(1);
    let alarm = Some(Alarm { at: now, why: Why::Reconcile, generation: 1 });
    let commit = Commit { expected, now, record: Some(record.to_string()), alarm, events: Vec::new() };
    block_on(store.commit(&SandboxId::new("one").unwrap(), commit)).unwrap()
}

/// A process that closes any handle on a file gives up all its locks on it, SQLite's as well. Others, an older `sqlite3` for one, then take
/// the file for abandoned, and delete what has been written ahead and is still being written.
#[test]
#[cfg(target_os = "linux")]
fn opening_it_again_does_not_take_the_first_ones_locks_away() {
    use std::os::unix::fs::MetadataExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instances.db");
    let first = SqliteStore::open(&path).unwrap();
    commit(&first, None, "one");
    let locks = || {
        let inode = format!(":{} ", std::fs::metadata(&path).unwrap().ino());
        let all = std::fs::read_to_string("/proc/locks").unwrap();
        all.lines().filter(|line| line.contains(&inode)).count()
    };
    let before = locks();
    let second = SqliteStore::open(&path).unwrap();
    assert_eq!((before, locks()), (1, 1));
    drop((first, second));
}

/// Another process is making the file while we wait for it.
fn made_meanwhile(by: &str) -> (Result<SqliteStore, OpenError>, (i32, i32, i32)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instances.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA journal_mode=WAL; BEGIN IMMEDIATE").unwrap();
    let opened = std::thread::scope(|scope| {
        let opening = scope.spawn(|| SqliteStore::open(&path));
        std::thread::sleep(Duration::from_millis(300));
        other.execute_batch(&format!("{by}; COMMIT")).unwrap();
        opening.join().unwrap()
    });
    let number = |sql: &str| other.query_row(sql, [], |row| row.get::<_, i32>(0)).unwrap();
    let tables = number("SELECT count(*) FROM sqlite_schema WHERE type = 'table'");
    (opened, (number("PRAGMA application_id"), number("PRAGMA user_version"), tables))
}

#[test]
fn a_newer_form_that_comes_meanwhile_is_not_turned_back() {
    let newer =
        "CREATE TABLE instance (id INTEGER PRIMARY KEY); PRAGMA application_id=0x4B434C57; PRAGMA user_version=2";
    let (opened, is) = made_meanwhile(newer);
    assert_eq!(is, (0x4B43_4C57, 2, 1));
    assert!(matches!(opened, Err(OpenError::Newer { found: 2, known: 1, .. })), "{opened:?}");
}

#[test]
fn what_somebody_else_makes_meanwhile_stays_theirs() {
    let (opened, is) = made_meanwhile("CREATE TABLE notes (text TEXT); PRAGMA application_id=7");
    assert_eq!(is, (7, 0, 1));
    assert!(matches!(opened, Err(OpenError::NotOurs { .. })), "{opened:?}");
}

#[test]
fn patience_is_as_long_as_it_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instances.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA application_id=0x4B434C57; BEGIN; SELECT * FROM sqlite_schema").unwrap();
    let begun = Instant::now();
    let opened = SqliteStore::open_patient(&path, Duration::from_millis(300));
    assert!(begun.elapsed() < Duration::from_secs(2), "{opened:?} after {:?}", begun.elapsed());
}

#[test]
fn a_name_is_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes.txt");
    std::fs::write(&notes, "x").unwrap();
    let opened = SqliteStore::open(format!("file:{}", notes.display()));
    assert!(matches!(opened, Err(OpenError::Unusable { .. })), "there is no folder of that name: {opened:?}");
    assert_eq!(std::fs::read_to_string(&notes).unwrap(), "x");
}

/// Its file was taken away: whatever is written now, nobody will ever read.
#[test]
#[cfg(unix)]
fn a_file_that_is_gone_takes_no_commits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instances.db");
    let store = SqliteStore::open(&path).unwrap();
    let revision = commit(&store, None, "one");
    for name in ["instances.db", "instances.db-wal", "instances.db-shm"] {
        std::fs::rename(folder.path().join(name), folder.path().join(format!("old-{name}"))).unwrap();
    }
    let second = || {
        let now = Timestamp::from_millis(1);
        let alarm = Some(Alarm { at: now, why: Why::Reconcile, generation: 1 });
        Commit { expected: Some(revision), now, record: Some("two".into()), alarm, events: Vec::new() }
    };
    let one = SandboxId::new("one").unwrap();
    let end = block_on(store.commit(&one, second()));
    assert!(matches!(end, Err(StoreError::Unavailable(_))), "{end:?}");
    let another = SqliteStore::open(&path).unwrap();
    let end = block_on(store.commit(&one, second()));
    assert!(matches!(end, Err(StoreError::Unavailable(_))), "it is another file: {end:?}");
    drop(another);
}
