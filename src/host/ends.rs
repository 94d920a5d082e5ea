//! Ends that came about in another process: whoever waits for one here is told that there is nothing to wait for.

use super::shared::Shared;
use alloc::sync::Arc;

pub(super) async fn watch(shared: Arc<Shared>) {
    while !shared.is_stopping() {
        for request in shared.awaited() {
            let (sandbox, id) = &request;
            let Ok(instance) = shared.engine.load(sandbox).await else { continue };
            let waits = instance.is_some_and(|instance| instance.owes(*id));
            // Whoever works on it may have the end in hand.
            if !waits && !shared.is_seated(sandbox) {
                shared.forget(&request);
            }
        }
        shared.wait(shared.settings.look).await;
    }
}
