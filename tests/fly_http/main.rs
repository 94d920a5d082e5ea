//! The client of the Machines API and the health probe, against servers on this machine that answer what they are told to.

mod bench;
mod server;

mod configs;
mod journey;
mod lists;
mod machines;
mod probes;
mod refusals;
mod repeats;
mod requests;
mod secrets;
mod templates;
mod times;
mod tolerance;
mod volumes;
mod waits;
