//! How long to stay away after a refusal.

use crate::random::Random;
use crate::time::Timestamp;
use core::time::Duration;
use jiff::fmt::rfc2822::DateTimeParser;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

/// Nobody is believed who asks for more.
const LONGEST: Duration = Duration::from_secs(600);
const FIRST_MS: u64 = 200;
const LAST_MS: u64 = 3_000;

/// What a `Retry-After` asks for: seconds or a date, at most ten minutes.
pub(super) fn asked_for(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let pause = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit ask for more than anybody gets.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let at = DateTimeParser::new().parse_timestamp(value).ok()?.as_millisecond();
        let at = Timestamp::from_millis(u64::try_from(at).unwrap_or_default());
        Duration::from_millis(at.since(now))
    };
    Some(pause.min(LONGEST))
}

/// Pauses between repetitions: each twice as long as the one before, up to a bound, and half of it left to chance, so that those who were
/// refused together do not come back together.
pub(super) struct Backoff(Mutex<Random>);

impl Backoff {
    pub(super) fn new() -> Self {
        // The only source of chance in the standard library: the keys of its hash maps.
        Self(Mutex::new(Random::of(RandomState::new().hash_one(0_u8), 0)))
    }

    /// Before the repetition that follows `attempt`, counted from 0.
    pub(super) fn pause(&self, attempt: u32) -> Duration {
        let whole = FIRST_MS.saturating_mul(1_u64.checked_shl(attempt).unwrap_or(u64::MAX)).min(LAST_MS);
        let half = whole / 2;
        let chance = self.0.lock().unwrap_or_else(PoisonError::into_inner).up_to(half);
        Duration::from_millis(half.saturating_add(chance))
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, asked_for};
    use crate::time::Timestamp;
    use core::time::Duration;

    #[test]
    fn seconds_and_dates() {
        let now = Timestamp::from_millis(784_111_777_000);
        let rows = [
            ("0", Some(0)),
            (" 12 ", Some(12)),
            ("9999", Some(600)),
            ("99999999999999999999999999", Some(600)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:42 GMT", Some(5)),
            ("Sun, 06 Nov 1994 08:49:30 GMT", Some(0)),
            ("Tue, 06 Nov 1934 08:49:30 GMT", Some(0)),
            ("Sun, 06 Nov 1994 09:49:37 GMT", Some(600)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ];
        for (text, seconds) in rows {
            assert_eq!(asked_for(text, now), seconds.map(Duration::from_secs), "{text:?}");
        }
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        let backoff = Backoff::new();
        for (attempt, least, most) in
            [(0, 100, 200), (1, 200, 400), (2, 400, 800), (4, 1_500, 3_000), (99, 1_500, 3_000)]
        {
            for _ in 0..50 {
                let pause = backoff.pause(attempt).as_millis();
                assert!((least..=most).contains(&pause), "{attempt}: {pause}");
            }
        }
    }
}
