//! I9: nothing that was handed to the adapter as secret appears in a record, an event, a call or an answer.

use super::{Held, Seen, demand};
use alloc::format;

pub(super) fn i9_secrets(secret: Option<&str>, seen: &Seen<'_>) -> Held {
    let Some(secret) = secret else { return Ok(()) };
    let shows = |text: &str| text.contains(secret);
    demand(!shows(&format!("{:?}", seen.next)), || "the record holds a secret".into())?;
    demand(!shows(&format!("{:?}", seen.effects)), || "an effect holds a secret".into())?;
    demand(!shows(&format!("{:?}", seen.verdict)), || "an answer holds a secret".into())?;
    demand(!shows(&format!("{:?}", seen.input)), || "an outcome holds a secret".into())
}
