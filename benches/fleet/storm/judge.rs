//! Counts what leaves, and knows nothing of how it is held back.
//!
//! *Decides* whether Fly's limits were kept: of the calls of one kind about one machine, volume or app, no stretch of time T may have seen
//! more than `burst + rate · T`.

use kiloclaw_lifecycle::call::CallKind;
use std::collections::BTreeMap;

/// Requests per second, and at once.
fn limit(kind: CallKind) -> (i64, i64) {
    if kind == CallKind::GetMachine { (5, 10) } else { (1, 3) }
}

/// One limit's calls so far.
#[derive(Clone, Copy, Default)]
struct Count {
    calls: i64,
    /// The least of `1000 · calls before it - rate · milliseconds` over all calls: where the worst stretch of time begins.
    least: Option<i64>,
}

/// What has left.
#[derive(Default)]
pub(crate) struct Judge {
    counts: BTreeMap<(CallKind, String, String), Count>,
    /// Calls in each second.
    seconds: BTreeMap<u64, u32>,
    exceeded: u64,
}

impl Judge {
    /// A call leaves, so many milliseconds after the beginning.
    pub(crate) fn leaves(&mut self, kind: CallKind, app: &str, thing: &str, at_ms: u64) {
        *self.seconds.entry(at_ms / 1_000).or_default() += 1;
        let (rate, burst) = limit(kind);
        let count = self.counts.entry((kind, app.to_string(), thing.to_string())).or_default();
        let filled = 1_000 * count.calls - rate * i64::try_from(at_ms).expect("not that long");
        let least = count.least.map_or(filled, |least| least.min(filled));
        *count = Count { calls: count.calls + 1, least: Some(least) };
        if filled + 1_000 - least > 1_000 * burst {
            self.exceeded += 1;
        }
    }

    /// Calls that were one too many.
    pub(crate) fn exceeded(&self) -> u64 {
        self.exceeded
    }

    /// Calls per second between two times: in the mean, and in the second that had the most.
    pub(crate) fn per_second(&self, from_ms: u64, to_ms: u64) -> (f64, u32) {
        let counted = self.seconds.range(from_ms / 1_000..=to_ms / 1_000);
        let (all, most) = counted.fold((0, 0), |(all, most), (_, calls)| (all + u64::from(*calls), most.max(*calls)));
        let seconds = (to_ms / 1_000 - from_ms / 1_000 + 1) as f64;
        (all as f64 / seconds, most)
    }
}

/// The judge sees what is too much, and nothing else.
#[test]
fn one_too_many_is_seen() {
    let exceeded = |kind, times: &[u64]| {
        let mut judge = Judge::default();
        times.iter().for_each(|at| judge.leaves(kind, "app", "thing", *at));
        judge.exceeded()
    };
    let start = |times: &[u64]| exceeded(CallKind::StartMachine, times);
    assert_eq!((start(&[0, 0, 0]), start(&[0, 0, 0, 0])), (0, 1));
    assert_eq!((start(&[0, 0, 0, 1_000, 2_000]), start(&[0, 0, 0, 999])), (0, 1));
    assert_eq!(start(&[0, 10_000, 10_000, 10_000, 11_000]), 0);
    assert_eq!(start(&[0, 10_000, 10_000, 10_000, 10_999]), 1);
    let look = |times: &[u64]| exceeded(CallKind::GetMachine, times);
    assert_eq!((look(&[7; 10]), look(&[7; 11]), look(&[7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 207])), (0, 1, 0));
    let mut judge = Judge::default();
    for (app, thing) in [("app", "a"), ("app", "b"), ("other", "a")] {
        (0..3).for_each(|_| judge.leaves(CallKind::StopMachine, app, thing, 1_500));
    }
    assert_eq!((judge.exceeded(), judge.per_second(0, 1_999)), (0, (4.5, 9)));
}
