//! One file per status: every arrow and every rule, each through one step at a time.
//!
//! A test compares the whole step: verdict and status, what changed in the record and on the disposal list, events, hints, answers, the
//! call and the alarm. The provider takes one second for every answer; alarms have no jitter unless a test is about it.

mod commands;
mod script;
mod stages;
mod words;
mod world;

mod accepted;
mod attempt;
mod candidates;
mod clock;
mod destroying;
mod disposal;
mod early;
mod gating;
mod intents;
mod leftovers;
mod lookup;
mod mounts;
mod moved;
mod newer;
mod none;
mod orders;
mod provisioned;
mod recovering;
mod restarting;
mod restoring;
mod running;
mod starting;
mod stopped;
mod stopping;
mod unseen;
mod updates;
mod visible;
