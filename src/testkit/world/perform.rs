//! One request: what befalls it, what it does, how long it takes, and how it is answered.

use super::{Change, World};
use crate::adapter::fly::answer::{classify, still_in};
use crate::adapter::fly::redact::redact;
use crate::call::{CallKind, Done};
use crate::fault::{Fault, FaultKind};
use crate::observe::MachineState;
use crate::testkit::request::Request;
use crate::time::Timestamp;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An answer that is not the one the world would have given.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// This HTTP status and body.
    Status(u16, String),
    /// Nothing, until the caller stops waiting.
    Nothing,
    /// 200 and an empty list.
    EmptyList,
    /// The truth, but what has one of these ids is missing from the list.
    Without(Vec<String>),
}

/// Whether a call does what it asks for, whatever it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Landing {
    /// Never.
    Never,
    /// At once.
    Now,
    /// After so many milliseconds, unless what it needs has gone by then.
    After(u64),
}

/// What befalls a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Strike {
    /// What the caller hears.
    pub said: Said,
    /// What happens.
    pub landing: Landing,
}

/// How far a call has come at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Attempt {
    /// A wait or a probe that goes on; to be asked again.
    Unfinished,
    /// It is over.
    Answered(Result<Done, Fault>),
    /// No answer will come.
    Silent,
}

/// How a call is answered at one instant, as it is on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wire {
    /// Not yet: a wait or a probe that goes on; to be asked again.
    Unfinished,
    /// By a success.
    Success {
        /// The HTTP status.
        status: u16,
        /// What the body tells.
        done: Done,
    },
    /// By anything else.
    Refusal {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: String,
    },
    /// Never.
    Nothing,
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallRecord {
    /// When it was made.
    pub at: Timestamp,
    /// What was asked for.
    pub call: CallKind,
    /// With which arguments.
    pub args: Map<String, Value>,
    /// The HTTP status of the answer; `None` when there was none.
    pub status: Option<u16>,
}

/// A refusal on the wire.
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Refusal {
    pub(super) fn new(status: u16, error: impl AsRef<str>) -> Self {
        let body = Value::Object(Map::from_iter([("error".to_string(), Value::from(error.as_ref()))]));
        Self { status, body: body.to_string() }
    }
}

/// What a request is served with, before it is classified.
pub(super) type Served = Result<Done, Refusal>;

/// What the caller gets at once.
enum Reply {
    Unfinished,
    /// With the status that says it.
    Says(u16, Served),
    Silence,
}

impl World {
    /// Serves a request, or lets `strike` befall it. The clock moves by as long as that takes.
    ///
    /// # Errors
    /// The [`Fault`] that the real API's answer would be classed as.
    pub fn perform(&mut self, request: &Request, strike: Option<&Strike>) -> Result<Done, Fault> {
        let began = self.now;
        let end = self.next_end(request, began).unwrap_or(began);
        loop {
            match self.attempt(request, began, strike) {
                Attempt::Answered(answer) => return answer,
                Attempt::Silent => {
                    self.advance_to(self.now.plus(self.call_deadline_ms));
                    return Err(Fault::lost());
                }
                Attempt::Unfinished => self.advance_to(self.next_change().map_or(end, |at| at.min(end))),
            }
        }
    }

    /// Serves a request at this instant, or lets `strike` befall it; no time passes. A wait or a probe that has not come to its end is
    /// to be asked again, with the same `began`: at the next change of the world, and at its end at the latest.
    pub fn attempt(&mut self, request: &Request, began: Timestamp, strike: Option<&Strike>) -> Attempt {
        let (status, attempt) = match self.reply(request, began, strike) {
            Reply::Unfinished => return Attempt::Unfinished,
            Reply::Says(status, served) => (Some(status), Attempt::Answered(self.classified(request.kind(), served))),
            Reply::Silence => (None, Attempt::Silent),
        };
        if self.keeps_log {
            self.log.push(CallRecord { at: began, call: request.kind(), args: request.args(), status });
        }
        attempt
    }

    /// The same for a question that nothing befalls: the world is as it was, and the call is not recorded. What is no question is never
    /// answered.
    pub(in crate::testkit) fn look(&self, request: &Request, began: Timestamp) -> Attempt {
        match self.tell(request, began) {
            Some(served) => Attempt::Answered(self.classified(request.kind(), served)),
            None => Attempt::Unfinished,
        }
    }

