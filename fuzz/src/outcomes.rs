//! Outcomes of calls: whatever a provider may say, in whatever situation.

use super::hostile;
use super::life::Life;
use super::raw::Raw;
use super::samples::{SAMPLES, instances};
use super::told::Told;
use kiloclaw_lifecycle::call::Done;
use kiloclaw_lifecycle::fault::Fault;
use kiloclaw_lifecycle::id::OpId;
use kiloclaw_lifecycle::{Command, Input};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;

/// What happens next.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Turn {
    /// Time passes, forwards.
    Wait(u64),
    /// The alarm rings on time.
    Ring,
    /// The host restarts.
    Resume,
    Command(Command),
    /// The call in flight ends; without one the alarm rings on time.
    Answer(Result<Done, Fault>),
    /// Some call ends, known or not.
    Stray {
        op: OpId,
        result: Result<Done, Fault>,
    },
}

/// A script as seeds are kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    /// The name of the sample it begins with.
    sample: String,
    turns: Vec<Turn>,
}

/// Longest life that is made up.
const MOST_TURNS: usize = 48;

/// Every outcome is taken or turned down, and leaves a record that can be kept and carried on.
pub fn outcomes(data: &[u8]) -> bool {
    if serde_json::from_slice::<IgnoredAny>(data).is_err() {
        let mut raw = Raw::new(data);
        let start = usize::from(raw.below(u8::MAX)) % SAMPLES.len();
        return play(start, |life| (!raw.is_empty()).then(|| made_up(&mut raw, life)));
    }
    let Ok(script) = serde_json::from_slice::<Script>(data) else { return false };
    let Some(start) = SAMPLES.iter().position(|(name, _)| *name == script.sample) else { return false };
    let mut turns = script.turns.into_iter();
    play(start, |_| turns.next())
}

fn play(start: usize, mut next: impl FnMut(&Life) -> Option<Turn>) -> bool {
    let (Some(instance), Some((sample, _))) = (instances().get(start), SAMPLES.get(start)) else { return false };
    let mut life = Life::of(instance.clone());
    let script = RefCell::new(Script { sample: (*sample).to_string(), turns: Vec::new() });
    let _told = Told(|| serde_json::to_string(&script).unwrap_or_default());
    for _ in 0..MOST_TURNS {
        let Some(turn) = next(&life) else { break };
        script.borrow_mut().turns.push(turn.clone());
        take(&mut life, turn);
    }
    life.end();
    !script.borrow().turns.is_empty()
}

fn take(life: &mut Life, turn: Turn) {
    let in_flight = life.instance.as_ref().and_then(|instance| instance.in_flight());
    match (turn, in_flight) {
        (Turn::Wait(ms), _) => life.now = life.now.plus(ms),
        (Turn::Answer(result), Some(op)) => drop(life.input(Input::Outcome { op, result })),
        (Turn::Ring, _) | (Turn::Answer(_), None) => drop(life.ring()),
        (Turn::Resume, _) => drop(life.input(Input::Resume)),
        (Turn::Command(command), _) => drop(life.input(Input::Command(command))),
        (Turn::Stray { op, result }, _) => drop(life.input(Input::Outcome { op, result })),
    }
}

fn made_up(raw: &mut Raw<'_>, life: &Life) -> Turn {
    let instance = life.instance.as_ref();
    let call = life.call.as_ref();
    // Read in any case, so that a change of the choice below does not shift the rest.
    let other = hostile::kind(raw);
    match raw.below(16) {
        0..=8 => match call {
            Some(call) => Turn::Answer(hostile::result(raw, call.kind(), Some(call), instance)),
            None => Turn::Ring,
        },
        9 => Turn::Answer(hostile::result(raw, other, call, instance)),
        10 => Turn::Stray {
            op: OpId { number: raw.number(), kind: other },
            result: hostile::result(raw, other, call, instance),
        },
        11 | 12 => Turn::Command(hostile::command(raw, instance)),
        13 => Turn::Wait(raw.number() % 1_000_000_000),
        14 => Turn::Resume,
        _ => Turn::Ring,
    }
}
