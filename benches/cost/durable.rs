//! A durable step through the driver and the store in a file, beside the bare transaction.

use crate::ratios::Bar;
use crate::story::Nobody;
use criterion::{BenchmarkId, Criterion};
use futures::executor::block_on;
use futures::future::join_all;
use kiloclaw_lifecycle::adapter::sqlite::SqliteStore;
use kiloclaw_lifecycle::command::{Command, Provision, Spec};
use kiloclaw_lifecycle::id::{Identity, SandboxId};
use kiloclaw_lifecycle::testkit::{SimFly, World};
use kiloclaw_lifecycle::{Driver, Input, Policy, Store, Timestamp, Verdict};
use rusqlite::{Connection, TransactionBehavior, params};
use tempfile::TempDir;

/// As many instances as are worked on at once.
const MANY: usize = 32;

type Plugged = Driver<SimFly, SimFly, SqliteStore, Nobody, SimFly>;

pub(crate) struct Durable {
    driver: Plugged,
    all: Vec<SandboxId>,
    /// Of the volume that was asked for last; another one each time, so that each step changes something.
    size: u32,
    record: String,
    bare: Bare,
    /// Goes when everything in it is closed.
    _folder: TempDir,
}

impl Durable {
    pub(crate) fn new() -> Self {
        // Beside the build, and so on the same disk as everything else; /tmp may be memory.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let store = SqliteStore::open(folder.path().join("instances.db")).expect("a store");
        let fly = SimFly::new(World::new(Timestamp::from_millis(1_780_272_000_000)));
        let driver = Driver::new(Policy::default(), fly.clone(), fly.clone(), store.clone(), Nobody, fly);
        let all: Vec<SandboxId> =
            (0..MANY).map(|number| format!("sandbox-{number}").parse().expect("a name")).collect();
        for size in [1, 2] {
            steps(&driver, &all, size);
        }
        let record = block_on(store.load(&all[0])).expect("a store").expect("a record").record;
        let bare = Bare::open(&folder.path().join("bare.db"), &record);
        Self { driver, all, size: 2, record, bare, _folder: folder }
    }

    pub(crate) fn measure(&mut self, c: &mut Criterion, round: usize) {
        let Self { driver, all, size, record, bare, _folder: _ } = self;
        let mut durable_steps = |of: &[SandboxId]| {
            *size = *size % 500 + 1;
            steps(driver, of, *size);
        };
        let id = |name| BenchmarkId::new(name, round);
        let mut group = c.benchmark_group("durable");
        group.bench_function(id("step"), |b| b.iter(|| durable_steps(&all[..1])));
        group.bench_function(id("bare"), |b| b.iter(|| bare.commit(record)));
        group.bench_function(id("steps"), |b| b.iter(|| durable_steps(all)));
        group.finish();
    }
}

pub(crate) fn bars() -> Vec<Bar> {
    let (name, bare, many) = ("bare commits of the same bytes", "durable/bare", MANY as f64);
    vec![
        Bar::least("durable steps, 32 instances at once", "durable/steps", many, name, bare, Some(0.9)),
        Bar::least("durable steps, one after the other", "durable/step", 1.0, name, bare, None),
    ]
}

/// A step for each instance, all at once.
fn steps(driver: &Plugged, of: &[SandboxId], size: u32) {
    block_on(join_all(of.iter().map(|sandbox| durable_step(driver, sandbox, size))));
}

/// A command that has nothing to call for: load, step, commit.
async fn durable_step(driver: &Plugged, sandbox: &SandboxId, size: u32) {
    let identity = Identity { user: "user-1".parse().expect("a name"), sandbox: sandbox.clone(), app: None };
    let spec = Spec { volume_size_gb: Some(size), ..Spec::default() };
    let input = Input::Command(Command::Provision(Box::new(Provision { identity, seed: 7, spec })));
    let applied = driver.apply(sandbox, None, input).await.expect("a commit");
    assert_eq!((applied.verdict, applied.pending), (Verdict::Applied, None));
}

/// The same table, the same bytes, the same promise.
struct Bare {
    db: Connection,
    revision: i64,
}

impl Bare {
    fn open(path: &std::path::Path, record: &str) -> Self {
        let db = Connection::open(path).expect("a file");
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE instance (
                 id INTEGER PRIMARY KEY, sandbox TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL, record TEXT, due INTEGER
             ) STRICT;
             CREATE INDEX instance_due ON instance (due, sandbox) WHERE due IS NOT NULL;",
        )
        .expect("tables");
        db.execute("INSERT INTO instance (sandbox, revision, record, due) VALUES ('sandbox-1', 1, ?1, 1)", [record])
            .expect("a row");
        Self { db, revision: 1 }
    }

    fn commit(&mut self, record: &str) {
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate).expect("a transaction");
        self.revision = transaction
            .prepare_cached(
                "UPDATE instance SET record = ?2, due = ?3, revision = revision + 1
                 WHERE sandbox = ?1 AND record IS NOT NULL AND revision = ?4 RETURNING revision",
            )
            .and_then(|mut put| {
                put.query_row(params!["sandbox-1", record, self.revision, self.revision], |row| row.get(0))
            })
            .expect("a row");
        transaction.commit().expect("a commit");
    }
}
