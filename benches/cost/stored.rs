//! The stored form, beside a plain struct of the same fields.

use crate::plain;
use crate::ratios::Bar;
use crate::story::Recorder;
use criterion::{BenchmarkId, Criterion};
use kiloclaw_lifecycle::{Instance, persist};
use std::fmt;
use std::hint::black_box;

pub(crate) struct Stored {
    instance: Instance,
    plain: plain::Record,
    /// Bytes, both of them.
    ours: usize,
    theirs: usize,
}

impl Stored {
    pub(crate) fn new() -> Self {
        let instance = Recorder::running().healthy_alarm().begin;
        let text = persist::encode(&instance).expect("it can be written");
        let plain: plain::Record = plain::read(&text);
        let theirs = serde_json::to_string(&plain).expect("it can be written").len();
        Self { instance, plain, ours: text.len(), theirs }
    }

    pub(crate) fn measure(&self, c: &mut Criterion, round: usize) {
        let mut group = c.benchmark_group("stored");
        group.bench_function(BenchmarkId::new("ours", round), |b| {
            b.iter(|| {
                let text = persist::encode(black_box(&self.instance)).expect("it can be written");
                persist::decode(&text).expect("it can be read")
            });
        });
        group.bench_function(BenchmarkId::new("plain", round), |b| {
            b.iter(|| {
                let text = serde_json::to_string(black_box(&self.plain)).expect("it can be written");
                serde_json::from_str::<plain::Record>(&text).expect("it can be read")
            });
        });
        group.finish();
    }

    pub(crate) fn bars(&self) -> Vec<Bar> {
        let bytes = self.ours as f64 / self.theirs as f64;
        let plain = "serde_json on a plain struct";
        vec![
            Bar::most("writing and reading a record", "stored/ours", plain, "stored/plain", 1.0, 1.3),
            Bar::counted("bytes of a record", "a plain struct of the same fields", bytes, 1.3),
        ]
    }
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a record: {} bytes, a plain struct of the same fields {} bytes", self.ours, self.theirs)
    }
}
