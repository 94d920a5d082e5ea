//! Every request that was received, for those who want to know what a client does.

use crate::time::Timestamp;
use alloc::collections::VecDeque;
use alloc::string::String;
use serde::Serialize;
use serde_json::{Value, json};

/// Older ones are forgotten.
const KEPT: usize = 50_000;

/// A request that was received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Received {
    /// Counts the requests, from 1.
    pub seq: u64,
    /// When it came, by the clients' clock.
    pub at: Timestamp,
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The HTTP status that it was answered by; `None` while it was not, and for ever where the connection broke.
    pub status: Option<u16>,
    /// Whether what it asked for was done in the world: shown, for one that only looks.
    pub done: bool,
}

#[derive(Default)]
pub(super) struct Calls {
    kept: VecDeque<Received>,
    count: u64,
}

impl Calls {
    pub(super) fn receive(&mut self, at: Timestamp, method: &str, path: &str) -> u64 {
        self.count += 1;
        if self.kept.len() >= KEPT {
            self.kept.pop_front();
        }
        let (method, path) = (method.into(), path.into());
        self.kept.push_back(Received { seq: self.count, at, method, path, status: None, done: false });
        self.count
    }

    fn of(&mut self, seq: u64) -> Option<&mut Received> {
        self.kept.iter_mut().rev().find(|call| call.seq == seq)
    }

    pub(super) fn answered(&mut self, seq: u64, status: u16) {
        if let Some(call) = self.of(seq) {
            call.status = Some(status);
        }
    }

    pub(super) fn done(&mut self, seq: u64) {
        if let Some(call) = self.of(seq) {
            call.done = true;
        }
    }

    pub(super) fn after(&self, seq: u64) -> impl Iterator<Item = &Received> {
        self.kept.iter().filter(move |call| call.seq > seq)
    }

    pub(super) fn json(&self, after: u64) -> Value {
        json!({ "calls": self.after(after).collect::<alloc::vec::Vec<_>>(), "last": self.count })
    }
}
