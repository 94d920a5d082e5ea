//! What is particular to a store in a file.

use futures::executor::block_on;
use kiloclaw_lifecycle::adapter::sqlite::SqliteStore;
use kiloclaw_lifecycle::event::Event;
use kiloclaw_lifecycle::id::SandboxId;
use kiloclaw_lifecycle::port::{Commit, Fleet, Revision, Store, StoreError, Stored};
use kiloclaw_lifecycle::step::Why;
use kiloclaw_lifecycle::{Alarm, Timestamp};
use rusqlite::Connection;
use std::time::Duration;

fn sandbox(name: &str) -> SandboxId {
    SandboxId::new(name).unwrap()
}

fn writes(expected: Option<Revision>, record: &str) -> Commit {
    let now = Timestamp::from_millis(1);
    let alarm = Some(Alarm { at: now, why: Why::Reconcile, generation: 1 });
    Commit { expected, now, record: Some(record.to_string()), alarm, events: Vec::new() }
}

fn event() -> Event {
    let event = r#"{"key":"one:1","at":1,"event":"instance.stopped","user":"user-1","sandbox":"one"}"#;
    serde_json::from_str(event).unwrap()
}

fn committed(store: &SqliteStore, expected: Option<Revision>, record: &str) -> Result<Revision, StoreError> {
    block_on(store.commit(&sandbox("one"), writes(expected, record)))
}

fn loaded(store: &SqliteStore) -> Option<Stored> {
    block_on(store.load(&sandbox("one"))).unwrap()
}

#[test]
fn what_was_committed_is_there_after_opening_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instances.db");
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!((store.path(), format!("{store:?}")), (path.as_path(), format!("SqliteStore {{ path: {path:?}, .. }}")));
    let revision = committed(&store, None, "first").unwrap();
    let wanted = Some(Stored { record: "first".to_string(), revision });
    // Both as another process sees it, and after the end of this one's handle.
    assert_eq!(loaded(&SqliteStore::open(&path).unwrap()), wanted);
    drop(store);
    assert_eq!(loaded(&SqliteStore::open(&path).unwrap()), wanted);
}

#[test]
fn every_commit_is_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instances.db");
    let store = SqliteStore::open(&path).unwrap();
    committed(&store, None, "first").unwrap();
    let beside = Connection::open(&path).unwrap();
    let mode: String = beside.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    // A copy of the files is what a crash leaves; the one beside holds the last commits.
    let copy = folder.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::copy(folder.path().join("instances.db-wal"), folder.path().join("copy.db-wal")).unwrap();
    assert_eq!(loaded(&SqliteStore::open(&copy).unwrap()).map(|stored| stored.record), Some("first".to_string()));
}

#[test]
fn of_two_processes_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instances.db");
    let (one, two) = (SqliteStore::open(&path).unwrap(), SqliteStore::open(&path).unwrap());
    let first = committed(&one, None, "first").unwrap();
    assert_eq!(committed(&two, None, "other"), Err(StoreError::Conflict));
    let second = committed(&two, Some(first), "second").unwrap();
    assert_eq!(committed(&one, Some(first), "other"), Err(StoreError::Conflict));
    assert_eq!(loaded(&one), Some(Stored { record: "second".to_string(), revision: second }));
    assert_eq!(loaded(&one), loaded(&two));
}

#[test]
fn many_open_a_new_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instances.db");
    let open = || committed(&SqliteStore::open(&path).unwrap(), None, "first");
    let ends = std::thread::scope(|scope| {
        let openers: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        openers.into_iter().map(|opener| opener.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1, "{ends:?}");
    assert_eq!(ends.iter().filter(|end| **end == Err(StoreError::Conflict)).count(), 7, "{ends:?}");
}

#[test]
fn what_another_process_holds_for_too_long_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instances.db");
    let store = SqliteStore::open_patient(&path, Duration::from_millis(1)).unwrap();
    let first = committed(&store, None, "first").unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(
        committed(&store, Some(first), "second"),
        Err(StoreError::Unavailable("database is locked".to_string()))
    );
    assert_eq!(loaded(&store).map(|stored| stored.record), Some("first".to_string()), "reading goes on");
    other.execute_batch("ROLLBACK").unwrap();
    committed(&store, Some(first), "second").unwrap();
}

#[test]
fn a_transaction_that_fails_half_way_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instances.db");
    let store = SqliteStore::open(&path).unwrap();
    let first = committed(&store, None, "first").unwrap();
    Connection::open(&path).unwrap().execute_batch("DROP TABLE outbox").unwrap();
    let commit = Commit { events: vec![event()], ..writes(Some(first), "second") };
    let end = block_on(store.commit(&sandbox("one"), commit));
    assert!(matches!(&end, Err(StoreError::Unavailable(said)) if said.starts_with("no such table: outbox")), "{end:?}");
    assert_eq!(loaded(&store), Some(Stored { record: "first".to_string(), revision: first }));
    let due = block_on(store.due(Timestamp::from_millis(9), 9)).unwrap();
    assert_eq!(due, [(sandbox("one"), Timestamp::from_millis(1))]);
    committed(&store, Some(first), "third").unwrap();
}

#[test]
fn what_cannot_be_read_is_unavailable_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instances.db");
    let store = SqliteStore::open(&path).unwrap();
    let commit = Commit { events: vec![event()], ..writes(None, "first") };
    block_on(store.commit(&sandbox("one"), commit)).unwrap();
    let db = Connection::open(&path).unwrap();
    db.execute("UPDATE outbox SET event = '{}'", []).unwrap();
    let end = block_on(store.outbox(&sandbox("one")));
    let said = "an event cannot be read: missing field `key` at line 1 column 2";
    assert_eq!(end, Err(StoreError::Unavailable(said.to_string())));
    db.execute("UPDATE instance SET sandbox = 'not a name'", []).unwrap();
    let end = block_on(store.instances(None, 9));
    assert!(matches!(&end, Err(StoreError::Unavailable(said)) if said.contains("not a name")), "{end:?}");
    let kept: i64 = db.query_row("SELECT count(*) FROM outbox", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 1);
}

#[test]
fn due_alarms_are_found_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instances.db");
    let store = SqliteStore::open(&path).unwrap();
    committed(&store, None, "first").unwrap();
    assert_eq!(block_on(store.due(Timestamp::from_millis(1), 9)).unwrap().len(), 1);
    let plan = |sql: &str| {
        let db = Connection::open(&path).unwrap();
        let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = plan.query_map([], |row| row.get::<_, String>(3)).unwrap();
        steps.map(Result::unwrap).collect::<Vec<_>>()
    };
    let due = "SELECT sandbox, due FROM instance WHERE due <= 1 ORDER BY due, sandbox LIMIT 9";
    assert_eq!(plan(due), ["SEARCH instance USING COVERING INDEX instance_due (due<?)"]);
    let next = "SELECT min(due) FROM instance WHERE due > 1";
    assert_eq!(plan(next), ["SEARCH instance USING COVERING INDEX instance_due (due>?)"]);
}
