//! The simulated Fly, far away: calls wait for their turn, take their time, and are counted.

use super::judge::Judge;
use super::latency;
use async_trait::async_trait;
use kiloclaw_lifecycle::adapter::fly::{FlyConfig, Key, Limiter, Limits, Token};
use kiloclaw_lifecycle::call::Done;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::id::Identity;
use kiloclaw_lifecycle::testkit::{Answers, Attempt, Request, SimFly, World};
use kiloclaw_lifecycle::{Clock, Timestamp};
use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// Whoever waits for a machine hears of it that late at most.
const LOOK: Duration = Duration::from_millis(250);

/// What became of calls.
#[derive(Default)]
pub(crate) struct Counts {
    /// Under way to Fly and back at this moment.
    away: AtomicU64,
    pub(crate) most_away: AtomicU64,
    /// Not made, for their turn would have come too late.
    pub(crate) held: AtomicU64,
    /// Given up before an answer came.
    pub(crate) lost: AtomicU64,
    pub(crate) made: AtomicU64,
}

/// Clones are the same sky.
#[derive(Clone)]
pub(crate) struct Sky {
    sim: SimFly,
    begin: (Instant, Timestamp),
    limiter: Arc<Limiter>,
    patience: Arc<FlyConfig>,
    pub(crate) judge: Arc<Mutex<Judge>>,
    pub(crate) counts: Arc<Counts>,
}

/// A call that is away; one that is dropped while it is away is lost.
struct Away<'a> {
    counts: &'a Counts,
    answered: bool,
}

impl<'a> Away<'a> {
    fn go(counts: &'a Counts) -> Self {
        let away = counts.away.fetch_add(1, Ordering::SeqCst) + 1;
        counts.most_away.fetch_max(away, Ordering::SeqCst);
        counts.made.fetch_add(1, Ordering::SeqCst);
        Self { counts, answered: false }
    }
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        self.counts.away.fetch_sub(1, Ordering::SeqCst);
        if !self.answered {
            self.counts.lost.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Sky {
    /// Over a world, whose time it is from now on.
    pub(crate) fn new(world: World) -> Self {
        let begin = (Instant::now(), world.now());
        let token = Token::new("nobody-asks-for-it").expect("a token");
        let limiter = Arc::new(Limiter::new(Limits::default()));
        let (judge, counts) = (Arc::default(), Arc::default());
        Self { sim: SimFly::new(world), begin, limiter, patience: Arc::new(FlyConfig::new(token)), judge, counts }
    }

    /// Looks into the world of this moment, or changes it.
    pub(crate) fn with<T>(&self, what: impl FnOnce(&mut World) -> T) -> T {
        let now = self.now();
        self.sim.with(|world| {
            world.advance_to(now);
            what(world)
        })
    }

    pub(crate) fn since_begin(&self, at: Instant) -> Duration {
        at - self.begin.0
    }

    /// When the client gives the call up, as the crate's own does.
    fn end(&self, request: &Request) -> Instant {
        let patience = match request.timeout_s() {
            Some(seconds) => Duration::from_secs(seconds.into()) + self.patience.wait_margin,
            None if request.kind().mutates() => self.patience.mutation_timeout,
            None => self.patience.read_timeout,
        };
        Instant::now() + patience
    }

    /// There and back.
    async fn travel(&self, request: &Request) -> Result<Done, Fault> {
        let mut away = Away::go(&self.counts);
        sleep(latency::of(request.kind(), self.counts.made.load(Ordering::SeqCst))).await;
        let answer = self.served(request).await;
        away.answered = true;
        answer
    }

    async fn served(&self, request: &Request) -> Result<Done, Fault> {
        let began = self.now();
        loop {
            match self.with(|world| world.attempt(request, began, None)) {
                Attempt::Answered(answer) => return answer,
                Attempt::Silent => pending::<()>().await,
                Attempt::Unfinished => sleep(LOOK).await,
            }
        }
    }
}

#[async_trait]
impl Answers for Sky {
    async fn answer(&self, of: &Identity, request: &Request) -> Result<Done, Fault> {
        if matches!(request, Request::ProbeHealth { .. }) {
            // Asked of the gateway, which has no limits.
            return self.travel(request).await;
        }
        let app = of.app.as_ref().expect("every instance has an app");
        let (end, thing) = (self.end(request), request.thing());
        if !self.limiter.admit(&Key::new(request.kind(), app, thing), end).await {
            self.counts.held.fetch_add(1, Ordering::SeqCst);
            return Err(Fault::new(FaultKind::RateLimited, None, "not asked: its turn would have come too late"));
        }
        let at = u64::try_from(self.begin.0.elapsed().as_millis()).expect("not that long");
        self.judge.lock().expect("no panic").leaves(request.kind(), app.as_str(), thing.unwrap_or_default(), at);
        timeout_at(end, self.travel(request)).await.unwrap_or_else(|_| Err(Fault::lost()))
    }
}

impl Clock for Sky {
    fn now(&self) -> Timestamp {
        self.begin.1.plus(u64::try_from(self.begin.0.elapsed().as_millis()).expect("not that long"))
    }
}
