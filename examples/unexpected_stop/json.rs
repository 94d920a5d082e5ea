//! A run as lines of JSON.

use crate::lanes::Lanes;
use kiloclaw_lifecycle::testkit::scenario::{Moment, Outcome, Scenario};
use serde_json::{Value, json};
use std::io::{self, Write};

pub(crate) fn show(scenario: &Scenario, outcome: &Outcome) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let mut line = |kind: &str, value: Value| {
        let mut value = value;
        value["kind"] = Value::from(kind);
        writeln!(out, "{value}")
    };
    line("scenario", json!({ "name": scenario.name() }))?;
    for moment in outcome.moments() {
        match moment {
            Moment::Event(event) => line("event", json!(event))?,
            Moment::Call(call) => {
                line("call", json!({"at": call.at, "call": call.call, "args": call.args, "status": call.status}))?;
            }
        }
    }
    line("timeline", Lanes::of(outcome).json())?;
    if let Some(instance) = outcome.instance() {
        line("explanation", json!({ "text": instance.explain(scenario.policy()).to_string() }))?;
        line("user_view", json!({ "view": instance.user_view() }))?;
        line("admin_view", json!({ "view": instance.admin_view() }))?;
    }
    line("end", json!({ "ok": outcome.ok(), "commits": outcome.json()["commits"] }))
}
