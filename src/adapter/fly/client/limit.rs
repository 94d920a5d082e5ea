//! How often calls are made.
//!
//! *Decides* when a call may leave: each kind of call, about each machine, volume or app, has a bucket of tokens of its own.
//!
//! *Guarantees*: a call is held back rather than refused, unless that would leave it less than half of its time. A call that left at the last
//! moment would be made, and its answer never heard: where more is asked for than may be, that would befall every one of them. What the
//! provider has closed with `Retry-After` stays closed until then; buckets that are full again are forgotten.

use super::config::{Limits, Rate};
use super::key::Key;
use crate::call::CallKind;
use alloc::collections::BTreeMap;
use core::fmt;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::{Instant, sleep_until};

/// A bucket, by the time at which it is full again.
#[derive(Clone, Copy)]
struct Bucket {
    full: Instant,
    closed: Instant,
}

struct Buckets {
    held: BTreeMap<Key, Bucket>,
    /// At so many, those that are full are thrown away.
    sweep_at: usize,
}

const FEWEST: usize = 64;

/// Holds calls back so that they stay within Fly's limits. [`FlyApi`](super::FlyApi) has one; this is for clients of your own, which share one
/// for all calls with the same token. Runs on tokio.
///
/// ```
/// use kiloclaw_lifecycle::adapter::fly::{Key, Limiter, Limits};
/// use kiloclaw_lifecycle::call::CallKind;
/// use std::time::Duration;
/// use tokio::time::Instant;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limiter = Limiter::new(Limits::default());
/// let key = Key::new(CallKind::StartMachine, &"tenants".parse()?, Some("148ed1234567"));
/// if limiter.admit(&key, Instant::now() + Duration::from_secs(60)).await {
///     // Make the call, at once. If it is answered by a 429 or a 503 with `Retry-After: 7`:
///     limiter.close(&key, Duration::from_secs(7));
/// }
/// # Ok(())
/// # }
/// ```
pub struct Limiter {
    limits: Option<Limits>,
    buckets: Mutex<Buckets>,
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Limiter {
    /// All buckets are full. With `None` only what was [closed](Self::close) is held back. A rate or burst of 0 counts as 1.
    pub fn new(limits: impl Into<Option<Limits>>) -> Self {
        Self { limits: limits.into(), buckets: Mutex::new(Buckets { held: BTreeMap::new(), sweep_at: FEWEST }) }
    }

    /// Waits for the turn of a call that has to be over by `end`; turns come in the order in which they were asked for. A call that is let
    /// through has at least half of its time left for the answer.
    ///
    /// `false`, and at once: its turn would come later than that, and nothing was taken. `false` later on: the turnstile was closed
    /// meanwhile, and the turn is lost, as it is for whoever stops waiting.
    #[must_use = "a call whose turn does not come must not be made"]
    pub async fn admit(&self, key: &Key, end: Instant) -> bool {
        let now = Instant::now();
        let half = end.saturating_duration_since(now).checked_div(2).unwrap_or_default();
        let last = later(now, half);
        let Some(turn) = self.take(key, now, last) else { return false };
        sleep_until(turn).await;
        // While this one waited, another may have been told to stay away.
        while let Some(open) = self.opens(key, Instant::now()) {
            if open > last {
                return false;
            }
            sleep_until(open).await;
        }
        true
    }

    /// Nothing with this key leaves for so long: what a `Retry-After` asks for.
    pub fn close(&self, key: &Key, pause: Duration) {
        let now = Instant::now();
        let (_, tolerance) = self.spans(key.kind);
        let until = later(now, pause);
        let mut buckets = self.open();
        let bucket = buckets.bucket(key, now);
        bucket.closed = bucket.closed.max(until);
        bucket.full = bucket.full.max(later(until, tolerance));
    }

    /// The turn, if it comes by `last`.
    fn take(&self, key: &Key, now: Instant, last: Instant) -> Option<Instant> {
        let (interval, tolerance) = self.spans(key.kind);
        let mut buckets = self.open();
        let bucket = buckets.bucket(key, now);
        let token = bucket.full.checked_sub(tolerance).unwrap_or(now);
        let turn = now.max(token).max(bucket.closed);
        if turn > last {
            return None;
        }
        bucket.full = later(bucket.full.max(turn), interval);
        Some(turn)
    }

    fn opens(&self, key: &Key, now: Instant) -> Option<Instant> {
        self.open().held.get(key).map(|bucket| bucket.closed).filter(|closed| *closed > now)
    }

    /// The time a token takes to come back, and the time that an empty bucket takes to hold a whole burst, less one token.
    fn spans(&self, kind: CallKind) -> (Duration, Duration) {
        let Some(limits) = self.limits else { return (Duration::ZERO, Duration::ZERO) };
        let Rate { per_second, burst } = if kind == CallKind::GetMachine { limits.get_machine } else { limits.others };
        let interval = Duration::from_secs(1).checked_div(per_second).unwrap_or(Duration::from_secs(1));
        (interval, interval.saturating_mul(burst.saturating_sub(1)))
    }

    fn open(&self) -> MutexGuard<'_, Buckets> {
        // Nothing inside can fail half-way.
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.open().held.len()
    }
}

