//! A simulated Fly, an in-memory store, mocks of the ports, and scenarios: runs written down as data.
//!
//! - [`World`] is the simulated Fly: a value without a clock of its own, cheap to clone, the same every time.
//! - [`SimFly`] is a handle on a world that can be plugged into a [`Driver`](crate::driver::Driver) as provider, health probe and
//!   clock.
//! - [`Answers`] makes a provider and a health probe of one function.
//! - [`MemoryStore`] keeps records, alarms and outboxes.
//! - [`contract`] holds an adapter to what its port promises.
//! - [`emulator`] serves a world as the Machines API; `examples/fly_emulator` puts it on a socket.
//! - [`scenario`] reads and runs scenario files.
//! - [`trace`] writes runs down, to be replayed.
//! - [`contract`] holds suites for the authors of adapters.
//! - [`mocks`] holds a mock of every port.
//!
//! Whatever needs `std` is in here or in an adapter.

pub mod check;
pub mod contract;
pub mod emulator;
pub mod mocks;
pub mod model;
pub mod rig;
pub mod scenario;
pub mod sim;
pub mod store;
pub mod trace;

mod answers;
mod fly;
mod request;
mod shared;
mod world;

pub use answers::Answers;
pub use fly::SimFly;
pub use request::Request;
pub use store::MemoryStore;
pub use world::{
    Attempt, Boot, CallRecord, Landing, Said, SimMachine, SimSnapshot, SimVolume, Strike, Wire, World, WorldChange,
};
