//! I4 and I6: machines that act before they have written down, or do not write down at all.

use crate::machine::{Asked, Wrong, call_of};
use crate::searched::{Search, alarms};
use crate::wrongs;
use kiloclaw_lifecycle::command::Command;
use kiloclaw_lifecycle::testkit::model::{Budget, Story};
use kiloclaw_lifecycle::testkit::rig::Decided;
use kiloclaw_lifecycle::{Input, Status};
use serde_json::json;

/// A call that changes the world need not be known to the record.
fn acts_before_the_commit(asked: Asked<'_>) -> Decided {
    let listens = matches!(asked.input, Input::Outcome { .. });
    let mut decided = asked.really();
    if listens && call_of(&decided).is_some() {
        decided.needs_commit = false;
    }
    decided
}

/// A command is taken on, and nothing of it is kept.
fn accepts_without_commit(asked: Asked<'_>) -> Decided {
    let obeys = matches!(asked.input, Input::Command(Command::Stop { .. }));
    let mut decided = asked.really();
    decided.needs_commit &= !obeys;
    decided
}

/// Who asks for a start gets one, whatever was asked for before.
fn undoes_a_destroy(asked: Asked<'_>) -> Decided {
    let starts = matches!(asked.input, Input::Command(Command::Start { .. }));
    let going = asked.record.is_some_and(|record| record.status() == Status::Destroying);
    if !(starts && going) {
        return asked.really();
    }
    asked.with_record(|record| record["phase"] = json!({ "stopped": {} }))
}

fn destroyed_and_started() -> Story {
    let mut story = Story::destroy();
    story.commands.push(Command::Start { reason: None });
    story
}

wrongs! {
    a_call_leaves_before_the_commit: CommitFirst by Search {
        machine: Wrong(acts_before_the_commit),
        story: Story::recovery(),
        budget: alarms(3),
        moves: 0,
        last: "",
        seen: "",
    };
    a_command_is_accepted_without_a_commit: Intent by Search {
        machine: Wrong(accepts_without_commit),
        story: Story::start(),
        budget: Budget { troubles: 1, commands: 1, ..alarms(1) },
        moves: 0,
        last: "",
        seen: "",
    };
    a_destroy_is_undone: Intent by Search {
        machine: Wrong(undoes_a_destroy),
        story: destroyed_and_started(),
        budget: Budget { troubles: 2, commands: 2, ..alarms(1) },
        moves: 0,
        last: "",
        seen: "",
    };
}
