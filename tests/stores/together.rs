//! Commits that wait for the disk together.

use futures::executor::block_on;
use futures::future::join_all;
use kiloclaw_lifecycle::adapter::sqlite::SqliteStore;
use kiloclaw_lifecycle::id::SandboxId;
use kiloclaw_lifecycle::port::{Commit, Revision, Store, StoreError, Stored};
use kiloclaw_lifecycle::step::Why;
use kiloclaw_lifecycle::{Alarm, Timestamp};
use rusqlite::Connection;
use std::path::Path;
use std::time::Duration;

fn writes(expected: Option<Revision>, record: &str) -> Commit {
    let now = Timestamp::from_millis(1);
    let alarm = Some(Alarm { at: now, why: Why::Reconcile, generation: 1 });
    Commit { expected, now, record: Some(record.to_string()), alarm, events: Vec::new() }
}

fn sandbox(name: &str) -> SandboxId {
    SandboxId::new(name).unwrap()
}

/// Hands all of them over while somebody else holds the file, so that all but the first wait together.
fn together(path: &Path, store: &SqliteStore, commits: &[(&str, Commit)]) -> Vec<Result<Revision, StoreError>> {
    let other = Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let held = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        other.execute_batch("ROLLBACK").unwrap();
    });
    let all = commits.iter().map(|(name, commit)| (sandbox(name), commit.clone()));
    let all = all.map(async |(sandbox, commit)| store.commit(&sandbox, commit).await);
    let ends = block_on(join_all(all));
    held.join().unwrap();
    ends
}

fn loaded(store: &SqliteStore, name: &str) -> Option<Stored> {
    block_on(store.load(&sandbox(name))).unwrap()
}

#[test]
fn each_sees_those_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instances.db");
    let store = SqliteStore::open(&path).unwrap();
    let ends = together(
        &path,
        &store,
        &[
            ("zero", writes(None, "alone")),
            ("one", writes(None, "first")),
            ("one", writes(None, "other")),
            ("one", writes(Some(Revision(1)), "second")),
            ("two", writes(None, "first")),
            ("one", writes(Some(Revision(1)), "other")),
        ],
    );
    let [first, second] = [Ok(Revision(1)), Ok(Revision(2))];
    let lost = Err(StoreError::Conflict);
    assert_eq!(ends, [first.clone(), first.clone(), lost.clone(), second, first, lost]);
    assert_eq!(loaded(&store, "one"), Some(Stored { record: "second".to_string(), revision: Revision(2) }));
    assert_eq!(loaded(&store, "two"), Some(Stored { record: "first".to_string(), revision: Revision(1) }));
}

/// Some failures undo the whole transaction, and not only the statement.
#[test]
fn one_that_fails_takes_none_of_those_beside_it_along() {
    for raise in ["ABORT", "ROLLBACK"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("instances.db");
        let store = SqliteStore::open(&path).unwrap();
        let trigger = format!(
            "CREATE TRIGGER bad BEFORE INSERT ON instance WHEN new.record = 'bad' BEGIN SELECT RAISE({raise}, 'is bad'); END"
        );
        Connection::open(&path).unwrap().execute_batch(&trigger).unwrap();
        let good = |name| (name, writes(None, "good"));
        let ends = together(
            &path,
            &store,
            &[good("a"), good("b"), good("c"), ("d", writes(None, "bad")), good("c"), good("e"), good("f")],
        );
        let bad = Err(StoreError::Unavailable("is bad".to_string()));
        let first = Ok(Revision(1));
        let wanted = [&first, &first, &first, &bad, &Err(StoreError::Conflict), &first, &first].map(Clone::clone);
        assert_eq!(ends, wanted, "{raise}");
        let there = ["a", "b", "c", "d", "e", "f"].map(|name| loaded(&store, name).map(|stored| stored.record));
        let kept = Some("good".to_string());
        assert_eq!(there, [kept.clone(), kept.clone(), kept.clone(), None, kept.clone(), kept], "{raise}");
    }
}

#[test]
fn those_that_wait_share_a_transaction() {
    let names: Vec<String> = (0..100).map(|number| format!("instance-{number}")).collect();
    let commits: Vec<(&str, Commit)> = names.iter().map(|name| (name.as_str(), writes(None, "record"))).collect();
    // What is written ahead holds each page once for each transaction that has changed it.
    let written = |one_by_one: bool| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("instances.db");
        let store = SqliteStore::open(&path).unwrap();
        if one_by_one {
            for (name, commit) in &commits {
                block_on(store.commit(&sandbox(name), commit.clone())).unwrap();
            }
        } else {
            assert!(together(&path, &store, &commits).iter().all(Result::is_ok));
        }
        std::fs::metadata(folder.path().join("instances.db-wal")).unwrap().len()
    };
    let (alone, shared) = (written(true), written(false));
    assert!(shared * 10 < alone, "{shared} bytes against {alone}");
}
