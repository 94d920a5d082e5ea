//! What is asked of the tables.

use crate::event::Event;
use crate::id::SandboxId;
use crate::port::{Commit, Revision, StoreError, Stored};
use crate::time::Timestamp;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

pub(super) fn failed(error: rusqlite::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

fn unreadable(what: &str, error: impl core::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("{what} cannot be read: {error}"))
}

/// SQLite counts to 2^63; what is later than that is as late as that.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn load(db: &Connection, sandbox: &SandboxId) -> Result<Option<Stored>, StoreError> {
    let mut statement = db
        .prepare_cached("SELECT record, revision FROM instance WHERE sandbox = ?1 AND record IS NOT NULL")
        .map_err(failed)?;
    let stored = |row: &Row<'_>| Ok(Stored { record: row.get(0)?, revision: Revision(unsigned(row.get(1)?)) });
    statement.query_row([sandbox.as_str()], stored).optional().map_err(failed)
}

pub(super) fn commit(db: &Transaction<'_>, sandbox: &SandboxId, commit: &Commit) -> Result<Revision, StoreError> {
    let events = commit.events.iter().map(|event| Ok((event.key.as_str(), serde_json::to_string(event)?)));
    let events: Vec<(&str, String)> =
        events.collect::<serde_json::Result<_>>().map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let revision = put(db, sandbox, commit)?.ok_or(StoreError::Conflict)?;
    for (key, event) in events {
        db.prepare_cached("INSERT INTO outbox (sandbox, key, event) VALUES (?1, ?2, ?3)")
            .and_then(|mut insert| insert.execute(params![sandbox.as_str(), key, event]))
            .map_err(failed)?;
    }
    Ok(revision)
}

/// The new revision, or nothing when the stored one is not the expected one.
fn put(db: &Transaction<'_>, sandbox: &SandboxId, commit: &Commit) -> Result<Option<Revision>, StoreError> {
    let due = commit.alarm.map(|alarm| signed(alarm.at.as_millis()));
    let record = commit.record.as_deref();
    let revision = |row: &Row<'_>| Ok(Revision(unsigned(row.get(0)?)));
    let put = match commit.expected {
        Some(expected) => db
            .prepare_cached(
                "UPDATE instance SET record = ?2, due = ?3, revision = revision + 1
                 WHERE sandbox = ?1 AND record IS NOT NULL AND revision = ?4 RETURNING revision",
            )
            .and_then(|mut put| {
                put.query_row(params![sandbox.as_str(), record, due, signed(expected.0)], revision).optional()
            }),
        None => db
            .prepare_cached(
                "INSERT INTO instance (sandbox, revision, record, due) VALUES (?1, 1, ?2, ?3)
                 ON CONFLICT (sandbox) DO UPDATE SET record = ?2, due = ?3, revision = revision + 1
                 WHERE record IS NULL RETURNING revision",
            )
            .and_then(|mut put| put.query_row(params![sandbox.as_str(), record, due], revision).optional()),
    };
    put.map_err(failed)
}

pub(super) fn outbox(db: &Connection, sandbox: &SandboxId) -> Result<Vec<Event>, StoreError> {
    let mut statement = db.prepare_cached("SELECT event FROM outbox WHERE sandbox = ?1 ORDER BY id").map_err(failed)?;
    let rows = statement.query_map([sandbox.as_str()], |row| row.get::<_, String>(0)).map_err(failed)?;
    rows.map(|text| serde_json::from_str(&text.map_err(failed)?).map_err(|error| unreadable("an event", error)))
        .collect()
}

pub(super) fn acknowledge(db: &Transaction<'_>, sandbox: &SandboxId, keys: &[String]) -> Result<(), StoreError> {
    for key in keys {
        db.prepare_cached("DELETE FROM outbox WHERE sandbox = ?1 AND key = ?2")
            .and_then(|mut delete| delete.execute([sandbox.as_str(), key]))
            .map_err(failed)?;
    }
    Ok(())
}

pub(super) fn due(db: &Connection, now: Timestamp, limit: u32) -> Result<Vec<(SandboxId, Timestamp)>, StoreError> {
    let mut statement = db
        .prepare_cached("SELECT sandbox, due FROM instance WHERE due <= ?1 ORDER BY due, sandbox LIMIT ?2")
        .map_err(failed)?;
    let rows = statement
        .query_map(params![signed(now.as_millis()), limit], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))
        .map_err(failed)?;
    rows.map(|row| {
        let (sandbox, at) = row.map_err(failed)?;
        Ok((named(sandbox)?, Timestamp::from_millis(unsigned(at))))
    })
    .collect()
}

pub(super) fn next_due(db: &Connection, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let mut statement = db.prepare_cached("SELECT min(due) FROM instance WHERE due > ?1").map_err(failed)?;
    let at: Option<i64> = statement.query_row([signed(after.as_millis())], |row| row.get(0)).map_err(failed)?;
    Ok(at.map(|at| Timestamp::from_millis(unsigned(at))))
}

pub(super) fn instances(db: &Connection, after: Option<&SandboxId>, limit: u32) -> Result<Vec<SandboxId>, StoreError> {
    let sql = "SELECT sandbox FROM instance WHERE sandbox > ?1 AND record IS NOT NULL ORDER BY sandbox LIMIT ?2";
    page(db, sql, after, limit)
}

pub(super) fn undelivered(
    db: &Connection,
    after: Option<&SandboxId>,
    limit: u32,
) -> Result<Vec<SandboxId>, StoreError> {
    let sql = "SELECT DISTINCT sandbox FROM outbox WHERE sandbox > ?1 ORDER BY sandbox LIMIT ?2";
    page(db, sql, after, limit)
}

/// No name is empty, so that all of them come after the empty one.
fn page(db: &Connection, sql: &str, after: Option<&SandboxId>, limit: u32) -> Result<Vec<SandboxId>, StoreError> {
    let mut statement = db.prepare_cached(sql).map_err(failed)?;
    let after = after.map_or("", SandboxId::as_str);
    let rows = statement.query_map(params![after, limit], |row| row.get(0)).map_err(failed)?;
    rows.map(|sandbox| named(sandbox.map_err(failed)?)).collect()
}

fn named(sandbox: String) -> Result<SandboxId, StoreError> {
    SandboxId::new(sandbox).map_err(|error| unreadable("the name of an instance", error))
}
