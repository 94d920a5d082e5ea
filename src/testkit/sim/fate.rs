//! What becomes of a call.

use super::agenda::{Plan, Then};
use super::kind::Kind;
use super::{MINUTE_MS, Sim};
use crate::call::CallKind;
use crate::testkit::request::Request;
use crate::testkit::rig::{Act, Core, Flight};
use crate::testkit::world::{Landing, Said, Strike};
use crate::time::Timestamp;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// How a call that reached the provider goes on.
enum Fate {
    /// It is answered, after this befalls it.
    Answered(Option<Strike>),
    /// The connection breaks; the call is done now, later, or not at all.
    Broken(Landing),
    /// No answer ever comes; the call is done now, later, or not at all.
    Silent(Landing),
    /// The answer comes too late.
    Late,
    /// The answer comes twice.
    Twice,
    /// The process dies before the answer comes.
    Crash,
}

const ERRORS: [u16; 5] = [500, 502, 503, 504, 408];

impl<C: Core> Sim<C> {
    /// Calls that were not there before get their fate.
    pub(super) fn see_calls(&mut self, life: usize) {
        let Some(of) = self.rig.life(life) else { return };
        let agenda = &mut self.agenda;
        let mut is_new = |flight: &&Flight| agenda.is_new((life, flight.op().number, flight.began()));
        let new: Vec<(u64, CallKind, Request)> = of
            .flights()
            .iter()
            .filter(|flight| flight.is_awaited() && !flight.has_reached())
            .filter(&mut is_new)
            .map(|flight| (flight.op().number, flight.op().kind, flight.request()))
            .collect();
        let status = of.stored().map(|stored| stored.status());
        for (op, kind, request) in new {
            if let Some(status) = status {
                self.coverage.asked(status, kind);
            }
            self.send(life, op, &request);
        }
    }

    fn send(&mut self, life: usize, op: u64, request: &Request) {
        let fate = if self.is_calm { Fate::Answered(None) } else { self.fate(life, request) };
        let soon = self.now().plus(self.dice.skewed(1, 2_000));
        let deadline = self.rig.policy().call_deadline_ms;
        let later = self.now().plus(self.dice.between(2_000, deadline.saturating_sub(1)));
        let reach = Plan::Reach { life, op, strike: None, then: Then::Nothing };
        match fate {
            Fate::Answered(strike) => self.agenda.put(soon, Plan::Reach { life, op, strike, then: Then::Answer }),
            Fate::Broken(landing) => {
                self.land(life, op, landing, soon, later);
                self.agenda.put(soon.plus(1), Plan::Break { life, op });
            }
            Fate::Silent(landing) => self.land(life, op, landing, soon, later),
            Fate::Late => {
                self.agenda.put(soon, reach);
                let late = soon.plus(deadline).plus(self.dice.skewed(1, 30 * MINUTE_MS));
                self.agenda.put(late, Plan::Answer { life, op, twice: false });
            }
            Fate::Twice => {
                self.agenda.put(soon, reach);
                self.agenda.put(soon.plus(MINUTE_MS / 2), Plan::Answer { life, op, twice: true });
                let again = soon.plus(self.dice.skewed(MINUTE_MS, 30 * MINUTE_MS));
                self.agenda.put(again, Plan::Answer { life, op, twice: false });
            }
            Fate::Crash => {
                if self.dice.once_in(2) {
                    self.agenda.put(soon, reach);
                }
                self.agenda.put(soon.plus(1), Plan::CrashIn { life, op });
            }
        }
        if !self.is_calm && self.weather.strikes(Kind::SecondHost, &mut self.dice) {
            self.coverage.fault(Kind::SecondHost);
            let during = self.now().plus(self.dice.skewed(1, 2 * MINUTE_MS));
            self.agenda.put(during, Plan::Again { life, host: 1 });
        }
    }

    fn land(&mut self, life: usize, op: u64, landing: Landing, soon: Timestamp, later: Timestamp) {
        let strike = Some(Strike { said: Said::Nothing, landing: Landing::Now });
        let reach = Plan::Reach { life, op, strike, then: Then::Nothing };
        match landing {
            Landing::Now => self.agenda.put(soon, reach),
            Landing::After(_) => self.agenda.put(later, reach),
            Landing::Never => {}
        }
    }

