//! The randomness of a simulation: everything follows from its seed.

use crate::random::Random;

/// A stream of draws.
#[derive(Clone, Debug)]
pub(in crate::testkit) struct Dice(Random);

impl Dice {
    pub(in crate::testkit) fn new(seed: u64, purpose: u64) -> Self {
        Self(Random::of(seed, purpose))
    }

    /// A number from `least` to `most`.
    pub(in crate::testkit) fn between(&mut self, least: u64, most: u64) -> u64 {
        least.saturating_add(self.0.up_to(most.saturating_sub(least)))
    }

    /// True once in `count` times.
    pub(in crate::testkit) fn once_in(&mut self, count: u64) -> bool {
        self.between(1, count) == 1
    }

    /// Short far more often than long: each doubling up to `most` is as likely as the one before.
    pub(in crate::testkit) fn skewed(&mut self, least: u64, most: u64) -> u64 {
        let doublings = u64::from(most.checked_div(least.max(1)).unwrap_or(1).max(1).ilog2());
        let top = least.max(1).saturating_mul(1 << self.between(0, doublings));
        self.between(least, top.min(most).max(least))
    }

    pub(in crate::testkit) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let last = u64::try_from(of.len()).ok()?.checked_sub(1)?;
        of.get(usize::try_from(self.between(0, last)).ok()?)
    }
}
