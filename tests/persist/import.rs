//! Flat records of the old system, taken over in any status.

use crate::life::NOW;
use kiloclaw_lifecycle::guest::{CpuKind, Guest};
use kiloclaw_lifecycle::instance::{DisposalCause, ThingView};
use kiloclaw_lifecycle::persist::flat::{self, ImportError};
use kiloclaw_lifecycle::step::Why;
use kiloclaw_lifecycle::{Input, Instance, Policy, Status, Verdict, step};
use serde_json::{Map, Value, json};

pub(crate) fn record(fields: &Value) -> Map<String, Value> {
    let mut record = json!({"userId": "user|1", "sandboxId": "sb-1"}).as_object().cloned().expect("an object");
    record.extend(fields.as_object().cloned().expect("an object"));
    record
}

pub(crate) fn import(fields: &Value) -> Instance {
    try_import(fields).expect("a flat record").expect("an instance")
}

fn try_import(fields: &Value) -> Result<Option<Instance>, ImportError> {
    flat::import(&record(fields), 7, &Policy::default(), NOW)
}

#[test]
fn nobody_is_no_instance() {
    let none = |fields: &Value| flat::import(fields.as_object().expect("an object"), 7, &Policy::default(), NOW);
    assert_eq!(none(&json!({})), Ok(None));
    assert_eq!(none(&json!({"userId": "", "sandboxId": ""})), Ok(None));
    assert_eq!(none(&json!({"userId": null, "status": "running", "flyMachineId": null, "flyVolumeId": ""})), Ok(None));
    for left in [json!({"flyMachineId": "mach_1"}), json!({"userId": "", "flyVolumeId": "vol_1"})] {
        let error = none(&left).expect_err("somebody's machine or volume");
        assert_eq!(error.field, "userId");
    }
    assert_eq!(none(&json!({"userId": "user|1"})).map_err(|error| error.field), Err("sandboxId".to_string()));
}

#[test]
fn a_bare_record_is_stopped_and_looked_after() {
    let instance = import(&json!({}));
    assert_eq!(instance.status(), Status::Stopped, "the old system's default");
    assert_eq!((instance.machine(), instance.volume(), instance.in_flight()), (None, None, None));
    assert_eq!(instance.alarm().why, Why::Reconcile);
    assert!(instance.alarm().at > NOW);
    let resumed = step(Some(&instance), &Policy::default(), NOW, Input::Resume);
    assert_eq!(resumed.verdict, Verdict::Applied);
    let (next, effects) = resumed.committed();
    assert_eq!(next.as_deref(), Some(&instance), "there is nothing to resume");
    assert_eq!(effects.len(), 1, "{effects:?}");
}

#[test]
fn each_field_has_its_place() {
    let instance = import(&json!({
        "flyAppName": "app-1", "status": "stopped", "provisionedAt": 1, "lastStartedAt": 2, "lastStoppedAt": 3,
        "flyMachineId": "mach_1", "flyVolumeId": "vol_1", "flyRegion": "iad",
        "machineSize": {"cpus": 2, "memory_mb": 4096, "cpu_kind": "shared"}, "volumeSizeGb": 20,
        "healthCheckFailCount": 2, "lastMetadataRecoveryAt": 4, "previousVolumeId": "vol_0",
        "trackedImageTag": "registry/image:1", "lastStartErrorMessage": "no start", "lastStartErrorAt": 5,
        "lastRestartErrorMessage": "no restart", "lastRestartErrorAt": 6,
        "lastRecoveryErrorMessage": "no recovery", "lastRecoveryErrorAt": 7,
        "lastDestroyErrorOp": "recover", "lastDestroyErrorStatus": 500, "lastDestroyErrorMessage": "no destroy",
        "lastDestroyErrorAt": 8,
    }));
    let view = instance.admin_view();
    assert_eq!(view.identity.app.as_ref().map(|app| app.as_str()), Some("app-1"));
    assert_eq!(view.machine.as_ref().map(|id| id.as_str()), Some("mach_1"));
    assert_eq!(view.volume.as_ref().map(|id| id.as_str()), Some("vol_1"));
    assert_eq!(view.previous_volume.as_ref().map(|id| id.as_str()), Some("vol_0"));
    assert_eq!(view.region.as_ref().map(|region| region.as_str()), Some("iad"));
    assert_eq!(view.spec.guest, Guest::new(2, 4_096, Some(CpuKind::Shared)).ok());
    assert_eq!(view.spec.volume_size_gb, Some(20));
    assert_eq!(view.spec.image.as_ref().map(|image| image.as_str()), Some("registry/image:1"));
    assert_eq!(view.fail_count, 2);
    let times = [view.provisioned_at, view.last_started_at, view.last_stopped_at, view.last_lookup_at];
    assert_eq!(times.map(|time| time.map(|time| time.as_millis())), [Some(1), Some(2), Some(3), Some(4)]);
    let errors: Vec<_> = view.errors.iter().map(|error| (error.message.as_str(), error.at.as_millis())).collect();
    assert_eq!(errors, [("no destroy", 8), ("no recovery", 7), ("no restart", 6), ("no start", 5)]);
    assert_eq!(view.errors[0].http_status, Some(500));
}

