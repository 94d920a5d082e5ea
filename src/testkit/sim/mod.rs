//! Long lives under swarms of faults: first a phase in which only safety is asked for, then one in good weather, in which everything
//! has to come to its end.
//!
//! *Decides* what happens when; what it does is the [`Rig`]'s business. Everything follows from the seed: the kinds of fault a run has at
//! all, how often they come, what people ask for, and how long everything takes.
//!
//! *Guarantees*: the same plan brings the same run; a run ends. *Assumes* what the library assumes of its surroundings: a call is dead
//! after its life, and "gone" is only said of what is gone, but for lists that lie, which are told to the checker.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "of the many kinds of fault and of request, each function knows a few"
)]

mod agenda;
mod calm;
mod coverage;
mod dice;
mod fate;
mod kind;
mod people;
mod season;

pub use coverage::Coverage;
pub use kind::Kind;

pub(super) use dice::Dice;
pub(super) use kind::Odds;

use super::check::Violation;
use super::rig::{Act, Core, End, Happened, Rig, Timed};
use super::trace::Recorder;
use super::world::{World, WorldChange};
use crate::command::{Command, Provision, Spec};
use crate::id::{AppName, Identity, Invalid, SandboxId, UserId};
use crate::policy::{Knobs, Policy, Signal};
use crate::time::Timestamp;
use agenda::{Agenda, Plan};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// When simulated time begins: 2026-06-01.
const BEGIN_MS: u64 = 1_780_272_000_000;

/// What must never be seen anywhere.
const SECRET: &str = "hunter2-canary-token";

/// How the ids of other tenants' machines begin.
const STRANGER: &str = "stranger";

/// A simulation to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Everything random follows from it.
    pub seed: u64,
    /// Days of bad weather.
    pub days: u64,
    /// Instances that live in one world.
    pub instances: usize,
    /// Whether each step is taken twice and read back from its bytes (slow).
    pub thorough: bool,
    /// Whether everything is written down.
    pub record: bool,
}

/// How a simulation ended.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was exercised.
    pub coverage: Coverage,
    /// What did not hold, by instance.
    pub violations: Vec<(usize, Violation)>,
    /// The trace of the run, when it was to be recorded.
    pub trace: Option<String>,
}

/// Runs a simulation of `core`.
///
/// # Errors
/// [`Invalid`], which no setting brings about: the names it uses are constant.
pub fn run<C: Core>(core: C, setting: Setting) -> Result<Report, Invalid> {
    let mut sim = Sim::begin(core, setting)?;
    sim.storm();
    sim.calm();
    Ok(sim.report())
}

struct Sim<C> {
    rig: Rig<C>,
    setting: Setting,
    dice: Dice,
    weather: Odds,
    agenda: Agenda,
    /// For each instance, the generation of the alarm that is on the agenda.
    armed: Vec<Option<u64>>,
    /// Storms: until when calls are answered by 401 or 403, and by 429.
    unauthorized_until: Timestamp,
    limited_until: Timestamp,
    /// Nothing goes wrong any more.
    is_calm: bool,
    coverage: Coverage,
    /// Counts snapshots and strangers, so that each has an id of its own.
    made: u64,
}

impl<C: Core> Sim<C> {
    fn begin(core: C, setting: Setting) -> Result<Self, Invalid> {
        let mut dice = Dice::new(setting.seed, 1);
        let weather = Odds::draw(&mut dice);
        let policy = policy(&mut dice);
        let world = World::new(Timestamp::from_millis(BEGIN_MS));
        let mut rig = Rig::new(core, policy, world);
        if setting.record {
            rig.record(Recorder::new(rig.policy()));
        }
        let mut sim = Self {
            rig,
            setting,
            dice,
            weather,
            agenda: Agenda::default(),
            armed: Vec::new(),
            unauthorized_until: Timestamp::default(),
            limited_until: Timestamp::default(),
            is_calm: false,
            coverage: Coverage { seeds: 1, ..Coverage::default() },
            made: 0,
        };
        for life in 0..setting.instances {
            let identity = identity(life, &mut sim.dice)?;
            sim.act(Act::Admit { identity, secret: Some(SECRET.into()), thorough: setting.thorough });
            sim.armed.push(None);
            sim.plan_in(1, 10 * MINUTE_MS, Plan::People { life });
        }
        sim.plan_in(MINUTE_MS, HOUR_MS, Plan::Season);
        sim.plan_in(HOUR_MS, 2 * HOUR_MS, Plan::Sweep);
        sim.plan_in(HOUR_MS, DAY_MS, Plan::Nightly);
        Ok(sim)
    }

    fn now(&self) -> Timestamp {
        self.rig.world().now()
    }

    fn plan_in(&mut self, least_ms: u64, most_ms: u64, plan: Plan) {
        let at = self.now().plus(self.dice.between(least_ms, most_ms));
        self.agenda.put(at, plan);
    }

