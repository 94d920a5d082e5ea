//! The second phase: the weather is good again, and everything has to come to its end within a bounded time.

use super::agenda::Plan;
use super::{DAY_MS, HOUR_MS, MINUTE_MS, STRANGER, Sim};
use crate::command::Command;
use crate::status::Status;
use crate::testkit::check::Calm;
use crate::testkit::rig::{Act, Core, End};
use crate::testkit::world::WorldChange;
use alloc::string::String;
use alloc::vec::Vec;

/// By then every call of the first phase is over.
const LULL_MS: u64 = 3 * MINUTE_MS;
/// By then everything has come to rest: the longest time-out, a restore's with the start after it, and a few alarms.
const REST_MS: u64 = 3 * HOUR_MS;
/// By then what was lost has been looked for: the longest back-off, and a few alarms.
const FOUND_MS: u64 = DAY_MS;
/// By then every date is over: the longest retention, that of what has been found when the first was over, and the longest back-off.
const DATES_MS: u64 = 17 * DAY_MS;
/// By then a destroy is over: what cannot be removed has been given up.
const DESTROYED_MS: u64 = 10 * DAY_MS;

impl<C: Core> Sim<C> {
    pub(super) fn calm(&mut self) {
        self.lull();
        self.last(REST_MS);
        self.act(Act::Judge(Calm::Rest));
        self.last(FOUND_MS);
        self.act(Act::Judge(Calm::Found));
        self.last(DATES_MS);
        self.act(Act::Judge(Calm::Dates));
        for life in 0..self.setting.instances {
            if self.rig.life(life).and_then(|of| of.stored()).is_some_and(|of| of.status() != Status::Destroying) {
                self.command(life, Command::Destroy { reason: None });
            }
        }
        self.last(DESTROYED_MS);
        self.act(Act::Judge(Calm::Dates));
    }

    /// Nothing more goes wrong, and what is on its way arrives.
    fn lull(&mut self) {
        self.is_calm = true;
        self.act(Act::Clock { ahead_ms: 0 });
        self.act(Act::World(WorldChange::Heal));
        self.strangers_go();
        for life in 0..self.setting.instances {
            if self.rig.life(life).is_some_and(|of| of.stored().is_some()) {
                self.act(Act::Resume { life, host: 0, end: End::Lives });
            }
        }
        self.agenda.retain(|plan| matches!(plan, Plan::Reach { .. } | Plan::Answer { .. } | Plan::Start { .. }));
        self.look_around();
        let end = self.now().plus(LULL_MS);
        while let Some((at, plan)) = self.agenda.take_until(end) {
            self.pass(at);
            self.carry_out(plan);
            self.look_around();
        }
        self.pass(end);
    }

    /// Other tenants give up what is not theirs.
    fn strangers_go(&mut self) {
        let strangers = self.rig.world().live_machines().map(|(id, _)| id).filter(|id| id.starts_with(STRANGER));
        let strangers: Vec<String> = strangers.cloned().collect();
        for id in strangers {
            self.act(Act::World(WorldChange::MachineGone { id }));
        }
    }

    fn last(&mut self, ms: u64) {
        let end = self.now().plus(ms);
        while let Some(timed) = self.rig.next(end) {
            let happened = self.rig.act(&timed);
            self.coverage.told(&happened.told);
        }
        self.pass(end);
    }
}
