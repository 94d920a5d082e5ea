//! I1: machines that lose what the tenant wrote.

use crate::machine::{Asked, Wrong, call_of, calling, entries, with_next};
use crate::played::{Play, Scene};
use crate::searched::{Search, a_change, alarms, told};
use crate::wrongs;
use kiloclaw_lifecycle::Status;
use kiloclaw_lifecycle::call::{Call, CallKind, Content, WaitFor};
use kiloclaw_lifecycle::command::Command;
use kiloclaw_lifecycle::id::VolumeId;
use kiloclaw_lifecycle::observe::MachineState;
use kiloclaw_lifecycle::step::Effect;
use kiloclaw_lifecycle::testkit::model::Story;
use kiloclaw_lifecycle::testkit::rig::Decided;
use kiloclaw_lifecycle::testkit::{Boot, WorldChange};
use serde_json::{Value, json};

/// The replacement gets an empty volume.
fn copies_nothing(asked: Asked<'_>) -> Decided {
    let decided = asked.really();
    let Some(Call::CreateVolume(new)) = call_of(&decided) else { return decided };
    let mut new = new.clone();
    new.content = Content::Empty { size_gb: 10 };
    calling(decided, Call::CreateVolume(new))
}

/// What is missing is replaced by something empty, as if an admin had accepted the loss.
fn starts_fresh(asked: Asked<'_>) -> Decided {
    asked.with_record(|record| record["fresh_allowed"] = json!(true))
}

/// A recovery that fails takes its source with it.
fn forgets_the_source(asked: Asked<'_>) -> Decided {
    let was_recovering = asked.record.is_some_and(|record| record.status() == Status::Recovering);
    let decided = asked.really();
    let failed = was_recovering && decided.next.as_ref().is_some_and(|next| next.status() == Status::Stopped);
    if failed { with_next(decided, |next| next["volume"] = Value::Null) } else { decided }
}

/// What is stopped is forgotten.
fn forgets_what_is_stopped(asked: Asked<'_>) -> Decided {
    let decided = asked.really();
    if decided.next.as_ref().is_none_or(|next| next.status() != Status::Stopped) {
        return decided;
    }
    Decided { next: None, effects: vec![Effect::Forget], needs_commit: true, ..decided }
}

/// There is one field for two machines: the old one is not destroyed, and is waited for as if it were the replacement.
fn confuses_machines(asked: Asked<'_>) -> Decided {
    let was_recovering = asked.record.is_some_and(|record| record.status() == Status::Recovering);
    let decided = asked.really();
    match call_of(&decided).filter(|_| was_recovering).cloned() {
        Some(Call::DestroyMachine { machine }) => calling(decided, Call::GetMachine { machine }),
        Some(Call::CreateMachine(_)) => waits_for_the_old(decided),
        Some(_) | None => decided,
    }
}

fn waits_for_the_old(decided: Decided) -> Decided {
    let mut old = Value::Null;
    let decided = with_next(decided, |next| {
        let list = entries(next);
        let at = list.iter().position(|entry| entry["cause"] == "replaced").unwrap();
        old = list.remove(at)["thing"]["machine"].clone();
        next["phase"]["recovering"]["replacement"] = json!({ "id": old });
        next["phase"]["recovering"]["stage"] = json!("wait");
    });
    let machine = serde_json::from_value(old).unwrap();
    calling(decided, Call::WaitMachine { machine, version: None, state: WaitFor::Started, timeout_s: 60 })
}

/// What may hold newer data goes at its date, whether or not the instance has served without it.
fn goes_by_dates_alone(asked: Asked<'_>) -> Decided {
    with_next(asked.really(), |next| {
        for entry in entries(next).iter_mut().filter_map(Value::as_object_mut) {
            entry.remove("awaits_health");
        }
    })
}

/// While the instance is stopped, its machine is moved to another host, and its volume gets an id that no list shows until an admin has
/// accepted the loss; nor can the machine be asked what it mounts. Then somebody starts that, and what runs there writes; the machine that
/// is to take its place cannot be made.
fn a_machine_comes_back_with_the_data() -> Vec<Scene> {
    let writes = || Scene::Change(WorldChange::Write { machine: "mnew1".to_string() });
    let mut scenes = vec![
        Scene::Ask(Command::Start { reason: None }),
        Scene::Pass(61_000),
        writes(),
        Scene::Ask(Command::Stop { reason: None }),
        Scene::Pass(61_000),
        Scene::Change(WorldChange::Migrate { machine: "mnew1".to_string() }),
        Scene::Hide("vol_new2"),
        Scene::Pass(1_000),
        Scene::Ask(Command::AcceptDataLoss),
    ];
    for _ in 0..5 {
        // The one of the alarm, and the one for the volume.
        scenes.extend([Scene::Let(CallKind::GetMachine), Scene::Refuse(CallKind::GetMachine, 503)]);
    }
    scenes.extend([
        Scene::Hide("vol_new2"),
        Scene::Pass(1_000),
        Scene::Change(starts_by_itself()),
        writes(),
        Scene::Refuse(CallKind::CreateMachine, 422),
        Scene::Pass(4 * 3_600_000),
    ]);
    scenes
}

