//! Decisions, without anything around them.

use crate::ratios::Bar;
use crate::story::{Recorder, Story};
use criterion::{BatchSize, BenchmarkId, Criterion};
use kiloclaw_lifecycle::call::{CallKind, Done};
use kiloclaw_lifecycle::id::OpId;
use kiloclaw_lifecycle::{Input, Instance, persist};
use std::fmt;
use std::hint::black_box;

pub(crate) struct Decisions {
    healthy: Story,
    recovery: Story,
    /// While its first question is under way, there is nothing to do for an alarm. At rest every alarm is a look, however early.
    asking: Box<Instance>,
}

impl Decisions {
    pub(crate) fn new() -> Self {
        let (healthy, recovery) = (Recorder::running().healthy_alarm(), Recorder::running().recovery());
        Self { asking: healthy.after(1), healthy, recovery }
    }

    pub(crate) fn measure(&self, c: &mut Criterion, round: usize) {
        let Self { healthy, recovery, asking } = self;
        let (instance, policy, now) = (&healthy.begin, &healthy.policy, healthy.inputs[0].0);
        let stale = OpId { number: 1, kind: CallKind::GetMachine };
        let stale = Input::Outcome { op: stale, result: Ok(Done::Accepted) };
        let id = |name| BenchmarkId::new(name, round);
        let mut group = c.benchmark_group("decision");
        group.bench_function(id("clone"), |b| b.iter(|| black_box(instance).clone()));
        // Few at once, as a host has them: what an adapter has just made is in the cache.
        let few = BatchSize::NumIterations(16);
        group.bench_function(id("early_alarm"), |b| {
            b.iter_batched(|| asking.clone(), |me| drop(black_box(me.step(policy, now, Input::Alarm))), few);
        });
        group.bench_function(id("stale_outcome"), |b| {
            let before = || (Box::new(instance.clone()), stale.clone());
            b.iter_batched(before, |(me, stale)| drop(black_box(me.step(policy, now, stale))), few);
        });
        for (name, story) in [("healthy_alarm", healthy), ("recovery", recovery)] {
            group.bench_function(id(name), |b| {
                b.iter_batched(|| story.prepared(), |prepared| drop(black_box(black_box(story).play(prepared))), few);
            });
        }
        group.bench_function(id("encode"), |b| b.iter(|| persist::encode(black_box(instance))));
        group.finish();
    }

    pub(crate) fn bars(&self) -> Vec<Bar> {
        let steps = self.healthy.inputs.len() as f64;
        let (clone, encode) = ("decision/clone", "decision/encode");
        let clones = "cloning it once per step";
        vec![
            Bar::most("an early alarm", "decision/early_alarm", "cloning the instance", clone, 1.0, 2.0),
            Bar::most("a stale outcome", "decision/stale_outcome", "cloning the instance", clone, 1.0, 2.0),
            Bar::most("a healthy alarm", "decision/healthy_alarm", clones, clone, steps, 3.0),
            Bar::most("all of a recovery", "decision/recovery", "encoding the record once", encode, 1.0, 15.0),
        ]
    }
}

impl fmt::Display for Decisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { healthy, recovery, .. } = self;
        writeln!(f, "a healthy alarm: {} steps, {} commits", healthy.inputs.len(), healthy.commits)?;
        write!(f, "a recovery: {} steps, {} commits", recovery.inputs.len(), recovery.commits)
    }
}
