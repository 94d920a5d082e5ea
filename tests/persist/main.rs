//! Records: the stored form, and the flat form of the system that this library takes over from.

mod edits;
mod export;
mod import;
mod life;
mod samples;
mod stored;