/// The same; some time later the instance is started, and serves from what is empty.
fn and_serves_without_it() -> Vec<Scene> {
    let mut scenes = a_machine_comes_back_with_the_data();
    scenes.pop();
    let served = [Scene::Pass(3_600_000), Scene::Ask(Command::Start { reason: None }), Scene::Pass(4 * 3_600_000)];
    scenes.extend(served);
    scenes
}

/// The same; an admin had wanted the volume gone before anybody knew of it.
fn and_was_named_in_vain() -> Vec<Scene> {
    let mut scenes = a_machine_comes_back_with_the_data();
    let volume = VolumeId::new("vol_new2").ok();
    scenes.insert(2, Scene::Ask(Command::CleanupRetainedVolume { volume }));
    scenes
}

/// An instance that has never come to the end of a start has no data.
fn counts_ends_of_starts(asked: Asked<'_>) -> Decided {
    asked.with_record(|record| {
        record.as_object_mut().unwrap().remove("given_data");
    })
}

/// A first start is given up while its machine is on its way, which comes up, writes and stops; then its host is full.
fn a_first_start_is_given_up() -> Vec<Scene> {
    let machine = || "mnew1".to_string();
    vec![
        Scene::Change(WorldChange::Boot { boot: Boot::Starting, ms: 1_000 }),
        Scene::Ask(Command::Start { reason: None }),
        Scene::Pass(20 * 60_000),
        Scene::Change(starts_by_itself()),
        Scene::Change(WorldChange::Write { machine: machine() }),
        Scene::Change(WorldChange::Machine { id: machine(), state: MachineState::Stopped, exit: None }),
        Scene::Change(WorldChange::HostFull { volume: "vol_new1".to_string(), full: true }),
        Scene::Ask(Command::Start { reason: None }),
        Scene::Pass(10 * 60_000),
    ]
}

fn starts_by_itself() -> WorldChange {
    WorldChange::Machine { id: "mnew1".to_string(), state: MachineState::Started, exit: None }
}

wrongs! {
    a_replacement_on_an_empty_volume: Data by Search {
        machine: Wrong(copies_nothing),
        story: Story::recovery(),
        budget: alarms(3),
        moves: 7,
        last: "the answer to destroy_machine arrives",
        seen: "is made for an instance that has data",
    };
    a_missing_volume_is_replaced_by_an_empty_one: Data by Search {
        machine: Wrong(starts_fresh),
        story: told(Story::start(), WorldChange::VolumeGone { id: "vol_new1".to_string() }),
        budget: a_change(2),
        moves: 11,
        last: "the answer to list_volumes arrives",
        seen: "is made for an instance that has data",
    };
    a_failed_recovery_forgets_its_source: Data by Search {
        machine: Wrong(forgets_the_source),
        story: told(Story::recovery(), WorldChange::Boot { boot: Boot::Failed, ms: 4_000 }),
        budget: a_change(4),
        moves: 24,
        last: "delete_volume reaches the provider",
        seen: "no live volume that the record names holds the newest data (write 1)",
    };
    a_stopped_instance_is_forgotten: Data by Search {
        machine: Wrong(forgets_what_is_stopped),
        story: Story::stop(),
        budget: alarms(2),
        moves: 4,
        last: "the answer to wait_machine arrives",
        seen: "an instance with data is forgotten, and nobody asked for it",
    };
    the_old_machine_is_read_as_the_replacement: Data by Search {
        machine: Wrong(confuses_machines),
        story: told(Story::recovery(), starts_by_itself()),
        budget: a_change(3),
        moves: 18,
        last: "the answer to list_snapshots arrives",
        seen: "vol_new2 becomes the data, and mnew1, which is to serve, does not mount it",
    };
    what_is_missed_goes_at_a_date: Data by Play {
        machine: Wrong(goes_by_dates_alone),
        scenes: and_serves_without_it(),
        acts: 135,
        seen: "no live volume that the record names holds what the tenant is served without (write Some(4))",
    };
    what_was_named_in_vain_goes_at_a_date: Data by Play {
        machine: Wrong(goes_by_dates_alone),
        scenes: and_was_named_in_vain(),
        acts: 121,
        seen: "no live volume that the record names holds the newest data (write 4)",
    };
    what_a_start_that_failed_ran_on_is_replaced: Data by Play {
        machine: Wrong(counts_ends_of_starts),
        scenes: a_first_start_is_given_up(),
        acts: 54,
        seen: "vol_new2 (write Some(0)) takes the place of the newest data (write 2)",
    };
    the_newest_data_goes_at_a_date: Data by Play {
        machine: Wrong(goes_by_dates_alone),
        scenes: a_machine_comes_back_with_the_data(),
        acts: 120,
        seen: "no live volume that the record names holds the newest data (write 4)",
    };
}
