//! What happened to instances, as text that can be replayed: which input was given when, and what was decided.
//!
//! ```text
//! kiloclaw trace 1
//! policy {…}                             all knobs
//! record <sandbox> {…} | none            what is stored at this point: the beginning, or a checkpoint
//! in <sandbox> <host> <ms> {…}           an input, and the time it was given by the clock of the host
//! out <sandbox> <host> {…}               what was decided: verdict, status, whether it has to be committed, all effects
//! lost <sandbox> <host>                  that step was not committed
//! crash <host>                           the process is dead, and with it everything that it had not committed
//! act <ms> {…}                           something that was done to a simulated world
//! ```
//!
//! One entry a line, UTF-8. Blank lines and lines that begin with `#` mean nothing. A host is a small number for a process; 0 where there is
//! only one. The functions of this module write entries, [`Trace::parse`] reads a trace, and [`replay`] decides everything again.
//!
//! *Guarantees*: what is written can be read, and brings the same text when it is written again; what cannot be read is [`Malformed`],
//! with its line.
//!
//! *Assumes* that the steps of a sandbox stand in the order in which they were committed, or in which they asked their questions, each with
//! its decision in the line after it. A step that was not committed may stand a few steps after the record that it began from.
//!
//! *Knows nothing of* clocks, files, or why an input came.

mod decided;
mod difference;
mod read;
mod replay;
mod write;

pub use decided::Decided;
pub use difference::Difference;
pub use read::{Entry, Line, Malformed, Trace};
pub use replay::{Report, replay};
pub use write::{act, crash, decided, head, lost, record, step};

/// The first line.
const HEAD: &str = "kiloclaw trace 1";
