//! The host of many instances, on time that passes at once.

mod adverse;
mod ends;
mod life;
mod live;
mod meters;
mod place;
mod trouble;
