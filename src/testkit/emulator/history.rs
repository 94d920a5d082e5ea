//! What happened to each machine, as its events tell it, newest first.
//!
//! *Decides* the events from what is seen of a machine before and after each change of the world. A state that lasts no time is not told.

use super::clock::Clock;
use super::ids::ulid;
use crate::observe::{Exit, MachineState};
use crate::testkit::world::SimMachine;
use crate::time::Timestamp;
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Map, Value, json};

/// As many as can be asked for.
const KEPT: usize = 50;

#[derive(Clone, Debug, Default)]
pub(super) struct History {
    events: VecDeque<Value>,
    count: u64,
    seen: Option<(MachineState, u64)>,
}

impl History {
    pub(super) fn newest(&self, most: usize) -> Vec<Value> {
        self.events.iter().take(most).cloned().collect()
    }

    /// Looks at the machine as it is after a change.
    pub(super) fn look(&mut self, id: &str, machine: &SimMachine, clock: &Clock) {
        let now = (machine.true_state(), machine.version);
        let before = self.seen.replace(now.clone());
        if before.as_ref() == Some(&now) {
            return;
        }
        let at = clock.shown(machine.updated_at);
        if before.is_none() {
            self.tell(id, clock.shown(machine.created_at), ("launch", "created", "user"), Value::Null);
        } else if before.is_some_and(|(_, version)| version != machine.version) {
            self.tell(id, at, ("update", "replacing", "user"), json!({}));
        }
        let ended = || machine.exit.as_ref().map_or(Value::Null, |exit| exit_json(exit, at));
        match now.0 {
            MachineState::Created | MachineState::Replacing | MachineState::Updating => {}
            MachineState::Starting => self.tell(id, at, ("start", "starting", "user"), json!({})),
            MachineState::Started => self.tell(id, at, ("start", "started", "flyd"), json!({})),
            MachineState::Stopping => self.tell(id, at, ("stop", "stopping", "user"), json!({})),
            MachineState::Stopped => self.tell(id, at, ("exit", "stopped", "flyd"), ended()),
            MachineState::Failed => self.tell(id, at, ("exit", "failed", "flyd"), ended()),
            MachineState::Suspending => self.tell(id, at, ("suspend", "suspending", "user"), json!({})),
            MachineState::Suspended => self.tell(id, at, ("suspend", "suspended", "flyd"), json!({})),
            MachineState::Restarting => self.tell(id, at, ("restart", "restarting", "user"), json!({})),
            MachineState::Destroying => self.tell(id, at, ("destroy", "destroying", "user"), Value::Null),
            MachineState::Destroyed => self.tell(id, at, ("destroy", "destroyed", "flyd"), Value::Null),
            MachineState::Other(word) => self.tell(id, at, (&word, &word, "flyd"), json!({})),
        }
    }

    fn tell(&mut self, id: &str, at: Timestamp, (kind, status, source): (&str, &str, &str), request: Value) {
        self.count += 1;
        let event = json!({
            "id": ulid(&alloc::format!("event of {id}"), self.count),
            "type": kind, "status": status, "source": source, "timestamp": at, "request": request,
        });
        self.events.push_front(event);
        self.events.truncate(KEPT);
    }
}

/// A code of 0 is left out.
fn exit_json(exit: &Exit, at: Timestamp) -> Value {
    let mut ended: Map<String, Value> = Map::new();
    if let Some(code) = exit.code.filter(|code| *code != 0) {
        ended.insert("exit_code".to_string(), json!(code));
    }
    let rest = json!({
        "oom_killed": exit.oom_killed, "requested_stop": exit.requested_stop, "restarting": false,
        "guest_exit_code": exit.code.unwrap_or(0), "guest_signal": -1, "signal": -1, "exited_at": at.to_string(),
    });
    if let Value::Object(rest) = rest {
        ended.extend(rest);
    }
    json!({ "exit_event": ended, "restart_count": 0 })
}
