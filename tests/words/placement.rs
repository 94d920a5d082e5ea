//! In which order regions are asked (G1, G2), seen through the calls of a start whose every region is full.

use crate::talk::Talk;
use kiloclaw_lifecycle::call::{Call, Content, Done};
use kiloclaw_lifecycle::id::{Region, VolumeId};
use kiloclaw_lifecycle::observe::VolumeState;
use kiloclaw_lifecycle::{Knobs, Policy, Status};
use std::collections::BTreeSet;

fn policy(regions: &[&str]) -> Policy {
    let regions = regions.iter().map(ToString::to_string).collect();
    Policy::new(Knobs { regions, ..Knobs::default() }).expect("a policy that works")
}

/// The regions that are asked when each is full.
fn asked(sandbox: &str, seed: u64, regions: &[&str]) -> Vec<String> {
    let mut talk = Talk::start(sandbox, None, seed, policy(regions));
    let mut asked = Vec::new();
    while talk.call.is_some() {
        let new = talk.volume();
        assert_eq!(new.content, Content::Empty { size_gb: 10 });
        asked.push(new.region.to_string());
        talk.full();
    }
    assert_eq!(talk.evicted, asked, "every refusal is a hint");
    assert_eq!(talk.instance.status(), Status::Stopped);
    asked
}

#[test]
fn a_meta_list_keeps_its_order() {
    for seed in 0..20 {
        assert_eq!(asked("sb-1", seed, &["eu", "us"]), ["eu", "us"]);
        assert_eq!(asked("sb-1", seed, &["us,EU"]), ["us", "EU"]);
        assert_eq!(asked("sb-1", seed, &["us", "eu", "us"]), ["us", "eu"]);
    }
}

#[test]
fn a_list_with_a_specific_region_is_shuffled_by_the_seed() {
    let regions = ["iad", "ord,cdg", "eu"];
    let all: BTreeSet<String> = ["iad", "ord", "cdg", "eu"].into_iter().map(ToString::to_string).collect();
    let mut orders = BTreeSet::new();
    for seed in 0..200 {
        let order = asked("sb-1", seed, &regions);
        assert_eq!(order.iter().cloned().collect::<BTreeSet<_>>(), all, "each is asked");
        assert_eq!(order.len(), 4, "and none twice");
        assert_eq!(order, asked("sb-2", seed, &regions), "another sandbox of the same seed asks in the same order");
        orders.insert(order);
    }
    assert!(orders.len() > 18, "nearly every order comes up, not {}", orders.len());
}

#[test]
fn duplicates_are_weights() {
    let first = (0..400).filter(|seed| asked("sb-1", *seed, &["iad", "iad", "iad", "ord"])[0] == "iad").count();
    assert!((260..=340).contains(&first), "three of four entries are iad, and it comes first in {first} of 400");
}

/// The regions asked for a machine's volume after its host in `failed` was full.
fn asked_after(failed: &str, seed: u64, regions: &[&str]) -> Vec<String> {
    let mut talk = Talk::start("sb-1", None, seed, policy(regions));
    talk.until_made();
    let (volume, region) = (VolumeId::new("vol_1").expect("an id"), Region::new(failed).ok());
    talk.answer(Ok(Done::VolumeCreated { volume, region, state: VolumeState::Created }));
    let Call::CreateMachine(new) = talk.until_made() else { panic!("expected a machine to be made") };
    assert_eq!(new.region.as_ref().map(Region::as_str), Some(failed), "a machine goes where its volume is");
    talk.full();
    let mut asked = Vec::new();
    while talk.call.is_some() && talk.instance.status() == Status::Starting {
        asked.push(talk.volume().region.to_string());
        talk.full();
    }
    asked
}

#[test]
fn a_region_that_just_failed_is_out_of_the_way() {
    for seed in 0..20 {
        assert_eq!(asked_after("iad", seed, &["iad", "ord"]), ["ord", "iad"], "last of two");
        assert_eq!(asked_after("iad", seed, &["iad", "ord", "iad"]), ["ord", "iad"], "two distinct are two");
        assert_eq!(asked_after("iad", seed, &["iad"]), ["iad"], "the only one stays");
        assert_eq!(asked_after("ord", seed, &["eu", "us"]), ["eu", "us"], "not in the list");
        let left: BTreeSet<_> = asked_after("iad", seed, &["iad", "ord", "cdg"]).into_iter().collect();
        assert_eq!(left, ["ord", "cdg"].into_iter().map(ToString::to_string).collect(), "removed from three");
    }
}
