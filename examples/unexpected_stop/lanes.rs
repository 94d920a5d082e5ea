//! The picture of a run: one lane for the status, for each machine and for each volume, over time.

use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::testkit::scenario::{Moment, Outcome};
use serde_json::{Value, json};

/// From when until when something was there, in milliseconds from the beginning of the run.
pub(crate) struct Lane {
    id: String,
    pub(crate) name: String,
    pub(crate) from: u64,
    pub(crate) until: Option<u64>,
    /// What it was in the end.
    pub(crate) end: String,
}

pub(crate) struct Lanes {
    pub(crate) length: u64,
    pub(crate) status: Vec<(u64, String)>,
    pub(crate) things: Vec<Lane>,
}

impl Lanes {
    pub(crate) fn of(outcome: &Outcome) -> Self {
        let start = outcome.moments().first().map_or(0, at);
        let since = |moment: &Moment| at(moment).saturating_sub(start);
        let mut lanes = Self { length: 1, status: vec![(0, "running".to_string())], things: Vec::new() };
        for kind in ["machines", "volumes"] {
            for thing in outcome.json()["fly"][kind].as_array().into_iter().flatten() {
                let word = |key: &str| thing[key].as_str().unwrap_or("?").to_string();
                let (id, name) =
                    (word("id"), format!("{} {} {}", kind.trim_end_matches('s'), word("id"), word("region")));
                let from = outcome.moments().iter().find(|moment| mentions(moment, &id)).map_or(0, since);
                lanes.things.push(Lane { id, name, from, until: None, end: word("state") });
            }
        }
        for moment in outcome.moments() {
            lanes.length = lanes.length.max(since(moment));
            lanes.add(moment, since(moment));
        }
        lanes
    }

    fn add(&mut self, moment: &Moment, at: u64) {
        match moment {
            Moment::Event(event) => {
                let last = self.status.last().map(|(_, status)| status.clone());
                let status = event.status.map(|status| status.to_string());
                if let Some(status) = status.filter(|status| last.as_ref() != Some(status)) {
                    self.status.push((at, status));
                }
            }
            Moment::Call(call) => {
                let named = |key: &str| call.args.get(key).and_then(Value::as_str).unwrap_or_default().to_string();
                if call.call == CallKind::DestroyMachine {
                    self.goes(&named("machine"), at);
                }
                if call.call == CallKind::DeleteVolume && call.status == Some(200) {
                    self.goes(&named("volume"), at);
                }
            }
        }
    }

    fn goes(&mut self, id: &str, at: u64) {
        if let Some(lane) = self.things.iter_mut().find(|lane| lane.id == id) {
            lane.until = lane.until.or(Some(at));
        }
    }

    pub(crate) fn json(&self) -> Value {
        let status: Vec<Value> =
            self.status.iter().map(|(at, status)| json!({"at_ms": at, "status": status})).collect();
        let things = self.things.iter();
        let things: Vec<Value> = things
            .map(|lane| json!({"name": lane.name, "from_ms": lane.from, "until_ms": lane.until, "state": lane.end}))
            .collect();
        json!({ "length_ms": self.length, "status": status, "things": things })
    }
}

/// A thing is there from the first time that anybody speaks of it.
fn mentions(moment: &Moment, id: &str) -> bool {
    match moment {
        Moment::Event(event) => event.machine.as_ref().is_some_and(|machine| machine.as_str() == id),
        Moment::Call(call) => call
            .args
            .values()
            .any(|value| value == id || value.as_array().is_some_and(|items| items.iter().any(|item| item == id))),
    }
}

fn at(moment: &Moment) -> u64 {
    match moment {
        Moment::Event(event) => event.at.as_millis(),
        Moment::Call(call) => call.at.as_millis(),
    }
}
