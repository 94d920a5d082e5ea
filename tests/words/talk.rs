//! A conversation with one instance, up to the calls that make something.

use kiloclaw_lifecycle::call::{Call, Done, NewVolume, Operation};
use kiloclaw_lifecycle::command::{Command, Provision, Spec};
use kiloclaw_lifecycle::fault::{Capacity, Fault, FaultKind};
use kiloclaw_lifecycle::id::{AppName, Identity, SandboxId, UserId};
use kiloclaw_lifecycle::{Effect, Input, Instance, Policy, Timestamp, step};

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// An instance that is asked to start, and whose answers are all told.
pub(crate) struct Talk {
    policy: Policy,
    pub(crate) instance: Instance,
    pub(crate) call: Option<Operation>,
    now: Timestamp,
    pub(crate) evicted: Vec<String>,
}

impl Talk {
    pub(crate) fn start(sandbox: &str, app: Option<&str>, seed: u64, policy: Policy) -> Self {
        let identity = Identity {
            user: UserId::new("user-1").expect("a user"),
            sandbox: SandboxId::new(sandbox).expect("a sandbox"),
            app: app.map(|app| AppName::new(app).expect("an app")),
        };
        let provision = Provision { identity, seed, spec: Spec::default() };
        let born = step(None, &policy, NOW, Input::Command(Command::Provision(Box::new(provision))));
        let (instance, _) = born.committed();
        let instance = *instance.expect("an instance");
        let mut talk = Self { policy, instance, call: None, now: NOW, evicted: Vec::new() };
        talk.input(Input::Command(Command::Start { reason: None }));
        talk
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.now = self.now.plus(1);
        let (next, effects) = step(Some(&self.instance), &self.policy, self.now, input).committed();
        self.instance = *next.expect("a live instance");
        self.call = None;
        for effect in effects {
            match effect {
                Effect::Call(operation) => self.call = Some(*operation),
                Effect::EvictRegion { region, .. } => self.evicted.push(region.to_string()),
                Effect::ScheduleAlarm(_) | Effect::EmitEvent(_) | Effect::Reply { .. } | Effect::Forget => {}
            }
        }
    }

    pub(crate) fn answer(&mut self, result: Result<Done, Fault>) {
        let op = self.call.as_ref().expect("a call in flight").id;
        self.input(Input::Outcome { op, result });
    }

    /// Answers look-ups with nothing until something is to be made.
    pub(crate) fn until_made(&mut self) -> Call {
        loop {
            let call = self.call.clone().expect("a call in flight").call;
            match &call {
                Call::ListMachines { .. } => self.answer(Ok(Done::Machines(Vec::new()))),
                Call::ListVolumes(_) => self.answer(Ok(Done::Volumes(Vec::new()))),
                Call::CreateVolume(_) | Call::CreateMachine(_) => return call,
                Call::GetMachine { .. }
                | Call::UpdateMachine(_)
                | Call::StartMachine { .. }
                | Call::StopMachine { .. }
                | Call::DestroyMachine { .. }
                | Call::WaitMachine { .. }
                | Call::GetVolume { .. }
                | Call::ListSnapshots { .. }
                | Call::DeleteVolume(_)
                | Call::ProbeHealth { .. } => panic!("a start has no use for {call:?} here"),
            }
        }
    }

    pub(crate) fn volume(&mut self) -> NewVolume {
        let made = self.until_made();
        let Call::CreateVolume(new) = made else { panic!("expected a volume to be made, got {made:?}") };
        *new
    }

    pub(crate) fn full(&mut self) {
        self.answer(Err(Fault::new(FaultKind::NoCapacity(Capacity::NoCapacity), Some(412), "full")));
    }

    /// The alarm rings a minute from now.
    pub(crate) fn later(&mut self) {
        self.now = self.now.plus(60_000);
        self.input(Input::Alarm);
    }
}
