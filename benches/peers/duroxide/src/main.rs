//! The peer of the durable workload, in a process of its own: `duroxide` on SQLite.
//!
//! Its SQLite and that of the library cannot be linked into one program. `peers` starts it with a [`Wish`] on the command line, and then asks
//! on the standard input, line by line, for a number of orchestrations, so many at once; the answer is a line with the nanoseconds they took.
//! Its log would go there as well: `RUST_LOG=off`.
//!
//! An orchestration calls four activities one after the other, waits for a timer of no length, and calls a fifth. It counts as ended as
//! soon as its code has come to its end, before the commit of that, so that nothing is lost by looking for it in the database; the time ends
//! with the last one seen completed there.

mod wish;

use duroxide::providers::sqlite::SqliteProvider;
use duroxide::runtime::registry::ActivityRegistry;
use duroxide::runtime::{Runtime, RuntimeOptions};
use duroxide::{ActivityContext, Client, OrchestrationContext, OrchestrationRegistry, OrchestrationStatus};
use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use wish::{CONNECTIONS, Wish};

/// Long enough for everything that is asked for at once.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let wish = Wish::read(std::env::args().skip(1))?;
    let mut peer = Peer::start(&wish).await?;
    // The one who asks closes the pipe, or has died.
    for line in std::io::stdin().lines() {
        let line = line?;
        let (at_once, count) = line.split_once(' ').ok_or("at once, and how many")?;
        println!("{}", peer.run(at_once.parse()?, count.parse()?).await?.as_nanos());
    }
    // Without patience: its dispatchers have nothing in hand that anybody wants.
    peer.runtime.shutdown(Some(0)).await;
    Ok(())
}

struct Peer {
    runtime: Arc<Runtime>,
    client: Client,
    ended: UnboundedReceiver<String>,
    begun: u64,
}

impl Peer {
    async fn start(wish: &Wish) -> Result<Self, Box<dyn Error>> {
        let store = Arc::new(SqliteProvider::new(&format!("sqlite:{}?mode=rwc", wish.file), None).await?);
        connections(&store, wish).await?;
        let (sender, ended) = unbounded_channel();
        let activities = ActivityRegistry::builder().register("count", count).build();
        let timer = wish.timer;
        let orchestrations = OrchestrationRegistry::builder()
            .register("five", move |context, name: String| five(context, timer, name, sender.clone()))
            .build();
        let options = RuntimeOptions {
            dispatcher_min_poll_interval: wish.poll,
            orchestration_concurrency: wish.orchestrations,
            worker_concurrency: wish.workers,
            ..RuntimeOptions::default()
        };
        let runtime = Runtime::start_with_options(store.clone(), activities, orchestrations, options).await;
        Ok(Self { runtime, client: Client::new(store), ended, begun: 0 })
    }

    /// `count` orchestrations, never more than `at_once`.
    async fn run(&mut self, at_once: u64, count: u64) -> Result<Duration, Box<dyn Error>> {
        let (first, end) = (self.begun, self.begun + count);
        let begun = Instant::now();
        while self.begun < end.min(first + at_once) {
            self.begin().await?;
        }
        let mut names = BTreeSet::new();
        while (names.len() as u64) < count {
            let name = tokio::time::timeout(PATIENCE, self.ended.recv()).await?.ok_or("no orchestration any more")?;
            // A turn that could not be committed is taken again.
            if names.insert(name.clone()) && self.begun < end {
                self.begin().await?;
            }
            if names.len() as u64 == count {
                self.completed(&name).await?;
            }
        }
        let took = begun.elapsed();
        for name in names {
            self.completed(&name).await?;
        }
        Ok(took)
    }

    async fn begin(&mut self) -> Result<(), Box<dyn Error>> {
        let name = self.begun.to_string();
        self.begun += 1;
        Ok(self.client.start_orchestration(name.clone(), "five", name).await?)
    }

    async fn completed(&self, name: &str) -> Result<(), Box<dyn Error>> {
        match self.client.wait_for_orchestration(name, PATIENCE).await? {
            OrchestrationStatus::Completed { output, .. } if output == "5" => Ok(()),
            other => Err(format!("{name} has ended otherwise: {other:?}").into()),
        }
    }
}

async fn count(_: ActivityContext, number: String) -> Result<String, String> {
    let number: u32 = number.parse().map_err(|_| "no number".to_string())?;
    Ok((number + 1).to_string())
}

async fn five(
    context: OrchestrationContext,
    timer: bool,
    name: String,
    ended: UnboundedSender<String>,
) -> Result<String, String> {
    let mut number = "0".to_string();
    for _ in 0..4 {
        number = context.schedule_activity("count", number).await?;
    }
    if timer {
        context.schedule_timer(Duration::ZERO).await;
    }
    number = context.schedule_activity("count", number).await?;
    ended.send(name).map_err(|_| "nobody waits".to_string())?;
    Ok(number)
}

/// It asks for `synchronous = WAL`, which SQLite does not know and takes for NORMAL: commits are not on the disk when they are answered.
/// FULL, where it is wished for, is set on each of its connections. Those that it is not to use are never given back.
async fn connections(store: &SqliteProvider, wish: &Wish) -> Result<(), Box<dyn Error>> {
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut connection = store.get_pool().acquire().await?;
        if wish.full {
            sqlx::query("PRAGMA synchronous = FULL").execute(&mut *connection).await?;
        }
        let level: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await?;
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await?;
        assert_eq!((level, journal.as_str()), (if wish.full { 2 } else { 1 }, "wal"));
        held.push(connection);
    }
    assert!(store.get_pool().try_acquire().is_none(), "these are all");
    held.truncate(CONNECTIONS - wish.connections);
    std::mem::forget(held);
    Ok(())
}
