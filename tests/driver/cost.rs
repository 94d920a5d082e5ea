//! What the lives of an instance cost in commits.

use crate::bench::{block_on, sandbox};
use async_trait::async_trait;
use kiloclaw_lifecycle::command::{Command, Provision, Spec};
use kiloclaw_lifecycle::event::Event;
use kiloclaw_lifecycle::id::Identity;
use kiloclaw_lifecycle::observe::MachineState;
use kiloclaw_lifecycle::port::{EventSink, SinkError};
use kiloclaw_lifecycle::testkit::{MemoryStore, SimFly, World, WorldChange};
use kiloclaw_lifecycle::{Driver, Input, Instance, Policy, Status, Timestamp, persist};

struct Nobody;

#[async_trait]
impl EventSink for Nobody {
    async fn deliver(&self, _: &[Event]) -> Result<(), SinkError> {
        Ok(())
    }
}

struct Life {
    fly: SimFly,
    store: MemoryStore,
    driver: Driver<SimFly, SimFly, MemoryStore, Nobody, SimFly>,
}

impl Life {
    /// An instance that runs, and has nothing left to do.
    fn running() -> Self {
        let fly = SimFly::new(World::new(Timestamp::from_millis(1_780_272_000_000)));
        let store = MemoryStore::new();
        let driver = Driver::new(Policy::default(), fly.clone(), fly.clone(), store.clone(), Nobody, fly.clone());
        let life = Self { fly, store, driver };
        let identity = Identity { user: "user-1".parse().unwrap(), sandbox: sandbox(), app: None };
        let provision = Provision { identity, seed: 7, spec: Spec::default() };
        life.input(Input::Command(Command::Provision(Box::new(provision))));
        life.input(Input::Command(Command::Start { reason: None }));
        life.alarm();
        life.alarm();
        assert_eq!(life.instance().status(), Status::Running);
        life
    }

    fn input(&self, input: Input) {
        assert_eq!(block_on(self.driver.handle(&sandbox(), input)).unwrap().interrupted, None);
    }

    fn alarm(&self) {
        let at = self.store.alarm(&sandbox()).unwrap().at;
        self.fly.with(|world| world.advance_to(at));
        self.input(Input::Alarm);
    }

    fn instance(&self) -> Instance {
        *persist::decode(&self.store.record(&sandbox()).unwrap().record).unwrap()
    }

    fn commits(&self, lives: impl FnOnce()) -> u64 {
        let before = self.store.commits();
        lives();
        self.store.commits() - before
    }
}

#[test]
fn a_healthy_alarm_costs_one_commit() {
    let life = Life::running();
    for _ in 0..3 {
        assert_eq!(life.commits(|| life.alarm()), 1);
    }
}

/// From the alarm that finds the machine stopped until the replacement serves and nothing is left of what it replaces.
#[test]
fn a_recovery_costs_ten_commits() {
    let life = Life::running();
    let machine = life.instance().machine().unwrap().to_string();
    let stops = WorldChange::Machine { id: machine.clone(), state: MachineState::Stopped, exit: None };
    life.fly.with(|world| assert!(world.change(&stops)));
    let recovery = life.commits(|| {
        life.alarm();
        while life.instance().status() != Status::Running {
            life.alarm();
        }
    });
    assert_eq!(recovery, 10);
    assert_ne!(life.instance().machine().unwrap().as_str(), machine);
    assert_eq!(life.fly.with(|world| (world.live_machines().count(), world.live_volumes().count())), (1, 1));
    // The next look also makes sure that the machine it replaced is gone.
    assert_eq!([life.commits(|| life.alarm()), life.commits(|| life.alarm())], [2, 1]);
}
