//! Carries a script out against the core, as a host would, and checks every law after every step.

use crate::forms;
use crate::laws::{self, Broken, Seen};
use crate::ledger::Ledger;
use crate::record::{BEGIN, SANDBOX};
use crate::script::{Action, Answer, Order, Scene, Wait};
use crate::world::{Known, World};
use kiloclaw_lifecycle::call::{CallKind, Done, Operation};
use kiloclaw_lifecycle::command::{Command, Provision, RequestId, Spec};
use kiloclaw_lifecycle::event::EventName;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::guest::Guest;
use kiloclaw_lifecycle::id::{Identity, Image, OpId, Region, SandboxId, SnapshotId, UserId};
use kiloclaw_lifecycle::persist::flat;
use kiloclaw_lifecycle::{Effect, Input, Instance, Policy, Timestamp, step};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt::Write as _;

pub(crate) struct Run {
    pub(crate) policy: Policy,
    pub(crate) now: Timestamp,
    /// What the store holds.
    committed: Option<Instance>,
    /// What the host works with.
    pub(crate) current: Option<Instance>,
    /// Every call of this life that was made.
    issued: Vec<Operation>,
    pub(crate) ledger: Ledger,
    world: World,
    /// The highest number of a call that changes the world.
    pub(crate) mutations: u64,
    pub(crate) event_keys: BTreeSet<String>,
    /// Everything that was told.
    pub(crate) events: BTreeSet<EventName>,
    /// Commands that were promised an answer.
    pub(crate) promised: BTreeSet<RequestId>,
    /// Whether laws that concern the record alone are checked after each step.
    pub(crate) thorough: bool,
    trace: String,
}

pub(crate) fn identity(user: &str) -> Identity {
    Identity {
        user: UserId::new(user).expect("a user"),
        sandbox: SandboxId::new(SANDBOX).expect("a sandbox"),
        app: None,
    }
}

