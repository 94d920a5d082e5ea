//! Scenarios: a run written down as data. A policy, a stored record, a simulated Fly, a list of steps, and what must hold at the end.
//!
//! [`Scenario::parse`] reads a file strictly, [`run`] drives it through the real [`Driver`](crate::driver::Driver) against a
//! [`World`], and the [`Outcome`] says what happened and which expectations were not met.
//!
//! ```
//! use kiloclaw_lifecycle::testkit::scenario::{Scenario, run};
//!
//! let scenario = Scenario::parse(
//!     r#"{"scenario": 1, "name": "nothing to start", "start_ms": 0, "steps": [{"command": "start"}],
//!         "expect": {"status": null, "results": [{"step": 0, "ok": false, "code": "not_provisioned"}]}}"#,
//! )?;
//! assert!(run(&scenario).ok());
//! let error = Scenario::parse(r#"{"scenario": 1, "name": "?", "start_ms": 0, "steps": [{"advance": "5 minutes"}]}"#);
//! assert_eq!(error.err().map(|malformed| malformed.path), Some("$.steps[0].advance".to_string()));
//! # Ok::<(), kiloclaw_lifecycle::testkit::scenario::Malformed>(())
//! ```

mod command;
mod crash;
mod cursor;
mod engine;
mod evaluate;
mod expect;
mod fly;
mod journal;
mod json;
mod outcome;
mod project;
mod script;
mod steps;
mod times;

pub use crash::{Crashes, Decided, Place};
pub use engine::{Converged, converge, converge_with, run, run_traced, run_with};
pub use evaluate::Failure;
pub use journal::Moment;
pub use outcome::{CommandResult, Outcome};
pub use project::Projection;

use super::world::World;
use crate::id::{AppName, Identity, Invalid, SandboxId, UserId};
use crate::instance::Instance;
use crate::persist::flat;
use crate::policy::{Knobs, Policy};
use crate::time::Timestamp;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use cursor::{At, Members, When};
use script::Scripted;
use serde_json::{Map, Value};
use steps::Step;

/// A scenario file that is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: expected {expected}, got {got}")]
pub struct Malformed {
    /// Where, as a JSON path such as `$.steps[3].advance`.
    pub path: String,
    /// What would have been accepted.
    pub expected: String,
    /// What is there.
    pub got: String,
}

impl Malformed {
    fn new(path: impl Into<String>, expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self { path: path.into(), expected: expected.into(), got: got.into() }
    }
}

/// A scenario, ready to be run any number of times.
#[derive(Clone, Debug)]
pub struct Scenario {
    name: String,
    start: Timestamp,
    seed: u64,
    policy: Policy,
    /// Who is provisioned; `Err` when the file names somebody who cannot be.
    identity: Result<Identity, Invalid>,
    owner: Owner,
    /// Under which key the instance is stored.
    sandbox: SandboxId,
    record: Option<Instance>,
    world: World,
    script: Vec<Scripted>,
    steps: Vec<Step>,
    expect: Map<String, Value>,
}

const MEMBERS: [&str; 12] = [
    "scenario", "name", "rules", "start_ms", "seed", "policy", "identity", "record", "fly", "faults", "steps", "expect",
];

