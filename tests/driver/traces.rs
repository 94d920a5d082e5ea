//! What an operator sees.

use crate::bench::{Bench, block_on, destroy, provision, sandbox, start};
use kiloclaw_lifecycle::driver::Driver;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::observe::MachineState;
use kiloclaw_lifecycle::step::Input;
use kiloclaw_lifecycle::testkit::mocks::MockProvider;
use kiloclaw_lifecycle::testkit::store::ContendedStore;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Mutex, Once, PoisonError};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// An event as target, level and fields.
type Line = (String, Level, Map<String, Value>);

/// What one thread has reported.
#[derive(Clone, Default)]
struct Page {
    lines: Vec<Line>,
    spans: Vec<String>,
}

/// Writes down every event of every thread, since there can be one subscriber only.
struct Paper;

static PAGES: Mutex<BTreeMap<String, Page>> = Mutex::new(BTreeMap::new());
static PAPER: Once = Once::new();

fn page<T>(with: impl FnOnce(&mut Page) -> T) -> T {
    let mut pages = PAGES.lock().unwrap_or_else(PoisonError::into_inner);
    with(pages.entry(format!("{:?}", std::thread::current().id())).or_default())
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_string(), json!(format!("{value:?}")));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_string(), json!(value));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_string(), json!(value));
    }
}

impl Subscriber for Paper {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("kiloclaw::")
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Map::new();
        span.record(&mut Fields(&mut fields));
        let kind = fields.get("kind").and_then(Value::as_str).unwrap_or_default();
        page(|page| page.spans.push(format!("{} {kind}", span.metadata().target())));
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut fields = Map::new();
        event.record(&mut Fields(&mut fields));
        let metadata = event.metadata();
        page(|page| page.lines.push((metadata.target().to_string(), *metadata.level(), fields)));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

impl Page {
    /// What this thread reports during `run`.
    fn of(run: impl FnOnce()) -> Self {
        PAPER.call_once(|| tracing::subscriber::set_global_default(Paper).unwrap());
        page(|page| *page = Self::default());
        run();
        page(|page| page.clone())
    }

    fn under(&self, target: &str) -> Vec<(Level, Map<String, Value>)> {
        self.lines.iter().filter(|line| line.0 == target).map(|line| (line.1, line.2.clone())).collect()
    }
}

#[test]
fn a_life_reads_as_events_and_calls() {
    let bench = Bench::new();
    let host = bench.host();
    let page = Page::of(|| {
        block_on(host.handle(&sandbox(), provision())).unwrap();
        block_on(host.handle(&sandbox(), start())).unwrap();
    });
    let events = page.under("kiloclaw::event");
    let names: Vec<&str> = events.iter().filter_map(|(_, fields)| fields["event"].as_str()).collect();
    assert_eq!(names, ["instance.provisioned", "instance.started"]);
    let keys: Vec<&str> = events.iter().filter_map(|(_, fields)| fields["key"].as_str()).collect();
    let delivered = bench.delivered();
    assert!(keys.iter().all(|key| delivered.iter().any(|known| known == key)), "{keys:?} {delivered:?}");
    for (level, fields) in &events {
        assert_eq!(*level, Level::INFO);
        assert_eq!((&fields["user"], &fields["sandbox"]), (&json!("user-1"), &json!("sandbox-1")));
        assert!(!fields.contains_key("error"), "what is not there is not written");
    }

    let calls = page.under("kiloclaw::call");
    let kinds: Vec<&str> = calls.iter().filter_map(|(_, fields)| fields["kind"].as_str()).collect();
    let made: Vec<&str> = bench.calls().iter().map(|kind| kind.as_str()).collect();
    assert_eq!(kinds, made);
    let spans: Vec<String> = made.iter().map(|kind| format!("kiloclaw::call {kind}")).collect();
    assert_eq!(page.spans, spans);
    for (level, fields) in &calls {
        let op = fields["op"].as_str().unwrap();
        assert!(op.starts_with(fields["kind"].as_str().unwrap()) && op.contains('#'), "{op}");
        assert_eq!((*level, &fields["outcome"]), (Level::DEBUG, &json!("done")));
        assert!(!fields.contains_key("http_status") && !fields.contains_key("message"));
    }
}

#[test]
fn a_reconcile_reads_line_by_line() {
    let bench = Bench::running();
    for machine in bench.world().machines.values_mut() {
        machine.state = MachineState::Stopped;
    }
    let host = bench.host();
    let page = Page::of(|| {
        block_on(host.handle(&sandbox(), Input::Alarm)).unwrap();
    });
    let lines = page.under("kiloclaw::reconcile");
    let (level, first) = lines.first().expect("a decision");
    assert_eq!(*level, Level::INFO);
    assert_eq!(first["tag"], json!("reconcile"));
    assert_eq!(first["reason"], json!("alarm"));
    assert_eq!(first["action"], json!("unexpected_stop_recovery_trigger"));
    assert_eq!((&first["sandbox"], &first["machine"]), (&json!("sandbox-1"), &json!("mnew1")));
    assert_eq!(first["value"], json!(1));
    let details: Value = serde_json::from_str(first["details"].as_str().unwrap()).unwrap();
    assert_eq!((&details["old_state"], &details["new_state"]), (&json!("running"), &json!("recovering")));
    let life = page.under("kiloclaw::event");
    assert_eq!(life[0].1["event"], json!("instance.unexpected_stop_recovery_started"));
    assert_eq!(life[0].1["label"], json!("alarm_stopped"));
}

#[test]
fn a_fault_a_conflict_and_a_broken_sink_are_reported() {
    let bench = Bench::running();
    let fault = Fault::new(FaultKind::RateLimited, Some(429), "slow down");
    let mut provider = MockProvider::new();
    provider.expect_get_machine().returning(move |_, _| Err(fault.clone()));
    let store = ContendedStore::new(bench.store.clone());
    let policy = bench.host().policy().clone();
    let host = Driver::new(policy, provider, bench.health(), store.clone(), bench.sink(), bench.clock());
    bench.world().sink_is_broken = true;
    let page = Page::of(|| {
        let applied = block_on(host.apply(&sandbox(), None, Input::Alarm)).unwrap();
        block_on(host.execute(&applied.pending.unwrap().operation));
        store.lose(1);
        let destroyed = block_on(host.apply(&sandbox(), None, destroy())).unwrap();
        assert!(destroyed.pending.is_some());
    });
    let calls = page.under("kiloclaw::call");
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].1["outcome"], json!("rate_limited"));
    assert_eq!((&calls[0].1["http_status"], &calls[0].1["message"]), (&json!(429), &json!("slow down")));
    assert_eq!(page.under("kiloclaw::store").len(), 1);
    let warnings = page.under("kiloclaw::outbox");
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].0, Level::WARN);
    assert_eq!(warnings[0].1["error"], json!("events were not delivered: closed"));
    assert_eq!(page.under("kiloclaw::event").len(), 1, "a step that lost its commit is not told");
}
