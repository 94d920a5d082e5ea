//! A new configuration on its way onto the machine.
//!
//! *Decides* when the machine runs the new configuration, and when to stop waiting for it (S5).
//!
//! ```text
//!   running, stopped ─▶ restarting ─┬─ started on the new version ─▶ running
//!                                   ├─ down when time is over ─────▶ stopped
//!                                   └─ up, but nothing was sent ───▶ running
//! ```
//!
//! *Guarantees*: `started` counts only after the update was taken on; an unknown outcome counts as taken on only if the machine shows
//! another version than before.

use super::dispose;
use super::note::Note;
use super::phase::Phase;
use super::start::{update, wait};
use super::turn::Turn;
use super::watch::{self, Watched};
use crate::call::{Call, Done, WaitFor};
use crate::event::Action;
use crate::fault::{Fault, FaultKind};
use crate::id::MachineVersion;
use crate::observe::{HostStatus, Machine, MachineState};
use crate::status::Status;
use crate::time::Timestamp;
use alloc::format;
use alloc::string::ToString;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// Note the version that is running now.
    Before,
    /// Send the configuration.
    Update,
    /// See what the update has led to.
    After,
    /// Start a machine that the update left stopped.
    Boot,
    /// Wait for `started`.
    Wait(Option<MachineVersion>),
    /// After an alarm: how does it stand?
    Look,
}

/// A restart in progress.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restarting {
    pub(crate) since: Timestamp,
    /// The update was taken on.
    pub(crate) sent: bool,
    stage: Stage,
    /// The version that ran before the update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<MachineVersion>,
    /// The update was turned down for good.
    #[serde(default)]
    refused: bool,
    /// The outcome of the update is not known.
    #[serde(default)]
    unsure: bool,
}

impl Restarting {
    pub(crate) fn begin(since: Timestamp) -> Phase {
        Phase::Restarting(Self {
            since,
            sent: false,
            stage: Stage::Before,
            before: None,
            refused: false,
            unsure: false,
        })
    }

    /// A restart that was imported: the next alarm sees how it stands.
    pub(crate) fn imported(since: Timestamp, sent: bool) -> Phase {
        Phase::Restarting(Self { since, sent, stage: Stage::Look, before: None, refused: true, unsure: false })
    }

