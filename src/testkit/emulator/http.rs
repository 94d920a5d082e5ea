//! What goes over the wire, without a wire.

use crate::time::Timestamp;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde_json::{Value, json};

/// A request as it arrived.
#[derive(Clone, PartialEq, Eq)]
pub struct Asked {
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path and query, as they were sent.
    pub target: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The `fly-force-instance-id` header.
    pub instance: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Who asks proves it with a token, and bodies hold the environment of machines: neither is shown.
impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("method", &self.method).field("target", &self.target).finish_non_exhaustive()
    }
}

impl Asked {
    /// A request without token and body.
    pub fn new(method: impl Into<String>, target: impl Into<String>) -> Self {
        let (method, target) = (method.into(), target.into());
        Self { method, target, authorization: None, instance: None, body: Vec::new() }
    }

    /// The same with a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        Self { body: body.to_string().into_bytes(), ..self }
    }

    /// The same under this `Authorization`.
    #[must_use]
    pub fn authorized(self, authorization: impl Into<String>) -> Self {
        Self { authorization: Some(authorization.into()), ..self }
    }

    pub(super) fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The query, decoded, in order.
    pub(super) fn query(&self) -> Vec<(String, String)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let pair = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(name), decoded(value))
        };
        query.split('&').filter(|part| !part.is_empty()).map(pair).collect()
    }

    /// The last value of this name in the query.
    pub(super) fn asks(&self, name: &str) -> Option<String> {
        self.query().into_iter().filter(|(known, _)| known == name).map(|(_, value)| value).next_back()
    }
}

/// Percent-encoding undone; what is no encoding stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digits = rest.clone().take(2).map(|digit| char::from(digit).to_digit(16)).collect::<Option<Vec<u32>>>();
        match (byte, digits.as_deref()) {
            (b'+', _) => bytes.push(b' '),
            (b'%', Some([high, low])) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest.next();
                rest.next();
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).to_string()
}

/// What an answer brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// This.
    Text(String),
    /// This, and then letters `a` without an end.
    Endless(String),
}

impl Body {
    /// What there is of it.
    pub fn begin(&self) -> &str {
        match self {
            Self::Text(text) | Self::Endless(text) => text,
        }
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

impl Answer {
    pub(super) fn text(status: u16, kind: &str, text: impl Into<String>) -> Self {
        let headers = Vec::from([("content-type".to_string(), kind.to_string())]);
        Self { status, headers, body: Body::Text(text.into()) }
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, JSON, body.to_string())
    }

    /// An error in the provider's shape.
    pub(super) fn error(status: u16, text: impl AsRef<str>) -> Self {
        Self::json(status, &json!({ "error": text.as_ref() }))
    }

    /// A body of whatever kind it looks like.
    pub(super) fn verbatim(status: u16, body: impl Into<String>) -> Self {
        let body = body.into();
        let kind = if serde_json::from_str::<Value>(&body).is_ok() {
            JSON
        } else if body.starts_with('<') {
            "text/html; charset=utf-8"
        } else {
            "text/plain; charset=utf-8"
        };
        Self::text(status, kind, body)
    }

    /// Nobody serves this address.
    pub(super) fn no_page() -> Self {
        Self::text(404, "text/plain; charset=utf-8", "404 page not found")
    }

    #[must_use]
    pub(super) fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.headers.push((name.to_string(), format!("{value}")));
        self
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `Null` where it is none.
    pub fn value(&self) -> Value {
        serde_json::from_str(self.body.begin()).unwrap_or_default()
    }
}

const JSON: &str = "application/json; charset=utf-8";

/// A request that is not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(super) u64);

/// What becomes of a request now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is answered.
    Answer(Answer),
    /// Not yet. To be asked for again after every other request, and at this time of the server's own clock at the latest.
    Later(Ticket, Timestamp),
    /// The connection breaks without an answer.
    Break,
}
