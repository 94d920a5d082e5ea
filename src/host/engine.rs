//! A driver whose five ports are forgotten, so that nothing else here has to name them.

use crate::call::Operation;
use crate::driver::{Applied, Driver, DriverError, Held, Undelivered};
use crate::event::Event;
use crate::id::SandboxId;
use crate::instance::Instance;
use crate::persist;
use crate::port::{Clock, EventSink, Fleet, HealthProbe, Provider, SinkError, StoreError};
use crate::step::Input;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::time::Duration;

pub(super) fn engine<P, H, S, K, C>(driver: Driver<P, H, S, K, C>, within: Duration) -> Box<dyn Engine>
where
    P: Provider + 'static,
    H: HealthProbe + 'static,
    S: Fleet + 'static,
    K: EventSink + 'static,
    C: Clock + 'static,
{
    Box::new(driver.map_sink(|sink| Bounded { sink, within }))
}

/// A sink that does not hang: what it has not taken in time is delivered again.
struct Bounded<K> {
    sink: K,
    within: Duration,
}

#[async_trait]
impl<K: EventSink> EventSink for Bounded<K> {
    async fn deliver(&self, events: &[Event]) -> Result<(), SinkError> {
        let delivered = tokio::time::timeout(self.within, self.sink.deliver(events)).await;
        delivered.unwrap_or_else(|_| Err(SinkError("the sink has not answered in time".to_string())))
    }
}

#[async_trait]
pub(super) trait Engine: Send + Sync {
    fn now(&self) -> Timestamp;
    fn call_deadline_ms(&self) -> u64;
    /// No alarm is set further ahead than that.
    fn longest_ms(&self) -> u64;
    async fn apply(&self, sandbox: &SandboxId, held: Option<Held>, input: Input) -> Result<Applied, DriverError>;
    async fn execute(&self, operation: &Operation) -> Input;
    async fn deliver(&self, sandbox: &SandboxId) -> Result<usize, Undelivered>;
    async fn load(&self, sandbox: &SandboxId) -> Result<Option<Box<Instance>>, DriverError>;
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<(SandboxId, Timestamp)>, StoreError>;
    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError>;
    async fn instances(&self, after: Option<&SandboxId>, limit: u32) -> Result<Vec<SandboxId>, StoreError>;
    async fn undelivered(&self, after: Option<&SandboxId>, limit: u32) -> Result<Vec<SandboxId>, StoreError>;
}

#[async_trait]
impl<P: Provider, H: HealthProbe, S: Fleet, K: EventSink, C: Clock> Engine for Driver<P, H, S, K, C> {
    fn now(&self) -> Timestamp {
        self.clock().now()
    }

    fn call_deadline_ms(&self) -> u64 {
        self.policy().call_deadline_ms
    }

    fn longest_ms(&self) -> u64 {
        self.policy().longest_look_ms()
    }

    async fn apply(&self, sandbox: &SandboxId, held: Option<Held>, input: Input) -> Result<Applied, DriverError> {
        Driver::apply(self, sandbox, held, input).await
    }

    async fn execute(&self, operation: &Operation) -> Input {
        Driver::execute(self, operation).await
    }

    async fn deliver(&self, sandbox: &SandboxId) -> Result<usize, Undelivered> {
        Driver::deliver(self, sandbox).await
    }

    async fn load(&self, sandbox: &SandboxId) -> Result<Option<Box<Instance>>, DriverError> {
        let stored = self.store().load(sandbox).await?;
        Ok(stored.map(|stored| persist::decode(&stored.record)).transpose()?)
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<(SandboxId, Timestamp)>, StoreError> {
        self.store().due(now, limit).await
    }

    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.store().next_due(after).await
    }

    async fn instances(&self, after: Option<&SandboxId>, limit: u32) -> Result<Vec<SandboxId>, StoreError> {
        self.store().instances(after, limit).await
    }

    async fn undelivered(&self, after: Option<&SandboxId>, limit: u32) -> Result<Vec<SandboxId>, StoreError> {
        self.store().undelivered(after, limit).await
    }
}