#[test]
fn every_status_is_taken_over() {
    for (word, status) in [
        ("provisioned", Status::Provisioned),
        ("starting", Status::Starting),
        ("running", Status::Running),
        ("stopping", Status::Stopping),
        ("stopped", Status::Stopped),
        ("restarting", Status::Restarting),
        ("recovering", Status::Recovering),
        ("restoring", Status::Restoring),
        ("destroying", Status::Destroying),
    ] {
        let instance = import(&json!({"status": word, "flyMachineId": "mach_1", "flyVolumeId": "vol_1"}));
        assert_eq!(instance.status(), status);
        assert_eq!(instance.in_flight(), None, "{word}");
        assert!(instance.alarm().at >= NOW, "{word}");
        assert_eq!(instance.volume().map(|id| id.as_str()), Some("vol_1"), "{word}");
    }
}

#[test]
fn a_status_without_a_time_begins_now() {
    for (status, key) in [
        ("starting", "startingAt"),
        ("restarting", "restartingAt"),
        ("recovering", "recoveryStartedAt"),
        ("restoring", "restoreStartedAt"),
    ] {
        let since = |fields: &Value| import(fields).user_view().since;
        assert_eq!(since(&json!({"status": status})), Some(NOW), "{status}");
        let before = 1_789_999_000_000_u64;
        let given = json!({"status": status, key: before});
        assert_eq!(since(&given).map(|since| since.as_millis()), Some(before), "{status}");
    }
}

