//! The flat record of the system that this library takes over from: one JSON object with camelCase keys.
//!
//! [`import`] reads one in any status, mid-recovery included, so that it is carried on safely; [`export`] writes one that the old
//! system understands. What the flat form cannot say goes under one extra key, `lifecycle`. Where somebody else has changed the flat
//! fields since, the flat fields win, and nothing that only `lifecycle` knew of is forgotten: it is put on the disposal list, or kept
//! there.
//!
//! Keys that mean nothing here come out as they went in.

mod export;
mod import;
mod read;

pub use export::export;
pub use import::import;

use alloc::string::String;

/// A flat record that cannot be read. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}, got {got}")]
pub struct ImportError {
    /// The key at fault.
    pub field: String,
    /// What would have been accepted.
    pub expected: String,
    /// What was there, cut to 80 characters.
    pub got: String,
}
