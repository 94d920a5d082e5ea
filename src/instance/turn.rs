//! One step in the making: the only door through which the phases reach effects.
//!
//! *Decides* in which order work is done: what is in hand first, then what the status wants, then what is due for disposal; after an
//! alarm the disposals come before the status's own look (A1).
//!
//! *Guarantees*: at most one call per step; a call is only made when none is in flight; every step ends with an alarm.

use super::alarm::Was;
use super::note::Note;
use super::operation::{InFlight, Owner};
use super::phase::Phase;
use super::watch::Watched;
use super::{Instance, Noted, accept, alarm, dispose, idle};
use crate::call::{Call, Done, Operation};
use crate::command::{Answer, CommandKind, Rejection, RequestId};
use crate::event::{Action, Event, EventName, Milestone};
use crate::fault::{Capacity, Fault};
use crate::id::{OpId, Region};
use crate::policy::Policy;
use crate::step::{Alarm, Effect, Ignored, Input, Step, Verdict};
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use smol_str::SmolStr;

/// Far more hops between phases than any step makes; a bug ends in a rest, not in a hang.
const HOPS: usize = 64;

/// As many effects as most steps have: a call, an event or two, and the alarm.
const FEW: usize = 4;

/// An answer that took longer shows what was, and not what is.
const STALE_MS: u64 = 10_000;

pub(crate) struct Turn<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) now: Timestamp,
    /// When the question was asked whose answer this step brings: an answer is no newer than that.
    pub(crate) asked_at: Timestamp,
    pub(crate) me: Box<Instance>,
    effects: Vec<Effect>,
    /// Something was decided that a crash must not undo.
    durable: bool,
    forgotten: bool,
}

/// One transition of an instance that exists.
pub(super) fn step(me: Box<Instance>, policy: &Policy, now: Timestamp, input: Input) -> Step {
    if let Some(verdict) = idle::verdict(&me, policy, now, &input) {
        return unchanged(me, now, verdict);
    }
    // Of these it shows only in the end whether they change anything. An alarm and an outcome that are not idle do.
    let before = matches!(input, Input::Command(_) | Input::Resume).then(|| me.clone());
    let was = Was::of(&me);
    let mut t = Turn::new(me, policy, now);
    alarm::settle_clock(&mut t);
    let verdict = t.decide(input);
    let refused = matches!(verdict, Verdict::Denied(_) | Verdict::Ignored(_));
    match before {
        Some(before) if !t.forgotten && (refused || t.me == before) => unchanged(before, now, verdict),
        _ => t.finish(was, verdict),
    }
}

/// Nothing to commit; the alarm that may have rung is set again.
fn unchanged(me: Box<Instance>, now: Timestamp, verdict: Verdict) -> Step {
    let alarm = Alarm { at: me.alarm.at.max(now), ..me.alarm };
    let effects = [Effect::ScheduleAlarm(alarm)].to_vec();
    Step { verdict, next: Some(me), effects, needs_commit: false }
}

impl<'a> Turn<'a> {
    pub(crate) fn new(me: Box<Instance>, policy: &'a Policy, now: Timestamp) -> Self {
        Self { policy, now, asked_at: now, me, effects: Vec::with_capacity(FEW), durable: false, forgotten: false }
    }

    fn decide(&mut self, input: Input) -> Verdict {
        match input {
            Input::Command(command) => {
                self.durable = command.kind() != CommandKind::Refresh;
                accept::command(self, command)
            }
            Input::Outcome { op, result } => self.outcome(op, result),
            Input::Alarm => self.alarm(),
            Input::Resume => self.resume(),
        }
    }

    fn alarm(&mut self) -> Verdict {
        if self.me.in_flight.as_ref().is_some_and(|call| !call.is_lost(self.policy, self.now)) {
            // Nothing can be done before the call is over. A look that somebody wants is not forgotten: it stays `pulled`.
            if self.me.next_look <= self.now {
                alarm::push_look(self);
            }
            return Verdict::Applied;
        }
        self.me.reason = SmolStr::new_static("alarm");
        self.me.wake = true;
        alarm::push_look(self);
        self.lose_call();
        self.proceed();
        Verdict::Applied
    }

    fn resume(&mut self) -> Verdict {
        if self.me.in_flight.is_some() {
            self.me.reason = SmolStr::new_static("resume");
            self.lose_call();
            self.proceed();
        }
        Verdict::Applied
    }

