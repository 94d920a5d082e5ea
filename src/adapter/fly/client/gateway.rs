//! How to ask what runs in a machine whether it is well.

use super::template::PrepareError;
use crate::id::{AppName, Identity, MachineId};
use crate::port::Shared;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::fmt;
use serde_json::Value;

/// One request, a GET. Its `Debug` does not show the values of headers.
#[derive(Clone, PartialEq, Eq)]
pub struct Question {
    /// Where to; `http` or `https`.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Question").field("url", &self.url).field("headers", &names).finish()
    }
}

/// What the health probe asks, and what it takes for a good answer. [`FlyDev`] is one.
#[async_trait]
pub trait Gateway: Shared {
    /// What to ask about a machine. Asked for once per probe, within its time.
    async fn question(&self, of: &Identity, machine: &MachineId) -> Result<Question, PrepareError>;

    /// Whether an answer, by HTTP status and body, says that all is well. Default: any 2xx.
    fn is_well(&self, status: u16, body: &str) -> bool {
        let _ = body;
        (200..300).contains(&status)
    }
}

/// Asks through Fly's proxy, at `https://{app}.fly.dev`, for this machine and no other.
///
/// Well is a 2xx that does not say otherwise: where its body is a JSON object with a `state`, that has to be `running`; with a `status`,
/// that has to be `ok`.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlyDev {
    /// The app of instances that name none.
    pub app: Option<AppName>,
    /// Begins with `/`. Default: `/_kilo/gateway/status`.
    pub path: String,
    /// Sent along, for example `Authorization`. Values are not shown in `Debug`.
    pub headers: Vec<(String, String)>,
}

impl FlyDev {
    /// The defaults, for instances of this app.
    pub fn new(app: Option<AppName>) -> Self {
        Self { app, path: "/_kilo/gateway/status".to_string(), headers: Vec::new() }
    }
}

impl fmt::Debug for FlyDev {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("FlyDev").field("app", &self.app).field("path", &self.path).field("headers", &names).finish()
    }
}

#[async_trait]
impl Gateway for FlyDev {
    async fn question(&self, of: &Identity, machine: &MachineId) -> Result<Question, PrepareError> {
        let missing = || PrepareError::Refused("neither the instance nor the host names an app".to_string());
        let app = of.app.as_ref().or(self.app.as_ref()).ok_or_else(missing)?;
        let mut headers = vec![("fly-force-instance-id".to_string(), machine.to_string())];
        headers.extend(self.headers.iter().cloned());
        Ok(Question { url: format!("https://{app}.fly.dev{}", self.path), headers })
    }

    fn is_well(&self, status: u16, body: &str) -> bool {
        let parsed = serde_json::from_str::<Value>(body).unwrap_or_default();
        let is = |name: &str, good: &str| parsed.get(name).is_none_or(|word| word.as_str() == Some(good));
        (200..300).contains(&status) && is("state", "running") && is("status", "ok")
    }
}
