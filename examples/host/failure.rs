//! Answers that are not what was asked for.

use crate::api::LARGEST;
use axum::Json;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use kiloclaw_lifecycle::command::{Code, Rejection};
use kiloclaw_lifecycle::host::HostError;
use serde_json::json;

pub(crate) enum Failure {
    /// There is no such instance.
    Unknown,
    /// The request makes no sense: which field, and what is wrong with it.
    Bad { field: String, message: String },
    /// A body of more than [`LARGEST`] bytes.
    TooLarge,
    /// There is nothing at such an address.
    NoAddress,
    /// There is, but it does not take the method.
    NoMethod,
    /// Turned down by the instance.
    Rejected(Rejection),
    /// Not taken on.
    Host(HostError),
    /// Something of the host's own does not work.
    Broken(String),
}

impl Failure {
    pub(crate) fn bad(field: &str, message: impl ToString) -> Self {
        Self::Bad { field: field.to_string(), message: message.to_string() }
    }
}

impl From<BytesRejection> for Failure {
    fn from(rejection: BytesRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::TooLarge;
        }
        Self::bad("body", rejection.body_text())
    }
}

impl From<PathRejection> for Failure {
    fn from(rejection: PathRejection) -> Self {
        if let PathRejection::FailedToDeserializePathParams(failed) = &rejection
            && let ErrorKind::InvalidUtf8InPathParam { key } = failed.kind()
        {
            return Self::bad(key, "not UTF-8");
        }
        Self::Broken(rejection.body_text())
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        if rejection.code == Code::NotProvisioned { Self::Unknown } else { Self::Rejected(rejection) }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::Unknown => {
                (StatusCode::NOT_FOUND, json!({ "code": "not_provisioned", "message": "There is no such instance." }))
            }
            Self::Bad { field, message } => {
                (StatusCode::BAD_REQUEST, json!({ "code": "bad_request", "field": field, "message": message }))
            }
            Self::TooLarge => {
                let message = format!("a body has {LARGEST} bytes at most");
                (StatusCode::PAYLOAD_TOO_LARGE, json!({ "code": "too_large", "field": "body", "message": message }))
            }
            Self::NoAddress => {
                (StatusCode::NOT_FOUND, json!({ "code": "not_found", "message": "There is nothing at this address." }))
            }
            Self::NoMethod => {
                let message = "This address does not take this method.";
                (StatusCode::METHOD_NOT_ALLOWED, json!({ "code": "method_not_allowed", "message": message }))
            }
            Self::Rejected(rejection) => (
                StatusCode::CONFLICT,
                json!({ "code": rejection.code, "status": rejection.status, "message": rejection.message }),
            ),
            Self::Host(error @ (HostError::Overloaded | HostError::ShuttingDown | HostError::Interrupted)) => {
                let body = json!({ "error": { "code": "try_again", "message": error.to_string() } });
                return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], Json(body)).into_response();
            }
            Self::Host(error @ HostError::Driver(_)) => {
                tracing::error!(target: "kiloclaw::host", error = %error, "a request failed");
                (StatusCode::INTERNAL_SERVER_ERROR, json!({ "code": "failed", "message": error.to_string() }))
            }
            Self::Broken(message) => {
                tracing::error!(target: "kiloclaw::host", error = message, "a request failed");
                (StatusCode::INTERNAL_SERVER_ERROR, json!({ "code": "failed", "message": message }))
            }
        };
        (status, Json(json!({ "error": error }))).into_response()
    }
}