    /// The same in words of HTTP, for one who sees only what belongs to `app` (`None` sees everything); the call is not recorded. What is
    /// made belongs to `app`.
    pub fn wire(&mut self, app: Option<&str>, request: &Request, began: Timestamp, strike: Option<&Strike>) -> Wire {
        self.asked = app.map(ToString::to_string);
        let reply = self.reply(request, began, strike);
        self.asked = None;
        match reply {
            Reply::Unfinished => Wire::Unfinished,
            Reply::Says(status, Ok(done)) => Wire::Success { status, done },
            Reply::Says(status, Err(refusal)) => Wire::Refusal { status, body: refusal.body },
            Reply::Silence => Wire::Nothing,
        }
    }

    fn reply(&mut self, request: &Request, began: Timestamp, strike: Option<&Strike>) -> Reply {
        match strike {
            None => match self.serve(request, began) {
                Some(served) => Reply::Says(status_of(&served), served),
                None => Reply::Unfinished,
            },
            Some(strike) => self.struck(request, began, strike),
        }
    }

    /// When a wait or a probe that began then is over at the latest; `None` for every other request, which is answered at once.
    pub fn next_end(&self, request: &Request, began: Timestamp) -> Option<Timestamp> {
        request.timeout_s().map(|seconds| began.plus(u64::from(seconds).saturating_mul(1_000)))
    }

    fn struck(&mut self, request: &Request, began: Timestamp, strike: &Strike) -> Reply {
        let landed = match strike.landing {
            Landing::Never => None,
            Landing::Now => request.kind().mutates().then(|| self.serve(request, began)).flatten(),
            Landing::After(wait_ms) => {
                if request.kind().mutates() {
                    self.later(wait_ms, Change::Lands(self.asked.clone(), request.clone()));
                }
                None
            }
        };
        match &strike.said {
            Said::Nothing => Reply::Silence,
            Said::EmptyList => Reply::Says(200, Ok(empty_list(request.kind()))),
            Said::Without(ids) => match self.claimed(request, began, landed) {
                Some(served) => Reply::Says(status_of(&served), served.map(|done| without(done, ids))),
                None => Reply::Unfinished,
            },
            Said::Status(status, _) if (200..=299).contains(status) => match self.claimed(request, began, landed) {
                Some(served) => Reply::Says(*status, served),
                None => Reply::Unfinished,
            },
            Said::Status(status, body) => {
                let refusal = Refusal { status: *status, body: body.clone() };
                Reply::Says(*status, Err(self.echoing(request.kind(), refusal)))
            }
        }
    }

    /// A success that was put into the provider's mouth: reads are true, changes are said to be accepted, and a create that did not
    /// happen has no id to tell.
    fn claimed(&mut self, request: &Request, began: Timestamp, landed: Option<Served>) -> Option<Served> {
        let kind = request.kind();
        if !kind.mutates() {
            return self.serve(request, began);
        }
        Some(match landed {
            Some(served) => served,
            None if [CallKind::CreateMachine, CallKind::CreateVolume].contains(&kind) => {
                Err(Refusal { status: 200, body: String::new() })
            }
            None => Ok(Done::Accepted),
        })
    }

    /// `None` is a wait or a probe that goes on.
    pub(super) fn serve(&mut self, request: &Request, began: Timestamp) -> Option<Served> {
        let served = match self.change_as_asked(request) {
            Some(served) => served,
            None => self.tell(request, began)?,
        };
        Some(served.map_err(|refusal| self.echoing(request.kind(), refusal)))
    }

    /// `None` is a question.
    fn change_as_asked(&mut self, request: &Request) -> Option<Served> {
        Some(match request {
            Request::CreateMachine(new) => self.create_machine(new),
            Request::UpdateMachine(update) => self.update_machine(update),
            Request::StartMachine(machine) => self.start_machine(machine.as_str()),
            Request::StopMachine(machine) => self.stop_machine(machine.as_str()),
            Request::DestroyMachine(machine) => self.destroy_machine(machine.as_str()),
            Request::CreateVolume(new) => self.create_volume(new),
            Request::DeleteVolume(volume) => self.delete_volume(volume.as_str()),
            Request::GetMachine(_)
            | Request::ListMachines(_)
            | Request::WaitMachine { .. }
            | Request::GetVolume(_)
            | Request::ListVolumes(_)
            | Request::ListSnapshots(_)
            | Request::ProbeHealth { .. } => return None,
        })
    }

