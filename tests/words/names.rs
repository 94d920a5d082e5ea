//! The names under which things are made, and which names are ours.

use crate::talk::Talk;
use kiloclaw_lifecycle::call::{Call, Done, VolumeFilter};
use kiloclaw_lifecycle::command::Command;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::id::VolumeId;
use kiloclaw_lifecycle::observe::VolumeState;
use kiloclaw_lifecycle::{Input, Knobs, Policy, Status};
use std::collections::BTreeSet;

#[test]
fn a_volume_has_a_name_of_its_own() {
    let longest = "S".repeat(64);
    let twin = format!("{}T", "S".repeat(63));
    let sandboxes = ["a", "A", "a-b", "a_b", "0", longest.as_str(), twin.as_str()];
    let mut names = BTreeSet::new();
    let mut prefixes = BTreeSet::new();
    for sandbox in sandboxes {
        let mut talk = Talk::start(sandbox, None, 1, Policy::default());
        let first = talk.volume();
        // Lost, looked for, not found: made again under the same intent.
        talk.answer(Err(Fault::lost()));
        talk.later();
        let asked = talk.call.clone().map(|operation| operation.call);
        assert_eq!(asked, Some(Call::ListVolumes(VolumeFilter::Named(first.name.clone()))));
        assert_eq!(talk.volume(), first, "the same intent has the same name");
        // Refused for good: the next start is another intent.
        talk.answer(Err(Fault::new(FaultKind::Refused, Some(422), "no")));
        assert_eq!(talk.instance.status(), Status::Stopped);
        talk.input(Input::Command(Command::Start { reason: None }));
        let second = talk.volume();
        for name in [&first.name, &second.name] {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(name.as_str().len() <= 30 && name.as_str().chars().all(plain), "{name}");
            assert!(name.as_str().starts_with("kiloclaw_"), "{name}");
            assert!(names.insert(name.to_string()), "{name} is used twice");
        }
        let prefix = first.name.as_str().rsplit_once('_').expect("a name with a number").0.to_string();
        assert!(second.name.as_str().starts_with(&prefix));
        assert!(prefixes.insert(prefix.clone()), "two sandboxes share {prefix}");
    }
}

#[test]
fn a_short_prefix_leaves_more_room_and_the_longest_fits() {
    for prefix in ["k", "kilo_claw2"] {
        let policy = Policy::new(Knobs { metadata_prefix: prefix.to_string(), ..Knobs::default() }).expect("a policy");
        let mut talk = Talk::start("sb-1", None, 1, policy);
        let name = talk.volume().name;
        assert!(name.as_str().starts_with(&format!("{prefix}_")) && name.as_str().len() <= 30, "{name}");
    }
}

#[test]
fn what_is_ours_by_name() {
    let filter = |sandbox: &str, app: Option<&str>| {
        let mut talk = Talk::start(sandbox, app, 1, Policy::default());
        talk.answer(Ok(Done::Machines(Vec::new())));
        match talk.call.clone().map(|operation| operation.call) {
            Some(Call::ListVolumes(filter)) => (filter, talk.volume().name),
            other => panic!("expected a look for volumes, got {other:?}"),
        }
    };
    let (ours, own) = filter("Sand-Box_1", None);
    assert!(ours.admits(own.as_str()));
    assert!(ours.admits("kiloclaw_sand_box_1"));
    assert!(!ours.admits("kiloclaw_sand_box_11"));
    assert!(!ours.admits("kiloclaw_sand_box_"));
    assert!(!ours.admits(""));
    let (theirs, _) = filter("sand-box-2", None);
    assert!(!theirs.admits(own.as_str()));
    // A name that just fits is whole.
    let fits = "abcdefghijklmnopqrstu";
    assert!(filter(fits, None).0.admits(&format!("kiloclaw_{fits}")));
    // A name that had to be cut tells sandboxes apart only in an app of their own.
    let cut = "kiloclaw_abcdefghijklmnopqrstuv";
    let long = "abcdefghijklmnopqrstuvwxyz-1";
    assert!(filter(long, Some("app-1")).0.admits(&cut[..30]));
    assert!(!filter(long, None).0.admits(&cut[..30]));
}

#[test]
fn a_machine_has_a_name_of_its_own() {
    let longest = "S".repeat(64);
    let twin = format!("{}T", "S".repeat(63));
    let fits = "s".repeat(50);
    let mut names = BTreeSet::new();
    for sandbox in ["a", "Sand_Box-1", fits.as_str(), longest.as_str(), twin.as_str()] {
        let mut talk = Talk::start(sandbox, None, 1, Policy::default());
        let volume = VolumeId::new("vol_1").expect("an id");
        talk.until_made();
        talk.answer(Ok(Done::VolumeCreated { volume, region: None, state: VolumeState::Created }));
        let Call::CreateMachine(new) = talk.until_made() else { panic!("expected a machine to be made") };
        let whole = sandbox.len() <= 50;
        let stem: String = sandbox.to_ascii_lowercase().chars().take(if whole { 50 } else { 40 }).collect();
        assert_eq!(new.name.as_str().strip_prefix(&stem).is_some_and(|rest| rest.matches('-').count() == 1), whole);
        assert!(new.name.as_str().starts_with(&stem) && new.name.as_str().len() <= 63, "{}", new.name);
        assert!(names.insert(new.name.to_string()), "{} is used twice", new.name);
        let labels: Vec<_> = new.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(labels, [("kiloclaw_sandbox_id", sandbox), ("kiloclaw_user_id", "user-1")]);
    }
}