    /// Makes it happen now.
    fn act(&mut self, act: Act) -> Happened {
        let at = self.now();
        let happened = self.rig.act(&Timed { at, act });
        self.coverage.told(&happened.told);
        happened
    }

    fn storm(&mut self) {
        let end = self.now().plus(self.setting.days.saturating_mul(DAY_MS));
        while let Some((at, plan)) = self.agenda.take_until(end) {
            self.pass(at);
            self.carry_out(plan);
            self.look_around();
        }
    }

    /// Lets time pass without anything happening in between.
    fn pass(&mut self, at: Timestamp) {
        self.rig.pass(at);
    }

    fn carry_out(&mut self, plan: Plan) {
        match plan {
            Plan::Ring { life, generation } => self.ring(life, generation),
            Plan::Again { life, host } => self.alarm(life, host),
            Plan::Reach { life, op, strike, then } => self.reach(life, op, strike, then),
            Plan::Answer { life, op, twice } => self.answer(life, op, twice),
            Plan::Break { life, op } => {
                self.act(Act::Break { life, op });
            }
            Plan::CrashIn { life, op } => self.crash_in(life, op),
            Plan::Start { host } => self.start(host),
            Plan::People { life } => self.people(life),
            Plan::Season => self.season(),
            Plan::Change(change) => {
                self.act(Act::World(*change));
            }
            Plan::Clock(ahead_ms) => {
                self.act(Act::Clock { ahead_ms });
            }
            Plan::Nightly => self.nightly(),
            Plan::Sweep => self.sweep(),
        }
    }

    /// New calls and new alarms get their place on the agenda.
    fn look_around(&mut self) {
        for life in 0..self.setting.instances {
            self.see_calls(life);
            self.see_alarm(life);
        }
    }

    fn see_alarm(&mut self, life: usize) {
        let alarm = self.rig.life(life).and_then(|of| of.alarm());
        let generation = alarm.map(|alarm| alarm.generation);
        let Some(armed) = self.armed.get_mut(life) else { return };
        if *armed == generation {
            return;
        }
        *armed = generation;
        let Some(alarm) = alarm else { return };
        let due = self.rig.by_world(alarm.at);
        let plan = Plan::Ring { life, generation: alarm.generation };
        if self.is_calm {
            return self.agenda.put(due, plan);
        }
        let (weather, dice) = (&self.weather, &mut self.dice);
        let kinds = [Kind::AlarmMissing, Kind::AlarmLate, Kind::AlarmTwice, Kind::AlarmEarly];
        let kind = weather.strike(&kinds, dice);
        let late = dice.skewed(1_000, 6 * HOUR_MS);
        let now = self.rig.world().now();
        match kind {
            Some(Kind::AlarmMissing) => {}
            Some(Kind::AlarmLate) => self.agenda.put(due.plus(late), plan),
            Some(Kind::AlarmTwice) => {
                self.agenda.put(due, plan);
                self.agenda.put(due.plus(late % MINUTE_MS), Plan::Again { life, host: 1 });
            }
            Some(Kind::AlarmEarly) => {
                let early = now.plus(self.dice.between(0, due.since(now)));
                self.agenda.put(early, Plan::Again { life, host: 0 });
                self.agenda.put(due, plan);
            }
            Some(_) | None => self.agenda.put(due, plan),
        }
        if let Some(kind) = kind {
            self.coverage.fault(kind);
        }
    }

    /// An alarm that is due. A process that is busy with a question of its own looks again when it has its answer.
    fn ring(&mut self, life: usize, generation: u64) {
        let Some(of) = self.rig.life(life) else { return };
        if of.alarm().is_none_or(|alarm| alarm.generation != generation) {
            return;
        }
        if of.flights().iter().any(|flight| flight.is_awaited() && flight.is_uncommitted() && flight.host() == 0) {
            return self.plan_in(500, 2_000, Plan::Ring { life, generation });
        }
        self.alarm(life, 0);
    }

    fn alarm(&mut self, life: usize, host: u8) {
        let end = self.end();
        let before = self.rig.life(life).and_then(|of| of.alarm());
        self.act(Act::Alarm { life, host, end });
        self.after(host, end);
        let of = self.rig.life(life);
        let idle = of.is_some_and(|of| of.alarm() == before && of.flights().iter().all(|flight| !flight.is_awaited()));
        if let (true, Some(alarm)) = (idle, before) {
            // Nothing came of it: a host rings again until something does.
            self.plan_in(1_000, MINUTE_MS, Plan::Ring { life, generation: alarm.generation });
        }
    }