    pub(crate) fn step_in_words(&self) -> &'static str {
        match self.stage {
            Stage::Before | Stage::After | Stage::Look => "looking at the machine",
            Stage::Update => "updating the machine",
            Stage::Boot => "starting the machine",
            Stage::Wait(_) => "waiting for the machine to start",
        }
    }

    fn to(self, stage: Stage) -> Phase {
        Phase::Restarting(Self { stage, ..self })
    }

    pub(crate) fn wake(self, _: &mut Turn<'_>) -> Phase {
        self.to(Stage::Look)
    }

    pub(crate) fn drive(self, t: &mut Turn<'_>) -> Phase {
        let Some(machine) = t.me.machine.as_ref().map(|machine| machine.id.clone()) else {
            return gave_up(t, Action::RestartMachineGone, "there is no machine to restart");
        };
        let call = match &self.stage {
            Stage::Before | Stage::After | Stage::Look => Some(Call::GetMachine { machine }),
            Stage::Update => t.me.volume.clone().map(|volume| update(t, machine, volume)),
            Stage::Boot => Some(Call::StartMachine { machine }),
            Stage::Wait(version) => Some(wait(t, machine, version.clone(), WaitFor::Started)),
        };
        match call {
            Some(call) => t.ask(call),
            None => {
                t.me.errors.restart = Some(t.noted("no volume is known to restart with"));
                t.rest();
            }
        }
        Phase::Restarting(self)
    }

    pub(crate) fn on(self, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        let fresh = t.me.machine.as_ref().is_some_and(|machine| machine.is_fresh(t.policy, t.asked_at));
        if result.as_ref().is_err_and(Fault::is_absent) && !fresh {
            t.me.machine = None;
            return gave_up(t, Action::RestartMachineGone, "the machine is gone");
        }
        match self.stage {
            Stage::Before => self.before(t, result),
            Stage::Update => self.updated(t, result),
            Stage::After => self.after(t, result),
            Stage::Boot => match result {
                Ok(_) => self.to(Stage::Wait(None)),
                Err(_) => self.watch_on(t),
            },
            Stage::Wait(_) => match result {
                Ok(Done::Waited { state: MachineState::Started }) if self.sent => succeeded(t),
                Ok(_) | Err(_) => self.watch_on(t),
            },
            Stage::Look => self.looked(t, result),
        }
    }

    fn watch_on(self, t: &mut Turn<'_>) -> Phase {
        t.rest();
        self.to(Stage::Look)
    }

    fn later(self, t: &mut Turn<'_>) -> Phase {
        t.back_off();
        Phase::Restarting(self)
    }

    fn before(mut self, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match result {
            Ok(Done::Machine(machine)) => {
                self.before = machine.version;
                self.to(Stage::Update)
            }
            Ok(_) | Err(_) => self.later(t),
        }
    }

    fn updated(mut self, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        let fault = match result {
            Ok(_) => {
                self.sent = true;
                t.progress();
                return self.to(Stage::After);
            }
            Err(fault) => fault,
        };
        match fault.kind {
            FaultKind::Unknown => {
                self.unsure = true;
                t.back_off();
                self.to(Stage::After)
            }
            FaultKind::Busy | FaultKind::RateLimited | FaultKind::Unauthorized => self.later(t),
            FaultKind::Absent
            | FaultKind::NoCapacity(_)
            | FaultKind::Conflict(_)
            | FaultKind::MissingVolume
            | FaultKind::Refused => {
                self.refused = true;
                t.me.errors.restart = Some(t.noted(fault.to_string()));
                self.watch_on(t)
            }
        }
    }

    /// An update leaves a machine that was not running stopped.
    fn after(mut self, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        let Ok(Done::Machine(machine)) = result else { return self.later(t) };
        self.learn(&machine);
        if !self.sent {
            return self.to(Stage::Update);
        }
        if machine.state == MachineState::Stopped {
            return self.to(Stage::Boot);
        }
        self.to(Stage::Wait(machine.version))
    }

    /// Another version than before shows that an update of unknown outcome was taken on.
    fn learn(&mut self, machine: &Machine) {
        if self.unsure && machine.version.is_some() && machine.version != self.before {
            self.sent = true;
            self.unsure = false;
        }
    }

    /// After an alarm.
    fn looked(mut self, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        let late = t.is_over(self.since, t.policy.restarting_timeout_ms);
        let over = t.is_over(self.since, t.policy.restarting_max_timeout_ms);
        let machine = match result {
            Ok(Done::Machine(machine)) if machine.host_status == HostStatus::Ok => machine,
            Ok(_) | Err(_) if over => return cannot_ask(t),
            Ok(_) | Err(_) => return self.watch_on(t),
        };
        self.learn(&machine);
        if machine.state == MachineState::Destroyed {
            dispose::remember_served(t, &machine);
            t.me.machine = None;
            return gave_up(t, Action::RestartMachineGone, "the machine is gone");
        }
        match (machine.state == MachineState::Started, self.sent) {
            (true, true) => succeeded(t),
            (true, false) if late => fallback(t),
            (_, _) if over => gave_up(t, Action::RestartMaxTimeout, "the restart took too long"),
            (false, _) if late => self.too_long(t, &machine.state),
            (_, false) if !self.refused => self.to(Stage::Before),
            (false, true) if machine.state == MachineState::Stopped => {
                t.log(Action::RestartRetryStart);
                self.to(Stage::Boot)
            }
            (_, _) => self.watch_on(t),
        }
    }

    /// Past the soft time-out: say so, and go on only if the machine still moves.
    fn too_long(self, t: &mut Turn<'_>, state: &MachineState) -> Phase {
        let keep = *state == MachineState::Failed && t.me.errors.restart.is_some();
        if !keep {
            let message =
                format!("Restart is taking longer than expected; still reconciling while the machine remains {state}");
            if t.me.errors.restart.as_ref().is_none_or(|noted| noted.message != message) {
                t.emit(Note::log(Action::RestartTimeoutTransient).error(message.clone()));
            }
            t.me.errors.restart = Some(t.noted(message));
        }
        if state.is_terminal() {
            watch::mark_stopped(t);
            return t.settle(Watched::Stopped);
        }
        self.watch_on(t)
    }
}

fn succeeded(t: &mut Turn<'_>) -> Phase {
    t.log(Action::RestartReconcileSuccess);
    t.me.errors.restart = None;
    running(t)
}

/// Nothing was sent, and the machine is up: it runs what it ran before.
fn fallback(t: &mut Turn<'_>) -> Phase {
    t.log(Action::RestartNoUpdateFallback);
    running(t)
}

fn running(t: &mut Turn<'_>) -> Phase {
    t.me.last_started_at = Some(t.now);
    t.me.fail_count = 0;
    t.me.counted_at = None;
    t.settle(Watched::Running)
}

fn gave_up(t: &mut Turn<'_>, action: Action, message: &str) -> Phase {
    if t.me.errors.restart.is_none() {
        t.me.errors.restart = Some(t.noted(message));
    }
    t.emit(Note::log(action).status(Status::Stopped).error(message.to_string()));
    watch::mark_stopped(t);
    t.settle(Watched::Stopped)
}

/// Nobody can tell, and time is over: the next reconcile of a running instance decides.
fn cannot_ask(t: &mut Turn<'_>) -> Phase {
    let message = "the machine could not be asked until the restart was over its time";
    t.me.errors.restart = Some(t.noted(message));
    t.emit(Note::log(Action::RestartMaxTimeout).status(Status::Running).error(message));
    t.settle(Watched::Running)
}
