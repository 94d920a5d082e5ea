//! Stored records as they were committed: they decode for ever.
//!
//! `UPDATE_GOLDEN=1 cargo test --test persist` writes the samples of the present version anew. Once that version is released it must not:
//! a record that is written in another way is a new version.

use crate::life::{Life, volume_id};
use kiloclaw_lifecycle::call::{CallKind, Done};
use kiloclaw_lifecycle::command::Command;
use kiloclaw_lifecycle::fault::FaultKind;
use kiloclaw_lifecycle::guest::Guest;
use kiloclaw_lifecycle::id::{MachineId, SnapshotId};
use kiloclaw_lifecycle::observe::{HostStatus, MachineState, Volume, VolumeState};
use kiloclaw_lifecycle::{Instance, Status, persist};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn starting_until(kind: CallKind) -> Life {
    let mut life = Life::born();
    life.start().until(kind);
    life
}

/// Running, with the machine seen stopped by an alarm.
fn recovering_until(kind: CallKind) -> Life {
    let mut life = Life::running();
    life.snapshots = true;
    life.machine = MachineState::Stopped;
    life.ring().until(CallKind::GetVolume);
    life.machine = MachineState::Started;
    life.until(kind);
    life
}

fn relocated() -> Life {
    let mut life = recovering_until(CallKind::ListSnapshots);
    life.volume = VolumeState::Hydrating;
    life.rest();
    life
}

fn restart(image: Option<&str>) -> Command {
    Command::Restart { image: image.and_then(|image| image.parse().ok()) }
}

fn restore() -> Command {
    Command::RestoreSnapshot { snapshot: SnapshotId::new("snap_1").expect("an id"), reason: None }
}

fn stopped() -> Life {
    let mut life = Life::running();
    life.command(Command::Stop { reason: None }).rest();
    life
}

fn with(mut life: Life, then: impl FnOnce(&mut Life)) -> Life {
    then(&mut life);
    life
}

/// One sample for each way in which a record can look.
pub(crate) fn all() -> Vec<(&'static str, Life)> {
    vec![
        ("provisioned", Life::born()),
        (
            "provisioned_resized",
            with(Life::born(), |life| {
                life.command(Command::Resize { guest: Guest::new(2, 4_096, None).expect("a size") });
            }),
        ),
        ("starting_looking_for_the_machine", starting_until(CallKind::ListMachines)),
        ("starting_making_the_volume", starting_until(CallKind::CreateVolume)),
        (
            "starting_looking_for_a_lost_volume",
            with(starting_until(CallKind::CreateVolume), |life| {
                life.fault(FaultKind::Unknown).ring();
            }),
        ),
        ("starting_making_the_machine", starting_until(CallKind::CreateMachine)),
        (
            "starting_waiting_to_repeat",
            with(starting_until(CallKind::CreateMachine), |life| {
                life.fault(FaultKind::Busy);
            }),
        ),
        ("starting_waiting_for_the_machine", starting_until(CallKind::WaitMachine)),
        (
            "starting_moved_off_a_full_host",
            with(starting_until(CallKind::CreateMachine), |life| {
                let full = kiloclaw_lifecycle::fault::Capacity::InsufficientMemory;
                life.fault(FaultKind::NoCapacity(full)).until(CallKind::CreateMachine);
            }),
        ),
        (
            "starting_before_the_machine_goes",
            with(stopped(), |life| {
                let full = kiloclaw_lifecycle::fault::Capacity::InsufficientMemory;
                life.machine = MachineState::Stopped;
                life.start().until(CallKind::StartMachine).fault(FaultKind::NoCapacity(full));
            }),
        ),
        (
            "provisioned_with_a_candidate_that_is_held",
            with(Life::born(), |life| {
                let holder = MachineId::new("mach_old").ok();
                let held = Volume { attached_machine: holder, ..found("vol_old") };
                life.ring().until(CallKind::ListVolumes).answer(Ok(Done::Volumes(vec![held])));
            }),
        ),
        ("running", Life::running()),
        (
            "running_looking_at_the_volume",
            with(Life::running(), |life| {
                life.ring().until(CallKind::GetVolume);
            }),
        ),
        ("running_relocated", relocated()),
        (
            "running_with_a_clean_up",
            with(relocated(), |life| {
                life.command(Command::CleanupRetainedVolume { volume: None });
            }),
        ),
        (
            "stopping",
            with(Life::running(), |life| {
                life.command(Command::Stop { reason: Some("enough".to_string()) });
            }),
        ),
        ("stopped", stopped()),
        (
            "stopped_reassociating",
            with(stopped(), |life| {
                let reason = "the data is over there".to_string();
                life.command(Command::ReassociateVolume { volume: volume_id("vol_elsewhere"), reason });
            }),
        ),
        (
            "stopped_reassociating_before_the_machine_goes",
            with(stopped(), |life| {
                let reason = "the data is over there".to_string();
                life.command(Command::ReassociateVolume { volume: volume_id("vol_elsewhere"), reason }).well();
            }),
        ),
        (
            "stopped_without_its_volume",
            with(stopped(), |life| {
                life.machine = MachineState::Stopped;
                life.volume = VolumeState::Destroyed;
                life.ring().rest();
            }),
        ),
        (
            "stopped_with_a_candidate",
            with(stopped(), |life| {
                life.machine = MachineState::Stopped;
                life.volume = VolumeState::Destroyed;
                life.ring().until(CallKind::ListVolumes).answer(Ok(Done::Volumes(vec![found("vol_other")])));
            }),
        ),
        (
            "stopped_reassociating_looking_for_other_volumes",
            with(stopped(), |life| {
                let reason = "the data is over there".to_string();
                life.command(Command::ReassociateVolume { volume: volume_id("vol_elsewhere"), reason });
                life.until(CallKind::ListVolumes);
            }),
        ),
        (
            "stopped_after_a_failed_recovery",
            with(recovering_until(CallKind::WaitMachine), |life| {
                life.fault(FaultKind::Refused).fault(FaultKind::Busy);
            }),
        ),
        (
            "restarting",
            with(Life::running(), |life| {
                life.command(restart(Some("registry/image:2"))).until(CallKind::UpdateMachine);
            }),
        ),
        (
            "restarting_refused",
            with(Life::running(), |life| {
                life.command(restart(None)).until(CallKind::UpdateMachine).fault(FaultKind::Refused);
            }),
        ),
        ("recovering_looking_at_the_source", recovering_until(CallKind::GetVolume)),
        ("recovering_removing_the_old_machine", recovering_until(CallKind::DestroyMachine)),
        ("recovering_forking", recovering_until(CallKind::CreateVolume)),
        ("recovering_making_the_machine", recovering_until(CallKind::CreateMachine)),
        ("recovering_waiting", recovering_until(CallKind::WaitMachine)),
        ("recovering_asking_for_snapshots", recovering_until(CallKind::ListSnapshots)),
        (
            "restoring_looking_for_the_snapshot",
            with(Life::running(), |life| {
                life.command(restore());
            }),
        ),
        (
            "restoring_making_the_volume",
            with(Life::running(), |life| {
                life.snapshots = true;
                life.command(restore()).until(CallKind::CreateVolume);
            }),
        ),
        (
            "restoring_looking_for_other_volumes",
            with(Life::running(), |life| {
                life.snapshots = true;
                life.command(restore()).until(CallKind::GetVolume).fault(FaultKind::Absent);
            }),
        ),
        (
            "destroying",
            with(relocated(), |life| {
                life.command(Command::Destroy { reason: Some("no longer needed".to_string()) });
            }),
        ),
        (
            "destroying_sweeping",
            with(Life::born(), |life| {
                life.command(Command::Destroy { reason: None }).until(CallKind::ListMachines);
            }),
        ),
        ("imported_with_keys_of_others", Life::imported(&imported())),
    ]
}