#[test]
fn times_are_numbers_or_iso_8601() {
    let since = |time: Value| {
        let given = json!({"status": "restoring", "restoreStartedAt": time});
        try_import(&given)
            .map(|instance| instance.and_then(|instance| instance.user_view().since))
            .map_err(|bad| bad.field)
    };
    let noon = kiloclaw_lifecycle::Timestamp::from_millis(1_789_992_000_000);
    for text in [json!("2026-09-21T12:00:00.000Z"), json!("2026-09-21T12:00:00Z"), json!("2026-09-21T14:00:00+02:00")] {
        assert_eq!(since(text), Ok(Some(noon)));
    }
    assert_eq!(since(json!(1_789_992_000_000_u64)), Ok(Some(noon)));
    assert_eq!(since(json!(1_789_992_000_000.0)), Ok(Some(noon)), "JavaScript has only one kind of number");
    assert_eq!(since(json!("")).map_err(|_| ()), Err(()), "an empty text is no time");
    for wrong in
        [json!("yesterday"), json!("2026-09-21"), json!(-1), json!(1.5), json!(true), json!("1969-12-31T23:59:59Z")]
    {
        assert_eq!(since(wrong), Err("restoreStartedAt".to_string()));
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let refusal = |fields: &Value| try_import(fields).expect_err(&fields.to_string());
    for (key, value) in [
        ("flyMachineId", json!("../machines")),
        ("flyMachineId", json!(7)),
        ("flyVolumeId", json!("vol 1")),
        ("flyVolumeId", json!({})),
        ("flyAppName", json!("App")),
        ("flyRegion", json!("i/ad")),
        ("userId", json!("user 1")),
        ("sandboxId", json!("sb.1")),
        ("status", json!("asleep")),
        ("status", json!(1)),
        ("preRestoreStatus", json!("asleep")),
        ("provisionedAt", json!("soon")),
        ("lastStartedAt", json!(-1)),
        ("lastStoppedAt", json!([])),
        ("startingAt", json!(0.5)),
        ("restartUpdateSent", json!("yes")),
        ("healthCheckFailCount", json!(-1)),
        ("healthCheckFailCount", json!(4_294_967_296_u64)),
        ("machineSize", json!({"cpus": 0, "memory_mb": 256})),
        ("machineSize", json!({"cpus": 1, "memory_mb": 255})),
        ("machineSize", json!({"cpus": 1})),
        ("machineSize", json!("small")),
        ("volumeSizeGb", json!(0)),
        ("volumeSizeGb", json!(501)),
        ("volumeSizeGb", json!("10")),
        ("trackedImageTag", json!("an image")),
        ("pendingRecoveryVolumeId", json!("VOL")),
        ("recoveryPreviousVolumeId", json!("VOL")),
        ("recoveryPreviousVolumeCleanupAfter", json!("later")),
        ("pendingRestoreVolumeId", json!("VOL")),
        ("previousVolumeId", json!("VOL")),
        ("pendingDestroyMachineId", json!("MACH")),
        ("pendingDestroyVolumeId", json!("VOL")),
        ("destroyVolumeAttempts", json!(-1)),
        ("lastStartErrorMessage", json!(1)),
        ("lastRecoveryErrorAt", json!("then")),
        ("lastDestroyErrorOp", json!("everything")),
        ("lastDestroyErrorStatus", json!(65_536)),
        ("lifecycle", json!("what")),
    ] {
        let error = refusal(&json!({key: value}));
        assert_eq!(error.field, key, "{value}");
        assert!(!error.expected.is_empty(), "{key}");
        assert_eq!(error.to_string(), format!("{key}: expected {}, got {}", error.expected, error.got));
    }
    let long = refusal(&json!({"flyMachineId": "X".repeat(500)}));
    assert!(long.got.chars().count() <= 82, "what is shown of it is short: {}", long.got);
}

#[test]
fn null_and_empty_texts_are_nothing() {
    let empty = json!({
        "status": null, "flyMachineId": "", "flyVolumeId": null, "flyRegion": "", "machineSize": null,
        "lastStartErrorMessage": "", "lastStartErrorAt": null, "lifecycle": null, "restartUpdateSent": null,
    });
    assert_eq!(import(&empty), import(&json!({})));
}

/// What the disposal list and the retained volumes of an import hold.
fn listed(instance: &Instance) -> Vec<(String, DisposalCause, u64)> {
    let view = instance.admin_view();
    let kept = view.retained.iter().map(|kept| (kept.volume.to_string(), kept.cause, kept.clean_up_after.as_millis()));
    let going = view.disposal.iter().map(|entry| {
        let thing = match &entry.thing {
            ThingView::Machine(machine) => machine.to_string(),
            ThingView::Volume(volume) => volume.to_string(),
            ThingView::MachineNamed(name) | ThingView::VolumeNamed(name) => name.to_string(),
        };
        (thing, entry.cause, entry.due.as_millis())
    });
    kept.chain(going).collect()
}

const WEEK_MS: u64 = 604_800_000;

#[test]
fn whatever_a_record_names_is_kept() {
    let now = NOW.as_millis();
    let named = json!({
        "status": "running", "flyMachineId": "mach_1", "flyVolumeId": "vol_1", "pendingRecoveryVolumeId": "vol_2",
        "pendingRestoreVolumeId": "vol_3", "recoveryPreviousVolumeId": "vol_4",
    });
    assert_eq!(
        listed(&import(&named)),
        [
            ("vol_4".to_string(), DisposalCause::Kept, now + WEEK_MS),
            ("vol_2".to_string(), DisposalCause::LeftOver, now),
            ("vol_3".to_string(), DisposalCause::FailedRestore, now),
        ]
    );
    let dated = json!({
        "status": "stopped", "flyVolumeId": "vol_1", "recoveryPreviousVolumeId": "vol_4",
        "recoveryPreviousVolumeCleanupAfter": now - 1,
    });
    assert_eq!(listed(&import(&dated)), [("vol_4".to_string(), DisposalCause::Kept, now - 1)]);
}

#[test]
fn what_is_in_use_is_not_put_on_the_list() {
    for key in
        ["pendingRecoveryVolumeId", "pendingRestoreVolumeId", "recoveryPreviousVolumeId", "pendingDestroyVolumeId"]
    {
        for status in ["running", "stopped", "recovering", "restoring"] {
            let instance = import(&json!({"status": status, "flyVolumeId": "vol_1", key: "vol_1"}));
            assert_eq!(listed(&instance), [], "{status}, {key}");
            assert_eq!(instance.admin_view().pending_volume, None, "{status}, {key}");
        }
    }
}

#[test]
fn a_recovery_and_a_restore_keep_what_they_have_made() {
    let recovering = import(&json!({
        "status": "recovering", "flyVolumeId": "vol_1", "flyMachineId": "mach_1", "pendingRecoveryVolumeId": "vol_2",
    }));
    let view = recovering.admin_view();
    assert_eq!(view.recovery.pending_volume.as_ref().map(|id| id.as_str()), Some("vol_2"));
    assert_eq!(listed(&recovering), []);
    let restoring = import(&json!({
        "status": "restoring", "flyVolumeId": "vol_1", "pendingRestoreVolumeId": "vol_3", "preRestoreStatus": "running",
    }));
    assert_eq!(restoring.admin_view().pending_volume.as_ref().map(|id| id.as_str()), Some("vol_3"));
    assert_eq!(listed(&restoring), []);
}

#[test]
fn a_destroy_takes_everything() {
    let instance = import(&json!({
        "status": "destroying", "flyMachineId": "mach_1", "flyVolumeId": "vol_1", "pendingDestroyMachineId": "mach_1",
        "pendingDestroyVolumeId": "vol_1", "recoveryPreviousVolumeId": "vol_4", "pendingRecoveryVolumeId": "vol_2",
        "previousVolumeId": "vol_0", "destroyVolumeAttempts": 3,
    }));
    let mut things: Vec<_> = listed(&instance).into_iter().map(|(thing, _, due)| (thing, due)).collect();
    things.sort();
    let now = NOW.as_millis();
    assert_eq!(things, ["mach_1", "vol_0", "vol_1", "vol_2", "vol_4"].map(|thing| (thing.to_string(), now)));
    let tried: Vec<_> = instance.admin_view().disposal.iter().filter(|entry| entry.attempts > 0).cloned().collect();
    assert_eq!(tried.len(), 1);
    assert_eq!((tried[0].thing.to_string(), tried[0].attempts), ("volume vol_1".to_string(), 3));
}

#[test]
fn a_destroy_that_was_called_off_is_not_forgotten() {
    let instance = import(&json!({
        "status": "stopped", "flyVolumeId": "vol_1", "pendingDestroyMachineId": "mach_9", "pendingDestroyVolumeId": "vol_9",
    }));
    let mut things: Vec<_> = listed(&instance).into_iter().map(|(thing, ..)| thing).collect();
    things.sort();
    assert_eq!(things, ["mach_9", "vol_9"]);
    assert_eq!(instance.status(), Status::Stopped);
}
