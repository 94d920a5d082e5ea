//! Words at the border: what can be an id, a region, a name, a size, a time or a fault, as far as it can be seen from outside.

mod names;
mod placement;
mod talk;

use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::event::{Action, EventName, Milestone};
use kiloclaw_lifecycle::fault::{Capacity, Fault, FaultKind};
use kiloclaw_lifecycle::guest::{CpuKind, Guest};
use kiloclaw_lifecycle::id::{
    AppName, Image, Invalid, MachineId, MachineVersion, OpId, Region, ResourceName, SandboxId, SnapshotId, UserId,
    VolumeId,
};
use kiloclaw_lifecycle::observe::{HostStatus, MachineState, SnapshotStatus, VolumeState};
use kiloclaw_lifecycle::{Status, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fmt::{Debug, Display};
use std::str::FromStr;

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// What every id type is asked.
fn id<T>(new: fn(String) -> Result<T, Invalid>, field: &str, most: usize, good: &[&str], bad: &[&str])
where
    T: Debug + Display + PartialEq + FromStr<Err = Invalid> + Serialize + DeserializeOwned,
{
    let longest = "a".repeat(most);
    for text in good.iter().copied().chain([longest.as_str()]) {
        let id = new(text.to_string()).expect(text);
        assert_eq!(id.to_string(), text);
        assert_eq!(text.parse::<T>().as_ref(), Ok(&id));
        assert_eq!(serde_json::to_value(&id).expect(text), json!(text));
        assert_eq!(serde_json::from_value::<T>(json!(text)).expect(text), id);
    }
    let longer = "a".repeat(most + 1);
    for text in bad.iter().copied().chain(["", longer.as_str(), " ", "a b", "a\n", "\0"]) {
        let refused = new(text.to_string()).expect_err(text);
        assert_eq!(refused.field, field);
        assert_eq!(refused.got, text.chars().take(80).collect::<String>());
        assert!(refused.to_string().starts_with(&format!("{field}: expected 1 to {most} ")), "{refused}");
        assert_eq!(text.parse::<T>(), Err(refused.clone()));
        let unread = serde_json::from_value::<T>(json!(text)).expect_err(text);
        assert_eq!(unread.to_string(), refused.to_string());
    }
    assert!(serde_json::from_value::<T>(json!(7)).is_err());
}

#[test]
fn ids_of_fly_are_plain_and_lower_case() {
    let (good, bad) = (["a", "9", "vol_4xp9-x", "_", "-"], ["A", "vol.1", "a/b", "..", "é", "a%2f"]);
    id(AppName::new, "app name", 63, &good, &bad);
    id(MachineId::new, "machine id", 64, &good, &bad);
    id(VolumeId::new, "volume id", 64, &good, &bad);
    id(SnapshotId::new, "snapshot id", 64, &good, &bad);
}

#[test]
fn names_may_have_capitals() {
    let (good, bad) = (["a", "Z", "0-_", "A1b2-C3_d4"], ["a.b", "a/b", "..", "ü", "a:b", "a?b"]);
    id(SandboxId::new, "sandbox id", 64, &good, &bad);
    id(ResourceName::new, "resource name", 96, &good, &bad);
    id(MachineVersion::new, "machine version", 64, &good, &bad);
    id(Region::new, "region", 32, &good, &bad);
}

#[test]
fn users_and_images_are_printable() {
    let good = ["user|42", "über@example.com", "registry/image@sha256:abc", "/", "\"'"];
    let bad = ["a\tb", "a\u{a0}b", "a\u{7f}", "\u{2028}"];
    id(UserId::new, "user id", 128, &good, &bad);
    id(Image::new, "image", 512, &good, &bad);
}

#[test]
fn the_number_of_a_call_is_shown_with_its_kind() {
    let op = OpId { number: 12, kind: CallKind::CreateMachine };
    assert_eq!(op.to_string(), "create_machine#12");
    let written = json!({"number": 12, "kind": "create_machine"});
    assert_eq!(serde_json::to_value(op).expect("an id can be written"), written);
    assert_eq!(serde_json::from_value::<OpId>(written).expect("and read"), op);
}

#[test]
fn lists_of_regions() {
    let read = |entries: &[&str]| {
        Region::parse_list(entries.iter().copied())
            .map(|regions| regions.iter().map(ToString::to_string).collect::<Vec<_>>())
            .map_err(|bad| bad.got)
    };
    assert_eq!(read(&[]), Ok(vec![]));
    assert_eq!(read(&["", " ", ",", " , ,"]), Ok(vec![]));
    assert_eq!(read(&["eu", "us"]), Ok(vec!["eu".into(), "us".into()]));
    assert_eq!(read(&[" iad,ord ,, cdg", "iad"]), Ok(vec!["iad".into(), "ord".into(), "cdg".into(), "iad".into()]));
    assert_eq!(read(&["EU,Iad"]), Ok(vec!["EU".into(), "Iad".into()]));
    assert_eq!(read(&["iad,a b"]), Err("a b".to_string()));
    assert_eq!(read(&["iad;ord"]), Err("iad;ord".to_string()));
    let meta = |name: &str| Region::new(name).expect(name).is_meta();
    assert!(["eu", "us", "EU", "Us"].into_iter().all(meta));
    assert!(!["iad", "eu2", "e", "eus"].into_iter().any(meta));
}

#[test]
fn sizes_of_machines() {
    let refusal = |cpus, memory| Guest::new(cpus, memory, None).map(Guest::cpus).map_err(|bad| bad.to_string());
    assert_eq!(refusal(0, 256), Err("guest.cpus: expected 1 to 8, got \"0\"".to_string()));
    assert_eq!(refusal(9, 256), Err("guest.cpus: expected 1 to 8, got \"9\"".to_string()));
    assert_eq!(refusal(u64::MAX, 256), Err(format!("guest.cpus: expected 1 to 8, got \"{}\"", u64::MAX)));
    assert_eq!(refusal(1, 255), Err("guest.memory_mb: expected 256 to 16384, got \"255\"".to_string()));
    assert_eq!(refusal(1, 16_385), Err("guest.memory_mb: expected 256 to 16384, got \"16385\"".to_string()));
    assert_eq!((refusal(1, 256), refusal(8, 16_384)), (Ok(1), Ok(8)));
    let written = json!({"cpus": 2, "memory_mb": 4096, "cpu_kind": "shared"});
    let guest: Guest = serde_json::from_value(written.clone()).expect("a size");
    assert_eq!((guest.cpus(), guest.memory_mb(), guest.cpu_kind()), (2, 4096, Some(CpuKind::Shared)));
    assert_eq!(serde_json::to_value(guest).expect("a size can be written"), written);
    for wrong in [
        json!({"cpus": 2}),
        json!({"cpus": 2, "memory_mb": 4096, "gpus": 1}),
        json!({"cpus": 2, "memory_mb": 4096, "cpu_kind": "vague"}),
        json!({"cpus": -1, "memory_mb": 4096}),
        json!({"cpus": 2, "memory_mb": 100}),
    ] {
        assert!(serde_json::from_value::<Guest>(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn times_saturate() {
    let end = Timestamp::from_millis(u64::MAX);
    assert_eq!(end.plus(1), end);
    assert_eq!(NOW.plus(5).since(NOW), 5);
    assert_eq!(NOW.since(NOW.plus(5)), 0);
    assert_eq!(Timestamp::default().as_millis(), 0);
    assert_eq!(serde_json::to_value(NOW).expect("a time can be written"), json!(1_790_000_000_000_u64));
    assert_eq!(serde_json::from_value::<Timestamp>(json!(u64::MAX)).expect("and read"), end);
    assert!(serde_json::from_value::<Timestamp>(json!(-1)).is_err());
    assert!(serde_json::from_value::<Timestamp>(json!("2026-09-21")).is_err());
    assert_eq!(NOW.to_string(), "2026-09-21T14:13:20.000Z");
    assert_eq!(end.to_string(), format!("{} ms", u64::MAX));
}

#[test]
fn words_of_fly_are_kept_even_when_unknown() {
    let long = "x".repeat(65);
    for word in ["launch_failed", "", "Started", long.as_str()] {
        let kept: String = word.chars().take(64).collect();
        assert_eq!(MachineState::from(word), MachineState::Other(kept.clone()));
        assert_eq!(VolumeState::from(word), VolumeState::Other(kept.clone()));
        assert_eq!(SnapshotStatus::from(word), SnapshotStatus::Other(kept.clone()));
        assert_eq!(HostStatus::from(word).as_str(), kept);
    }
    let going = ["destroying", "destroyed"];
    for (word, terminal) in [
        ("created", true),
        ("starting", false),
        ("started", false),
        ("stopping", false),
        ("stopped", true),
        ("suspending", false),
        ("suspended", true),
        ("replacing", false),
        ("updating", false),
        ("restarting", false),
        ("failed", true),
        ("destroying", false),
        ("destroyed", true),
        ("launch_failed", false),
    ] {
        let state = MachineState::from(word);
        assert_eq!((state.as_str(), state.is_terminal(), state.is_going()), (word, terminal, going.contains(&word)));
        assert_eq!(serde_json::to_value(&state).expect("a state can be written"), json!(word));
        assert_eq!(serde_json::from_value::<MachineState>(json!(word)).expect("and read"), state);
    }
    let dead = ["scheduling_destroy", "pending_destroy", "fork_cleanup", "destroying", "destroyed"];
    let alive = ["creating", "created", "restoring", "enabling_remote_export", "hydrating", "extending", "recovering"];
    for word in dead.into_iter().chain(alive).chain(["waiting_for_detach", "mislaid"]) {
        let state = VolumeState::from(word);
        assert_eq!((state.as_str(), state.is_dead()), (word, dead.contains(&word)));
    }
    for (word, finished) in [("created", true), ("complete", true), ("running", false), ("failed", false), ("", false)]
    {
        assert_eq!(SnapshotStatus::from(word).is_finished(), finished, "{word}");
    }
}

#[test]
fn statuses() {
    let words = "provisioned starting running stopping stopped restarting recovering restoring destroying";
    assert_eq!(Status::ALL.map(Status::as_str).join(" "), words);
    let settled: Vec<_> = Status::ALL.into_iter().filter(|status| status.is_settled()).collect();
    assert_eq!(settled, [Status::Provisioned, Status::Running, Status::Stopped]);
    for status in Status::ALL {
        assert_eq!(serde_json::to_value(status).expect("a status can be written"), json!(status.to_string()));
    }
}

#[test]
fn the_names_of_events_are_read_and_written() {
    for milestone in Milestone::ALL {
        let name = EventName::Life(*milestone);
        assert_eq!(name.to_string(), milestone.as_str());
        assert_eq!(serde_json::from_value::<EventName>(json!(milestone.as_str())).expect("a name"), name);
    }
    for action in Action::ALL {
        let word = format!("reconcile.{}", action.as_str());
        assert_eq!(serde_json::to_value(EventName::Reconcile(*action)).expect("a name"), json!(word));
        assert_eq!(EventName::try_from(word), Ok(EventName::Reconcile(*action)));
    }
    for wrong in ["instance.exploded", "reconcile.", "destroy_volume_ok", ""] {
        assert!(EventName::try_from(wrong.to_string()).is_err(), "{wrong}");
    }
}

#[test]
fn the_kinds_of_calls() {
    let mutating: Vec<_> = CallKind::ALL.iter().filter(|kind| kind.mutates()).map(|kind| kind.as_str()).collect();
    assert_eq!(
        mutating,
        [
            "create_machine",
            "update_machine",
            "start_machine",
            "stop_machine",
            "destroy_machine",
            "create_volume",
            "delete_volume"
        ]
    );
    for kind in CallKind::ALL {
        assert_eq!(serde_json::to_value(kind).expect("a kind can be written"), json!(kind.to_string()));
    }
}

#[test]
fn faults_are_classed_by_what_comes_next() {
    let kinds = [
        (FaultKind::Absent, false),
        (FaultKind::NoCapacity(Capacity::NoCapacity), false),
        (FaultKind::Conflict(None), false),
        (FaultKind::Busy, true),
        (FaultKind::MissingVolume, false),
        (FaultKind::RateLimited, true),
        (FaultKind::Unauthorized, true),
        (FaultKind::Refused, false),
        (FaultKind::Unknown, true),
    ];
    for (kind, transient) in kinds {
        let fault = Fault::new(kind.clone(), Some(412), "said");
        assert_eq!((fault.is_transient(), fault.is_absent()), (transient, kind == FaultKind::Absent), "{kind:?}");
        let room = (kind == FaultKind::NoCapacity(Capacity::NoCapacity)).then_some(Capacity::NoCapacity);
        assert_eq!(fault.capacity(), room);
        let written = serde_json::to_value(&fault).expect("a fault can be written");
        assert_eq!(serde_json::from_value::<Fault>(written).expect("and read"), fault);
    }
    let all = [
        (Capacity::InsufficientMemory, "insufficient_memory"),
        (Capacity::NoCapacity, "no_capacity"),
        (Capacity::QuotaExceeded, "quota_exceeded"),
        (Capacity::InsufficientResources, "insufficient_resources"),
    ];
    for (class, word) in all {
        assert_eq!((class.as_str(), serde_json::to_value(class).expect("a class")), (word, json!(word)));
    }
}

#[test]
fn faults_read_well_and_stay_short() {
    assert_eq!(Fault::new(FaultKind::Busy, Some(412), "").to_string(), "status 412");
    assert_eq!(Fault::new(FaultKind::Busy, Some(412), "leased").to_string(), "leased (status 412)");
    assert_eq!(Fault::new(FaultKind::Busy, None, "leased").to_string(), "leased");
    assert_eq!(Fault::lost(), Fault::new(FaultKind::Unknown, None, "no answer"));
    assert_eq!(Fault::new(FaultKind::Refused, None, "é".repeat(201)).message, "é".repeat(200));
    let nonsense = Fault::from(MachineId::new("..").expect_err("not an id"));
    assert_eq!((nonsense.kind.clone(), nonsense.status), (FaultKind::Unknown, None));
    assert!(nonsense.message.starts_with("machine id: expected"), "{nonsense}");
}
