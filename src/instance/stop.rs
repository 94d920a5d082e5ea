//! A stop that was asked for.
//!
//! *Decides* when the machine counts as stopped (S4).
//!
//! ```text
//!   running ─▶ stopping ─┬─ stopped, gone ──▶ stopped
//!                        └─ refused, too long and still up ──▶ running
//! ```
//!
//! *Guarantees*: the wish is committed before the machine is told, so that no alarm takes our own stop for an unexpected one.

use super::holdings::{Cause, Thing};
use super::note::Note;
use super::phase::Phase;
use super::start::wait;
use super::turn::Turn;
use super::watch::{self, Watched};
use crate::call::{Call, Done, WaitFor};
use crate::event::{Action, Milestone};
use crate::fault::Fault;
use crate::observe::{HostStatus, MachineState};
use crate::status::Status;
use crate::time::Timestamp;
use alloc::string::ToString;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// Tell the machine.
    Stop,
    /// Wait for `stopped`.
    Wait,
    /// Time is over: what has become of the machine?
    Look,
}

/// A stop in progress.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stopping {
    pub(crate) since: Timestamp,
    stage: Stage,
}

impl Stopping {
    pub(crate) fn begin(since: Timestamp) -> Phase {
        Phase::Stopping(Self { since, stage: Stage::Stop })
    }

    pub(crate) fn step_in_words(&self) -> &'static str {
        match self.stage {
            Stage::Stop => "telling the machine to stop",
            Stage::Wait => "waiting for the machine to stop",
            Stage::Look => "looking at the machine",
        }
    }

    fn to(self, stage: Stage) -> Phase {
        Phase::Stopping(Self { stage, ..self })
    }

    pub(crate) fn wake(self, t: &mut Turn<'_>) -> Phase {
        if t.is_over(self.since, t.policy.stopping_timeout_ms) { self.to(Stage::Look) } else { Phase::Stopping(self) }
    }

    pub(crate) fn drive(self, t: &mut Turn<'_>) -> Phase {
        let Some(machine) = t.me.machine.as_ref().map(|machine| machine.id.clone()) else { return stopped(t) };
        let call = match self.stage {
            Stage::Stop => Call::StopMachine { machine },
            Stage::Wait => wait(t, machine, None, WaitFor::Stopped),
            Stage::Look => Call::GetMachine { machine },
        };
        t.ask(call);
        Phase::Stopping(self)
    }

    pub(crate) fn on(self, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        if result.as_ref().is_err_and(Fault::is_absent) {
            t.me.machine = None;
            return stopped(t);
        }
        match self.stage {
            Stage::Stop => match result {
                Ok(_) => {
                    t.progress();
                    self.to(Stage::Wait)
                }
                Err(fault) if fault.is_transient() => self.later(t),
                Err(fault) => still_running(t, &fault.to_string()),
            },
            Stage::Wait => match result {
                Ok(Done::Waited { state }) if is_down(&state) => ended_in(t, &state),
                Ok(_) => {
                    t.rest();
                    Phase::Stopping(self)
                }
                Err(_) => self.later(t),
            },
            Stage::Look => match result {
                Ok(Done::Machine(machine))
                    if machine.state != MachineState::Started && machine.host_status == HostStatus::Ok =>
                {
                    ended_in(t, &machine.state)
                }
                Ok(_) => still_running(t, "the machine did not stop in time"),
                Err(fault) => still_running(t, &fault.to_string()),
            },
        }
    }

    fn later(self, t: &mut Turn<'_>) -> Phase {
        t.back_off();
        Phase::Stopping(self)
    }
}

fn is_down(state: &MachineState) -> bool {
    [MachineState::Stopped, MachineState::Suspended, MachineState::Failed, MachineState::Destroyed].contains(state)
}

fn ended_in(t: &mut Turn<'_>, state: &MachineState) -> Phase {
    // What it had mounted is asked for from the list.
    if let Some(machine) = t.me.machine.take_if(|_| *state == MachineState::Destroyed) {
        t.me.dispose(Thing::Machine(machine.id), Cause::Replaced, t.now);
    }
    stopped(t)
}

fn stopped(t: &mut Turn<'_>) -> Phase {
    let uptime = t.me.last_started_at.map(|at| t.now.since(at));
    t.me.errors.stop = None;
    watch::mark_stopped(t);
    t.emit(Note::new(Milestone::Stopped).status(Status::Stopped).value(uptime));
    t.settle(Watched::Stopped)
}

/// The stop did not work: the machine is believed to serve on.
fn still_running(t: &mut Turn<'_>, message: &str) -> Phase {
    t.me.errors.stop = Some(t.noted(message.to_string()));
    t.emit(Note::log(Action::StopFailed).status(Status::Running).error(message));
    t.settle(Watched::Running)
}
