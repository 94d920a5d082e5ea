//! From a request to its fate.

use super::hostile::{self, Hostile, falsified};
use super::http::{Answer, Asked, Body, Reply, Ticket};
use super::ids::ulid;
use super::route::{Route, route};
use super::weather::{Fate, Says};
use super::work::{self, Work};
use super::{Due, Emulator, Pending, SILENCE_MS};
use crate::testkit::world::Landing;
use crate::time::Timestamp;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::Value;

impl Emulator {
    /// A request arrives at this time of the clients' clock.
    pub fn ask(&mut self, now: Timestamp, asked: Asked) -> Reply {
        self.come_to(now);
        if let Some(place) = asked.path().strip_prefix("/_control/") {
            let answer = self.control(now, place, &asked);
            self.noted();
            return Reply::Answer(answer);
        }
        if asked.path() == "/_gateway" || asked.path().starts_with("/_gateway/") {
            return Reply::Answer(self.gateway(&asked));
        }
        if now < self.paused_until {
            let until = self.clock.world(self.paused_until);
            return self.put_off(Pending::Paused(asked), until);
        }
        self.receive(now, &asked)
    }

    /// What becomes of a request that was put off. One that nobody knows was given up.
    pub fn go_on(&mut self, now: Timestamp, ticket: Ticket) -> Reply {
        self.come_to(now);
        let Some(pending) = self.pending.remove(&ticket) else { return Reply::Break };
        if now < self.paused_until {
            self.pending.insert(ticket, pending);
            return Reply::Later(ticket, self.paused_until);
        }
        let reply = match pending {
            Pending::Paused(asked) => return self.receive(now, &asked),
            Pending::Slow(answer, at) if at <= self.world.now() => return Reply::Answer(answer),
            Pending::Silent(at) if at <= self.world.now() => return Reply::Break,
            Pending::Slow(_, at) | Pending::Silent(at) => Reply::Later(ticket, self.clock.wall(at)),
            Pending::Waiting(ref waiting) => match self.waited(waiting) {
                Ok(answer) => {
                    let (seq, route) = (waiting.seq, waiting.route.clone());
                    return Reply::Answer(self.finished(seq, &route, answer));
                }
                Err(again) => Reply::Later(ticket, self.clock.wall(again).max(now.plus(1))),
            },
        };
        self.pending.insert(ticket, pending);
        reply
    }

    /// The client has gone.
    pub fn give_up(&mut self, ticket: Ticket) {
        self.pending.remove(&ticket);
    }

    fn receive(&mut self, now: Timestamp, asked: &Asked) -> Reply {
        let seq = self.calls.receive(now, &asked.method, &asked.target);
        let reply = match route(&asked.method, asked.path()) {
            None => Reply::Answer(self.numbered(seq, Answer::no_page())),
            Some((app, route)) => match self.admitted(seq, &app, &route, asked) {
                Ok(work) => self.meets_its_fate(seq, app, route, work),
                Err(answer) => Reply::Answer(self.finished(seq, &route, answer)),
            },
        };
        self.noted();
        reply
    }

    /// What is asked for, by one who may and can.
    fn admitted(&mut self, seq: u64, app: &str, route: &Route, asked: &Asked) -> Result<Work, Answer> {
        if !self.knows(asked.authorization.as_deref()) {
            return Err(Answer::error(401, "Authenticate: token validation error"));
        }
        let is_there = self.settings.apps.as_ref().is_none_or(|apps| apps.contains(app));
        if !is_there || crate::id::AppName::new(app).is_err() {
            return Err(Answer::error(404, "app not found"));
        }
        let scale = self.settings.time_scale.max(1);
        if self.settings.rate_limit
            && let Err(wait_ms) = self.limits.admit(app, route, self.world.now())
        {
            // By far not every refusal says when to come again.
            let seconds = seq.is_multiple_of(2).then(|| wait_ms.div_ceil(scale).div_ceil(1_000));
            return Err(too_many(seconds));
        }
        work::read(seq, route, asked)
    }

    /// Any scheme will do.
    fn knows(&self, authorization: Option<&str>) -> bool {
        let Some(token) = self.settings.token.as_deref() else { return true };
        let Some(shown) = authorization else { return false };
        let bare = |text: &str| {
            let text = text.strip_prefix("Bearer ").unwrap_or(text);
            text.strip_prefix("FlyV1 ").unwrap_or(text).to_string()
        };
        bare(shown) == bare(token)
    }