impl Buckets {
    fn bucket(&mut self, key: &Key, now: Instant) -> &mut Bucket {
        if self.held.len() >= self.sweep_at {
            self.held.retain(|_, bucket| bucket.full > now || bucket.closed > now);
            self.sweep_at = self.held.len().saturating_mul(2).max(FEWEST);
        }
        self.held.entry(key.clone()).or_insert(Bucket { full: now, closed: now })
    }
}

fn later(from: Instant, by: Duration) -> Instant {
    from.checked_add(by).unwrap_or(from)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
mod tests {
    use super::super::config::{Limits, Rate};
    use super::{FEWEST, Key, Limiter, later};
    use crate::call::CallKind;
    use alloc::vec::Vec;
    use core::time::Duration;
    use tokio::time::{Instant, advance};

    fn key(kind: CallKind, thing: &str) -> Key {
        Key::new(kind, &"app".parse().unwrap(), Some(thing))
    }

    /// Milliseconds at which each of so many calls, all made at once, may leave.
    async fn turns(limiter: &Limiter, key: &Key, calls: usize) -> Vec<u128> {
        let begin = Instant::now();
        let mut at = Vec::new();
        for _ in 0..calls {
            assert!(limiter.admit(key, later(begin, Duration::from_secs(60))).await);
            at.push(begin.elapsed().as_millis());
        }
        at
    }

    #[tokio::test(start_paused = true)]
    async fn three_at_once_and_then_one_a_second() {
        let limiter = Limiter::new(Limits::default());
        assert_eq!(turns(&limiter, &key(CallKind::StartMachine, "m1"), 6).await, [0, 0, 0, 1_000, 2_000, 3_000]);
        // Others have buckets of their own.
        assert_eq!(turns(&limiter, &key(CallKind::StopMachine, "m1"), 3).await, [0, 0, 0]);
        assert_eq!(turns(&limiter, &key(CallKind::StartMachine, "m2"), 3).await, [0, 0, 0]);
        let other_app = Key::new(CallKind::StartMachine, &"other".parse().unwrap(), Some("m1"));
        assert_eq!(turns(&limiter, &other_app, 3).await, [0, 0, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn looks_at_a_machine_have_more() {
        let limiter = Limiter::new(Limits::default());
        let at = turns(&limiter, &key(CallKind::GetMachine, "m1"), 12).await;
        assert_eq!(at, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 200, 400]);
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_come_back_and_are_not_hoarded() {
        let limiter = Limiter::new(Limits::default());
        let key = key(CallKind::StartMachine, "m1");
        assert_eq!(turns(&limiter, &key, 3).await, [0, 0, 0]);
        advance(Duration::from_secs(2)).await;
        assert_eq!(turns(&limiter, &key, 3).await, [0, 0, 1_000]);
        advance(Duration::from_secs(600)).await;
        assert_eq!(turns(&limiter, &key, 4).await, [0, 0, 0, 1_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_comes_too_late_is_not_taken() {
        let limiter = Limiter::new(Limits::default());
        let key = key(CallKind::StartMachine, "m1");
        assert_eq!(turns(&limiter, &key, 3).await, [0, 0, 0]);
        let begin = Instant::now();
        assert!(!limiter.admit(&key, later(begin, Duration::from_millis(1_999))).await);
        assert_eq!(begin.elapsed(), Duration::ZERO, "it is known at once");
        assert_eq!(turns(&limiter, &key, 1).await, [1_000], "what was not made has cost nothing");
    }

    /// However many calls there are, each that leaves is heard out.
    #[tokio::test(start_paused = true)]
    async fn whoever_is_let_through_has_half_of_the_time_left() {
        let limiter = Limiter::new(Limits::default());
        let key = key(CallKind::CreateVolume, "");
        let end = later(Instant::now(), Duration::from_secs(60));
        let calls = (0..200)
            .map(|_| async { limiter.admit(&key, end).await.then(|| end.saturating_duration_since(Instant::now())) });
        let left: Vec<Duration> = futures::future::join_all(calls).await.into_iter().flatten().collect();
        assert_eq!(left.len(), 33, "three at once, and one in each of thirty seconds");
        assert_eq!(left.iter().min(), Some(&Duration::from_secs(30)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_closed_stays_closed() {
        for limits in [Some(Limits::default()), None] {
            let limiter = Limiter::new(limits);
            let key = key(CallKind::StartMachine, "m1");
            limiter.close(&key, Duration::from_secs(7));
            limiter.close(&key, Duration::from_secs(2));
            let begin = Instant::now();
            assert!(!limiter.admit(&key, later(begin, Duration::from_millis(13_999))).await);
            let wanted: &[u128] = if limits.is_some() { &[7_000, 8_000] } else { &[7_000, 7_000] };
            assert_eq!(turns(&limiter, &key, 2).await, wanted);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_closed_meanwhile_holds_up_those_who_wait() {
        let limiter = Limiter::new(Limits::default());
        let key = key(CallKind::StartMachine, "m1");
        assert_eq!(turns(&limiter, &key, 3).await, [0, 0, 0]);
        let begin = Instant::now();
        let close = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            limiter.close(&key, Duration::from_secs(5));
        };
        let wait = async {
            assert!(limiter.admit(&key, later(begin, Duration::from_secs(60))).await);
            begin.elapsed().as_millis()
        };
        let hurry = limiter.admit(&key, later(begin, Duration::from_millis(10_999)));
        let ((), waited, hurried) = tokio::join!(close, wait, hurry);
        assert_eq!((waited, hurried), (5_500, false));
    }

    #[tokio::test(start_paused = true)]
    async fn without_limits_nothing_waits() {
        let limiter = Limiter::new(None);
        assert_eq!(turns(&limiter, &key(CallKind::StartMachine, "m1"), 5).await, [0, 0, 0, 0, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn none_at_all_counts_as_one() {
        let none = Rate { per_second: 0, burst: 0 };
        let limiter = Limiter::new(Limits { get_machine: none, others: none });
        assert_eq!(turns(&limiter, &key(CallKind::GetMachine, "m1"), 3).await, [0, 1_000, 2_000]);
        assert_eq!(turns(&limiter, &key(CallKind::StartMachine, "m1"), 3).await, [0, 1_000, 2_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn full_buckets_are_forgotten() {
        let limiter = Limiter::new(Limits::default());
        let end = later(Instant::now(), Duration::from_secs(3_600));
        for round in 0..50 {
            for number in 0..FEWEST {
                let thing = alloc::format!("{round}-{number}");
                assert!(limiter.admit(&key(CallKind::GetMachine, &thing), end).await);
            }
            advance(Duration::from_secs(3)).await;
            assert!(limiter.len() <= 2 * FEWEST, "{}", limiter.len());
        }
        // One that still counts is not.
        let busy = key(CallKind::StartMachine, "busy");
        limiter.close(&busy, Duration::from_secs(60));
        for number in 0..4 * FEWEST {
            assert!(limiter.admit(&key(CallKind::GetMachine, &alloc::format!("late-{number}")), end).await);
        }
        assert!(!limiter.admit(&busy, later(Instant::now(), Duration::from_secs(50))).await);
    }
}
