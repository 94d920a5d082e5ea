//! The token that opens the API.
//!
//! *Decides* under which scheme it is sent. *Guarantees* that it is shown nowhere.

use super::config::ConfigError;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::fmt;
use reqwest::header::HeaderValue;

/// How macaroons begin; they have a scheme of their own.
const MACAROONS: [&str; 3] = ["fm2_", "fm1r_", "fm1a_"];

/// A token of Fly's API. Its `Debug` does not show it.
///
/// A text that names its scheme (`FlyV1 …`, `Bearer …`) is sent as it is; a macaroon (`fm2_…`) is sent as `FlyV1`, all else as `Bearer`.
#[derive(Clone)]
pub struct Token {
    header: HeaderValue,
    secrets: Vec<String>,
}

impl Token {
    /// Takes a token over; blanks around it are dropped.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for a text that is empty or that no header can carry.
    pub fn new(text: impl AsRef<str>) -> Result<Self, ConfigError> {
        let text = text.as_ref().trim();
        let (scheme, secret) = taken_apart(text);
        if secret.is_empty() {
            return Err(ConfigError::new("token", "is empty"));
        }
        let header = HeaderValue::from_str(&format!("{scheme} {secret}"));
        let mut header = header.map_err(|_| ConfigError::new("token", "has characters that no header can carry"))?;
        header.set_sensitive(true);
        let parts = secret.split(',').map(str::trim).map(ToString::to_string);
        Ok(Self { header, secrets: vec![secret.to_string()].into_iter().chain(parts).collect() })
    }

    /// What goes under `Authorization`.
    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// What must not be heard back.
    pub(super) fn secrets(&self) -> &[String] {
        &self.secrets
    }
}

/// Scheme and secret.
fn taken_apart(text: &str) -> (&'static str, &str) {
    for scheme in ["FlyV1", "Bearer"] {
        if let Some(secret) = text.strip_prefix(scheme).filter(|rest| rest.is_empty() || rest.starts_with(' ')) {
            return (scheme, secret.trim());
        }
    }
    let macaroon = MACAROONS.iter().any(|prefix| text.starts_with(prefix));
    (if macaroon { "FlyV1" } else { "Bearer" }, text)
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([redacted])")
    }
}
