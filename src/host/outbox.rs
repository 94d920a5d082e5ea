//! Delivers what could not be delivered when it happened, also of instances that are forgotten and have no alarm any more.

use super::meters;
use super::shared::Shared;
use crate::driver::Undelivered;
use crate::id::SandboxId;
use alloc::sync::Arc;

/// How many instances are read at once.
const PAGE: u32 = 256;

pub(super) async fn deliver(shared: Arc<Shared>) {
    let mut last = None;
    while !shared.is_stopping() {
        if let Err(error) = round(&shared, &mut last).await {
            meters::undelivered();
            tracing::warn!(target: "kiloclaw::outbox", error = %error, "events stay in the outbox");
        }
        shared.wait(shared.settings.deliver_again).await;
    }
}

/// Through all that have something, those after `last`. Ends at the first that fails, for the sink, or the store, may not work; the next
/// round goes on behind it, for it may be the only one.
async fn round(shared: &Shared, last: &mut Option<SandboxId>) -> Result<(), Undelivered> {
    loop {
        let page = shared.engine.undelivered(last.as_ref(), PAGE).await?;
        if page.is_empty() {
            *last = None;
            return Ok(());
        }
        for sandbox in page {
            let sandbox = last.insert(sandbox);
            // Whoever works on it delivers.
            if shared.is_seated(sandbox) {
                continue;
            }
            if shared.is_stopping() {
                return Ok(());
            }
            meters::delivered(shared.engine.deliver(sandbox).await?);
        }
    }
}