impl Run {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            now: Timestamp::from_millis(BEGIN),
            committed: None,
            current: None,
            issued: Vec::new(),
            ledger: Ledger::default(),
            world: World::default(),
            mutations: 0,
            event_keys: BTreeSet::new(),
            events: BTreeSet::new(),
            promised: BTreeSet::new(),
            thorough: true,
            trace: String::new(),
        }
    }

    /// A run that takes over from a flat record.
    pub(crate) fn imported(policy: Policy, record: &Map<String, Value>) -> Result<Self, Broken> {
        let mut run = Self::new(policy);
        let _ = writeln!(run.trace, "    import {}", Value::Object(record.clone()));
        let instance = flat::import(record, 7, &run.policy, run.now).map_err(|error| run.explain(error.to_string()))?;
        if let Some(instance) = &instance {
            forms::imported(record, instance).map_err(|broken| run.explain(broken.0))?;
            run.ledger = Ledger::owning(&Known::of(instance));
        }
        run.committed.clone_from(&instance);
        run.current = instance;
        Ok(run)
    }

    pub(crate) fn explain(&self, law: String) -> Broken {
        Broken(format!("{law}\nwhat happened:\n{}", self.trace))
    }

    pub(crate) fn act(&mut self, action: &Action) -> Result<(), Broken> {
        match action {
            Action::Command(order) => {
                let command = self.command(order);
                self.input(Input::Command(command), None)
            }
            Action::Alarm => self.alarm(),
            Action::Ring => self.ring(),
            Action::Resume => self.input(Input::Resume, None),
            Action::Crash => {
                let _ = writeln!(self.trace, "    the host crashes");
                self.current.clone_from(&self.committed);
                self.input(Input::Resume, None)
            }
            Action::Answer(answer) => self.answer(answer),
            Action::Serve(most, scene) => {
                let answer = Answer::Shown(scene.clone());
                for _ in 0..*most {
                    self.now = self.now.plus(1_000);
                    self.answer(&answer)?;
                }
                Ok(())
            }
            Action::Change(answer) => self.change(answer),
            Action::Late(which, answer) => self.late(*which, answer),
            Action::Misfit(which, answer) => self.misfit(*which, answer),
            Action::Wait(wait) => {
                self.wait(*wait);
                Ok(())
            }
        }
    }

    fn wait(&mut self, wait: Wait) {
        self.now = match wait {
            Wait::Ms(ms) => self.now.plus(ms),
            Wait::Back(ms) => {
                self.ledger.clock_was_wrong = true;
                Timestamp::from_millis(self.now.as_millis().saturating_sub(ms))
            }
            Wait::To(at) => {
                self.ledger.clock_was_wrong = true;
                Timestamp::from_millis(at)
            }
        };
    }

    pub(crate) fn ring(&mut self) -> Result<(), Broken> {
        if let Some(instance) = &self.current {
            self.now = self.now.max(instance.alarm().at);
        }
        self.alarm()
    }

    /// Every alarm rings twice.
    fn alarm(&mut self) -> Result<(), Broken> {
        self.input(Input::Alarm, None)?;
        let Some(instance) = &self.current else { return Ok(()) };
        let again = step(Some(instance), &self.policy, self.now, Input::Alarm);
        laws::alarm_again(instance, &again).map_err(|broken| self.explain(broken.0))
    }

    fn in_flight(&self) -> Option<Operation> {
        let op = self.current.as_ref()?.in_flight()?;
        self.issued.iter().rev().find(|issued| issued.id == op).cloned()
    }

    fn known(&self) -> Known {
        self.current.as_ref().map(Known::of).unwrap_or_default()
    }

    pub(crate) fn answer(&mut self, answer: &Answer) -> Result<(), Broken> {
        let Some(operation) = self.in_flight() else { return Ok(()) };
        let known = self.known();
        let result = self.world.answer(&operation.call, &operation.identity, answer, &known);
        self.outcome(operation.id, result, Some(&operation))
    }

    fn change(&mut self, answer: &Answer) -> Result<(), Broken> {
        for _ in 0..12 {
            match self.in_flight() {
                Some(operation) if operation.id.kind.mutates() => return self.answer(answer),
                Some(_) => self.answer(&Answer::Shown(Box::new(Scene::fine())))?,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// The call in flight ends, and nobody knows how.
    pub(crate) fn lose(&mut self) -> Result<(), Broken> {
        self.answer(&Answer::Fault(FaultKind::Unknown, None))
    }

    fn late(&mut self, which: u8, answer: &Answer) -> Result<(), Broken> {
        let count = self.issued.len().max(1);
        let Some(operation) = self.issued.get(usize::from(which) % count).cloned() else { return Ok(()) };
        let known = self.known();
        let result = self.world.answer(&operation.call, &operation.identity, answer, &known);
        self.outcome(operation.id, result, Some(&operation))
    }

    fn misfit(&mut self, which: u8, answer: &Answer) -> Result<(), Broken> {
        let expected = self.current.as_ref().and_then(Instance::in_flight);
        let number = expected.map_or(u64::from(which), |op| op.number);
        let other =
            CallKind::ALL.get(usize::from(which) % CallKind::ALL.len()).copied().unwrap_or(CallKind::GetMachine);
        let (op, result) = match (expected, answer) {
            (Some(op), _) if which.is_multiple_of(2) => (op, Ok(self.world.misfit(op.kind))),
            (_, Answer::Fault(kind, status)) => {
                (OpId { number: number.wrapping_add(1), kind: other }, Err(Fault::new(kind.clone(), *status, "")))
            }
            (_, Answer::Shown(_)) => {
                (OpId { number: number.wrapping_add(1), kind: other }, Ok(self.world.misfit(other)))
            }
        };
        self.outcome(op, result, None)
    }

    fn outcome(&mut self, op: OpId, result: Result<Done, Fault>, operation: Option<&Operation>) -> Result<(), Broken> {
        let expected = self.current.as_ref().and_then(Instance::in_flight) == Some(op);
        if self.current.is_some() {
            match operation {
                Some(operation) if expected => {
                    self.ledger.ended(operation, &result, self.policy.call_deadline_ms);
                }
                Some(operation) => self.ledger.ended_late(operation, &result),
                None => {
                    if let Ok(done) = &result {
                        self.ledger.made(done);
                    }
                }
            }
        }
        let awaited = expected && operation.is_some();
        self.input(Input::Outcome { op, result }, Some(awaited))
    }

    fn input(&mut self, input: Input, awaited: Option<bool>) -> Result<(), Broken> {
        let before = self.current.take();
        let _ = write!(self.trace, "    {:>14} {}", self.now.as_millis(), short(&input));
        let step = step(before.as_ref(), &self.policy, self.now, input.clone());
        let again = kiloclaw_lifecycle::step(before.as_ref(), &self.policy, self.now, input.clone());
        let (verdict, alarm, needs_commit) = (step.verdict.clone(), step.alarm(), step.needs_commit());
        let same = step == again && laws::bytes(step.next.as_deref()) == laws::bytes(again.next.as_deref());
        let (next, effects) = step.committed();
        let next = next.map(|next| *next);
        let status = next.as_ref().map_or("none", |next| next.status().as_str());
        let _ = writeln!(self.trace, " -> {verdict:?}, {status}{}", effects.iter().map(said).collect::<String>());
        let seen = Seen { before, input, now: self.now, verdict, next, effects, alarm, needs_commit, awaited, same };
        let checked = laws::check(self, &seen);
        checked.map_err(|broken| self.explain(broken.0))?;
        self.follow(seen);
        Ok(())
    }

    fn follow(&mut self, seen: Seen) {
        for effect in &seen.effects {
            if let Effect::Call(operation) = effect {
                self.ledger.issued(operation, self.now);
                self.issued.push((**operation).clone());
            }
            if let Effect::EmitEvent(event) = effect {
                self.events.insert(event.event);
            }
        }
        if seen.needs_commit {
            self.committed.clone_from(&seen.next);
        }
        if seen.before.is_some() && seen.next.is_none() {
            let clock_was_wrong = self.ledger.clock_was_wrong;
            self.ledger = Ledger::default();
            self.ledger.clock_was_wrong = clock_was_wrong;
            self.issued.clear();
            self.mutations = 0;
            self.event_keys.clear();
            self.promised.clear();
        }
        self.current = seen.next;
    }

    fn command(&mut self, order: &Order) -> Command {
        let known = self.known();
        let reason = Some("because".to_string());
        match order {
            Order::Provision { stranger, size_gb, regions } => Command::Provision(Box::new(Provision {
                identity: identity(if *stranger { "user-2" } else { "user-1" }),
                seed: 42,
                spec: Spec {
                    volume_size_gb: *size_gb,
                    regions: regions
                        .as_ref()
                        .map(|names| names.iter().filter_map(|name| Region::new(*name).ok()).collect()),
                    ..Spec::default()
                },
            })),
            Order::Start => Command::Start { reason },
            Order::Stop => Command::Stop { reason },
            Order::Restart { image } => {
                Command::Restart { image: image.then(|| Image::new("registry/image:2").expect("an image")) }
            }
            Order::Destroy => Command::Destroy { reason },
            Order::Cleanup(which) => {
                Command::CleanupRetainedVolume { volume: which.map(|which| self.world.volume(which, &known)) }
            }
            Order::Reassociate { target, reason } => {
                Command::ReassociateVolume { volume: self.world.volume(*target, &known), reason: "é".repeat(*reason) }
            }
            Order::Resize => {
                Command::Resize { guest: Guest::new(2, 4_096 + self.now.as_millis() % 512, None).expect("a size") }
            }
            Order::Restore { known } => Command::RestoreSnapshot {
                snapshot: SnapshotId::new(if *known { "snap_1" } else { "snap_0" }).expect("an id"),
                reason,
            },
            Order::RetryLookup => Command::RetryLookup,
            Order::AcceptDataLoss => Command::AcceptDataLoss,
            Order::Refresh => Command::Refresh,
        }
    }
}

fn short(input: &Input) -> String {
    match input {
        Input::Command(command) => format!("{command:?}"),
        Input::Outcome { op, result: Ok(done) } => format!("{op}: {done:?}"),
        Input::Outcome { op, result: Err(fault) } => format!("{op}: {:?} {:?}", fault.kind, fault.status),
        Input::Alarm => "Alarm".to_string(),
        Input::Resume => "Resume".to_string(),
    }
}

fn said(effect: &Effect) -> String {
    match effect {
        Effect::Call(operation) => format!("\n{:20}call {} {:?}", "", operation.id, operation.call),
        Effect::ScheduleAlarm(alarm) => format!("\n{:20}alarm {} {:?}", "", alarm.at.as_millis(), alarm.why),
        Effect::EmitEvent(event) => format!(
            "\n{:20}event {} {} {}",
            "",
            event.event,
            event.label.as_deref().unwrap_or_default(),
            event.error.as_deref().unwrap_or_default()
        ),
        Effect::EvictRegion { region, .. } => format!("\n{:20}evict {region}", ""),
        Effect::Reply { to, result } => format!("\n{:20}reply {to:?} {result:?}", ""),
        Effect::Forget => format!("\n{:20}forget", ""),
    }
}
