//! Files that are not opened, and stay as they are.

use kiloclaw_lifecycle::adapter::sqlite::{OpenError, SqliteStore};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::{fs, io};
use tempfile::TempDir;

/// A file of ours with an instance in it.
fn ours(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("instances.db");
    drop(SqliteStore::open(&path).unwrap());
    // The thread of the store closes the file when it ends, which takes a moment.
    while fs::exists(folder.path().join("instances.db-wal")).unwrap() {
        std::thread::yield_now();
    }
    path
}

fn refused(path: &Path) -> OpenError {
    let before = fs::read(path).unwrap();
    let error = SqliteStore::open(path).expect_err(&format!("{} bytes are refused", before.len()));
    assert_eq!(fs::read(path).unwrap(), before, "{error}: the file is as it was");
    error
}

#[test]
fn what_is_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    for text in [
        "x",
        "SQLite",
        "a text that is longer than the header of a database is, which has a hundred bytes. ".repeat(9).as_str(),
    ] {
        fs::write(&path, text).unwrap();
        assert_eq!(refused(&path), OpenError::NotADatabase { path: path.clone() });
    }
    assert_eq!(refused(&path).to_string(), format!("{} is not an SQLite database", path.display()));
}

#[test]
fn what_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = ours(&folder);
    let whole = fs::read(&path).unwrap();
    for length in [17, 100, whole.len() / 2, whole.len() - 4096] {
        fs::write(&path, &whole[..length]).unwrap();
        let error = refused(&path);
        let damaged = matches!(error, OpenError::Damaged { .. } | OpenError::NotADatabase { .. });
        assert!(damaged, "{length} bytes of {}: {error}", whole.len());
    }
}

#[test]
fn what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = ours(&folder);
    let mut bytes = fs::read(&path).unwrap();
    // The root of the tables, past the header of the file.
    bytes[100..200].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    let error = refused(&path);
    assert!(matches!(&error, OpenError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().starts_with(&format!("{} is damaged: ", path.display())), "{error}");
}

#[test]
fn what_somebody_else_has_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE instance (id INTEGER PRIMARY KEY)").unwrap();
    drop(other);
    assert_eq!(refused(&path), OpenError::NotOurs { path: path.clone() });
    let other = Connection::open(&path).unwrap();
    other.execute_batch("DROP TABLE instance; PRAGMA application_id = 7").unwrap();
    drop(other);
    assert_eq!(refused(&path), OpenError::NotOurs { path: path.clone() });
    assert_eq!(refused(&path).to_string(), format!("{} is a database of another application", path.display()));
}

#[test]
fn what_a_newer_version_has_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = ours(&folder);
    let newer = Connection::open(&path).unwrap();
    newer.execute_batch("PRAGMA user_version = 2").unwrap();
    drop(newer);
    assert_eq!(refused(&path), OpenError::Newer { path: path.clone(), found: 2, known: 1 });
    let said = format!("{} has form 2; this version knows forms up to 1", path.display());
    assert_eq!(refused(&path).to_string(), said);
}

#[test]
fn what_cannot_be_reached() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("no folder").join("instances.db");
    let error = SqliteStore::open(&nowhere).expect_err("is refused");
    assert!(matches!(&error, OpenError::Unusable { path, .. } if *path == nowhere), "{error:?}");
    assert_eq!(fs::metadata(&nowhere).map_err(|error| error.kind()).err(), Some(io::ErrorKind::NotFound));
    let error = SqliteStore::open(folder.path()).expect_err("a folder is refused");
    assert!(matches!(&error, OpenError::Unusable { .. }), "{error:?}");
    let error = SqliteStore::open(":memory:").expect_err("what is gone with the process is refused");
    assert_eq!(error.to_string(), ":memory: cannot be used: it cannot be written ahead (journal mode memory)");
}

/// An empty file is a new one: that is how temporary files are made.
#[test]
fn what_is_empty_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.db");
    fs::write(&path, "").unwrap();
    drop(SqliteStore::open(&path).unwrap());
    drop(SqliteStore::open(&path).unwrap());
}
