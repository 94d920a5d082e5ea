//! What the host tells of recoveries, and when.

use async_trait::async_trait;
use kiloclaw_lifecycle::event::{Event, EventName, Milestone};
use kiloclaw_lifecycle::id::SandboxId;
use kiloclaw_lifecycle::port::{EventSink, SinkError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::time::Instant;

/// When each recovery began and ended, by the tenant.
#[derive(Default)]
pub(crate) struct Recoveries {
    pub(crate) began: BTreeMap<SandboxId, Instant>,
    pub(crate) succeeded: BTreeMap<SandboxId, Instant>,
    pub(crate) failed: BTreeMap<SandboxId, Instant>,
}

/// Clones listen to the same.
#[derive(Clone, Default)]
pub(crate) struct Told(pub(crate) Arc<Mutex<Recoveries>>);

#[async_trait]
impl EventSink for Told {
    async fn deliver(&self, events: &[Event]) -> Result<(), SinkError> {
        let mut told = self.0.lock().expect("no panic");
        for event in events {
            let EventName::Life(milestone) = event.event else { continue };
            let into = if milestone == Milestone::RecoveryStarted {
                &mut told.began
            } else if milestone == Milestone::RecoverySucceeded {
                &mut told.succeeded
            } else if milestone == Milestone::RecoveryFailed {
                &mut told.failed
            } else {
                continue;
            };
            into.entry(event.sandbox.clone()).or_insert_with(Instant::now);
        }
        Ok(())
    }
}
