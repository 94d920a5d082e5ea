//! Records as bytes.
//!
//! The stored form is JSON in an envelope that carries its version: `{"version":1,"instance":{…}}`. It is byte-stable: the same
//! instance always brings the same text. A newer version is refused and left as it is; once there is a second version, an older
//! one will be migrated here.
//!
//! [`flat`] speaks the flat record of the system that this library takes over from.

pub mod flat;

use crate::instance::{Entry, Instance};
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use serde::{Deserialize, Serialize};

/// The version that is written.
pub const VERSION: u32 = 1;

/// A record that could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record could not be written: {0}")]
pub struct EncodeError(String);

/// A stored record that cannot be used. It is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer release of this library.
    #[error("the record has version {found}, and this library reads up to {VERSION}")]
    Newer {
        /// The version it carries.
        found: u32,
    },
    /// No record, or one that was damaged; says where and what was expected.
    #[error("not a record: {0}")]
    Malformed(String),
    /// A record that contradicts itself.
    #[error("the record contradicts itself: {0}")]
    Inconsistent(&'static str),
}

#[derive(Serialize)]
struct Writing<'a> {
    version: u32,
    instance: &'a Instance,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reading {
    version: u32,
    instance: Box<Instance>,
}

#[derive(Deserialize)]
struct Head {
    version: u32,
}

/// The stored form of an instance.
///
/// # Errors
/// [`EncodeError`], which no instance made by this library brings about.
pub fn encode(instance: &Instance) -> Result<String, EncodeError> {
    serde_json::to_string(&Writing { version: VERSION, instance }).map_err(|error| EncodeError(error.to_string()))
}

/// The instance that [`encode`] has written, in a box, as [`Instance::step`] takes it.
///
/// # Errors
/// [`DecodeError`]: newer, malformed or inconsistent.
pub fn decode(record: &str) -> Result<Box<Instance>, DecodeError> {
    match serde_json::from_str::<Reading>(record) {
        Ok(Reading { version: VERSION, instance }) => checked(&instance).map(|()| instance),
        Ok(Reading { version, .. }) => Err(unreadable(version)),
        Err(error) => match serde_json::from_str::<Head>(record) {
            Ok(Head { version }) if version != VERSION => Err(unreadable(version)),
            Ok(_) | Err(_) => Err(DecodeError::Malformed(error.to_string())),
        },
    }
}

fn unreadable(version: u32) -> DecodeError {
    if version > VERSION {
        return DecodeError::Newer { found: version };
    }
    DecodeError::Malformed("version: expected 1 or more, got 0".to_string())
}

/// Numbers begin at the milliseconds since 2026; a record that has used half of all there are is not one of ours.
const LAST_NUMBER: u64 = u64::MAX / 2;

/// What the types do not rule out.
fn checked(instance: &Instance) -> Result<(), DecodeError> {
    if instance.sequence > LAST_NUMBER {
        return Err(DecodeError::Inconsistent("the numbers are used up"));
    }
    if instance.spec.volume_size_gb.is_some_and(|size| !(1..=500).contains(&size)) {
        return Err(DecodeError::Inconsistent("the volume size is not from 1 to 500 GiB"));
    }
    let numbered = instance.holdings.entries.iter().all(|entry| entry.key <= instance.sequence);
    if !numbered {
        return Err(DecodeError::Inconsistent("an entry of the disposal list has a number not given out yet"));
    }
    let distinct: BTreeSet<u64> = instance.holdings.entries.iter().map(|entry| entry.key).collect();
    if distinct.len() != instance.holdings.entries.len() {
        return Err(DecodeError::Inconsistent("two entries of the disposal list have the same number"));
    }
    let waits = |entry: &Entry| entry.awaits_health && !(entry.is_retained() && entry.volume().is_some());
    if instance.holdings.entries.iter().any(waits) {
        return Err(DecodeError::Inconsistent("what is not retained waits for the instance to be seen healthy"));
    }
    if let Some(call) = &instance.in_flight {
        if call.op.number > instance.sequence {
            return Err(DecodeError::Inconsistent("the call in flight has a number not given out yet"));
        }
        if call.op.kind != call.call.kind() {
            return Err(DecodeError::Inconsistent("the call in flight is not of the kind its id says"));
        }
    }
    Ok(())
}
