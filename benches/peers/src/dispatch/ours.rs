//! A restart and a stop of a running instance: eight inputs, recorded once against the simulated Fly, and then decided again and again.

use crate::ours::Nobody;
use futures::executor::block_on;
use kiloclaw_lifecycle::command::{Command, Provision, Spec};
use kiloclaw_lifecycle::id::{Identity, SandboxId};
use kiloclaw_lifecycle::testkit::{MemoryStore, SimFly, World};
use kiloclaw_lifecycle::{Clock, Driver, Input, Instance, Policy, Status, Timestamp, Verdict, persist, step};

pub(crate) struct Story {
    policy: Policy,
    begin: Instance,
    inputs: Vec<(Timestamp, Input)>,
}

impl Story {
    pub(crate) fn recorded() -> Self {
        let fly = SimFly::new(World::new(Timestamp::from_millis(1_780_272_000_000)));
        let store = MemoryStore::new();
        let driver = Driver::new(Policy::default(), fly.clone(), fly.clone(), store.clone(), Nobody, fly.clone());
        let sandbox: SandboxId = "sandbox-1".parse().expect("a name");
        let identity = Identity { user: "user-1".parse().expect("a name"), sandbox: sandbox.clone(), app: None };
        let provision = Provision { identity, seed: 7, spec: Spec::default() };
        let mut inputs = Vec::new();
        let mut takes = |command| {
            let mut next = Some((None, Input::Command(command)));
            while let Some((held, input)) = next {
                inputs.push((fly.now(), input.clone()));
                let applied = block_on(driver.apply(&sandbox, held, input)).expect("a decision");
                assert_eq!(applied.verdict, Verdict::Applied);
                next = applied.pending.map(|pending| (pending.held, block_on(driver.execute(&pending.operation))));
            }
            persist::decode(&store.record(&sandbox).expect("a record").record).expect("an instance")
        };
        takes(Command::Provision(Box::new(provision)));
        let begin = takes(Command::Start { reason: None });
        assert_eq!(begin.status(), Status::Running);
        let restarted = takes(Command::Restart { image: None });
        assert_eq!(restarted.status(), Status::Running);
        let end = takes(Command::Stop { reason: None });
        assert_eq!(end.status(), Status::Stopped);
        let inputs = inputs.split_off(inputs.len() - 8);
        let story = Self { policy: driver.policy().clone(), begin, inputs };
        assert_eq!(story.play(story.inputs()).as_deref(), Some(&end), "what is played is what was lived");
        story
    }

    /// The inputs, as adapters bring them: each decision consumes one.
    pub(crate) fn inputs(&self) -> Vec<(Timestamp, Input)> {
        self.inputs.clone()
    }

    /// Decides everything; brings the instance in the end.
    pub(crate) fn play(&self, inputs: Vec<(Timestamp, Input)>) -> Option<Box<Instance>> {
        let mut last = None;
        for (now, input) in inputs {
            let before = last.as_deref().unwrap_or(&self.begin);
            let (next, effects) = step(Some(before), &self.policy, now, input).committed();
            std::hint::black_box(effects);
            last = next;
        }
        last
    }
}
