//! Events leave through an outbox: committed with the record, delivered afterwards, forgotten once the sink has them.

use crate::driver::{Driver, trace};
use crate::id::SandboxId;
use crate::port::{Clock, EventSink, HealthProbe, Provider, SinkError, Store, StoreError};

/// Why events are still in the outbox, or may be delivered again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// The outbox could not be read, or could not be cleared after a delivery.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The sink did not take them.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

impl<P: Provider, H: HealthProbe, S: Store, K: EventSink, C: Clock> Driver<P, H, S, K, C> {
    /// Delivers what is in the outbox of an instance; answers with how many events that were.
    ///
    /// Happens by itself with every step that emits an event, with every alarm and with every resume. A host calls it when its sink
    /// works again, and for instances that are forgotten and have events left.
    ///
    /// # Errors
    /// [`Undelivered`]: the events stay in the outbox.
    pub async fn deliver(&self, sandbox: &SandboxId) -> Result<usize, Undelivered> {
        let events = self.store.outbox(sandbox).await?;
        if events.is_empty() {
            return Ok(0);
        }
        self.sink.deliver(&events).await?;
        self.store.acknowledge(sandbox, &events).await?;
        Ok(events.len())
    }

    pub(super) async fn deliver_or_leave(&self, sandbox: &SandboxId) {
        if let Err(error) = self.deliver(sandbox).await {
            trace::undelivered(sandbox, &error);
        }
    }
}
