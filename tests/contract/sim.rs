//! The simulated Fly keeps all rules, at once and when everything takes its time; and what cannot be tried is said not to have been.

use crate::{START, all, fly, ground};
use async_trait::async_trait;
use futures::executor::block_on;
use kiloclaw_lifecycle::testkit::contract::provider::{CannotDo, Control, Report, Rule, Skipped, check, check_one};
use kiloclaw_lifecycle::testkit::{SimFly, World};
use std::collections::BTreeSet;

#[test]
fn the_simulated_fly_keeps_every_rule() {
    let fly = fly();
    let report = block_on(check(&fly, &fly, &ground()));
    assert_eq!(report, Report { held: all(), broken: vec![], skipped: vec![] }, "{report}");
}

#[test]
fn nothing_is_left_behind() {
    let fly = fly();
    for rule in Rule::ALL {
        let report = block_on(check_one(*rule, &fly, &fly, &ground()));
        assert_eq!(report.held, [*rule], "{report}");
        let machines: Vec<String> = fly.with(|world| world.live_machines().map(|(id, _)| id.clone()).collect());
        let volumes: Vec<String> = fly.with(|world| world.live_volumes().map(|(id, _)| id.clone()).collect());
        assert_eq!((machines, volumes), (vec![], vec![]), "after {rule}");
    }
}

#[test]
fn it_keeps_them_when_everything_takes_its_time() {
    let mut world = World::new(START);
    (world.boot_ms, world.stop_ms, world.destroy_ms) = (20_000, 10_000, 15_000);
    (world.unbind_ms, world.hydrate_ms, world.visible_ms) = (30_000, 40_000, 3_000);
    let fly = SimFly::new(world);
    let report = block_on(check(&fly, &fly, &ground()));
    assert_eq!(report, Report { held: all(), broken: vec![], skipped: vec![] }, "{report}");
}

/// A set-up as there is at a real provider: time passes, and that is all.
struct Hands(SimFly);

#[async_trait]
impl Control for Hands {
    async fn pause(&self, ms: u64) {
        self.0.pause(ms).await;
    }
}

#[test]
fn what_cannot_be_brought_about_is_skipped_and_said_to_be() {
    let fly = fly();
    let report = block_on(check(&fly, &Hands(fly.clone()), &ground()));
    let skipped: Vec<Rule> = report.skipped.iter().map(|skipped| skipped.rule).collect();
    let expected = [
        Rule::Snapshots,
        Rule::SnapshotTooLarge,
        Rule::StoppedByItself,
        Rule::HostDown,
        Rule::RegionFull,
        Rule::HostFull,
        Rule::LostAnswer,
        Rule::LostRequest,
        Rule::ServerError,
        Rule::EmptySuccess,
        Rule::NotGone,
        Rule::FailedList,
        Rule::Unauthorized,
        Rule::RateLimited,
        Rule::Refused,
        Rule::NotNow,
    ];
    assert_eq!(skipped, expected);
    assert!(report.broken.is_empty(), "{report}");
    assert_eq!(report.held.len() + expected.len(), Rule::ALL.len());
    let why = "this set-up cannot bring it about";
    assert_eq!(report.skipped.first(), Some(&Skipped { rule: Rule::Snapshots, why: why.to_string() }));
    let text = report.to_string();
    assert!(text.contains(&format!("skipped: not_now: {} {why}", Rule::NotNow.sentence())), "{text}");
    assert!(text.ends_with("23 held, 0 broken, 16 skipped"), "{text}");
}

#[test]
fn names_and_sentences_are_their_own() {
    let names: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    let sentences: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.sentence()).collect();
    assert_eq!((names.len(), sentences.len()), (Rule::ALL.len(), Rule::ALL.len()));
    for rule in Rule::ALL {
        assert_eq!(serde_json::to_value(rule).expect("JSON"), serde_json::json!(rule.as_str()));
        assert!(rule.sentence().ends_with('.'), "{rule}");
    }
    assert_eq!(CannotDo("why".to_string()).to_string(), "why");
}

#[test]
fn a_ground_of_which_no_names_can_be_made_breaks_every_rule_that_needs_one() {
    let fly = fly();
    let mut ground = ground();
    ground.prefix = "with blanks".to_string();
    let report = block_on(check_one(Rule::VolumeFound, &fly, &fly, &ground));
    let found = report.broken.first().expect("a broken rule").found.clone();
    assert!(found.contains("resource name") && found.contains("with blanks"), "{found}");
}
