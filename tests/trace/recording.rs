//! Hosts that write down what they do: drivers that share a store and a simulated Fly.

use futures::executor::block_on;
use kiloclaw_lifecycle::call::Operation;
use kiloclaw_lifecycle::command::{Command, Provision, Spec};
use kiloclaw_lifecycle::driver::{Applied, Decision, DriverError, Held, Pending};
use kiloclaw_lifecycle::id::{Identity, SandboxId};
use kiloclaw_lifecycle::port::StoreError;
use kiloclaw_lifecycle::testkit::mocks::MockEventSink;
use kiloclaw_lifecycle::testkit::{MemoryStore, SimFly, World};
use kiloclaw_lifecycle::{Driver, Input, Instance, Policy, Timestamp, persist, trace};

type Host = Driver<SimFly, SimFly, MemoryStore, MockEventSink, SimFly>;

pub(crate) struct Recording {
    pub(crate) fly: SimFly,
    store: MemoryStore,
    /// Whatever their number, hosts are the same: what tells them apart is what they hold.
    driver: Host,
    pub(crate) text: String,
}

pub(crate) fn provision(identity: Identity, seed: u64) -> Input {
    Input::Command(Command::Provision(Box::new(Provision { identity, seed, spec: Spec::default() })))
}

impl Recording {
    pub(crate) fn new(policy: Policy, now: Timestamp) -> Self {
        let (fly, store) = (SimFly::new(World::new(now)), MemoryStore::new());
        let mut sink = MockEventSink::new();
        sink.expect_deliver().returning(|_| Ok(()));
        let text = trace::head(&policy);
        let driver = Driver::new(policy, fly.clone(), fly.clone(), store.clone(), sink, fly.clone());
        Self { fly, store, driver, text }
    }

    pub(crate) fn stored(&self, sandbox: &SandboxId) -> Option<Instance> {
        self.store.record(sandbox).map(|stored| *persist::decode(&stored.record).expect("a record"))
    }

    pub(crate) fn checkpoint(&mut self, sandbox: &SandboxId) {
        let stored = self.stored(sandbox);
        self.text.push_str(&trace::record(sandbox, stored.as_ref()));
    }

    pub(crate) fn decide(&self, sandbox: &SandboxId, held: Option<Held>, input: &Input) -> Decision {
        block_on(self.driver.decide(sandbox, held, input.clone())).expect("a decision")
    }

    /// Commits and writes down; `None` when the compare-and-swap was lost.
    pub(crate) fn commit(
        &mut self,
        (sandbox, host): (&SandboxId, u8),
        input: &Input,
        decision: Decision,
    ) -> Option<Applied> {
        let step = decision.trace(host, input);
        assert!(step.starts_with(&format!("in {sandbox} {host} {} ", decision.now().as_millis())), "{step}");
        let committed = block_on(self.driver.commit(decision));
        self.text.push_str(&step);
        match committed {
            Ok(applied) => Some(applied),
            Err(DriverError::Store(StoreError::Conflict)) => {
                self.text.push_str(&trace::lost(sandbox, host));
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// One step of one host, as `Driver::apply` takes it.
    pub(crate) fn apply(&mut self, of: (&SandboxId, u8), held: Option<Held>, input: &Input) -> Option<Applied> {
        let answers_held = held.is_some();
        let mut held = held;
        loop {
            let decision = self.decide(of.0, held.take(), input);
            let applied = self.commit(of, input, decision);
            if applied.is_some() || answers_held {
                return applied;
            }
        }
    }

    pub(crate) fn execute(&self, operation: &Operation) -> Input {
        block_on(self.driver.execute(operation))
    }

    /// An input and everything that follows from it, in one host.
    pub(crate) fn handle(&mut self, of: (&SandboxId, u8), input: Input) {
        let mut pending = self.apply(of, None, &input).and_then(|applied| applied.pending);
        while let Some(Pending { operation, held }) = pending {
            let outcome = self.execute(&operation);
            pending = self.apply(of, held, &outcome).and_then(|applied| applied.pending);
        }
    }

    /// Lets time pass to the alarm of an instance, and rings it.
    pub(crate) fn ring(&mut self, of: (&SandboxId, u8)) {
        let at = self.store.alarm(of.0).expect("an alarm").at;
        self.fly.with(|world| world.advance_to(at));
        self.handle(of, Input::Alarm);
    }

    pub(crate) fn crash(&mut self, host: u8) {
        self.text.push_str(&trace::crash(host));
    }
}
