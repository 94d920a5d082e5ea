//! L1–L3: machines that never come to an end, or come to one too early.

use crate::machine::{Asked, Wrong, entries, with_next};
use crate::searched::{Search, a_change, a_loss, alarms, told};
use crate::wrongs;
use kiloclaw_lifecycle::call::Done;
use kiloclaw_lifecycle::observe::{Machine, MachineState};
use kiloclaw_lifecycle::testkit::WorldChange;
use kiloclaw_lifecycle::testkit::model::{Budget, Story};
use kiloclaw_lifecycle::testkit::rig::Decided;
use kiloclaw_lifecycle::{Input, Status};
use serde_json::{Value, json};

/// A call whose answer does not come is given more time at each alarm.
fn waits_for_ever(asked: Asked<'_>) -> Decided {
    let now = asked.now;
    match asked.input {
        Input::Alarm => asked.with_record(|record| {
            if record["in_flight"].is_object() {
                record["in_flight"]["issued_at"] = json!(now);
            }
        }),
        Input::Outcome { .. } | Input::Command(_) | Input::Resume => asked.really(),
    }
}

/// A machine that is there is a machine that runs.
fn reads_every_machine_as_started(asked: Asked<'_>) -> Decided {
    asked.hearing(|done| {
        if let Done::Machine(machine) = done {
            **machine = Machine { state: MachineState::Started, ..(**machine).clone() };
        }
    })
}

fn drop_names(record: &mut Value) {
    let named =
        |entry: &Value| entry["thing"]["volume_named"].is_string() || entry["thing"]["machine_named"].is_string();
    entries(record).retain(|entry| !named(entry));
}

/// The end does not wait for what a lost create may yet bring.
fn finalises_too_early(asked: Asked<'_>) -> Decided {
    let going = asked.record.is_some_and(|record| record.status() == Status::Destroying);
    if going { asked.with_record(drop_names) } else { asked.really() }
}

/// A volume whose answer was lost is simply made again.
fn creates_without_a_look(asked: Asked<'_>) -> Decided {
    with_next(asked.really(), |next| look_no_more(&mut next["phase"]))
}

fn look_no_more(part: &mut Value) {
    let Some(fields) = part.as_object_mut() else { return };
    if fields.contains_key("look") {
        fields.insert("look".to_string(), json!(false));
        fields.insert("lost_at".to_string(), Value::Null);
    }
    fields.values_mut().for_each(look_no_more);
}

/// A destroy finds a reason not to begin with it yet, again and again.
fn puts_the_end_off(asked: Asked<'_>) -> Decided {
    let again = asked.now.plus(600_000);
    let decided = asked.really();
    if decided.next.as_ref().is_none_or(|next| next.status() != Status::Destroying) {
        return decided;
    }
    with_next(decided, |next| {
        for entry in entries(next) {
            entry["due"] = json!(again);
        }
    })
}

/// There is room for one retained volume.
fn overwrites_the_slot(asked: Asked<'_>) -> Decided {
    with_next(asked.really(), |next| {
        let list = entries(next);
        let retained = |entry: &Value| entry["cause"]["relocated"].is_object();
        let last = list.iter().rposition(retained);
        let mut at = 0..;
        list.retain(|entry| at.next() == last || !retained(entry));
    })
}

fn stops_again() -> Story {
    told(Story::recovery(), WorldChange::Machine { id: "mnew2".to_string(), state: MachineState::Stopped, exit: None })
}

wrongs! {
    a_lost_call_is_waited_for_for_ever: Rest by Search {
        machine: Wrong(waits_for_ever),
        story: Story::destroy(),
        budget: a_loss(2),
        moves: 7,
        last: "time passes",
        seen: "still starting",
    };
    a_stopped_machine_is_read_as_started: Rest by Search {
        machine: Wrong(reads_every_machine_as_started),
        story: Story::recovery(),
        budget: alarms(2),
        moves: 0,
        last: "",
        seen: "running, and its machine Some(MachineId(\"mnew1\")) is stopped",
    };
    the_end_does_not_wait_for_a_late_create: Leak by Search {
        machine: Wrong(finalises_too_early),
        story: Story::destroy(),
        budget: Budget { troubles: 2, commands: 1, ..a_loss(1) },
        moves: 11,
        last: "the answer to list_machines arrives",
        seen: "the volume vol_new1 is ours, and nobody knows of it",
    };
    a_destroy_is_put_off_for_ever: Destroyed by Search {
        machine: Wrong(puts_the_end_off),
        story: Story::destroy(),
        budget: Budget { troubles: 1, commands: 1, ..alarms(1) },
        moves: 13,
        last: "the answer to probe_health arrives",
        seen: "still destroying",
    };
    a_create_is_repeated_without_a_look: Leak by Search {
        machine: Wrong(creates_without_a_look),
        story: Story::destroy(),
        budget: a_loss(2),
        moves: 6,
        last: "the connection of create_volume breaks",
        seen: "the volume vol_new1 is ours, and nobody knows of it",
    };
    the_slot_of_a_retained_volume_is_overwritten: Leak by Search {
        machine: Wrong(overwrites_the_slot),
        story: stops_again(),
        budget: a_change(6),
        moves: 24,
        last: "the answer to get_machine arrives",
        seen: "the volume vol_new1 is ours, and nobody knows of it",
    };
}
