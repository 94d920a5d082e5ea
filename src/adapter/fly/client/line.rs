//! The way to the API and back: one call, with all that may go wrong on the way.
//!
//! *Decides* when a call leaves, when it is given up, and whether it is made again.
//!
//! *Guarantees*: each call ends in time; a change is sent once; a redirect is not followed, so that the token goes nowhere else; what is
//! logged holds neither token nor bodies.
//!
//! *Knows nothing of* machines and volumes.

use super::body::{self, Broken};
use super::config::{ConfigError, FlyConfig};
use super::key::Key;
use super::limit::Limiter;
use super::pause::{Backoff, asked_for};
use super::read::Unreadable;
use super::reply::{Reply, fault};
use crate::call::CallKind;
use crate::fault::{Fault, FaultKind};
use crate::id::AppName;
use crate::time::Timestamp;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Request, Response, Url};
use serde_json::Value;
use std::time::SystemTime;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::Instrument;

/// One call.
pub(super) struct Ask<'a> {
    pub(super) kind: CallKind,
    pub(super) app: &'a AppName,
    /// The machine or volume it is about.
    pub(super) thing: Option<&'a str>,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<Value>,
    /// What of the body must not be heard back.
    pub(super) secrets: Vec<String>,
    /// It is over by then.
    pub(super) end: Instant,
}

pub(super) struct Line {
    client: Client,
    authorization: HeaderValue,
    secrets: Vec<String>,
    limiter: Limiter,
    backoff: Backoff,
    retries: u32,
    max_body: usize,
}

/// What came of one request.
enum Outcome {
    /// It was not made: its turn would have come too late.
    Held,
    /// There is no whole answer.
    Lost(Loss),
    Answered(Reply),
}

struct Loss {
    why: String,
    status: Option<u16>,
    request: Option<String>,
    /// Another attempt may go better.
    passing: bool,
}

/// A client that follows no redirects and repeats nothing by itself.
pub(super) fn client(user_agent: &str, connect_timeout: Duration) -> Result<Client, ConfigError> {
    Client::builder()
        .user_agent(user_agent)
        .connect_timeout(connect_timeout)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .build()
        .map_err(|error| ConfigError::Client(body::root(&error)))
}

