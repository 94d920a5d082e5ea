//! A wrong machine, or a wrong world, in a run that is played by hand.

use kiloclaw_lifecycle::Timestamp;
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::command::{Command, Provision, Spec};
use kiloclaw_lifecycle::id::{Identity, SandboxId, UserId};
use kiloclaw_lifecycle::testkit::check::{Invariant, Violation};
use kiloclaw_lifecycle::testkit::model::Story;
use kiloclaw_lifecycle::testkit::rig::{Act, Core, End, Real, Rig, Timed};
use kiloclaw_lifecycle::testkit::{Landing, Said, Strike, World, WorldChange};

/// What no record, event, call or answer may hold.
pub(crate) const SECRET: &str = "hunter2";

/// A part of a run.
#[derive(Clone, Debug)]
pub(crate) enum Scene {
    /// Somebody asks for something.
    Ask(Command),
    /// The world changes.
    Change(WorldChange),
    /// Everything goes well for so many milliseconds.
    Pass(u64),
    /// Everything goes well until a call of this kind leaves; it is not done, and answered with this status.
    Refuse(CallKind, u16),
    /// Everything goes well until a call of this kind leaves, and with that as well.
    Let(CallKind),
    /// Everything goes well until volumes are listed; the list lacks this one.
    Hide(&'static str),
}

/// A run, and what is to be found.
pub(crate) struct Play<C> {
    pub(crate) machine: C,
    pub(crate) scenes: Vec<Scene>,
    /// The acts until it is found out.
    pub(crate) acts: usize,
    /// What is seen then: a part of it.
    pub(crate) seen: &'static str,
}

impl<C: Core> Play<C> {
    /// The wrong machine is found out after so many acts, and the real one is not.
    pub(crate) fn must_be_found_out(self, name: &str, invariant: Invariant) {
        let (told, violation) = play(Real, &self.scenes);
        assert_eq!(violation, None, "{name}, the real machine:\n{}", told.join("\n"));
        let (told, violation) = play(self.machine, &self.scenes);
        println!("{name}, played\n{}", told.join("\n"));
        let violation = violation.unwrap_or_else(|| panic!("{name} is not found out"));
        println!("  VIOLATION {violation}");
        assert_eq!((violation.invariant, told.len()), (invariant, self.acts), "{name}");
        assert!(violation.what.contains(self.seen), "{name}: {violation}");
    }
}

/// Whose the instance is.
pub(crate) fn identity() -> Identity {
    Identity { user: UserId::new("user-1").unwrap(), sandbox: SandboxId::new("sandbox-1").unwrap(), app: None }
}

/// The run of an instance that takes each step twice, and has a secret to keep.
fn play<C: Core>(core: C, scenes: &[Scene]) -> (Vec<String>, Option<Violation>) {
    let policy = Story::recovery().policy().clone();
    let mut stage = Stage { rig: Rig::new(core, policy, World::new(Timestamp::from_millis(0))), told: Vec::new() };
    let identity = identity();
    stage.now(Act::Admit { identity: identity.clone(), secret: Some(SECRET.to_string()), thorough: true });
    stage.ask(Command::Provision(Box::new(Provision { identity, seed: 7, spec: Spec::default() })));
    for scene in scenes {
        stage.plays(scene);
    }
    let violation = stage.violation();
    (stage.told, violation)
}

struct Stage<C> {
    rig: Rig<C>,
    told: Vec<String>,
}

impl<C: Core> Stage<C> {
    fn violation(&self) -> Option<Violation> {
        self.rig.violations().next().map(|(_, violation)| violation.clone())
    }

    /// Nothing more happens once something did not hold.
    fn act(&mut self, timed: &Timed) {
        if self.violation().is_some() {
            return;
        }
        let happened = self.rig.act(timed);
        let status = self.rig.life(0).and_then(|life| life.stored()).map_or("none", |stored| stored.status().as_str());
        let verdict = happened.verdict.map_or_else(String::new, |verdict| format!(": {verdict:?}"));
        self.told.push(format!("  {:>3} {} {:?}{verdict}; {status}", self.told.len() + 1, timed.at, timed.act));
    }

    fn now(&mut self, act: Act) {
        let at = self.rig.world().now();
        self.act(&Timed { at, act });
    }

    fn ask(&mut self, command: Command) {
        self.now(Act::Command { life: 0, host: 0, command: Box::new(command), end: End::Lives });
    }

    fn plays(&mut self, scene: &Scene) {
        match scene {
            Scene::Ask(command) => self.ask(command.clone()),
            Scene::Change(change) => self.now(Act::World(change.clone())),
            Scene::Pass(ms) => {
                let end = self.rig.world().now().plus(*ms);
                while let Some(timed) = self.rig.next(end).filter(|_| self.violation().is_none()) {
                    self.act(&timed);
                }
                self.rig.pass(end);
            }
            Scene::Refuse(kind, status) => self.strike(*kind, Said::Status(*status, format!("status {status}"))),
            Scene::Let(kind) => self.reach(*kind, None),
            Scene::Hide(id) => {
                self.now(Act::Excuse { life: 0, id: id.to_string() });
                self.strike(CallKind::ListVolumes, Said::Without(vec![id.to_string()]));
            }
        }
    }

    fn strike(&mut self, kind: CallKind, said: Said) {
        self.reach(kind, Some(Strike { said, landing: Landing::Never }));
    }

    fn reach(&mut self, kind: CallKind, strike: Option<Strike>) {
        let end = self.rig.world().now().plus(24 * 3_600_000);
        while self.violation().is_none() {
            let Some(op) = self.leaving(kind) else {
                let timed = self.rig.next(end).unwrap_or_else(|| panic!("no {kind} leaves"));
                self.act(&timed);
                continue;
            };
            return self.now(Act::Reach { life: 0, op, strike });
        }
    }

    fn leaving(&self, kind: CallKind) -> Option<u64> {
        let flights = self.rig.life(0).map_or(&[][..], |life| life.flights());
        let leaving = flights.iter().find(|flight| flight.op().kind == kind && !flight.has_reached());
        leaving.map(|flight| flight.op().number)
    }
}
