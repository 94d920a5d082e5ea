//! Flat records that somebody else has changed since they were exported: the flat fields win, and nothing is forgotten.

use crate::life::{Life, NOW};
use crate::samples::{all, sample};
use kiloclaw_lifecycle::instance::{RetainedView, ThingView};
use kiloclaw_lifecycle::persist::flat::{self, ImportError};
use kiloclaw_lifecycle::{Instance, Policy, Status, Timestamp, persist};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn edited(instance: &Instance, changes: &Value) -> Instance {
    let mut record = flat::export(instance);
    record.extend(changes.as_object().cloned().expect("an object"));
    read(&record).expect("a record")
}

fn read(record: &Map<String, Value>) -> Result<Instance, ImportError> {
    flat::import(record, 99, &Policy::default(), NOW.plus(60_000)).map(|instance| instance.expect("an instance"))
}

/// Everything that a record names as the instance's, names of lost creates included.
fn named(instance: &Instance) -> BTreeSet<String> {
    let view = instance.admin_view();
    let machines = view.machine.into_iter().chain(view.recovery.replacement_machine).chain(view.strays);
    let volumes = view.volume.into_iter().chain(view.pending_volume);
    let volumes = volumes.chain(view.retained.into_iter().map(|retained| retained.volume));
    let things = view.disposal.into_iter().map(|entry| match entry.thing {
        ThingView::Machine(machine) => machine.to_string(),
        ThingView::Volume(volume) => volume.to_string(),
        ThingView::MachineNamed(name) | ThingView::VolumeNamed(name) => name.to_string(),
    });
    machines.map(|id| id.to_string()).chain(volumes.map(|id| id.to_string())).chain(things).collect()
}

#[test]
fn nothing_is_forgotten_whatever_is_changed() {
    let edits = [
        json!({"status": "stopped"}),
        json!({"status": "running"}),
        json!({"status": "recovering"}),
        json!({"status": "destroying"}),
        json!({"flyVolumeId": "vol_new"}),
        json!({"flyMachineId": "mach_new"}),
        json!({"flyVolumeId": "vol_new", "flyMachineId": "mach_new", "status": "stopped"}),
        json!({"flyVolumeId": null}),
        json!({"pendingRecoveryVolumeId": null, "status": "stopped"}),
        json!({"recoveryPreviousVolumeId": null}),
        json!({"recoveryPreviousVolumeId": "vol_kept"}),
        json!({"lastStartedAt": 5}),
    ];
    for (name, life) in all() {
        let mut before = named(&life.instance);
        // What an admin wants to have instead is not the instance's yet.
        before.remove("vol_elsewhere");
        for changes in &edits {
            let after = edited(&life.instance, changes);
            let missing: Vec<_> = before.difference(&named(&after)).cloned().collect();
            assert_eq!(missing, Vec::<String>::new(), "{name}, {changes}");
            let stored = persist::encode(&after).expect("text");
            assert_eq!(persist::decode(&stored).as_deref(), Ok(&after), "{name}, {changes}");
            let record = flat::export(&after);
            assert_eq!(read(&record), Ok(after.clone()), "{name}, {changes}: an export of it is its own again");
            for key in ["status", "flyVolumeId", "flyMachineId", "lastStartedAt"] {
                let wanted = changes.get(key);
                assert!(wanted.is_none_or(|wanted| record[key] == *wanted), "{name}, {changes}: {}", record[key]);
            }
        }
    }
}

#[test]
fn the_flat_fields_win() {
    let (instance, _) = sample("running");
    let after =
        edited(&instance, &json!({"status": "stopped", "flyRegion": "cdg", "volumeSizeGb": 30, "flyMachineId": null}));
    assert_eq!(after.status(), Status::Stopped);
    let view = after.admin_view();
    assert_eq!(view.region.as_ref().map(|region| region.as_str()), Some("cdg"));
    assert_eq!(view.spec.volume_size_gb, Some(30));
    assert_eq!(
        (after.machine(), view.strays),
        (None, vec![]),
        "a machine that is gone from the record is found by its labels"
    );
    assert_eq!(after.volume(), instance.volume());
}

#[test]
fn an_export_that_nobody_has_changed_is_taken_as_it_was() {
    for (name, life) in all() {
        assert_eq!(read(&flat::export(&life.instance)).as_ref(), Ok(&life.instance), "{name}");
        let mut thinned = flat::export(&life.instance);
        thinned.retain(|_, value| !value.is_null());
        assert_eq!(read(&thinned).as_ref(), Ok(&life.instance), "{name}: null is the same as absent");
    }
}

#[test]
fn what_only_lifecycle_knows_is_taken_along() {
    let (instance, record) = sample("running_relocated");
    let after = edited(&instance, &json!({"lastStoppedAt": 5}));
    let (old, new) = (instance.admin_view(), after.admin_view());
    assert_eq!(new.retained, old.retained, "with the copy that the source is kept for");
    assert_eq!(new.recovery.attempts, old.recovery.attempts);
    assert!(after.alarm().generation > instance.alarm().generation, "older alarms are superseded");
    let stored: Value = serde_json::from_str(&persist::encode(&after).expect("text")).expect("JSON");
    assert_eq!(stored["instance"]["seed"], record["instance"]["seed"]);
    let number = |record: &Value| record["instance"]["sequence"].as_u64().expect("a number");
    assert!(number(&stored) >= number(&record), "no number is used twice");
}

#[test]
fn a_missing_volume_stays_missing() {
    let (instance, _) = sample("stopped_without_its_volume");
    assert!(instance.admin_view().missing.is_some());
    let after = edited(&instance, &json!({"lastStoppedAt": 5}));
    assert_eq!(after.admin_view().missing, instance.admin_view().missing, "and what may be the last copy is held back");
    let after = edited(&instance, &json!({"flyVolumeId": "vol_found"}));
    assert_eq!(after.admin_view().missing, None);
}