impl Line {
    pub(super) fn new(config: &FlyConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            client: client(&config.user_agent, config.connect_timeout)?,
            authorization: config.token.header(),
            secrets: config.token.secrets().to_vec(),
            limiter: Limiter::new(config.limits),
            backoff: Backoff::new(),
            retries: config.read_retries,
            max_body: config.max_body,
        })
    }

    /// What a success brings; everything else is a fault.
    pub(super) async fn bring<T>(
        &self,
        ask: &Ask<'_>,
        how: impl FnOnce(&Value) -> Result<T, Unreadable>,
    ) -> Result<T, Fault> {
        let reply = self.ask(ask).await?;
        if reply.is_success() { reply.read(how) } else { Err(self.refused(ask, &reply)) }
    }

    /// What a refusal means.
    pub(super) fn refused(&self, ask: &Ask<'_>, reply: &Reply) -> Fault {
        let secrets: Vec<String> = self.secrets.iter().chain(&ask.secrets).cloned().collect();
        reply.fault(ask.kind, &secrets)
    }

    /// The answer, whatever it is; a fault if there is none.
    pub(super) async fn ask(&self, ask: &Ask<'_>) -> Result<Reply, Fault> {
        let span = tracing::debug_span!(
            target: "kiloclaw::fly",
            "fly",
            call = ask.kind.as_str(),
            method = ask.method.as_str(),
            app = ask.app.as_str(),
            thing = ask.thing,
        );
        self.ask_again(ask).instrument(span).await.settled()
    }

    async fn ask_again(&self, ask: &Ask<'_>) -> Outcome {
        let mut outcome = self.once(ask, 0).await;
        for attempt in 0..self.repetitions(ask.kind) {
            let Some(pause) = outcome.passing().map(|asked| asked.max(self.backoff.pause(attempt))) else { break };
            if Instant::now().checked_add(pause).is_none_or(|next| next >= ask.end) {
                break;
            }
            sleep(pause).await;
            match self.once(ask, attempt.saturating_add(1)).await {
                // Of the two, the answer tells more.
                Outcome::Held => break,
                next @ (Outcome::Lost(_) | Outcome::Answered(_)) => outcome = next,
            }
        }
        outcome
    }

    /// A wait is not repeated: whoever asked for it knows best how long to go on.
    fn repetitions(&self, kind: CallKind) -> u32 {
        if kind.mutates() || kind == CallKind::WaitMachine { 0 } else { self.retries }
    }

    async fn once(&self, ask: &Ask<'_>, attempt: u32) -> Outcome {
        let began = Instant::now();
        let key = Key::new(ask.kind, ask.app, ask.thing);
        let outcome = if self.limiter.admit(&key, ask.end).await {
            match timeout_at(ask.end, self.exchange(ask)).await {
                Ok(outcome) => outcome,
                Err(_) => Outcome::Lost(Loss::new("no answer in time")),
            }
        } else {
            Outcome::Held
        };
        if let Outcome::Answered(Reply { pause: Some(pause), .. }) = outcome {
            self.limiter.close(&key, pause);
        }
        report(ask, attempt, began, &outcome);
        outcome
    }

    async fn exchange(&self, ask: &Ask<'_>) -> Outcome {
        match self.client.execute(self.request(ask)).await {
            Ok(response) => self.receive(response).await,
            Err(error) => {
                let what = if error.is_connect() { "no connection" } else { "broken connection" };
                Outcome::Lost(Loss { passing: true, ..Loss::new(format!("{what}: {}", body::root(&error))) })
            }
        }
    }

    fn request(&self, ask: &Ask<'_>) -> Request {
        let mut request = Request::new(ask.method.clone(), ask.url.clone());
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(body) = &ask.body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(body.to_string().into());
        } else if ask.method == Method::POST {
            // Left to itself the client says nothing about it, which some proxies refuse.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        request
    }

    async fn receive(&self, response: Response) -> Outcome {
        let status = response.status().as_u16();
        let request = request_id(response.headers());
        let pause = pause(response.headers()).filter(|_| status >= 400);
        let (why, passing) = match body::read(response, self.max_body).await {
            Ok(body) => return Outcome::Answered(Reply { status, body, request, pause }),
            Err(Broken::TooLong) => (format!("an answer of more than {} bytes", self.max_body), false),
            Err(Broken::Off(why)) => (format!("the answer broke off: {why}"), true),
        };
        Outcome::Lost(Loss { why, status: Some(status), request, passing })
    }
}

impl Loss {
    fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), status: None, request: None, passing: false }
    }
}

impl Outcome {
    /// Whether the same read may go better in a while, and how long it was asked to stay away.
    fn passing(&self) -> Option<Duration> {
        match self {
            Self::Answered(reply) if reply.status == 429 || reply.status >= 500 => {
                Some(reply.pause.unwrap_or_default())
            }
            Self::Lost(loss) if loss.passing => Some(Duration::ZERO),
            Self::Held | Self::Lost(_) | Self::Answered(_) => None,
        }
    }

    fn settled(self) -> Result<Reply, Fault> {
        match self {
            Self::Answered(reply) => Ok(reply),
            Self::Lost(Loss { why, status, request, passing: _ }) => {
                Err(fault(FaultKind::Unknown, status, &why, request.as_deref()))
            }
            Self::Held => Err(Fault::new(FaultKind::RateLimited, None, "not asked: its turn would have come too late")),
        }
    }
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("fly-request-id")?.to_str().ok()?;
    let id: String = text.chars().filter(char::is_ascii_graphic).take(64).collect();
    (!id.is_empty()).then_some(id)
}

fn pause(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    asked_for(text, Timestamp::from_millis(u64::try_from(now.as_millis()).unwrap_or(u64::MAX)))
}

fn report(ask: &Ask<'_>, attempt: u32, began: Instant, outcome: &Outcome) {
    let (status, request, error) = match outcome {
        Outcome::Held => (None, None, Some("its turn would have come too late")),
        Outcome::Lost(loss) => (loss.status, loss.request.as_deref(), Some(loss.why.as_str())),
        Outcome::Answered(reply) => (Some(reply.status), reply.request.as_deref(), None),
    };
    tracing::debug!(
        target: "kiloclaw::fly",
        call = ask.kind.as_str(),
        method = ask.method.as_str(),
        app = ask.app.as_str(),
        thing = ask.thing,
        attempt,
        status,
        request_id = request,
        elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        error,
    );
}
