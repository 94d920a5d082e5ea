//! One request: what befalls it, what it does, how long it takes, and how it is answered.

use super::{Change, World};
use crate::adapter::fly::answer::{classify, still_in};
use crate::call::{CallKind, Done};
use crate::fault::{Fault, FaultKind};
use crate::observe::MachineState;
use crate::testkit::request::Request;
use crate::time::Timestamp;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Map, Value};

/// An answer that is not the one the world would have given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// This HTTP status and body.
    Status(u16, String),
    /// Nothing, until the caller stops waiting.
    Nothing,
    /// 200 and an empty list.
    EmptyList,
}

/// Whether a call does what it asks for, whatever it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landing {
    /// Never.
    Never,
    /// At once.
    Now,
    /// After so many milliseconds, unless what it needs has gone by then.
    After(u64),
}

/// What befalls a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// What the caller hears.
    pub said: Said,
    /// What happens.
    pub landing: Landing,
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq)]
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

impl World {
    /// Serves a request, or lets `strike` befall it. The clock moves by as long as that takes.
    ///
    /// # Errors
    /// The [`Fault`] that the real API's answer would be classed as.
    pub fn perform(&mut self, request: &Request, strike: Option<&Strike>) -> Result<Done, Fault> {
        let at = self.now;
        let (served, answered) = match strike {
            None => {
                let served = self.serve(request);
                let status = served.as_ref().map_or_else(|refusal| refusal.status, success_status);
                (Some(served), Some(status))
            }
            Some(strike) => self.struck(request, strike),
        };
        self.log.push(CallRecord { at, call: request.kind(), args: request.args(), status: answered });
        match served {
            Some(served) => classified(request.kind(), served),
            None => Err(Fault::lost()),
        }
    }

    fn struck(&mut self, request: &Request, strike: &Strike) -> (Option<Served>, Option<u16>) {
        let landed = match strike.landing {
            Landing::Never => None,
            Landing::Now => request.kind().mutates().then(|| self.serve(request)),
            Landing::After(wait_ms) => {
                if request.kind().mutates() {
                    self.later(wait_ms, Change::Lands(request.clone()));
                }
                None
            }
        };
        match &strike.said {
            Said::Nothing => {
                self.advance_to(self.now.plus(self.call_deadline_ms));
                (None, None)
            }
            Said::EmptyList => (Some(Ok(empty_list(request.kind()))), Some(200)),
            Said::Status(status, _) if (200..=299).contains(status) => {
                (Some(self.claimed(request, landed)), Some(*status))
            }
            Said::Status(status, body) => (Some(Err(Refusal { status: *status, body: body.clone() })), Some(*status)),
        }
    }

    /// A success that was put into the provider's mouth: reads are true, changes are said to be accepted, and a create that did not
    /// happen has no id to tell.
    fn claimed(&mut self, request: &Request, landed: Option<Served>) -> Served {
        let kind = request.kind();
        if !kind.mutates() {
            return self.serve(request);
        }
        match landed {
            Some(served) => served,
            None if [CallKind::CreateMachine, CallKind::CreateVolume].contains(&kind) => {
                Err(Refusal { status: 200, body: String::new() })
            }
            None => Ok(Done::Accepted),
        }
    }

    pub(super) fn serve(&mut self, request: &Request) -> Served {
        match request {
            Request::GetMachine(machine) => self.get_machine(machine.as_str()),
            Request::ListMachines(metadata) => self.list_machines(metadata),
            Request::CreateMachine(new) => self.create_machine(new),
            Request::UpdateMachine(update) => self.update_machine(update),
            Request::StartMachine(machine) => self.start_machine(machine.as_str()),
            Request::StopMachine(machine) => self.stop_machine(machine.as_str()),
            Request::DestroyMachine(machine) => self.destroy_machine(machine.as_str()),
            Request::WaitMachine { machine, version, state, timeout_s } => {
                self.wait_machine(machine.as_str(), version.as_ref(), &state.state(), *timeout_s)
            }
            Request::GetVolume(volume) => self.get_volume(volume.as_str()),
            Request::ListVolumes(filter) => self.list_volumes(filter),
            Request::ListSnapshots(volume) => self.list_snapshots(volume.as_str()),
            Request::CreateVolume(new) => self.create_volume(new),
            Request::DeleteVolume(volume) => self.delete_volume(volume.as_str()),
            Request::ProbeHealth { machine, timeout_s } => Ok(self.probe_health(machine.as_str(), *timeout_s)),
        }
    }
}

fn success_status(done: &Done) -> u16 {
    if matches!(done, Done::Health { healthy: false }) { 503 } else { 200 }
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

fn classified(kind: CallKind, served: Served) -> Result<Done, Fault> {
    match served {
        Ok(done) => Ok(done),
        Err(refusal) if kind == CallKind::WaitMachine && refusal.status == 408 => {
            // A wait that ran out is an answer: the machine was seen, in another state.
            let state = still_in(&refusal.body).unwrap_or_else(|| MachineState::from("unknown"));
            Ok(Done::Waited { state })
        }
        Err(refusal) if refusal.status < 300 => {
            Err(Fault::new(FaultKind::Unknown, Some(refusal.status), "unreadable answer"))
        }
        Err(refusal) => Err(classify(kind, Some(refusal.status), &refusal.body)),
    }
}
