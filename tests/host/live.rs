//! A simulated Fly that takes the time it takes, on tokio's clock.

use async_trait::async_trait;
use kiloclaw_lifecycle::Timestamp;
use kiloclaw_lifecycle::call::Done;
use kiloclaw_lifecycle::fault::Fault;
use kiloclaw_lifecycle::id::Identity;
use kiloclaw_lifecycle::port::Clock;
use kiloclaw_lifecycle::testkit::{Answers, Attempt, Request, SimFly, World};
use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// 2026-06-01, in milliseconds since 1970.
pub(crate) const EPOCH: u64 = 1_780_272_000_000;

/// Shows the time that tokio keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokioClock(Instant);

impl TokioClock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(EPOCH + u64::try_from(self.0.elapsed().as_millis()).unwrap())
    }
}

/// What is odd about the calls, by a test's will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// They never end.
    Hangs,
    /// They panic.
    Panics,
}

#[derive(Clone)]
pub(crate) struct LiveFly {
    pub(crate) sim: SimFly,
    clock: TokioClock,
    /// How long each call takes at least.
    latency: Duration,
    odd: Arc<Mutex<Option<Oddity>>>,
    running: Arc<AtomicU32>,
    most: Arc<AtomicU32>,
}

impl LiveFly {
    pub(crate) fn new(clock: TokioClock, latency: Duration) -> Self {
        let sim = SimFly::new(World::new(clock.now()));
        Self { sim, clock, latency, odd: Arc::default(), running: Arc::default(), most: Arc::default() }
    }

    pub(crate) fn be(&self, odd: Option<Oddity>) {
        *self.odd.lock().unwrap() = odd;
    }

    /// As many calls as were ever under way at once.
    pub(crate) fn most_at_once(&self) -> u32 {
        self.most.load(Ordering::SeqCst)
    }

    async fn attempt(&self, request: &Request) -> Result<Done, Fault> {
        let began = self.clock.now();
        loop {
            let now = self.clock.now();
            let (attempt, next) = self.sim.with(|world| {
                world.advance_to(now);
                let attempt = world.attempt(request, began, None);
                (attempt, world.next_change().into_iter().chain(world.next_end(request, began)).min())
            });
            match attempt {
                Attempt::Answered(answer) => return answer,
                Attempt::Silent => pending::<()>().await,
                Attempt::Unfinished => {
                    let next = next.expect("a wait has an end");
                    sleep(Duration::from_millis(next.since(now).max(1))).await;
                }
            }
        }
    }
}

#[async_trait]
impl Answers for LiveFly {
    async fn answer(&self, _: &Identity, request: &Request) -> Result<Done, Fault> {
        let odd = *self.odd.lock().unwrap();
        match odd {
            Some(Oddity::Hangs) => pending::<()>().await,
            Some(Oddity::Panics) => panic!("an adapter with a bug"),
            None => {}
        }
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        sleep(self.latency).await;
        let answer = self.attempt(request).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        answer
    }
}