    fn fate(&mut self, life: usize, request: &Request) -> Fate {
        let mutates = request.kind().mutates();
        let now = self.now();
        if now < self.unauthorized_until {
            let status = if self.dice.once_in(2) { 401 } else { 403 };
            return self.struck(Kind::Unauthorized, status, Landing::Never);
        }
        if now < self.limited_until {
            return self.struck(Kind::RateLimited, 429, Landing::Never);
        }
        let changes =
            [Kind::LostDone, Kind::LostLate, Kind::SilentDone, Kind::SilentLate, Kind::ErrorDone, Kind::ErrorNotDone];
        let reads = [Kind::ReadFails];
        let both = [Kind::LostNotDone, Kind::SilentNotDone, Kind::AnswerLate, Kind::AnswerTwice, Kind::CrashInCall];
        let own: &[Kind] = if mutates { &changes } else { &reads };
        let lists: &[Kind] = match request {
            Request::ListMachines(_) | Request::ListVolumes(_) => &[Kind::ListEmpty, Kind::ListPartial],
            _ => &[],
        };
        let kinds: Vec<Kind> = own.iter().chain(&both).chain(lists).copied().collect();
        let Some(kind) = self.weather.strike(&kinds, &mut self.dice) else { return Fate::Answered(None) };
        self.fate_of(kind, life, request)
    }

    fn fate_of(&mut self, kind: Kind, life: usize, request: &Request) -> Fate {
        let error = self.dice.pick(&ERRORS).copied().unwrap_or(503);
        // A wait that runs out is answered by 408 as well, and that is no fault.
        let error = if request.kind() == CallKind::WaitMachine { 503 } else { error };
        match kind {
            Kind::ErrorDone => return self.struck(kind, error, Landing::Now),
            Kind::ErrorNotDone | Kind::ReadFails => return self.struck(kind, error, Landing::Never),
            Kind::ListEmpty | Kind::ListPartial => return self.lie(kind, life, request),
            Kind::CrashInCall => return Fate::Crash,
            _ => self.coverage.fault(kind),
        }
        match kind {
            Kind::LostDone => Fate::Broken(Landing::Now),
            Kind::LostNotDone => Fate::Broken(Landing::Never),
            Kind::LostLate => Fate::Broken(Landing::After(1)),
            Kind::SilentDone => Fate::Silent(Landing::Now),
            Kind::SilentNotDone => Fate::Silent(Landing::Never),
            Kind::SilentLate => Fate::Silent(Landing::After(1)),
            Kind::AnswerLate => Fate::Late,
            Kind::AnswerTwice => Fate::Twice,
            _ => Fate::Answered(None),
        }
    }

    fn struck(&mut self, kind: Kind, status: u16, landing: Landing) -> Fate {
        self.coverage.fault(kind);
        Fate::Answered(Some(Strike { said: Said::Status(status, "{}".to_string()), landing }))
    }

    /// A list that lies: nobody can be blamed for not knowing what it hides.
    fn lie(&mut self, kind: Kind, life: usize, request: &Request) -> Fate {
        let world = self.rig.world();
        let hidden: Vec<String> = match request {
            Request::ListMachines(labels) => world
                .live_machines()
                .filter(|(_, machine)| labels.iter().all(|(key, value)| machine.metadata.get(key) == Some(value)))
                .map(|(id, _)| id.clone())
                .collect(),
            Request::ListVolumes(filter) => world
                .live_volumes()
                .filter(|(_, volume)| filter.admits(&volume.name))
                .map(|(id, _)| id.clone())
                .collect(),
            _ => Vec::new(),
        };
        if hidden.is_empty() {
            return Fate::Answered(None);
        }
        self.coverage.fault(kind);
        let hidden = if kind == Kind::ListEmpty { hidden } else { hidden.into_iter().step_by(2).collect() };
        for id in &hidden {
            self.act(Act::Excuse { life, id: id.clone() });
        }
        Fate::Answered(Some(Strike { said: Said::Without(hidden), landing: Landing::Never }))
    }

    pub(super) fn reach(&mut self, life: usize, op: u64, strike: Option<Strike>, then: Then) {
        let silent = strike.as_ref().is_some_and(|strike| strike.said == Said::Nothing);
        self.act(Act::Reach { life, op, strike: strike.clone() });
        let Some(of) = self.rig.life(life) else { return };
        let Some(flight) = of.flights().iter().find(|flight| flight.op().number == op) else { return };
        if !flight.is_answered() && !silent {
            let world = self.rig.world();
            let ends = world.next_end(&flight.request(), flight.began());
            let next = ends.into_iter().chain(world.next_change()).min().unwrap_or(world.now());
            self.agenda.put(next.max(world.now().plus(1)), Plan::Reach { life, op, strike, then });
        } else if flight.is_answered() && then == Then::Answer {
            let back = self.dice.skewed(1, 2_000);
            self.agenda.put(self.rig.world().now().plus(back), Plan::Answer { life, op, twice: false });
        }
    }

    pub(super) fn answer(&mut self, life: usize, op: u64, twice: bool) {
        let Some(of) = self.rig.life(life) else { return };
        let Some(flight) = of.flights().iter().find(|flight| flight.op().number == op) else { return };
        let host = flight.host();
        let end = self.end();
        self.act(Act::Answer { life, op, end, twice });
        self.after(host, end);
    }
}
