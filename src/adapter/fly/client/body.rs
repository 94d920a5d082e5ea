//! Bodies, read up to a bound.

use alloc::string::{String, ToString};
use core::error::Error;
use reqwest::Response;

/// Why there is no body.
pub(super) enum Broken {
    /// It is longer than anything that makes sense.
    TooLong,
    /// The connection broke off.
    Off(String),
}

/// The whole body as text; what is no UTF-8 is replaced.
pub(super) async fn read(mut response: Response, most: usize) -> Result<String, Broken> {
    let announced = response.content_length().unwrap_or_default();
    if usize::try_from(announced).map_or(true, |length| length > most) {
        return Err(Broken::TooLong);
    }
    let mut body = alloc::vec::Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Broken::Off(root(&error)))? {
        if body.len().saturating_add(chunk.len()) > most {
            return Err(Broken::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// What is at the bottom of an error: the layers above it say no more, and one of them names the address.
pub(super) fn root(error: &reqwest::Error) -> String {
    let Some(mut at) = error.source() else { return "the HTTP client failed".to_string() };
    while let Some(below) = at.source() {
        at = below;
    }
    at.to_string()
}