    fn meets_its_fate(&mut self, seq: u64, app: String, route: Route, work: Work) -> Reply {
        if self.hostile == Some(Hostile::ForeignHolder)
            && let Some(answer) = hostile::stranger(&work)
        {
            return Reply::Answer(self.numbered(seq, answer));
        }
        let fate = self.fate(seq, &route);
        if let (Work::Wait(wait), Says::Truth) = (&work, &fate.says) {
            return self.begin_wait(seq, app, route, wait);
        }
        let landed = match fate.landing {
            Landing::Now => Some(self.perform(seq, &app, &work)),
            Landing::After(ms) if route.mutates() => {
                self.later(ms, Due::Land(seq, app.clone(), work.clone()));
                None
            }
            Landing::Never | Landing::After(_) => None,
        };
        let answer = match fate.says {
            Says::Broken => return Reply::Break,
            Says::Nothing => {
                let until = self.world.now().plus(SILENCE_MS);
                return self.put_off(Pending::Silent(until), until);
            }
            says @ (Says::Truth | Says::Status(..) | Says::Limited(_) | Says::EmptyList | Says::Without(_)) => {
                self.said(seq, &app, &route, &work, says, landed)
            }
        };
        let answer = self.finished(seq, &route, answer);
        if fate.after_ms == 0 {
            return Reply::Answer(answer);
        }
        let at = self.world.now().plus(fate.after_ms);
        self.put_off(Pending::Slow(answer, at), at)
    }

    fn fate(&mut self, seq: u64, route: &Route) -> Fate {
        if let Some(ordered) = self.ordered.as_mut() {
            let fate = Fate::from(&ordered.strike);
            let left = ordered.times.map(|times| times.saturating_sub(1));
            ordered.times = left;
            if left == Some(0) {
                self.ordered = None;
            }
            return fate;
        }
        self.storm.as_mut().map_or(Fate::GOOD, |storm| storm.fate(seq, route))
    }

    /// What the client hears; a success that was put into the provider's mouth is the truth where there is one.
    fn said(&mut self, seq: u64, app: &str, route: &Route, work: &Work, says: Says, landed: Option<Answer>) -> Answer {
        let truth = |me: &mut Self| match landed.clone() {
            Some(answer) => answer,
            None if route.mutates() => Answer::text(200, "application/json; charset=utf-8", ""),
            None => me.perform(seq, app, work),
        };
        match says {
            Says::Truth => truth(self),
            Says::Status(status, _) if (200..=299).contains(&status) => Answer { status, ..truth(self) },
            Says::Status(status, body) => Answer::verbatim(status, body),
            Says::Limited(after) => too_many(after),
            Says::EmptyList => Answer::verbatim(200, "[]"),
            Says::Without(ids) => without(truth(self), &ids),
            Says::Broken | Says::Nothing => Answer::no_page(),
        }
    }

    /// The answer as it leaves.
    pub(super) fn finished(&mut self, seq: u64, route: &Route, answer: Answer) -> Answer {
        let answer = match self.hostile {
            Some(mode) => falsified(mode, route, &self.others(route), answer),
            None => answer,
        };
        self.numbered(seq, answer)
    }

    fn numbered(&mut self, seq: u64, answer: Answer) -> Answer {
        self.calls.answered(seq, answer.status);
        let id = ulid(&format!("request of {}", self.settings.seed), seq);
        answer.with("fly-request-id", format!("{id}-emu"))
    }

    /// The ids of what is like the thing that is asked for.
    fn others(&self, route: &Route) -> Vec<String> {
        match route {
            Route::ListVolumes | Route::CreateVolume | Route::GetVolume(_) | Route::DeleteVolume(_) => {
                self.world.volumes().map(|(id, _)| id.clone()).collect()
            }
            Route::ListSnapshots(_) | Route::TakeSnapshot(_) | Route::App => Vec::new(),
            Route::ListMachines
            | Route::CreateMachine
            | Route::GetMachine(_)
            | Route::UpdateMachine(_)
            | Route::DestroyMachine(_)
            | Route::StartMachine(_)
            | Route::StopMachine(_)
            | Route::WaitMachine(_)
            | Route::ListEvents(_) => self.world.machines().map(|(id, _)| id.clone()).collect(),
        }
    }
}

fn too_many(after_s: Option<u64>) -> Answer {
    let answer = Answer::error(429, "rate limit exceeded");
    after_s.into_iter().fold(answer, |answer, seconds| answer.with("retry-after", seconds))
}

fn without(answer: Answer, ids: &[String]) -> Answer {
    let mut value = answer.value();
    let Some(items) = value.as_array_mut() else { return answer };
    let hidden = |item: &Value| item.get("id").and_then(Value::as_str).is_some_and(|id| ids.iter().any(|i| i == id));
    items.retain(|item| !hidden(item));
    Answer { body: Body::Text(value.to_string()), ..answer }
}
