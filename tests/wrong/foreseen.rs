//! A search that goes through good weather once for each point on the way finds out what one finds out that goes through it every time.

use crate::machine::{Asked, Wrong};
use crate::searched::a_loss;
use kiloclaw_lifecycle::Input;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::testkit::model::{Budget, Foreseen, State, Story};
use kiloclaw_lifecycle::testkit::rig::{Core, Decided, Real};
use std::collections::{BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// An answer that never came is taken for a refusal.
fn takes_a_loss_for_a_refusal(mut asked: Asked<'_>) -> Decided {
    if let Input::Outcome { result: Err(fault), .. } = &mut asked.input
        && fault.kind == FaultKind::Unknown
    {
        *fault = Fault::new(FaultKind::Refused, Some(422), "refused");
    }
    asked.really()
}

/// How many states come to a good end, and how many do not, when each is judged by itself and by all that is known from those before.
fn judged<C: Core + Clone>(core: C, story: &Story, budget: Budget) -> (usize, usize) {
    let foreseen = Foreseen::default();
    let mut known = BTreeSet::new();
    let mut next = VecDeque::from([State::begin(core, story, budget)]);
    let (mut good, mut bad) = (0, 0);
    while let Some(state) = next.pop_front() {
        if state.violation().is_none() && state.rests() {
            let alone = state.judge();
            assert_eq!(state.judge_with(&foreseen), alone);
            assert_eq!(state.judge_with(&foreseen), alone, "asked again");
            if alone.is_none() { good += 1 } else { bad += 1 }
        }
        let after = state.moves(story).into_iter().filter_map(|step| state.take(story, &step));
        next.extend(after.filter(|after| known.insert(fingerprint(after))));
    }
    (good, bad)
}

fn fingerprint<C: Core + Clone>(state: &State<C>) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn good_ends_of_the_real_machine() {
    let (good, bad) = judged(Real, &Story::recovery(), Budget::of(2, 1));
    assert!(good > 10 && bad == 0, "{good} good, {bad} bad");
}

#[test]
fn bad_ends_of_a_wrong_machine_among_good_ones() {
    let (good, bad) = judged(Wrong(takes_a_loss_for_a_refusal), &Story::recovery(), a_loss(2));
    assert!(good > 1 && bad > 1, "{good} good, {bad} bad");
}
