//! The checks can fail: for every invariant there is a machine, or a world, that is wrong on purpose and is found out.
//!
//! A wrong machine is the real one with something done to what goes in or to what comes out; it lives here alone. Each is searched for
//! the shortest run that gives it away, within bounds so small that the real machine's every run is looked at as well and holds.
//! Where no story of the model comes to the situation, a run is played by hand. `cargo test --test wrong -- --nocapture` shows the runs.

mod alarm;
mod breadth;
mod data;
mod dates;
mod ends;
mod fence;
mod foreseen;
mod machine;
mod order;
mod owner;
mod played;
mod same;
mod searched;
mod writers;

use kiloclaw_lifecycle::testkit::check::Invariant;
use std::collections::BTreeSet;

/// Tests of one family, each with the number of the invariant that finds the machine out.
macro_rules! wrongs {
    ($($(#[$doc:meta])* $name:ident: $invariant:ident by $case:expr;)*) => {
        pub(crate) const FOUND_OUT: &[kiloclaw_lifecycle::testkit::check::Invariant] =
            &[$(kiloclaw_lifecycle::testkit::check::Invariant::$invariant),*];

        $(
            $(#[$doc])*
            #[test]
            fn $name() {
                $case.must_be_found_out(stringify!($name), kiloclaw_lifecycle::testkit::check::Invariant::$invariant);
            }
        )*
    };
}
pub(crate) use wrongs;

#[test]
fn every_invariant_finds_something_out() {
    let families = [
        alarm::FOUND_OUT,
        data::FOUND_OUT,
        dates::FOUND_OUT,
        ends::FOUND_OUT,
        fence::FOUND_OUT,
        order::FOUND_OUT,
        owner::FOUND_OUT,
        same::FOUND_OUT,
        writers::FOUND_OUT,
    ];
    let found: BTreeSet<&Invariant> = families.into_iter().flatten().collect();
    assert_eq!(found, Invariant::ALL.iter().collect());
}
