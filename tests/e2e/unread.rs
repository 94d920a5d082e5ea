//! Requests that never reach a handler, or hardly: what becomes of them is said in the same form as everything else.

use crate::stage::{Server, Stage};
use reqwest::{Method, header};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Status, headers, and the body, which is JSON and says that it is.
async fn sent(request: reqwest::RequestBuilder) -> (u16, header::HeaderMap, Value) {
    let answer = request.timeout(std::time::Duration::from_secs(30)).send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await.unwrap();
    assert_eq!(
        headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes()),
        Some(&b"application/json"[..]),
        "{text}"
    );
    (status, headers, serde_json::from_str(&text).unwrap())
}

fn to(host: &Server, method: Method, path: &str) -> reqwest::RequestBuilder {
    reqwest::Client::new().request(method, format!("{}{path}", host.url))
}

fn error(code: &str, field: &str, message: &str) -> Value {
    json!({ "error": { "code": code, "field": field, "message": message } })
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_as_json() {
    let stage = Stage::new(&[]).await;
    let host = stage.host().await;

    let (large, most) = ("x".repeat((64 << 10) + 1), "x".repeat(64 << 10));
    let too_large = error("too_large", "body", "a body has 65536 bytes at most");
    for path in ["/v1/instances", "/v1/instances/s-0/start"] {
        let (status, _, body) = sent(to(&host, Method::POST, path).body(large.clone())).await;
        assert_eq!((status, body), (413, too_large.clone()));
        let (status, _, body) = sent(to(&host, Method::POST, path).body(most.clone())).await;
        assert_eq!((status, body), (400, error("bad_request", "body", "expected value at line 1 column 1")));
    }

    for (method, path, field) in [
        (Method::GET, "/v1/instances/%FF", "sandbox"),
        (Method::GET, "/v1/instances/a%80/admin", "sandbox"),
        (Method::POST, "/v1/instances/%C3%28/start", "sandbox"),
        (Method::POST, "/v1/instances/s-0/st%FFart", "command"),
    ] {
        let (status, _, body) = sent(to(&host, method, path)).await;
        assert_eq!((status, body), (400, error("bad_request", field, "not UTF-8")), "{path}");
    }

    for (path, field, message) in [
        ("/v1/events?after=1&after=2", "after", "given more than once"),
        ("/v1/events?limit=1&after=2&limit=1", "limit", "given more than once"),
        ("/v1/events?after=%FF", "after", "expected 0 to 4294967295, got \u{fffd}"),
        ("/v1/events?after", "after", "expected 0 to 4294967295, got "),
        ("/v1/events?&&=&after=1", "", "there is no such argument"),
        ("/v1/instances?after=s-0&%FF=1", "\u{fffd}", "there is no such argument"),
    ] {
        let (status, _, body) = sent(to(&host, Method::GET, path)).await;
        assert_eq!((status, body), (400, error("bad_request", field, message)), "{path}");
    }
}

#[tokio::test]
async fn addresses_and_methods_that_there_are_not_are_refused_as_json() {
    let stage = Stage::new(&[]).await;
    let host = stage.host().await;

    let nothing = json!({ "error": { "code": "not_found", "message": "There is nothing at this address." } });
    for path in ["/", "/v1", "/v1/instances/", "/v1/instances/s-0/", "/v1/instances/a/b/c", "/v2/events", "/%FF"] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let (status, _, body) = sent(to(&host, method, path)).await;
            assert_eq!((status, body), (404, nothing.clone()), "{path}");
        }
    }

    let wrong =
        json!({ "error": { "code": "method_not_allowed", "message": "This address does not take this method." } });
    for (method, path, allowed) in [
        (Method::DELETE, "/v1/instances", "POST,GET,HEAD"),
        (Method::PUT, "/v1/instances/s-0", "GET,HEAD"),
        (Method::POST, "/v1/instances/s-0/admin", "GET,HEAD"),
        (Method::GET, "/v1/instances/s-0/start", "POST"),
        (Method::POST, "/v1/events", "GET,HEAD"),
        (Method::PATCH, "/healthz", "GET,HEAD"),
        (Method::OPTIONS, "/metrics", "GET,HEAD"),
    ] {
        let (status, headers, body) = sent(to(&host, method, path)).await;
        assert_eq!((status, body), (405, wrong.clone()), "{path}");
        assert_eq!(headers.get(header::ALLOW).map(|value| value.as_bytes()), Some(allowed.as_bytes()), "{path}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused_as_json() {
    let stage = Stage::new(&[]).await;
    let host = stage.host().await;
    let mut line = TcpStream::connect(host.url.strip_prefix("http://").unwrap()).await.unwrap();
    line.write_all(b"POST /v1/instances HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nno length\r\n")
        .await
        .unwrap();
    line.shutdown().await.unwrap();
    let mut answer = String::new();
    let read = line.read_to_string(&mut answer);
    tokio::time::timeout(std::time::Duration::from_secs(30), read).await.expect("it is answered in time").unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"), "{head}");
    let said = "Failed to buffer the request body: error reading a body from connection";
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), error("bad_request", "body", said));
}

/// What a body is, is said by where it goes: `curl -d` calls everything a form.
#[tokio::test]
async fn no_content_type_is_asked_for() {
    let stage = Stage::new(&[]).await;
    let host = stage.host().await;
    let kinds =
        [None, Some("application/x-www-form-urlencoded"), Some("text/plain; charset=x"), Some("application/json")];
    for (number, kind) in kinds.into_iter().enumerate() {
        let body = json!({ "user": "user-1", "sandbox": format!("s-{number}") }).to_string();
        let mut request = to(&host, Method::POST, "/v1/instances").body(body);
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let (status, _, body) = sent(request).await;
        assert_eq!((status, body), (201, json!({ "outcome": "applied", "end": null, "status": "provisioned" })));
    }
}
