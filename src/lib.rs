//! The lifecycle of one tenant's machine and volume on [Fly](https://fly.io), as a pure state machine.
//!
//! ```text
//! (policy, record, now, input) → (next record, effects)
//! ```
//!
//! An [`Instance`] is everything that is known about one tenant's Fly Machine and the Fly Volume that holds the tenant's data. [`step()`]
//! takes it from one state to the next and says, as data, what has to be done outside. It reads no clock, no randomness and no network, so
//! that it can be checked exhaustively, simulated for centuries and replayed from an incident. A [`Driver`] connects it with a provider, a
//! store, an event sink, a health probe and a clock that the host plugs in; it brings no runtime.
//!
//! # Statuses
//!
//! ```text
//! (none) ── provision ─▶ provisioned
//!
//!                 start                        stop
//!  provisioned ───────────▶ starting ─▶ running ─────▶ stopping ─▶ stopped
//!                              ▲         │ ▲ ▲ │                     │
//!                              │         │ │ │ └ restart ┐           │
//!                              │         │ │ └─ restarting ◀ restart ┤
//!                              │ found   │ │                         │
//!                              │ stopped ▼ │ cut-over                │
//!                              │     recovering ── failed ─▶ stopped │
//!                              │                                     │
//!                              ├──────────────── start ──────────────┘
//!                              │ restored
//!                          restoring ◀── restore a snapshot ── provisioned, running, stopped
//!
//!  destroying ◀── destroy ── all but recovering and restoring
//!      └─ nothing is left ─▶ (none)
//! ```
//!
//! # Guarantees
//!
//! - From the first start until a destroy was accepted, the record names a volume that holds the tenant's data, or says that it is missing.
//!   An empty volume never takes its place unless an admin accepts the loss.
//! - Nothing is destroyed that is not ours by record, name or label; never the current, the pending or the source volume.
//! - Everything that was ever made is in the record until an answer proves it gone.
//! - Every status has a way out: a live instance always has an alarm, and every wait has an end.
//! - A crash of the host at any point is resumed; two hosts at once are told apart by the store's revision.
//!
//! # Assumptions
//!
//! - A step that [needs it](Step::needs_commit) is durable before its effects are carried out; record, alarm and events are one transaction.
//! - Each outcome is handed in under the id of its call, and a call is dead after the policy's `call_deadline_ms`.
//! - The provider answers "gone" only for what is gone.
//!
//! # Features
//!
//! | feature | brings |
//! |---|---|
//! | `driver` (default) | the ports as async traits, and the driver |
//! | `fly` | a client of Fly's Machines API and a health probe over HTTP, on reqwest and tokio |
//! | `testkit` | a simulated Fly, scenarios, an in-memory store, mocks of the ports |
//!
//! Without features the crate is `no_std` with `alloc`.

#![no_std]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]

extern crate alloc;
#[cfg(any(feature = "fly", feature = "sqlite", feature = "testkit", feature = "tokio"))]
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
pub mod trace;

#[cfg(any(feature = "fly", feature = "sqlite", feature = "testkit"))]
pub mod adapter;
#[cfg(feature = "driver")]
pub mod driver;
#[cfg(feature = "driver")]
pub mod port;
#[cfg(feature = "testkit")]
#[allow(clippy::arithmetic_side_effects, reason = "a simulation that overflows is a bug to be seen")]
pub mod testkit;

pub use command::Command;
pub use instance::{Instance, step};
pub use policy::{Knobs, Policy};
pub use status::Status;
pub use step::{Alarm, Effect, Input, Step, Verdict};
pub use time::Timestamp;

#[cfg(feature = "driver")]
pub use driver::Driver;
#[cfg(feature = "driver")]
pub use port::{Clock, EventSink, Fleet, HealthProbe, Provider, Store};

/// The example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
