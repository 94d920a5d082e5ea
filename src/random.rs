//! Repeatable randomness: a pure function of the instance's seed and a counter.
//!
//! The stream is part of the behaviour that a replay relies on, so it is written out here instead of being borrowed from a
//! generator whose output may change between releases.

/// A SplitMix64 stream.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream that belongs to `purpose` (a counter of the instance) under `seed`.
    pub(crate) fn of(seed: u64, purpose: u64) -> Self {
        Self(seed.rotate_left(17) ^ purpose.wrapping_mul(0xd605_bbb5_8c8a_bbed))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..=most`. The bias of the modulo is far below what a jitter or a shuffle could show.
    pub(crate) fn up_to(&mut self, most: u64) -> u64 {
        let drawn = self.next();
        most.checked_add(1).and_then(|span| drawn.checked_rem(span)).unwrap_or(drawn)
    }

    /// Fisher–Yates.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let pick = self.up_to(last as u64) as usize;
            items.swap(last, pick);
        }
    }
}
