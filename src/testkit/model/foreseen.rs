//! Which points on the way through good weather are known to lead to a good end.
//!
//! Good weather leaves nothing to chance: how a run goes on from a point is decided by that point. Many states lead to the same one, and
//! whatever was found to hold from there on holds for all of them. What comes before it is gone through and checked for each state.
//!
//! *Guarantees*: a point is known only once a run through it has come to its end, and everything held there and on the way. One that
//! leads to something that does not hold is never known, so every state that comes to it is found out as if nothing were known.
//!
//! *Assumes* one machine, under one policy; and that different points have different fingerprints of 64 bits, which is what a search takes
//! for granted of its states.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a search has found out about good weather.
#[derive(Debug, Default)]
pub struct Foreseen {
    good: Mutex<BTreeSet<u64>>,
}

impl Foreseen {
    pub(super) fn knows(&self, point: u64) -> bool {
        self.good().contains(&point)
    }

    /// Everything held from these points on.
    pub(super) fn learn(&self, points: Vec<u64>) {
        self.good().extend(points);
    }

    /// A set is whole after every change, so one whose holder has panicked is as good as another.
    fn good(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.good.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
