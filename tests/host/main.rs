//! The host of many instances, on time that passes at once.

#[path = "../../benches/fleet/storm/mod.rs"]
mod storm;

mod adverse;
mod ends;
mod life;
mod live;
mod meters;
mod place;
mod storms;
mod trouble;