    /// How far the process gets with its next step.
    fn end(&mut self) -> End {
        if self.is_calm {
            return End::Lives;
        }
        let kind = self.weather.strike(&[Kind::CrashUncommitted, Kind::CrashCommitted], &mut self.dice);
        let end = match kind {
            Some(Kind::CrashUncommitted) => End::Uncommitted,
            Some(Kind::CrashCommitted) => End::Committed,
            Some(_) | None => End::Lives,
        };
        if let Some(kind) = kind {
            self.coverage.fault(kind);
        }
        end
    }

    /// A process that died is started again.
    fn after(&mut self, host: u8, end: End) {
        if !end.lives() {
            self.died(host);
        }
    }

    fn died(&mut self, host: u8) {
        self.coverage.crashes = self.coverage.crashes.saturating_add(1);
        for of in self.rig.lives() {
            let Some(stored) = of.stored() else { continue };
            if let Some(op) = stored.in_flight() {
                self.coverage.crashed(stored.status(), op.kind);
            }
        }
        let back = self.dice.skewed(1, 5 * MINUTE_MS);
        self.agenda.put(self.rig.world().now().plus(back), Plan::Start { host });
    }

    fn crash_in(&mut self, life: usize, op: u64) {
        let Some(of) = self.rig.life(life) else { return };
        let flight = of.flights().iter().find(|flight| flight.op().number == op && flight.is_awaited());
        let (Some(flight), Some(stored)) = (flight, of.stored()) else { return };
        let (host, pair) = (flight.host(), (stored.status(), flight.op().kind));
        self.coverage.fault(Kind::CrashInCall);
        self.coverage.crashed(pair.0, pair.1);
        self.act(Act::Crash { host });
        self.died(host);
    }

    fn start(&mut self, host: u8) {
        for life in 0..self.setting.instances {
            if self.rig.life(life).is_some_and(|of| of.stored().is_some()) {
                self.act(Act::Resume { life, host, end: End::Lives });
                self.armed.iter_mut().skip(life).take(1).for_each(|armed| *armed = None);
            }
        }
    }

    /// Once in a while somebody looks for alarms that should have rung.
    fn sweep(&mut self) {
        for life in 0..self.setting.instances {
            let due = self.rig.life(life).and_then(|of| of.alarm()).filter(|alarm| alarm.at <= self.rig.hosts_now());
            if let Some(alarm) = due {
                self.ring(life, alarm.generation);
            }
        }
        self.plan_in(HOUR_MS, 3 * HOUR_MS, Plan::Sweep);
    }

    fn report(mut self) -> Report {
        self.coverage.steps = self.rig.steps();
        let lived = self.now().since(Timestamp::from_millis(BEGIN_MS));
        let instances = u64::try_from(self.setting.instances).unwrap_or(u64::MAX);
        self.coverage.instance_ms = lived.saturating_mul(instances);
        let violations = self.rig.violations().map(|(life, violation)| (life, violation.clone())).collect();
        let trace = self.rig.recorded().map(|recorder| recorder.text().into());
        Report { coverage: self.coverage, violations, trace }
    }
}

/// Most runs have the defaults; some shorten what is long, or recover from more signals.
fn policy(dice: &mut Dice) -> Policy {
    let lists: [&[&str]; 4] = [&["eu", "us"], &["iad", "ord", "cdg"], &["iad", "ams"], &["iad"]];
    let regions = dice.pick(&lists).copied().unwrap_or(&["eu", "us"]);
    let mut knobs = Knobs { regions: regions.iter().map(|name| String::from(*name)).collect(), ..Knobs::default() };
    if dice.once_in(3) {
        knobs.self_heal_threshold = 2;
    }
    if dice.once_in(3) {
        knobs.recover_on = [Signal::Stopped, Signal::Failed, Signal::Destroyed, Signal::Gone].into();
    }
    if dice.once_in(4) {
        knobs.retention_ms = 2 * HOUR_MS;
    }
    if dice.once_in(4) {
        knobs.disposal_max_attempts = 4;
    }
    Policy::new(knobs).unwrap_or_default()
}

fn identity(life: usize, dice: &mut Dice) -> Result<Identity, Invalid> {
    // Names that begin alike are told apart, whether the app is shared or not.
    let app = if dice.once_in(3) { None } else { Some(AppName::new(format!("app-{life}"))?) };
    Ok(Identity {
        user: UserId::new(format!("user-{life}"))?,
        sandbox: SandboxId::new(format!("sandbox-with-a-long-name-number-{life}"))?,
        app,
    })
}

/// How a simulated instance is born.
fn provision(identity: &Identity, dice: &mut Dice) -> Command {
    let seed = dice.between(0, u64::MAX);
    Command::Provision(Box::new(Provision { identity: identity.clone(), seed, spec: Spec::default() }))
}

/// An id that no other thing has.
fn numbered(made: &mut u64, word: &str) -> String {
    *made = made.saturating_add(1);
    format!("{word}-{made}")
}

/// The same, boxed for the agenda.
fn change(change: WorldChange) -> Plan {
    Plan::Change(Box::new(change))
}
