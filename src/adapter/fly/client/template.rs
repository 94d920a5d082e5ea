//! What a machine is made of besides what the core decides: image, environment, services, checks.
//!
//! The core decides the guest, the mounts and the labels of a machine; they are put in last and win. Everything else is the host's.

use crate::guest::Guest;
use crate::id::{Identity, Image, MachineId};
use crate::port::Shared;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use async_trait::async_trait;
use core::fmt;
use serde_json::{Map, Value};

/// The machine that settings are wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Draft<'a> {
    /// The machine that is given a new configuration; `None`: one is made.
    pub machine: Option<&'a MachineId>,
    /// The image the instance asks for; `None` leaves it to the host.
    pub image: Option<&'a Image>,
    /// Its size.
    pub guest: Guest,
}

/// Why what a call needs from the host could not be prepared: the settings of a machine, or the question of a probe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// Not now. The call is not made, and counts as one that may work later. The text is shown to people.
    #[error("{0}")]
    Unavailable(String),
    /// Never, as asked. The call is not made, and counts as refused. The text is shown to people.
    #[error("{0}")]
    Refused(String),
}

/// What the host adds to a machine. Its `Debug` shows names only.
#[derive(Clone, Default, PartialEq)]
pub struct MachineSettings {
    /// Fly's `config` object. `guest` and `mounts` in it are replaced; `metadata` is kept where the core's has no such key; without
    /// `image` the one of the [`Draft`] is used as it stands.
    pub config: Map<String, Value>,
    /// Fly refuses the machine while it knows only older secrets of the app.
    pub min_secrets_version: Option<u64>,
}

impl MachineSettings {
    /// What must not be heard back: every text below `env` and `files`, wherever these are.
    pub(super) fn secrets(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, value) in &self.config {
            collect(value, is_secret(name), &mut found);
        }
        found
    }
}

fn is_secret(name: &str) -> bool {
    ["env", "files"].contains(&name)
}

fn collect(value: &Value, secret: bool, found: &mut Vec<String>) {
    match value {
        Value::String(text) if secret => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, secret, found)),
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| collect(member, secret || is_secret(name), found));
        }
        Value::Number(number) if secret => found.push(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

impl fmt::Debug for MachineSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.config.keys().collect();
        f.debug_struct("MachineSettings")
            .field("config", &names)
            .field("min_secrets_version", &self.min_secrets_version)
            .finish()
    }
}

/// Where the settings of machines come from. [`StandardTemplate`](super::StandardTemplate) is one.
#[async_trait]
pub trait MachineTemplate: Shared {
    /// The settings of a machine of `of`. Asked for each time one is made or given a new configuration, within the call's time.
    async fn settings(&self, of: &Identity, draft: Draft<'_>) -> Result<MachineSettings, PrepareError>;
}
