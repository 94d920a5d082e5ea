//! The health probe: asks over HTTP until the answer is good or the time is up.
//!
//! *Guarantees*: whatever goes wrong while asking is "not yet"; each request has an end; redirects are not followed; of a body only so much
//! is read.

use super::api::{in_a_while, not_asked};
use super::body;
use super::config::{ConfigError, bounded, holds};
use super::gateway::{Gateway, Question};
use super::line::client;
use crate::fault::{Fault, FaultKind};
use crate::id::{Identity, MachineId};
use crate::port::HealthProbe;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use async_trait::async_trait;
use core::time::Duration;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Request, Url};
use tokio::time::{Instant, sleep_until, timeout_at};

/// Not even a policy can make the probe ask more often.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(50);

/// What a [`GatewayProbe`] is made from besides its [`Gateway`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProbeConfig {
    /// Sent as `User-Agent`. Default: name and version of this library.
    pub user_agent: String,
    /// How long one request may take, to the end of its body. Default: 5 s.
    pub request_timeout: Duration,
    /// Until a connection stands. Default: 3 s.
    pub connect_timeout: Duration,
    /// Bytes of an answer, 1 at least; a longer one is not a good one. Default: 64 KiB.
    pub max_body: usize,
}

impl Default for ProbeConfig {
    fn default() -> Self {
        Self {
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_string(),
            request_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(3),
            max_body: 64 << 10,
        }
    }
}

/// A [`HealthProbe`] that asks what runs in the machine over HTTP. Clones share connections. Runs on tokio.
#[derive(Debug)]
pub struct GatewayProbe<G> {
    client: Client,
    gateway: Arc<G>,
    config: ProbeConfig,
}

impl<G> Clone for GatewayProbe<G> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), gateway: Arc::clone(&self.gateway), config: self.config.clone() }
    }
}

impl<G: Gateway> GatewayProbe<G> {
    /// A probe. Makes no request yet.
    ///
    /// # Errors
    /// [`ConfigError`] for a configuration that would not work.
    pub fn new(gateway: G, config: ProbeConfig) -> Result<Self, ConfigError> {
        HeaderValue::from_str(&config.user_agent)
            .map_err(|_| ConfigError::new("user_agent", "has characters that no header can carry"))?;
        bounded("request_timeout", config.request_timeout)?;
        bounded("connect_timeout", config.connect_timeout)?;
        holds(config.max_body >= 1, "max_body", "has to be 1 at least")?;
        let client = client(&config.user_agent, config.connect_timeout)?;
        Ok(Self { client, gateway: Arc::new(gateway), config })
    }

    async fn question(&self, of: &Identity, machine: &MachineId, end: Instant) -> Result<Question, Fault> {
        match timeout_at(end, self.gateway.question(of, machine)).await {
            Ok(question) => question.map_err(|error| not_asked(&error)),
            Err(_) => Err(Fault::new(FaultKind::Busy, None, "not asked: the host's question did not come in time")),
        }
    }

    async fn ask(&self, url: &Url, headers: &HeaderMap, machine: &MachineId, end: Instant) -> bool {
        let end = end.min(in_a_while(self.config.request_timeout));
        let mut request = Request::new(Method::GET, url.clone());
        *request.headers_mut() = headers.clone();
        let answer = timeout_at(end, self.exchange(request)).await.unwrap_or(None);
        let well = answer.as_ref().is_some_and(|(status, body)| self.gateway.is_well(*status, body));
        let status = answer.map(|(status, _)| status);
        tracing::debug!(target: "kiloclaw::fly", call = "probe_health", thing = machine.as_str(), status, well);
        well
    }

    async fn exchange(&self, request: Request) -> Option<(u16, String)> {
        let response = self.client.execute(request).await.ok()?;
        let status = response.status().as_u16();
        Some((status, body::read(response, self.config.max_body).await.ok()?))
    }
}

/// The host's mistakes are told apart from a gateway that is not up yet: they will not go away.
fn prepared(question: &Question) -> Result<(Url, HeaderMap), Fault> {
    let refused = |what| Fault::new(FaultKind::Refused, None, what);
    let url = Url::parse(&question.url).map_err(|_| refused("not asked: the gateway has an impossible address"))?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(refused("not asked: the gateway's address does not begin with http:// or https://"));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &question.headers {
        let name = HeaderName::try_from(name.as_str());
        let (Ok(name), Ok(mut value)) = (name, HeaderValue::from_str(value)) else {
            return Err(refused("not asked: the gateway wants an impossible header"));
        };
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok((url, headers))
}

#[async_trait]
impl<G: Gateway> HealthProbe for GatewayProbe<G> {
    async fn probe(&self, of: &Identity, machine: &MachineId, timeout_s: u32, interval_ms: u64) -> Result<bool, Fault> {
        let end = in_a_while(Duration::from_secs(timeout_s.into()));
        let (url, headers) = prepared(&self.question(of, machine, end).await?)?;
        let interval = Duration::from_millis(interval_ms).max(SHORTEST_INTERVAL);
        loop {
            let next = Instant::now().checked_add(interval).filter(|next| *next < end);
            if self.ask(&url, &headers, machine, end).await {
                return Ok(true);
            }
            match next {
                Some(next) => sleep_until(next).await,
                None => return Ok(false),
            }
        }
    }
}
