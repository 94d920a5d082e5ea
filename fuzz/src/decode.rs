//! Stored records: arbitrary text.

use super::life::Life;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::{Input, persist};

/// What can be decoded can be encoded again, is the same then, and can be carried on.
pub fn decode(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let Ok(instance) = persist::decode(text) else { return false };
    let mut life = Life::of(instance);
    life.input(Input::Resume);
    for kind in [FaultKind::Unknown, FaultKind::Absent, FaultKind::Refused] {
        if let Some(op) = life.instance.as_ref().and_then(|instance| instance.in_flight()) {
            life.input(Input::Outcome { op, result: Err(Fault::new(kind, Some(500), "as the test says")) });
        }
        life.ring();
    }
    true
}
