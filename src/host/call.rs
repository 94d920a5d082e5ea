//! One call, and its end: by its answer, or by its deadline.

use super::meters;
use super::shared::Shared;
use crate::call::Operation;
use crate::driver::{Held, Pending};
use crate::fault::Fault;
use crate::step::Input;
use crate::time::Timestamp;
use alloc::sync::Arc;
use core::pin::pin;
use core::time::Duration;
use futures::future::{Either, select};
use tokio::time::Instant;

/// The clock is looked at that often.
const LOOK: Duration = Duration::from_secs(1);

/// A call that has ended.
pub(super) struct Ended {
    pub(super) held: Option<Held>,
    pub(super) outcome: Input,
    pub(super) deadline: Timestamp,
}

pub(super) async fn make(shared: Arc<Shared>, pending: Pending) -> Ended {
    let Pending { operation, held } = pending;
    let (begun, deadline) = (shared.engine.now(), operation.deadline);
    let outcome = match deadline.since(begun) {
        // The instance takes it for lost already: it must not leave any more.
        0 => lost(&operation),
        left => {
            let (call, over) = (pin!(shared.engine.execute(&operation)), pin!(over(&shared, deadline, left)));
            match select(call, over).await {
                Either::Left((answer, _)) => answer,
                Either::Right(((), _)) => lost(&operation),
            }
        }
    };
    if let Input::Outcome { result, .. } = &outcome {
        meters::called(operation.id.kind, result.as_ref().err(), shared.engine.now().since(begun));
    }
    Ended { held, outcome, deadline }
}

/// When the call is lost: as the time passes, and as the clock says, which may leap ahead.
async fn over(shared: &Shared, deadline: Timestamp, left: u64) {
    let (begun, life) = (Instant::now(), Duration::from_millis(left));
    loop {
        let left = life.saturating_sub(begun.elapsed());
        if left.is_zero() || shared.engine.now() >= deadline {
            return;
        }
        tokio::time::sleep(left.min(LOOK)).await;
    }
}

fn lost(operation: &Operation) -> Input {
    tracing::warn!(target: "kiloclaw::host", op = %operation.id, "a call has not ended in time");
    Input::Outcome { op: operation.id, result: Err(Fault::lost()) }
}