#[test]
fn a_volume_that_was_replaced_is_retained() {
    let (instance, _) = sample("running");
    let after = edited(&instance, &json!({"flyVolumeId": "vol_new"}));
    let retained = after.admin_view().retained;
    assert_eq!(retained.len(), 1);
    assert_eq!(Some(&retained[0].volume), instance.volume());
    assert_eq!(retained[0].clean_up_after, NOW.plus(60_000 + 604_800_000));
}

#[test]
fn a_call_in_flight_is_not_waited_for_and_what_it_may_make_is_looked_for() {
    let (instance, _) = sample("starting_making_the_volume");
    let after = edited(&instance, &json!({"status": "stopped", "startingAt": null}));
    assert_eq!(after.in_flight(), None);
    let named: Vec<_> = after.admin_view().disposal.into_iter().map(|entry| entry.thing).collect();
    assert!(matches!(named.as_slice(), [ThingView::VolumeNamed(_)]), "{named:?}");
}

#[test]
fn a_clean_up_under_way_does_not_linger() {
    let (instance, _) = sample("running_with_a_clean_up");
    let after = edited(&instance, &json!({"lastStoppedAt": 5}));
    let retained = after.admin_view().retained;
    assert_eq!(retained.len(), 1);
    assert!(!retained[0].clean_up_requested, "nobody waits for its answer");
    let stored: Value = serde_json::from_str(&persist::encode(&after).expect("text")).expect("JSON");
    let stages: Vec<_> = stored["instance"]["holdings"]["entries"].as_array().expect("a list").iter().collect();
    assert!(stages.iter().all(|entry| entry["stage"] == "idle"), "no attempt is under way: {stages:?}");
    assert_eq!(after.allows(kiloclaw_lifecycle::command::CommandKind::CleanupRetainedVolume), Ok(()));
}

#[test]
fn both_lists_are_numbered_anew() {
    let mut life = Life::running();
    life.instance = edited(&sample("running_relocated").0, &json!({"recoveryPreviousVolumeId": "vol_a"}));
    life.instance = edited(&life.instance, &json!({"recoveryPreviousVolumeId": "vol_b"}));
    let stored: Value = serde_json::from_str(&persist::encode(&life.instance).expect("text")).expect("JSON");
    let keys: Vec<_> = stored["instance"]["holdings"]["entries"].as_array().expect("a list").iter().collect();
    let distinct: BTreeSet<_> = keys.iter().map(|entry| entry["key"].as_u64().expect("a number")).collect();
    assert_eq!(distinct.len(), keys.len());
    assert!(keys.len() >= 3, "{stored}");
}

#[test]
fn a_lifecycle_that_cannot_be_read_is_named() {
    let refusal = |change: fn(&mut Value)| {
        let mut record = flat::export(&sample("running").0);
        change(record.get_mut("lifecycle").expect("what only we know"));
        read(&record).expect_err("not ours")
    };
    let newer = refusal(|lifecycle| lifecycle["version"] = json!(2));
    assert_eq!((newer.field.as_str(), newer.expected.as_str()), ("lifecycle.version", "at most 1, got 2"));
    let broken = refusal(|lifecycle| lifecycle["instance"]["phase"] = json!("asleep"));
    assert_eq!(broken.field, "lifecycle");
    assert!(broken.expected.starts_with("what an export has written ("), "{broken}");
    let twisted = refusal(|lifecycle| {
        lifecycle["instance"]["holdings"]["entries"] = json!([{
            "key": u64::MAX, "thing": {"volume": "vol_9"}, "cause": "kept", "due": 1,
        }]);
    });
    assert_eq!(twisted.field, "lifecycle");
    assert!(twisted.expected.starts_with("a consistent record ("), "{twisted}");
}

#[test]
fn what_is_used_again_leaves_the_list() {
    let (instance, _) = sample("running_relocated");
    let before = instance.admin_view();
    let source = before.retained[0].volume.clone();
    let back = json!({ "flyVolumeId": source.as_str(), "recoveryPreviousVolumeId": null });
    let after = edited(&instance, &back).admin_view();
    assert_eq!(after.volume.as_ref(), Some(&source));
    let kept: Vec<_> = after.retained.into_iter().map(|kept| kept.volume).collect();
    assert_eq!(kept, before.volume.as_slice(), "the copy is retained instead");

    let ThingView::Machine(old) = before.disposal[0].thing.clone() else { panic!("a machine: {:?}", before.disposal) };
    let after = edited(&instance, &json!({ "flyMachineId": old.as_str() })).admin_view();
    assert_eq!(after.machine, Some(old));
    assert_eq!((after.disposal, after.strays), (vec![], before.machine.into_iter().collect()));
}

#[test]
fn the_date_of_what_is_retained_may_be_changed_and_no_other() {
    let (instance, _) = sample("running_relocated");
    let after = edited(&instance, &json!({ "recoveryPreviousVolumeCleanupAfter": 7 })).admin_view();
    let dated = RetainedView { clean_up_after: Timestamp::from_millis(7), ..instance.admin_view().retained.remove(0) };
    assert_eq!(after.retained, [dated]);
    let (instance, _) = sample("stopped_after_a_failed_recovery");
    let after = edited(&instance, &json!({ "lastStoppedAt": 5 }));
    let dates = |instance: &Instance| {
        let entries = instance.admin_view().disposal.into_iter();
        entries.map(|entry| (entry.thing.to_string(), entry.due)).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(dates(&after), dates(&instance));
    assert_eq!(dates(&after).len(), 3, "the copy is exported, and what else there is is not");
}
