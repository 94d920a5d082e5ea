//! Traces: what is written can be read, a replay brings the same decisions, and where it does not the place is named.

mod format;
mod hosts;
mod incident;
mod recording;
mod replays;
