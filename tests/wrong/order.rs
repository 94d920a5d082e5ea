//! I4 and I6: machines that act before they have written down, or do not write down at all.

use crate::machine::{Asked, Wrong, call_of};
use crate::played::{Play, Scene};
use crate::searched::{Search, alarms};
use crate::wrongs;
use kiloclaw_lifecycle::command::Command;
use kiloclaw_lifecycle::observe::{MachineState, SnapshotStatus};
use kiloclaw_lifecycle::step::Effect;
use kiloclaw_lifecycle::testkit::WorldChange;
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
    let obeys = matches!(asked.input, Input::Command(Command::Destroy { .. }));
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
    asked.with_record(|record| record["phase"] = json!({ "stopped": "machine" }))
}

/// Who waits for an answer gets it twice.
fn answers_twice(asked: Asked<'_>) -> Decided {
    let mut decided = asked.really();
    let reply = decided.effects.iter().find(|effect| matches!(effect, Effect::Reply { .. })).cloned();
    decided.effects.extend(reply);
    decided
}

fn snapshot() -> WorldChange {
    let (volume, id) = ("vol_new1".to_string(), "snap-1".to_string());
    WorldChange::Snapshot { volume, id, status: SnapshotStatus::Created }
}

fn stops_by_itself() -> WorldChange {
    WorldChange::Machine { id: "mnew1".to_string(), state: MachineState::Stopped, exit: None }
}

fn destroyed_and_started() -> Story {
    let mut story = Story::destroy();
    story.commands.push(Command::Start { reason: None });
    story
}

wrongs! {
    a_call_leaves_before_the_commit: CommitFirst by Search {
        machine: Wrong(acts_before_the_commit),
        story: Story::destroy(),
        budget: alarms(3),
        moves: 4,
        last: "the answer to list_volumes arrives",
        seen: "create_volume leaves before the commit that knows of it",
    };
    a_command_is_accepted_without_a_commit: Intent by Search {
        machine: Wrong(accepts_without_commit),
        story: Story::destroy(),
        budget: Budget { troubles: 1, commands: 1, ..alarms(1) },
        moves: 1,
        last: "command Destroy",
        seen: "Destroy is accepted and need not be committed",
    };
    a_destroy_is_undone: Intent by Search {
        machine: Wrong(undoes_a_destroy),
        story: destroyed_and_started(),
        budget: Budget { troubles: 2, commands: 2, ..alarms(1) },
        moves: 2,
        last: "command Start",
        seen: "a destroy that was accepted is undone",
    };
    a_command_is_answered_twice: Intent by Play {
        machine: Wrong(answers_twice),
        scenes: vec![
            Scene::Ask(Command::Start { reason: None }),
            Scene::Pass(61_000),
            Scene::Change(snapshot()),
            Scene::Change(stops_by_itself()),
            Scene::Pass(1_200_000),
            Scene::Ask(Command::CleanupRetainedVolume { volume: None }),
            Scene::Pass(61_000),
        ],
        acts: 54,
        seen: "is answered twice, or was never asked",
    };
}
