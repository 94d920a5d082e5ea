//! What the client of the Machines API can be told, and which values of it make sense.

use super::token::Token;
use crate::id::AppName;
use alloc::string::{String, ToString};
use core::time::Duration;
use reqwest::Url;
use reqwest::header::HeaderValue;

/// A configuration that would not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A value that makes no sense.
    #[error("{field}: {reason}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What is wrong with it. Never shows a secret.
        reason: String,
    },
    /// The HTTP client could not be made, for example because the system has no root certificates.
    #[error("the HTTP client could not be made: {0}")]
    Client(String),
}

impl ConfigError {
    pub(super) fn new(field: &'static str, reason: impl AsRef<str>) -> Self {
        Self::Invalid { field, reason: reason.as_ref().to_string() }
    }
}

/// So many requests, of one call about one machine or volume, or for one app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests per second in the long run, at least 1.
    pub per_second: u32,
    /// Requests at once after a pause, at least 1.
    pub burst: u32,
}

/// How often each call may be made. The defaults are the limits that Fly enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Looking at one machine: 5 per second, 10 at once.
    pub get_machine: Rate,
    /// Everything else: 1 per second, 3 at once.
    pub others: Rate,
}

impl Default for Limits {
    fn default() -> Self {
        Self { get_machine: Rate { per_second: 5, burst: 10 }, others: Rate { per_second: 1, burst: 3 } }
    }
}

/// What a [`FlyApi`](super::FlyApi) is made from. All times together have to fit into the policy's `call_deadline_ms`, after which a call
/// counts as dead.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FlyConfig {
    /// `http` or `https`, without user, query and fragment. Default: `https://api.machines.dev`.
    pub base_url: String,
    /// Opens the API.
    pub token: Token,
    /// The app of instances that name none. Default: none, and calls for such an instance are refused.
    pub app: Option<AppName>,
    /// Sent as `User-Agent`. Default: name and version of this library.
    pub user_agent: String,
    /// From the call to its end, repetitions included, for everything that only looks. Default: 30 s.
    pub read_timeout: Duration,
    /// From the call to its end for everything that changes something. Default: 60 s.
    pub mutation_timeout: Duration,
    /// How much longer a wait may take than it asks for. Default: 15 s.
    pub wait_margin: Duration,
    /// Until a connection stands. Default: 5 s.
    pub connect_timeout: Duration,
    /// Bytes of an answer, 1 KiB at least; longer ones count as unreadable. Default: 4 MiB.
    pub max_body: usize,
    /// How often calls are made; `None` leaves that to Fly's refusals. Default: [`Limits::default`].
    pub limits: Option<Limits>,
    /// How often a read that failed for the moment is repeated, at most 10 times. Default: 2.
    pub read_retries: u32,
    /// Where the data volume is mounted: the same as the policy's `mount_path`. Default: `/root`.
    pub mount_path: String,
    /// For how many days snapshots of new volumes are kept, 1 to 60. Default: none, which leaves it to Fly.
    pub snapshot_retention_days: Option<u8>,
}

impl FlyConfig {
    /// The defaults, with this token.
    pub fn new(token: Token) -> Self {
        Self {
            base_url: "https://api.machines.dev".to_string(),
            token,
            app: None,
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_string(),
            read_timeout: Duration::from_secs(30),
            mutation_timeout: Duration::from_secs(60),
            wait_margin: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(5),
            max_body: 4 << 20,
            limits: Some(Limits::default()),
            read_retries: 2,
            mount_path: "/root".to_string(),
            snapshot_retention_days: None,
        }
    }

    /// The base address, if everything else makes sense as well.
    pub(super) fn checked(&self) -> Result<Url, ConfigError> {
        HeaderValue::from_str(&self.user_agent)
            .map_err(|_| ConfigError::new("user_agent", "has characters that no header can carry"))?;
        bounded("read_timeout", self.read_timeout)?;
        bounded("mutation_timeout", self.mutation_timeout)?;
        bounded("wait_margin", self.wait_margin)?;
        bounded("connect_timeout", self.connect_timeout)?;
        holds(self.max_body >= 1_024, "max_body", "has to be 1024 at least")?;
        holds(self.read_retries <= 10, "read_retries", "has to be 10 at most")?;
        holds(self.mount_path.starts_with('/'), "mount_path", "has to begin with /")?;
        let days = self.snapshot_retention_days.is_none_or(|days| (1..=60).contains(&days));
        holds(days, "snapshot_retention_days", "has to be 1 to 60")?;
        for rate in self.limits.iter().flat_map(|limits| [limits.get_machine, limits.others]) {
            holds(rate.per_second > 0 && rate.burst > 0, "limits", "have to be 1 at least")?;
        }
        address("base_url", &self.base_url)
    }
}

pub(super) fn holds(right: bool, field: &'static str, reason: &str) -> Result<(), ConfigError> {
    if right { Ok(()) } else { Err(ConfigError::new(field, reason)) }
}

pub(super) fn bounded(field: &'static str, time: Duration) -> Result<(), ConfigError> {
    let fits = time >= Duration::from_millis(1) && time <= Duration::from_secs(3_600);
    holds(fits, field, "has to be 1 ms to 1 h")
}

/// The text is not repeated in errors: it may hold a password.
pub(super) fn address(field: &'static str, text: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(text).map_err(|error| ConfigError::new(field, error.to_string()))?;
    holds(["http", "https"].contains(&url.scheme()), field, "has to begin with http:// or https://")?;
    holds(url.username().is_empty() && url.password().is_none(), field, "must not name a user or a password")?;
    holds(url.query().is_none() && url.fragment().is_none(), field, "must not have a query or a fragment")?;
    Ok(url)
}
