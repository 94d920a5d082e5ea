//! I7: the same arguments bring the same step, and the bytes of a record bring back the same record.

use super::{Held, Seen, demand};
use crate::persist;
use alloc::string::ToString;

pub(super) fn i7_determinism(seen: &Seen<'_>, again: &Seen<'_>) -> Held {
    let same = again.next == seen.next && again.verdict == seen.verdict && again.effects == seen.effects;
    demand(same && again.needs_commit == seen.needs_commit, || "the same arguments bring another step".to_string())?;
    let Some(next) = seen.next else { return Ok(()) };
    let text = persist::encode(next).map_err(|error| error.to_string())?;
    let read = persist::decode(&text).map_err(|error| error.to_string())?;
    demand(*read == *next, || "what is stored does not bring the same instance back".to_string())?;
    let written = persist::encode(&read).map_err(|error| error.to_string())?;
    demand(written == text, || "the same record is written in two ways".to_string())
}
