//! Delivers what could not be delivered when it happened, also of instances that are forgotten and have no alarm any more.

use super::meters;
use super::shared::Shared;
use crate::driver::Undelivered;
use crate::id::SandboxId;
use alloc::sync::Arc;

/// How many instances are read at once.
const PAGE: u32 = 256;

pub(super) async fn deliver(shared: Arc<Shared>) {
    while !shared.is_stopping() {
        if let Err(error) = round(&shared).await {
            meters::undelivered();
            tracing::warn!(target: "kiloclaw::outbox", error = %error, "events stay in the outbox");
        }
        shared.wait(shared.settings.deliver_again).await;
    }
}

/// Once through all that have something. Ends at the first that fails: the sink, or the store, does not work.
async fn round(shared: &Shared) -> Result<(), Undelivered> {
    let mut last: Option<SandboxId> = None;
    loop {
        let page = shared.engine.undelivered(last.as_ref(), PAGE).await?;
        for sandbox in &page {
            // Whoever works on it delivers.
            if shared.is_seated(sandbox) {
                continue;
            }
            if shared.is_stopping() {
                return Ok(());
            }
            meters::delivered(shared.engine.deliver(sandbox).await?);
        }
        match page.into_iter().next_back() {
            Some(end) => last = Some(end),
            None => return Ok(()),
        }
    }
}
