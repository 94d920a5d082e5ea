//! What the ports promise, as tests that the author of an adapter runs against it.

pub mod provider;
pub mod store;
