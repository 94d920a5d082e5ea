//! Stored records: arbitrary text, and records of which some members were changed.

use super::edit::edit;
use super::life::Life;
use super::raw::Raw;
use super::samples::SAMPLES;
use super::told::Told;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::{Input, Instance, persist};
use serde::de::IgnoredAny;
use serde_json::Value;

/// What can be decoded can be encoded again, is the same then, and can be carried on.
pub fn decode(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let is_json = serde_json::from_str::<IgnoredAny>(&text).is_ok();
    if is_json { play(&text) } else { play(&made_up(&mut Raw::new(data))) }
}

fn play(text: &str) -> bool {
    let _told = Told(|| text.to_string());
    let Ok(instance) = persist::decode(text) else { return false };
    carry_on(*instance);
    true
}

fn made_up(raw: &mut Raw<'_>) -> String {
    let (_, sample) = raw.one_of(SAMPLES);
    let mut record: Value = serde_json::from_str(sample).expect("a sample is JSON");
    edit(raw, &mut record);
    record.to_string()
}

/// A few steps of an instance that nothing answers well.
pub(super) fn carry_on(instance: Instance) {
    let mut life = Life::of(instance);
    life.input(Input::Resume);
    for kind in [FaultKind::Unknown, FaultKind::Absent, FaultKind::Refused] {
        if let Some(op) = life.instance.as_ref().and_then(|instance| instance.in_flight()) {
            life.input(Input::Outcome { op, result: Err(Fault::new(kind, Some(500), "as the test says")) });
        }
        life.ring();
    }
    life.end();
}