    /// The outcome of the call in flight will not come. What may be asked again is asked again by whoever waits for it; a create,
    /// or an update, is told that its outcome is unknown.
    fn lose_call(&mut self) {
        let Some(lost) = self.me.in_flight.take() else { return };
        self.durable = true;
        if let Owner::Disposal(key) = lost.owner {
            dispose::call_lost(self, key);
        }
        match lost.call {
            Call::CreateMachine(_) | Call::CreateVolume(_) | Call::UpdateMachine(_) => {
                self.dispatch(lost.owner, Err(Fault::lost()));
            }
            Call::DeleteVolume(_)
            | Call::GetMachine { .. }
            | Call::ListMachines { .. }
            | Call::StartMachine { .. }
            | Call::StopMachine { .. }
            | Call::DestroyMachine { .. }
            | Call::WaitMachine { .. }
            | Call::GetVolume { .. }
            | Call::ListVolumes(_)
            | Call::ListSnapshots { .. }
            | Call::ProbeHealth { .. } => {}
        }
    }

    fn outcome(&mut self, op: OpId, result: Result<Done, Fault>) -> Verdict {
        let expected = if self.me.awaits(op, &result) { self.me.in_flight.take() } else { None };
        let Some((owner, asked_at)) = expected.map(|call| (call.owner, call.issued_at)) else {
            let changed = result.is_ok_and(|done| dispose::late(self, &done));
            return if changed { Verdict::Applied } else { Verdict::Ignored(Ignored::Stale) };
        };
        self.asked_at = asked_at;
        self.durable |= op.kind.mutates();
        self.dispatch(owner, result);
        self.proceed();
        Verdict::Applied
    }

    fn dispatch(&mut self, owner: Owner, result: Result<Done, Fault>) {
        match owner {
            Owner::Phase => {
                let phase = self.take_phase();
                self.me.phase = phase.on(self, result);
            }
            Owner::Disposal(key) => dispose::on(self, key, result),
            Owner::Orphan => {
                if let Ok(done) = result {
                    dispose::late(self, &done);
                }
            }
        }
    }

    /// Does what there is to do until a call is in flight or there is nothing left.
    pub(super) fn proceed(&mut self) {
        for _ in 0..HOPS {
            if self.me.in_flight.is_some() || self.forgotten {
                return;
            }
            if let Some(key) = self.me.holdings.in_progress() {
                dispose::drive(self, key);
            } else if !self.me.wake && !self.me.resting {
                let phase = self.take_phase();
                self.me.phase = phase.drive(self);
            } else if let Some(key) = dispose::next(self) {
                dispose::begin(self, key);
            } else if self.me.wake {
                self.me.wake = false;
                self.me.resting = false;
                self.me.retry.due = None;
                self.me.pulled = false;
                alarm::push_look(self);
                let phase = self.take_phase();
                self.me.phase = phase.wake(self);
            } else {
                return;
            }
        }
        self.me.resting = true;
    }

    fn take_phase(&mut self) -> Phase {
        core::mem::replace(&mut self.me.phase, Phase::settled(Watched::Stopped))
    }

    /// Another status, from outside of the phase that ends. A call in flight that changes the world is still awaited, by nobody; an
    /// answer that nobody needs any more is not.
    pub(crate) fn switch(&mut self, phase: Phase) {
        let ended = core::mem::replace(&mut self.me.phase, phase);
        ended.abandon(self);
        self.fresh_start();
        let ours = self.me.in_flight.take_if(|call| call.owner == Owner::Phase);
        self.me.in_flight = match ours {
            Some(call) if call.op.kind.mutates() => Some(InFlight { owner: Owner::Orphan, ..call }),
            Some(_) => None,
            None => self.me.in_flight.take(),
        };
    }

    /// Another status that goes on with what the one before has begun.
    pub(crate) fn take_over(&mut self, phase: Phase) {
        self.me.phase = phase;
        self.fresh_start();
    }

    /// Another status, from inside of the phase that ends.
    pub(crate) fn enter(&mut self, phase: Phase) -> Phase {
        self.fresh_start();
        phase
    }

    /// A settled status, in which there is nothing to do before the next alarm.
    pub(crate) fn settle(&mut self, status: Watched) -> Phase {
        self.fresh_start();
        self.me.resting = true;
        Phase::settled(status)
    }

    fn fresh_start(&mut self) {
        self.durable = true;
        self.me.resting = false;
        self.me.retry = super::Retry::default();
    }

    /// Makes a call for the present phase.
    pub(crate) fn ask(&mut self, call: Call) {
        self.call(Owner::Phase, call);
    }

    pub(crate) fn call(&mut self, owner: Owner, call: Call) {
        let op = OpId { number: self.me.number(), kind: call.kind() };
        let issued = InFlight { op, owner, issued_at: self.now, call };
        self.effects.push(Effect::Call(Box::new(Operation {
            id: op,
            identity: self.me.identity.clone(),
            call: issued.call.clone(),
            deadline: issued.deadline(self.policy),
        })));
        self.me.in_flight = Some(issued);
    }

