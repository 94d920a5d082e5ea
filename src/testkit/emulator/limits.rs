//! How often what may be asked: one request a second and action for each machine, volume or app, three at once; five and ten for a look at a
//! machine. Time is the world's.

use super::route::Route;
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};

#[derive(Clone, Copy)]
struct Rate {
    /// Milliseconds in which one more request may be made.
    each_ms: u64,
    burst: u64,
}

/// Buckets that are full are forgotten when there are more than this.
const MANY: usize = 4_096;

/// For each action on each thing, when its bucket was or will be full.
#[derive(Default)]
pub(super) struct Limits {
    full: BTreeMap<(&'static str, String), Timestamp>,
}

impl Limits {
    /// Whether one more request is let through; else after how many milliseconds.
    pub(super) fn admit(&mut self, app: &str, route: &Route, now: Timestamp) -> Result<(), u64> {
        let looks = matches!(route, Route::GetMachine(_));
        let rate = if looks { Rate { each_ms: 200, burst: 10 } } else { Rate { each_ms: 1_000, burst: 3 } };
        if self.full.len() > MANY {
            self.full.retain(|_, full| *full > now);
        }
        let thing = route.thing().unwrap_or(app).to_string();
        let full = self.full.entry((route.action(), thing)).or_insert(now);
        let next = (*full).max(now).plus(rate.each_ms);
        let room = rate.burst.saturating_mul(rate.each_ms);
        let over = next.since(now).saturating_sub(room);
        if over > 0 {
            return Err(over);
        }
        *full = next;
        Ok(())
    }
}
