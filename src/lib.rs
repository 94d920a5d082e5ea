//! Placeholder; see the modules.
#![no_std]
extern crate alloc;
#[cfg(any(test, feature = "testkit"))]
extern crate std;

pub mod call;
pub mod command;
pub mod event;
pub mod fault;
pub mod guest;
pub mod id;
pub mod instance;
mod name;
pub mod observe;
pub mod persist;
pub mod policy;
mod random;
mod region;
pub mod status;
pub mod step;
pub mod time;

#[cfg(feature = "driver")]
pub mod driver;
#[cfg(feature = "driver")]
pub mod port;
#[cfg(feature = "testkit")]
pub mod testkit;
