//! I8 and L4: machines that keep things for ever, or give them up at once.

use crate::machine::{Asked, Wrong, entries, with_next};
use crate::searched::{Search, a_change, a_loss, alarms, told};
use crate::wrongs;
use kiloclaw_lifecycle::testkit::WorldChange;
use kiloclaw_lifecycle::testkit::model::Story;
use kiloclaw_lifecycle::testkit::rig::Decided;
use serde_json::json;

/// What is retained is retained for ever.
fn sets_no_date(asked: Asked<'_>) -> Decided {
    with_next(asked.really(), |next| {
        for entry in entries(next).iter_mut().filter(|entry| entry["cause"]["relocated"].is_object()) {
            entry["due"] = json!(u64::MAX);
        }
    })
}

/// What cannot be removed at the first attempt is given up.
fn gives_up_at_once(asked: Asked<'_>) -> Decided {
    with_next(asked.really(), |next| {
        for entry in entries(next).iter_mut().filter(|entry| entry["error"].is_object()) {
            entry["abandoned"] = json!(true);
        }
    })
}

/// Whenever anything happens, what is on the list is given more time.
fn puts_it_off(asked: Asked<'_>) -> Decided {
    let again = asked.now.plus(600_000);
    with_next(asked.really(), |next| {
        for entry in entries(next) {
            entry["due"] = json!(again);
        }
    })
}

wrongs! {
    what_is_retained_has_no_end: Dates by Search {
        machine: Wrong(sets_no_date),
        story: Story::recovery(),
        budget: alarms(3),
        moves: 20,
        last: "the answer to list_snapshots arrives",
        seen: "is not due before 18446744073709551615 ms",
    };
    what_fails_once_is_given_up: Dates by Search {
        machine: Wrong(gives_up_at_once),
        story: told(Story::recovery(), WorldChange::Stuck { volume: "vol_new1".to_string(), stuck: true }),
        budget: a_change(4),
        moves: 27,
        last: "the answer to delete_volume arrives",
        seen: "is given up after 1 attempts",
    };
    what_is_due_is_put_off_for_ever: Kept by Search {
        machine: Wrong(puts_it_off),
        story: Story::recovery(),
        budget: a_loss(2),
        moves: 0,
        last: "",
        seen: "still on the list, long past its date",
    };
}
