//! I2: machines that remove what is needed, or what is not theirs.

use crate::machine::{Asked, Wrong, call_of, calling};
use crate::searched::{Search, a_change, alarms, told};
use crate::wrongs;
use kiloclaw_lifecycle::call::{Call, Done, VolumeFilter};
use kiloclaw_lifecycle::id::ResourceName;
use kiloclaw_lifecycle::observe::{Machine, Volume, VolumeState};
use kiloclaw_lifecycle::testkit::WorldChange;
use kiloclaw_lifecycle::testkit::model::{Budget, Story};
use kiloclaw_lifecycle::testkit::rig::Decided;
use kiloclaw_lifecycle::{Input, Status};
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

/// Every volume whose name begins as its own do is its own.
fn reads_every_name_as_ours(mut asked: Asked<'_>) -> Decided {
    let ours = || "kiloclaw_sandbox_1".to_string();
    if let Input::Outcome { result: Ok(done), .. } = &mut asked.input {
        if let Done::Volumes(volumes) = done {
            volumes.iter_mut().for_each(|volume| volume.name = ours());
        }
        if let Done::Volume(volume) = done {
            volume.name = ours();
        }
    }
    let decided = asked.really();
    let Some(Call::ListVolumes(VolumeFilter::Ours { .. })) = call_of(&decided) else { return decided };
    let prefix = ResourceName::new("kiloclaw_").unwrap();
    calling(decided, Call::ListVolumes(VolumeFilter::Ours { shared: None, prefix }))
}

/// The same, once it is being removed.
fn reads_every_name_as_ours_in_the_end(asked: Asked<'_>) -> Decided {
    let going = asked.record.is_some_and(|record| record.status() == Status::Destroying);
    if going { reads_every_name_as_ours(asked) } else { asked.really() }
}

fn foreign_volume() -> WorldChange {
    WorldChange::ForeignVolume { id: "foreign".to_string(), name: "kiloclaw_sandbox_2".to_string() }
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
    a_foreign_volume_is_mounted: Ownership by Search {
        machine: Wrong(reads_every_name_as_ours),
        story: told(Story::destroy(), foreign_volume()),
        budget: a_change(1),
        moves: 7,
        last: "the answer to get_volume arrives",
        seen: "the volume foreign is mounted, and is not provably ours",
    };
    a_foreign_volume_is_deleted: Ownership by Search {
        machine: Wrong(reads_every_name_as_ours_in_the_end),
        story: told(Story::destroy(), foreign_volume()),
        budget: Budget { troubles: 2, commands: 1, ..a_change(1) },
        moves: 26,
        last: "the answer to get_volume arrives",
        seen: "the volume foreign is deleted, and is not provably ours",
    };
    a_foreign_machine_is_destroyed_for_a_volume: Ownership by Search {
        machine: Wrong(reads_every_label_as_ours),
        story: told(Story::recovery(), foreign_holder()),
        budget: a_change(3),
        moves: 27,
        last: "the answer to get_volume arrives",
        seen: "the machine foreign is changed or destroyed, and is not provably ours",
    };
}
