//! The example host on the emulated Fly: real processes, real sockets, a real file. What came of it is judged from the emulator's world.
//!
//! Times run sixty times as fast, so that a minute is a second.

mod disk;
mod hostile;
mod incident;
mod killed;
mod stage;
mod two;
mod unread;
mod usage;
mod weather;
