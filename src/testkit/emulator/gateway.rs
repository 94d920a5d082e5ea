//! What runs in the machines, as far as it can be asked whether it is well.

use super::Emulator;
use super::http::{Answer, Asked};
use crate::testkit::world::SimMachine;
use serde_json::json;

impl Emulator {
    pub(super) fn gateway(&self, asked: &Asked) -> Answer {
        let rest = asked.path().strip_prefix("/_gateway").unwrap_or_default();
        let named = rest.strip_prefix('/').and_then(|rest| rest.split('/').next()).filter(|id| !id.is_empty());
        let machine = asked.instance.as_deref().or(named).and_then(|id| self.world.machine(id));
        if self.world.healthy && machine.is_some_and(SimMachine::runs) {
            Answer::json(200, &json!({ "state": "running", "ok": true }))
        } else {
            Answer::json(503, &json!({ "state": "unavailable", "ok": false }))
        }
    }
}
