//! Waits: answered when the machine has the wanted state, or when the time is up.
//!
//! Unlike [`World::perform`](crate::testkit::World::perform), which knows when a state will never be reached, and like the provider, a wait
//! goes on to its end whatever the machine does meanwhile.

use super::http::{Answer, Reply};
use super::ids::ulid;
use super::route::Route;
use super::show::instance_id;
use super::work::Wait;
use super::{Emulator, Pending};
use crate::observe::MachineState;
use crate::testkit::request::Request;
use crate::testkit::world::Wire;
use crate::time::Timestamp;
use alloc::format;
use alloc::string::String;
use serde_json::json;

/// A wait that goes on.
pub(super) struct Waiting {
    pub(super) seq: u64,
    pub(super) route: Route,
    app: String,
    wait: Wait,
    end: Timestamp,
}

const TRANSIENT: [MachineState; 8] = [
    MachineState::Created,
    MachineState::Starting,
    MachineState::Stopping,
    MachineState::Suspending,
    MachineState::Replacing,
    MachineState::Updating,
    MachineState::Restarting,
    MachineState::Destroying,
];

impl Wait {
    fn is_met_by(&self, state: &MachineState) -> bool {
        let settled = !TRANSIENT.contains(state);
        self.states.iter().any(|wanted| wanted == state.as_str() || (wanted == "settled" && settled))
    }
}

impl Emulator {
    pub(super) fn begin_wait(&mut self, seq: u64, app: String, route: Route, wait: &Wait) -> Reply {
        let end = self.world.now().plus(wait.timeout_s.saturating_mul(1_000));
        let waiting = Waiting { seq, route: route.clone(), app, wait: wait.clone(), end };
        match self.waited(&waiting) {
            Ok(answer) => Reply::Answer(self.finished(seq, &route, answer)),
            Err(again) => self.put_off(Pending::Waiting(waiting), again),
        }
    }

    /// The answer, or when to look again.
    pub(super) fn waited(&mut self, waiting: &Waiting) -> Result<Answer, Timestamp> {
        let wait = &waiting.wait;
        let look = Request::GetMachine(wait.machine.clone());
        let now = self.world.now();
        if let Wire::Refusal { status, body } = self.world.wire(Some(&waiting.app), &look, now, None) {
            return Ok(Answer::verbatim(status, body));
        }
        let id = wait.machine.as_str();
        let Some(machine) = self.world.machine(id) else { return Ok(Answer::error(404, "machine not found")) };
        let current = instance_id(id, machine);
        let overtaken = wait.version.as_ref().is_some_and(|version| *version != current);
        if !overtaken && wait.is_met_by(&machine.state) {
            let event = ulid(&format!("wait for {id}"), waiting.seq);
            let body = json!({ "ok": true, "state": machine.state, "version": current, "event_id": event });
            self.calls.done(waiting.seq);
            return Ok(Answer::json(200, &body));
        }
        if now < waiting.end {
            return Err(self.next_due().map_or(waiting.end, |at| at.min(waiting.end)));
        }
        let seen = if overtaken { "replaced" } else { machine.state.as_str() };
        let wanted = wait.states.join(", ");
        let text = format!("machine failed to reach desired state, {wanted}, currently {seen}");
        Ok(Answer::error(408, format!("deadline_exceeded: {text}")))
    }
}
