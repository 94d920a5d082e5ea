//! Laws that hold in every run, whatever is asked, answered, lost or said twice, and whatever the clock does.
//!
//! A run is a script of actions against [`step`](kiloclaw_lifecycle::step), from nothing or from a flat record in any status. When a law
//! breaks, the shortest script that breaks it is shown, with every step that it led to. A plain run is the same each time;
//! `PROPTEST_CASES=10000` draws as many new ones.

mod forms;
mod laws;
mod ledger;
mod pinned;
mod record;
mod run;
mod script;
mod world;

use kiloclaw_lifecycle::event::{EventName, Milestone};
use kiloclaw_lifecycle::{Instance, Policy, Status, Timestamp};
use laws::Broken;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngSeed, TestRunner};
use record::{From, Rules};
use run::Run;
use script::{Action, Order, Wait};
use std::collections::BTreeSet;

const DAY_MS: u64 = 86_400_000;

fn begin(policy: Policy, from: &From) -> Result<Run, Broken> {
    match from {
        From::Record(record) => Run::imported(policy, record),
        From::Nothing { at } => {
            let mut run = Run::new(policy);
            run.now = Timestamp::from_millis(*at);
            // At the end of time nothing is later than anything.
            run.ledger.clock_was_wrong = *at > u64::MAX / 4;
            run.act(&Action::Command(Order::Provision { stranger: false, size_gb: None, regions: None }))?;
            Ok(run)
        }
    }
}

fn play(rules: Rules, from: &From, script: &[Action]) -> Result<Run, Broken> {
    let mut run = begin(rules.policy(), from)?;
    for action in script {
        run.act(action)?;
    }
    Ok(run)
}

/// However far a run has come: once nobody answers any more, every status ends.
fn ends(mut run: Run) -> Result<(), Broken> {
    let settled = |run: &Run| run.current.as_ref().is_none_or(|instance| instance.status().is_settled());
    let longest = run.policy.restoring_timeout_ms + run.policy.starting_timeout_ms;
    run.now = Timestamp::from_millis(record::BEGIN + 100 * DAY_MS);
    run.thorough = false;
    let began = run.now;
    run.act(&Action::Alarm)?;
    for _ in 0..2_000 {
        run.lose()?;
        if settled(&run) {
            return Ok(());
        }
        match run.current.as_ref().map(Instance::status) {
            // What cannot be removed is tried less and less often: the alarms in between do nothing.
            Some(Status::Destroying) => run.act(&Action::Wait(Wait::Ms(DAY_MS)))?,
            Some(_) if run.now.since(began) > 2 * longest => break,
            Some(_) | None => {}
        }
        run.ring()?;
    }
    Err(run.explain("every status has a way out: this one has none while nobody answers".to_string()))
}

/// The same few runs each time, or as many new ones as are asked for.
fn cases(few: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(few),
        rng_seed: asked.map_or(RngSeed::Fixed(1), |_| RngSeed::Random),
        failure_persistence: None,
        max_shrink_time: 30_000,
        ..ProptestConfig::default()
    }
}

fn verdict<T>(result: Result<T, Broken>) -> Result<(), TestCaseError> {
    result.map(|_| ()).map_err(|broken| TestCaseError::fail(broken.0))
}

/// Laws about what is never reached would hold as well: the scripts lead to everything that can happen to an instance, but for a
/// foreign machine on a retained volume in the very moment of its removal, which is too rare to wait for.
#[test]
fn the_scripts_reach_every_milestone() {
    let mut runner = TestRunner::new(cases(1));
    let from = prop_oneof![record::nothing(), record::record()];
    let rare = Milestone::RetainedVolumeCleanupRefused;
    let mut missed: BTreeSet<_> = Milestone::ALL.iter().copied().filter(|milestone| *milestone != rare).collect();
    for _ in 0..1_000 {
        let drawn = (record::rules(), &from, script::script(60)).new_tree(&mut runner).expect("a script").current();
        let (rules, from, script) = drawn;
        let mut run = begin(rules.policy(), &from).expect("a beginning");
        run.thorough = false;
        for action in &script {
            run.act(action).unwrap_or_else(|broken| panic!("{}", broken.0));
        }
        missed.retain(|milestone| !run.events.contains(&EventName::Life(*milestone)));
        if missed.is_empty() {
            return;
        }
    }
    panic!("never reached: {missed:?}");
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn from_nothing(rules in record::rules(), from in record::nothing(), script in script::script(60)) {
        verdict(play(rules, &from, &script))?;
    }

    #[test]
    fn from_any_record(rules in record::rules(), from in record::record(), script in script::script(60)) {
        verdict(play(rules, &from, &script))?;
    }

    #[test]
    fn every_status_has_a_way_out(
        rules in record::rules(),
        from in prop_oneof![record::nothing(), record::record()],
        script in script::script(30),
    ) {
        verdict(play(rules, &from, &script).and_then(ends))?;
    }
}