    /// `None` is a wait or a probe that goes on, or no question.
    fn tell(&self, request: &Request, began: Timestamp) -> Option<Served> {
        let end = self.next_end(request, began).unwrap_or(began);
        match request {
            Request::GetMachine(machine) => Some(self.get_machine(machine.as_str())),
            Request::ListMachines(metadata) => Some(self.list_machines(metadata)),
            Request::WaitMachine { machine, version, state, timeout_s: _ } => {
                self.wait_machine(machine.as_str(), version.as_ref(), &state.state(), end).transpose()
            }
            Request::GetVolume(volume) => Some(self.get_volume(volume.as_str())),
            Request::ListVolumes(filter) => Some(self.list_volumes(filter)),
            Request::ListSnapshots(volume) => Some(self.list_snapshots(volume.as_str())),
            Request::ProbeHealth { machine, timeout_s: _ } => self.probe_health(machine.as_str(), end).transpose(),
            Request::CreateMachine(_)
            | Request::UpdateMachine(_)
            | Request::StartMachine(_)
            | Request::StopMachine(_)
            | Request::DestroyMachine(_)
            | Request::CreateVolume(_)
            | Request::DeleteVolume(_) => None,
        }
    }

    /// Refusals of a configuration repeat what is in it.
    fn echoing(&self, kind: CallKind, refusal: Refusal) -> Refusal {
        let configures = [CallKind::CreateMachine, CallKind::UpdateMachine].contains(&kind);
        let Some(secret) = self.secret.as_ref().filter(|_| configures && !refusal.body.is_empty()) else {
            return refusal;
        };
        let parsed: Option<Map<String, Value>> = serde_json::from_str(&refusal.body).ok();
        let text = |members: &Map<String, Value>| members.get("error").and_then(Value::as_str).map(ToString::to_string);
        let body = match parsed.and_then(|members| Some((text(&members)?, members))) {
            Some((text, mut members)) => {
                members.insert("error".to_string(), Value::from(format!("{text} (config.env.SECRET={secret})")));
                Value::Object(members).to_string()
            }
            None => format!("{} (config.env.SECRET={secret})", refusal.body),
        };
        Refusal { status: refusal.status, body }
    }

    fn classified(&self, kind: CallKind, served: Served) -> Result<Done, Fault> {
        let mut refusal = match served {
            Ok(done) => return Ok(done),
            Err(refusal) => refusal,
        };
        if let Some(secret) = &self.secret {
            refusal.body = redact(&refusal.body, &[secret]);
        }
        if kind == CallKind::WaitMachine && refusal.status == 408 {
            // A wait that ran out is an answer: the machine was seen, in another state.
            let state = still_in(&refusal.body).unwrap_or_else(|| MachineState::from("unknown"));
            return Ok(Done::Waited { state });
        }
        if refusal.status < 300 {
            return Err(Fault::new(FaultKind::Unknown, Some(refusal.status), "unreadable answer"));
        }
        Err(classify(kind, Some(refusal.status), &refusal.body))
    }
}

fn status_of(served: &Served) -> u16 {
    match served {
        Ok(Done::Health { healthy: false }) => 503,
        Ok(_) => 200,
        Err(refusal) => refusal.status,
    }
}

fn without(mut done: Done, ids: &[String]) -> Done {
    let hidden = |id: &str| ids.iter().any(|hidden| hidden == id);
    if let Done::Machines(machines) = &mut done {
        machines.retain(|machine| !hidden(machine.id.as_str()));
    }
    if let Done::Volumes(volumes) = &mut done {
        volumes.retain(|volume| !hidden(volume.id.as_str()));
    }
    if let Done::Snapshots(snapshots) = &mut done {
        snapshots.retain(|snapshot| !hidden(snapshot.id.as_str()));
    }
    done
}

fn empty_list(kind: CallKind) -> Done {
    if kind == CallKind::ListMachines {
        Done::Machines(Vec::new())
    } else if kind == CallKind::ListSnapshots {
        Done::Snapshots(Vec::new())
    } else {
        Done::Volumes(Vec::new())
    }
}
