//! I10: machines that take an answer for another, or let what it has made go.

use crate::machine::{Asked, Wrong};
use crate::searched::{Search, alarms};
use crate::wrongs;
use kiloclaw_lifecycle::Input;
use kiloclaw_lifecycle::testkit::model::{Budget, Story};
use kiloclaw_lifecycle::testkit::rig::Decided;

/// Whatever comes is the answer to the call that is waited for.
fn takes_any_answer(mut asked: Asked<'_>) -> Decided {
    let awaited = asked.record.and_then(|record| record.in_flight());
    if let (Input::Outcome { op, .. }, Some(awaited)) = (&mut asked.input, awaited) {
        *op = awaited;
    }
    asked.really()
}

/// What is not waited for does not matter.
fn drops_what_is_late(asked: Asked<'_>) -> Decided {
    let awaited = asked.record.and_then(|record| record.in_flight());
    match &asked.input {
        Input::Outcome { op, .. } if Some(*op) != awaited => asked.ignored(),
        Input::Outcome { .. } | Input::Command(_) | Input::Alarm | Input::Resume => asked.really(),
    }
}

/// Something comes twice, or two processes work at once.
const TWICE: Budget = Budget { troubles: 1, repeats: 1, ..alarms(2) };

wrongs! {
    a_stale_answer_is_accepted: Fence by Search {
        machine: Wrong(takes_any_answer),
        story: Story::start(),
        budget: TWICE,
        moves: 3,
        last: "the answer to get_volume arrives",
        seen: "a stale outcome (get_volume) ends the call that is awaited",
    };
    a_stale_create_is_dropped: Fence by Search {
        machine: Wrong(drops_what_is_late),
        story: Story::destroy(),
        budget: TWICE,
        moves: 7,
        last: "the answer to create_volume arrives",
        seen: "vol_new1 was made by create_volume, and is dropped",
    };
}