/// Whose machines and volumes the world holds where the file does not say.
#[derive(Clone, Debug)]
struct Owner {
    user: String,
    sandbox: String,
    app: String,
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// [`Malformed`], with the first place that is not as it should be.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let value = json::read(text)?;
        let members = At::root(&value).object(Some(&MEMBERS))?;
        let version = members.need("scenario", "1")?;
        if version.whole(1).ok() != Some(1) {
            return Err(version.wrong("1"));
        }
        let name = members.need("name", "text")?.string()?;
        members.read("rules", |rules| rules.each(At::string))?;
        let start = Timestamp::from_millis(members.need("start_ms", "a whole number from 0 on")?.whole(0)?);
        let seed = members.read("seed", |seed| seed.whole(0))?.unwrap_or(0);
        let policy = members.read("policy", policy)?.unwrap_or_default();
        let mut owner = members.read("identity", owner)?.unwrap_or_else(default_owner);
        let identity = identity(&owner);
        let record = members.read("record", |record| resolved(record, start))?;
        if let Some(record) = &record {
            owned_by(&mut owner, record);
        }
        let world = members.read("fly", |fly| fly::world(fly, &policy, &owner, start))?;
        let world = match world {
            Some(world) => world,
            None => fly::empty(&policy, start),
        };
        let script = members.read("faults", |faults| faults.each(script::fault))?.unwrap_or_default();
        let steps = members.need("steps", "a list of steps")?.each(steps::step)?;
        let expect = members.read("expect", expect::checked)?.unwrap_or_default();
        let record = match record {
            Some(record) => import(&record, seed, &policy, start)?,
            None => None,
        };
        let key = record.as_ref().map(|instance| Ok(instance.identity().sandbox.clone()));
        let sandbox = key.unwrap_or_else(|| match &identity {
            Ok(identity) => Ok(identity.sandbox.clone()),
            Err(_) => SandboxId::new(DEFAULT_SANDBOX),
        });
        let sandbox = sandbox.map_err(|invalid| Malformed::new("$.identity", invalid.expected, invalid.got))?;
        Ok(Self { name, start, seed, policy, identity, owner, sandbox, record, world, script, steps, expect })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The policy it runs under.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

const DEFAULT_SANDBOX: &str = "sandbox-1";

fn default_owner() -> Owner {
    Owner { user: "user-1".to_string(), sandbox: DEFAULT_SANDBOX.to_string(), app: "test-app".to_string() }
}

fn owner(at: &At<'_>) -> Result<Owner, Malformed> {
    let members = at.object(Some(&["user_id", "sandbox_id", "app"]))?;
    let default = default_owner();
    Ok(Owner {
        user: members.read("user_id", At::string)?.unwrap_or(default.user),
        sandbox: members.read("sandbox_id", At::string)?.unwrap_or(default.sandbox),
        app: members.read("app", At::string)?.unwrap_or(default.app),
    })
}

fn identity(owner: &Owner) -> Result<Identity, Invalid> {
    Ok(Identity {
        user: UserId::new(owner.user.as_str())?,
        sandbox: SandboxId::new(owner.sandbox.as_str())?,
        app: Some(AppName::new(owner.app.as_str())?),
    })
}

fn owned_by(owner: &mut Owner, record: &Map<String, Value>) {
    let known = |name: &str| record.get(name).and_then(Value::as_str).filter(|id| !id.is_empty());
    if let Some(user) = known("userId") {
        owner.user = user.to_string();
    }
    if let Some(sandbox) = known("sandboxId") {
        owner.sandbox = sandbox.to_string();
    }
}

/// Each knob is read by itself first, so that a mistake has a path.
fn policy(at: &At<'_>) -> Result<Policy, Malformed> {
    let members: Members<'_> = at.object(None)?;
    for (name, knob) in members.iter() {
        let alone = Value::Object(Map::from_iter([(name.to_string(), knob.value.clone())]));
        serde_json::from_value::<Knobs>(alone)
            .map_err(|error| knob.wrong(format!("a knob of the policy ({error})")))?;
    }
    let knobs = serde_json::from_value::<Knobs>(at.value.clone()).map_err(|error| at.wrong(error.to_string()))?;
    Policy::new(knobs).map_err(|invalid| {
        let path = format!("{}.{}", at.path, invalid.knob);
        let got = members.get(invalid.knob).map_or_else(|| "the default".to_string(), |knob| cursor::show(knob.value));
        Malformed::new(path, format!("a policy that works: {}", invalid.reason), got)
    })
}

/// The fields of the flat record that hold times this library reads.
const TIMES: [&str; 13] = [
    "provisionedAt",
    "startingAt",
    "restartingAt",
    "recoveryStartedAt",
    "lastStartedAt",
    "lastStoppedAt",
    "lastMetadataRecoveryAt",
    "lastDestroyErrorAt",
    "lastStartErrorAt",
    "lastRestartErrorAt",
    "lastRecoveryErrorAt",
    "restoreStartedAt",
    "recoveryPreviousVolumeCleanupAfter",
];

/// A flat record with its times filled in. What this library does not read stays as it is, unless it is relative to now.
fn resolved(at: &At<'_>, start: Timestamp) -> Result<Map<String, Value>, Malformed> {
    let mut record = Map::new();
    for (name, field) in at.object(None)?.iter() {
        let is_time = name.ends_with("At") || name.ends_with("CleanupAfter");
        let written = times::instant(field.value).filter(|_| TIMES.contains(&name));
        let relative = field.value.as_str().and_then(times::relative);
        let looks_relative = field.value.as_str().is_some_and(times::looks_relative);
        let value = match (relative.map(When::FromNow), written.map(When::At)) {
            (Some(when), _) | (None, Some(when)) => Value::from(when.from(start).as_millis()),
            (None, None) => {
                let readable = field.value.is_null() || times::instant(field.value).is_some();
                if looks_relative || (is_time && !readable) {
                    return Err(field.wrong(cursor::TIME));
                }
                field.value.clone()
            }
        };
        record.insert(name.to_string(), value);
    }
    Ok(record)
}

fn import(
    record: &Map<String, Value>,
    seed: u64,
    policy: &Policy,
    start: Timestamp,
) -> Result<Option<Instance>, Malformed> {
    flat::import(record, seed, policy, start)
        .map_err(|error| Malformed::new(format!("$.record.{}", error.field), error.expected, error.got))
}
