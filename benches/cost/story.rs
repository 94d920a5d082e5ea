//! What an instance goes through, recorded once against the simulated Fly and then decided again and again without it.

use futures::executor::block_on;
use kiloclaw_lifecycle::command::{Command, Provision, Spec};
use kiloclaw_lifecycle::driver::Applied;
use kiloclaw_lifecycle::event::Event;
use kiloclaw_lifecycle::id::{Identity, SandboxId};
use kiloclaw_lifecycle::observe::MachineState;
use kiloclaw_lifecycle::port::{EventSink, SinkError};
use kiloclaw_lifecycle::testkit::{MemoryStore, SimFly, World, WorldChange};
use kiloclaw_lifecycle::{Clock, Driver, Input, Instance, Policy, Status, Timestamp, persist};

/// Nobody listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nobody;

#[async_trait::async_trait]
impl EventSink for Nobody {
    async fn deliver(&self, _: &[Event]) -> Result<(), SinkError> {
        Ok(())
    }
}

/// An instance, and what comes to it from then on.
pub(crate) struct Story {
    pub(crate) policy: Policy,
    pub(crate) begin: Instance,
    pub(crate) inputs: Vec<(Timestamp, Input)>,
    /// Decisions that have to be committed.
    pub(crate) commits: usize,
}

impl Story {
    /// The instance after so many decisions.
    pub(crate) fn after(&self, decisions: usize) -> Box<Instance> {
        self.play((Box::new(self.begin.clone()), self.inputs[..decisions].to_vec())).expect("an instance")
    }

    /// The instance and the inputs, as a host has them: each decision consumes one, and the record as it was.
    pub(crate) fn prepared(&self) -> (Box<Instance>, Vec<(Timestamp, Input)>) {
        (Box::new(self.begin.clone()), self.inputs.clone())
    }

    /// Decides everything; brings the instance in the end.
    pub(crate) fn play(&self, (begin, inputs): (Box<Instance>, Vec<(Timestamp, Input)>)) -> Option<Box<Instance>> {
        let mut last = Some(begin);
        for (now, input) in inputs {
            let (next, effects) = last?.step(&self.policy, now, input).committed();
            std::hint::black_box(effects);
            last = next;
        }
        last
    }
}

type Plugged = Driver<SimFly, SimFly, MemoryStore, Nobody, SimFly>;

pub(crate) struct Recorder {
    fly: SimFly,
    store: MemoryStore,
    driver: Plugged,
    sandbox: SandboxId,
    inputs: Vec<(Timestamp, Input)>,
}

impl Recorder {
    /// An instance that runs, and has nothing left to do.
    pub(crate) fn running() -> Self {
        let fly = SimFly::new(World::new(Timestamp::from_millis(1_780_272_000_000)));
        let store = MemoryStore::new();
        let driver = Driver::new(Policy::default(), fly.clone(), fly.clone(), store.clone(), Nobody, fly.clone());
        let sandbox: SandboxId = "sandbox-1".parse().expect("a name");
        let mut recorder = Self { fly, store, driver, sandbox: sandbox.clone(), inputs: Vec::new() };
        let identity = Identity { user: "user-1".parse().expect("a name"), sandbox, app: None };
        let provision = Provision { identity, seed: 7, spec: Spec::default() };
        recorder.all_of(Input::Command(Command::Provision(Box::new(provision))));
        recorder.all_of(Input::Command(Command::Start { reason: None }));
        recorder.alarm();
        recorder.alarm();
        assert_eq!(recorder.instance().status(), Status::Running);
        recorder
    }

    fn instance(&self) -> Instance {
        *persist::decode(&self.store.record(&self.sandbox).expect("a record").record).expect("a record")
    }

    /// The input, and all that follows from it at once.
    fn all_of(&mut self, input: Input) {
        let mut applied = self.one(None, input);
        while let Some(pending) = applied.pending {
            let outcome = block_on(self.driver.execute(&pending.operation));
            applied = self.one(pending.held, outcome);
        }
    }

    fn one(&mut self, held: Option<kiloclaw_lifecycle::driver::Held>, input: Input) -> Applied {
        self.inputs.push((self.fly.now(), input.clone()));
        block_on(self.driver.apply(&self.sandbox, held, input)).expect("a decision")
    }

    fn alarm(&mut self) {
        let at = self.store.alarm(&self.sandbox).expect("an alarm").at;
        self.fly.with(|world| world.advance_to(at));
        self.all_of(Input::Alarm);
    }

    /// One alarm that finds all well.
    pub(crate) fn healthy_alarm(mut self) -> Story {
        self.story(Self::alarm)
    }

    /// From the alarm that finds the machine stopped to the end of the cut-over.
    pub(crate) fn recovery(mut self) -> Story {
        let machine = self.instance().machine().expect("a machine").to_string();
        let stops = WorldChange::Machine { id: machine, state: MachineState::Stopped, exit: None };
        self.fly.with(|world| assert!(world.change(&stops)));
        self.story(|recorder| {
            recorder.alarm();
            while recorder.instance().status() != Status::Running {
                recorder.alarm();
            }
        })
    }

    /// A restart and a stop.
    pub(crate) fn restart_and_stop(mut self) -> Story {
        self.story(|recorder| {
            recorder.all_of(Input::Command(Command::Restart { image: None }));
            assert_eq!(recorder.instance().status(), Status::Running);
            recorder.all_of(Input::Command(Command::Stop { reason: None }));
            assert_eq!(recorder.instance().status(), Status::Stopped);
        })
    }

    fn story(&mut self, lives: impl FnOnce(&mut Self)) -> Story {
        let (begin, commits) = (self.instance(), self.store.commits());
        self.inputs.clear();
        lives(self);
        let commits = usize::try_from(self.store.commits() - commits).expect("few");
        let inputs = std::mem::take(&mut self.inputs);
        let story = Story { policy: self.driver.policy().clone(), begin, inputs, commits };
        assert_eq!(story.play(story.prepared()).as_deref(), Some(&self.instance()), "what is played is what was lived");
        story
    }
}
