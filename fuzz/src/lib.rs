//! What the fuzz targets do with their input, as plain functions: cargo-fuzz hands them what it makes up, and a test of the library hands
//! them the seeds that are kept.
//!
//! Each takes arbitrary bytes, panics when something that must hold does not, and says whether the bytes were of use: read as what the
//! target is about, and carried through to the end.

mod answers;
mod decode;
mod edit;
mod flat;
mod hostile;
mod life;
mod outcomes;
mod raw;
mod samples;
mod scenario;
mod steps;
mod told;
mod world;

pub use answers::answers;
pub use decode::decode;
pub use flat::flat;
pub use outcomes::outcomes;
pub use scenario::scenario;
pub use steps::steps;

/// What a target does with its input.
pub type Body = fn(&[u8]) -> bool;

/// Every target with its name.
pub const TARGETS: [(&str, Body); 6] = [
    ("answers", answers),
    ("decode", decode),
    ("flat", flat),
    ("outcomes", outcomes),
    ("scenario", scenario),
    ("steps", steps),
];
