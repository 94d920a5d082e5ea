//! The event sink of a run.

use crate::event::Event;
use crate::port::{EventSink, SinkError};
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use async_trait::async_trait;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
struct Heard {
    events: Vec<Event>,
    keys: BTreeSet<String>,
}

/// Keeps events, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder {
    heard: Arc<Mutex<Heard>>,
}

impl Recorder {
    fn open(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All events but the first `known`.
    pub(super) fn since(&self, known: usize) -> Vec<Event> {
        self.open().events.iter().skip(known).cloned().collect()
    }
}

#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
impl EventSink for Recorder {
    async fn deliver(&self, events: &[Event]) -> Result<(), SinkError> {
        let mut heard = self.open();
        for event in events {
            if heard.keys.insert(event.key.clone()) {
                heard.events.push(event.clone());
            }
        }
        Ok(())
    }
}