fn imported() -> serde_json::Map<String, Value> {
    let record = json!({
        "userId": "user|1", "sandboxId": "sb-1", "orgId": "org-1", "status": "recovering",
        "flyMachineId": "mach_1", "flyVolumeId": "vol_1", "pendingRecoveryVolumeId": "vol_2",
        "recoveryPreviousVolumeId": "vol_0", "recoveryStartedAt": 1_789_999_990_000_u64,
        "channels": {"telegram": [1.5, null, "…"]},
    });
    record.as_object().cloned().expect("an object")
}

/// A volume under the instance's name.
fn found(id: &str) -> Volume {
    Volume {
        id: volume_id(id),
        name: "kiloclaw_sb_1".to_string(),
        state: VolumeState::Created,
        region: None,
        size_gb: Some(20),
        attached_machine: None,
        host_status: HostStatus::Ok,
        created_at: None,
    }
}

/// Records that are not written any more, and are read all the same.
const ONLY_READ: [&str; 1] = ["stopped_removing_without_a_look_at_the_data"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/v1")
}

fn committed() -> Vec<(String, String)> {
    let files = fs::read_dir(folder()).expect("the samples are there");
    let mut samples: Vec<_> = files
        .map(|file| {
            let path = file.expect("a file").path();
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            (name, fs::read_to_string(&path).expect("a text").trim_end().to_string())
        })
        .collect();
    samples.sort();
    samples
}

#[test]
fn what_is_written_is_what_was_committed() {
    let lives = all();
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(folder()).expect("the folder can be made");
        for (name, life) in &lives {
            let text = persist::encode(&life.instance).expect("an instance can be written") + "\n";
            fs::write(folder().join(name).with_extension("json"), text).expect("a sample can be written");
        }
    }
    let samples = committed();
    for (name, life) in &lives {
        let written = persist::encode(&life.instance).expect("an instance can be written");
        let sample = samples.iter().find(|(file, _)| file == name).map(|(_, text)| text.as_str());
        assert_eq!(sample, Some(written.as_str()), "{name}");
    }
    let named: BTreeSet<_> = lives.iter().map(|(name, _)| *name).chain(ONLY_READ).map(ToString::to_string).collect();
    assert_eq!(samples.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>(), named);
}

#[test]
fn every_sample_decodes() {
    let samples = committed();
    assert!(samples.len() >= 30, "there are samples");
    let mut seen = BTreeSet::new();
    for (name, text) in &samples {
        let instance = persist::decode(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let status = instance.status();
        let named = if name.starts_with("imported") { Status::Recovering } else { status };
        assert!(name.starts_with(named.as_str()) || name.starts_with("imported"), "{name} is {status}");
        seen.insert(status);
        let again = persist::encode(&instance).expect("an instance can be written");
        assert_eq!(persist::decode(&again), Ok(instance), "{name}");
    }
    assert_eq!(seen, BTreeSet::from(Status::ALL), "there is one of every status");
}

/// A sample as an instance and as JSON.
pub(crate) fn sample(name: &str) -> (Instance, Value) {
    let (_, life) = all().into_iter().find(|(known, _)| *known == name).expect(name);
    let text = persist::encode(&life.instance).expect("an instance can be written");
    (life.instance, serde_json::from_str(&text).expect("JSON"))
}
