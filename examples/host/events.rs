//! What has happened, each event once: a sink that knows the keys it has seen.

use async_trait::async_trait;
use kiloclaw_lifecycle::event::Event;
use kiloclaw_lifecycle::port::{EventSink, SinkError};
use rusqlite::{Connection, TransactionBehavior, params};
use serde_json::Value;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

#[derive(Clone)]
pub(crate) struct EventLog {
    db: Arc<Mutex<Connection>>,
}

/// An event, and where it stands.
pub(crate) struct Logged {
    pub(crate) number: i64,
    pub(crate) event: Value,
}

impl EventLog {
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let told = |error: rusqlite::Error| format!("{}: {error}", path.display());
        let db = Connection::open(path).map_err(told)?;
        db.busy_timeout(Duration::from_secs(5)).map_err(told)?;
        db.query_row("PRAGMA journal_mode=WAL", [], |row| row.get::<_, String>(0)).map_err(told)?;
        db.execute_batch(
            "PRAGMA synchronous=FULL;
             CREATE TABLE IF NOT EXISTS event (
                 number INTEGER PRIMARY KEY AUTOINCREMENT,
                 key    TEXT NOT NULL UNIQUE,
                 event  TEXT NOT NULL
             ) STRICT;",
        )
        .map_err(told)?;
        Ok(Self { db: Arc::new(Mutex::new(db)) })
    }

    /// Those after `after`, in the order in which they came.
    pub(crate) async fn after(&self, after: i64, limit: u32) -> Result<Vec<Logged>, String> {
        self.ask(move |db| {
            let mut select =
                db.prepare_cached("SELECT number, event FROM event WHERE number > ?1 ORDER BY number LIMIT ?2")?;
            let rows = select.query_map(params![after, limit], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
            rows.map(|row| {
                let (number, text) = row?;
                let event = serde_json::from_str(&text).unwrap_or(Value::String(text));
                Ok(Logged { number, event })
            })
            .collect()
        })
        .await
    }

    async fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, String> {
        let db = self.db.clone();
        let asked = tokio::task::spawn_blocking(move || what(&mut db.lock().unwrap_or_else(PoisonError::into_inner)));
        asked.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}

#[async_trait]
impl EventSink for EventLog {
    async fn deliver(&self, events: &[Event]) -> Result<(), SinkError> {
        let texts = events.iter().map(|event| Ok((event.key.clone(), serde_json::to_string(event)?)));
        let texts: Vec<(String, String)> =
            texts.collect::<serde_json::Result<_>>().map_err(|error| SinkError(error.to_string()))?;
        let write = move |db: &mut Connection| {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for (key, event) in texts {
                let known = "INSERT INTO event (key, event) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING";
                transaction.prepare_cached(known)?.execute([key, event])?;
            }
            transaction.commit()
        };
        self.ask(write).await.map_err(SinkError)
    }
}