    /// Nothing more to do before the next alarm.
    pub(crate) fn rest(&mut self) {
        self.me.resting = true;
    }

    /// The stage is done: what failed before it does not count for the next.
    pub(crate) fn progress(&mut self) {
        self.me.retry = super::Retry::default();
    }

    /// Rest, and try again after the next back-off.
    pub(crate) fn back_off(&mut self) {
        let waits = &self.policy.retry_backoff_ms;
        let at = usize::try_from(self.me.retry.attempts).unwrap_or(usize::MAX);
        let wait = waits.get(at).or(waits.last()).copied().unwrap_or(1_000);
        self.me.retry.attempts = self.me.retry.attempts.saturating_add(1);
        self.me.retry.due = Some(self.now.plus(wait));
        self.rest();
    }

    /// Whether the list of back-offs has been gone through once.
    pub(crate) fn tried_enough(&self) -> bool {
        usize::try_from(self.me.retry.attempts).is_ok_and(|tried| tried >= self.policy.retry_backoff_ms.len())
    }

    /// Whether the answer has taken so long that it shows what was, and not what is.
    pub(crate) fn came_late(&self) -> bool {
        self.now.since(self.asked_at) > STALE_MS
    }

    /// Whether the time that `phase` may take is over.
    pub(crate) fn is_over(&self, since: Timestamp, limit_ms: u64) -> bool {
        self.now.since(since) > limit_ms
    }

    pub(crate) fn forget(&mut self) {
        self.forgotten = true;
    }

    pub(crate) fn reply(&mut self, to: RequestId, result: Result<Answer, Rejection>) {
        self.effects.push(Effect::Reply { to, result });
    }

    /// Tells the host that a region had no room (G4).
    pub(crate) fn evict(&mut self, region: Region, class: Capacity) {
        self.emit(Note::new(Milestone::CapacityEviction).region(Some(region.clone())).label(class.as_str()));
        self.effects.push(Effect::EvictRegion { region, class });
    }

    pub(crate) fn emit(&mut self, note: Note) {
        let number = self.me.number();
        let me = &self.me;
        let event = Event {
            key: format!("{}:{number}", me.identity.sandbox),
            at: self.now,
            event: note.name,
            user: me.identity.user.clone(),
            sandbox: me.identity.sandbox.clone(),
            app: me.identity.app.clone(),
            machine: note.machine.or_else(|| me.machine().cloned()),
            region: note.region.or_else(|| me.region.clone()),
            status: note.status,
            label: note.label,
            error: note.error.map(|text| text.chars().take(200).collect()),
            duration_ms: note.duration_ms,
            value: note.value,
            reason: matches!(note.name, EventName::Reconcile(_)).then(|| me.reason.to_string()),
            details: note.details,
        };
        self.effects.push(Effect::EmitEvent(Box::new(event)));
    }

    pub(crate) fn log(&mut self, action: Action) {
        self.emit(Note::log(action));
    }

    fn finish(mut self, was: Was, verdict: Verdict) -> Step {
        if self.forgotten {
            self.effects.push(Effect::Forget);
            return Step { verdict, next: None, effects: self.effects, needs_commit: true };
        }
        dispose::conclude(&mut self);
        alarm::arm(&mut self, was);
        self.effects.push(Effect::ScheduleAlarm(self.me.alarm));
        let asks = self.effects.iter().any(|effect| matches!(effect, Effect::Call(call) if !call.id.kind.mutates()));
        let speaks = self.effects.iter().any(|effect| matches!(effect, Effect::EmitEvent(_) | Effect::Reply { .. }));
        let needs_commit = self.durable || speaks || !asks;
        Step { verdict, next: Some(self.me), effects: self.effects, needs_commit }
    }

    /// The first step of all.
    pub(super) fn finish_birth(mut self, verdict: Verdict) -> Step {
        let effects = core::mem::take(&mut self.effects);
        let born = self.armed();
        let alarm = Effect::ScheduleAlarm(born.alarm);
        let effects = effects.into_iter().chain([alarm]).collect();
        Step { verdict, next: Some(born), effects, needs_commit: true }
    }

    /// The instance with its first alarm.
    pub(super) fn armed(mut self) -> Box<Instance> {
        alarm::push_look(&mut self);
        let was = Was::of(&self.me);
        alarm::arm(&mut self, was);
        self.me
    }

    pub(crate) fn noted(&self, message: impl Into<String>) -> Box<Noted> {
        Box::new(Noted { message: message.into(), at: self.now })
    }

    /// Marks what was just learned as not to be lost.
    pub(crate) fn keep(&mut self) {
        self.durable = true;
    }
}
