//! I7 and I9: machines that remember what is not in their record, or tell what nobody may know.

use crate::machine::{Asked, Wrong, rewritten, with_next};
use crate::played::{Play, SECRET, Scene};
use crate::wrongs;
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::command::Command;
use kiloclaw_lifecycle::step::Effect;
use kiloclaw_lifecycle::testkit::rig::{Core, Decided, Real};
use kiloclaw_lifecycle::{Input, Instance, Policy, Timestamp};
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};

/// It numbers what it does with a counter that is not in the record.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Core for Counting {
    fn step(&self, record: Option<&Instance>, policy: &Policy, now: Timestamp, input: Input) -> Decided {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        let decided = Real.step(record, policy, now, input);
        let next = decided.next.map(|next| Box::new(rewritten(&next, |next| next["recoveries"] = json!(number))));
        Decided { next, ..decided }
    }
}

/// What went wrong is told with everything that the machine was configured with.
fn tells_the_secret(asked: Asked<'_>) -> Decided {
    let (failed, now) = (matches!(asked.input, Input::Outcome { result: Err(_), .. }), asked.now);
    let decided = asked.really();
    if !failed {
        return decided;
    }
    let message = format!("refused with TOKEN={SECRET}");
    with_next(decided, |next| next["errors"]["start"] = json!({ "message": message, "at": now }))
}

/// So do the events.
fn tells_the_world_the_secret(asked: Asked<'_>) -> Decided {
    let mut decided = asked.really();
    for effect in &mut decided.effects {
        if let Effect::EmitEvent(event) = effect {
            event.details.insert("env".to_string(), format!("TOKEN={SECRET}").into());
        }
    }
    decided
}

wrongs! {
    a_counter_outside_of_the_record: Determinism by Play {
        machine: Counting::default(),
        scenes: Vec::new(),
        acts: 2,
        seen: "the same arguments bring another step",
    };
    a_secret_in_an_event: Secrets by Play {
        machine: Wrong(tells_the_world_the_secret),
        scenes: vec![Scene::Ask(Command::Start { reason: None }), Scene::Pass(61_000)],
        acts: 2,
        seen: "an effect holds a secret",
    };
    a_secret_in_an_error: Secrets by Play {
        machine: Wrong(tells_the_secret),
        scenes: vec![
            Scene::Ask(Command::Start { reason: None }),
            Scene::Refuse(CallKind::CreateMachine, 422),
            Scene::Pass(61_000),
        ],
        acts: 11,
        seen: "the record holds a secret",
    };
}
