//! I2: machines that remove what is needed, or what is not theirs.

use crate::machine::{Asked, Wrong, call_of, calling};
use crate::searched::{Search, a_change, alarms, told};
use crate::wrongs;
use kiloclaw_lifecycle::call::{Call, Done};
use kiloclaw_lifecycle::observe::{Machine, Volume, VolumeState};
use kiloclaw_lifecycle::testkit::WorldChange;
use kiloclaw_lifecycle::testkit::model::Story;
use kiloclaw_lifecycle::testkit::rig::Decided;
use serde_json::json;

/// The source goes while the record still names it as the data volume.
fn deletes_the_source_first(asked: Asked<'_>) -> Decided {
    let decided = asked.really();
    let Some(Call::ListSnapshots { volume }) = call_of(&decided) else { return decided };
    let condemned = serde_json::from_value(json!(volume)).unwrap();
    calling(decided, Call::DeleteVolume(condemned))
}

/// A copy that still reads from its source is taken for a finished one.
fn reads_hydrating_as_created(asked: Asked<'_>) -> Decided {
    asked.hearing(|done| {
        if let Done::Volume(volume) = done
            && volume.state == VolumeState::Hydrating
        {
            **volume = Volume { state: VolumeState::Created, ..(**volume).clone() };
        }
    })
}

/// Every machine that it looks at is its own.
fn reads_every_label_as_ours(asked: Asked<'_>) -> Decided {
    asked.hearing(|done| {
        if let Done::Machine(machine) = done {
            relabel(machine);
        }
    })
}

fn relabel(machine: &mut Machine) {
    if let Some(config) = &mut machine.config {
        config.metadata.insert("kiloclaw_sandbox_id".to_string(), "sandbox-1".to_string());
    }
}

fn foreign_holder() -> WorldChange {
    WorldChange::Foreign {
        id: "foreign".to_string(),
        volume: Some("vol_new1".to_string()),
        sandbox: "sandbox-2".to_string(),
    }
}

wrongs! {
    the_source_is_deleted_before_the_cut_over: Ownership by Search {
        machine: Wrong(deletes_the_source_first),
        story: Story::recovery(),
        budget: alarms(3),
        moves: 18,
        last: "the answer to probe_health arrives",
        seen: "the volume vol_new1 is deleted, and the record needs it",
    };
    the_source_is_released_while_the_fork_hydrates: Ownership by Search {
        machine: Wrong(reads_hydrating_as_created),
        story: told(Story::recovery(), WorldChange::HydrateMs(600_000)),
        budget: a_change(3),
        moves: 25,
        last: "the answer to get_volume arrives",
        seen: "the volume vol_new1 is deleted, and vol_new2 still reads from it",
    };
    a_foreign_machine_is_destroyed_for_a_volume: Ownership by Search {
        machine: Wrong(reads_every_label_as_ours),
        story: told(Story::recovery(), foreign_holder()),
        budget: a_change(3),
        moves: 27,
        last: "the answer to get_machine arrives",
        seen: "the machine foreign is changed or destroyed, and is not provably ours",
    };
}
