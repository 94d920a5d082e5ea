//! Rings the alarms.
//!
//! *Decides* when to ask the store what is due. An alarm stays due until a commit replaces it, so that one that rang in vain rings again:
//! not before [`Settings::ring_again`](super::Settings), and not while somebody works on the instance.

use super::meters;
use super::rung::Rung;
use super::shared::{Message, Shared};
use crate::id::SandboxId;
use crate::port::StoreError;
use crate::step::Input;
use crate::time::Timestamp;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

/// How many alarms are read at once, beside those that are being worked on.
const PAGE: usize = 1_024;

pub(super) async fn turn(shared: Arc<Shared>) {
    while let Err(error) = resume(&shared).await {
        pause_after(&shared, &error).await;
        if shared.is_stopping() {
            return;
        }
    }
    let mut rung = Rung::new(shared.settings.ring_again);
    while !shared.is_stopping() {
        shared.planned(u64::MAX);
        match ring(&shared, &mut rung).await {
            Ok(rest) => shared.rest(rest).await,
            Err(error) => pause_after(&shared, &error).await,
        }
    }
}

async fn pause_after(shared: &Shared, error: &StoreError) {
    tracing::warn!(target: "kiloclaw::host", error = %error, "the store cannot say what is due");
    shared.wait(shared.settings.ring_again).await;
}

/// Resumes those whose alarm is due before a call that is in flight now would be lost: whatever was in flight is among them.
async fn resume(shared: &Arc<Shared>) -> Result<(), StoreError> {
    let by = shared.engine.now().plus(shared.engine.call_deadline_ms()).plus(1);
    for (sandbox, _) in shared.engine.due(by, u32::MAX).await? {
        let Some(seat) = shared.seat().await else { return Ok(()) };
        // A command that came first has loaded the record as well; it sees the same.
        if shared.sit(&sandbox, seat, Message { input: Input::Resume, answer: None }).is_ok() {
            meters::resumed();
        }
    }
    Ok(())
}

/// Rings what is due; says how long to rest.
async fn ring(shared: &Arc<Shared>, rung: &mut Rung) -> Result<Duration, StoreError> {
    let now = shared.engine.now();
    let limit = u32::try_from(rung.len().saturating_add(PAGE)).unwrap_or(u32::MAX);
    let mut due = shared.engine.due(now, limit).await?;
    let all = u32::try_from(due.len()).is_ok_and(|found| found < limit);
    due.extend(absurd(shared, now).await?);
    rung.keep(&due.iter().cloned().collect());
    let mut any = false;
    for (sandbox, at) in due {
        let answered = rung.rests(&sandbox, at) || (rung.has(&sandbox, at) && shared.is_seated(&sandbox));
        if answered || !ring_one(shared, &sandbox).await {
            continue;
        }
        meters::rang(shared.engine.now().since(at));
        rung.ring(sandbox, at);
        any = true;
    }
    if any && !all {
        return Ok(Duration::ZERO);
    }
    let next = shared.engine.next_due(now).await?;
    shared.planned(next.map_or(u64::MAX, Timestamp::as_millis));
    Ok(rest(shared, rung, next))
}

/// Alarms that were set while the clock was ahead, and would ring when it is there again.
async fn absurd(shared: &Shared, now: Timestamp) -> Result<Vec<(SandboxId, Timestamp)>, StoreError> {
    let horizon = now.plus(shared.engine.longest_ms());
    if shared.engine.next_due(horizon).await?.is_none() {
        return Ok(Vec::new());
    }
    let mut all = shared.engine.due(Timestamp::from_millis(u64::MAX), u32::MAX).await?;
    all.retain(|(_, at)| *at > horizon);
    Ok(all)
}

/// Whether it has rung: not if too much waits for the instance, and not at the end.
async fn ring_one(shared: &Arc<Shared>, sandbox: &SandboxId) -> bool {
    let alarm = Message { input: Input::Alarm, answer: None };
    match shared.hand_over(sandbox, alarm) {
        Ok(None) => true,
        Ok(Some(alarm)) => {
            let Some(seat) = shared.seat().await else { return false };
            shared.sit(sandbox, seat, alarm).is_ok()
        }
        Err(_) => false,
    }
}

fn rest(shared: &Shared, rung: &Rung, next: Option<Timestamp>) -> Duration {
    let until = next.map(|next| Duration::from_millis(next.since(shared.engine.now())));
    until.into_iter().chain(rung.next()).chain([shared.settings.look]).min().unwrap_or(shared.settings.look)
}
