//! Keeps what the adapter adds to a machine out of what the provider's refusals are heard to say.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// `text` with every one of `secrets` blotted out, as it is and as JSON writes it. A refusal may repeat the configuration that it
/// refuses, and what is kept of it goes to logs and records; so an adapter does this before it classes an answer, because the
/// message of a fault is cut and half a secret is not found any more.
///
/// ```
/// use kiloclaw_lifecycle::adapter::fly::redact::redact;
///
/// assert_eq!(redact("invalid env TOKEN=s3cr3t", &["s3cr3t"]), "invalid env TOKEN=[redacted]");
/// ```
pub fn redact(text: &str, secrets: &[&str]) -> String {
    let mut written: Vec<String> = secrets.iter().filter(|secret| !secret.is_empty()).flat_map(spellings).collect();
    // A secret may be a part of another one.
    written.sort_by_key(|secret| core::cmp::Reverse(secret.len()));
    written.iter().fold(text.to_string(), |clean, secret| clean.replace(secret.as_str(), BLOT))
}

const BLOT: &str = "[redacted]";

fn spellings(secret: &&str) -> [String; 2] {
    let json = serde_json::Value::from(*secret).to_string();
    let inside = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&json);
    [(*secret).to_string(), inside.to_string()]
}
