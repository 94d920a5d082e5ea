//! What only a wire shows.

use crate::{new_machine, server};
use kiloclaw_lifecycle::testkit::emulator::{Emulator, Settings};
use reqwest::Method;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Nothing here takes longer, unless it never ends.
const LONG: Duration = Duration::from_secs(30);

struct Served {
    address: SocketAddr,
    client: reqwest::Client,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

async fn serve(settings: Settings) -> Served {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel();
    let emulator = Emulator::new(settings, server::now());
    let serving = tokio::spawn(server::serve(listener, emulator, async move {
        stopped.await.expect("a word");
    }));
    let client = reqwest::Client::builder().timeout(LONG).build().expect("a client");
    Served { address, client, stop, serving }
}

impl Served {
    async fn fast() -> Self {
        serve(Settings { time_scale: 100, rate_limit: false, ..Settings::default() }).await
    }

    fn ask(&self, method: Method, path: &str, body: &Value) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("http://{}{path}", self.address));
        if body.is_null() { request } else { request.body(body.to_string()) }
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        read(self.ask(Method::GET, path, &Value::Null).send().await.expect("an answer")).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        read(self.ask(Method::POST, path, body).send().await.expect("an answer")).await
    }

    /// A machine that boots, and its volume.
    async fn machine(&self) -> (String, String) {
        let volume = json!({ "name": "data", "region": "iad" });
        let (_, volume) = self.post("/v1/apps/app-1/volumes", &volume).await;
        let volume = crate::text(&volume["id"]);
        let (status, machine) = self.post("/v1/apps/app-1/machines", &new_machine("one-1", &volume)).await;
        assert_eq!(status, 200, "{machine}");
        (crate::text(&machine["id"]), volume)
    }

    async fn stop(self) {
        self.stop.send(()).expect("a server");
        let ended = timeout(LONG, self.serving).await.expect("an end");
        ended.expect("no panic").expect("no error");
    }
}

async fn read(answer: reqwest::Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let body = answer.text().await.expect("a body");
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

#[tokio::test]
async fn answers_have_their_headers_and_connections_are_kept() {
    let served = Served::fast().await;
    let mut line = TcpStream::connect(served.address).await.expect("a line");
    for path in ["/v1/apps/app-1/volumes", "/nowhere"] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: fly\r\n\r\n");
        line.write_all(request.as_bytes()).await.expect("sent");
        let mut head = String::new();
        let mut body = 0;
        while !head.ends_with("\r\n\r\n") {
            head.push(char::from(timeout(LONG, line.read_u8()).await.expect("in time").expect("a byte")));
        }
        for line in head.lines() {
            if let Some(length) = line.strip_prefix("content-length: ") {
                body = length.parse().expect("a length");
            }
        }
        let mut rest = vec![0; body];
        line.read_exact(&mut rest).await.expect("a body");
        assert!(head.contains("fly-request-id: 01"), "{head}");
        let (status, kind, text): (_, _, &[u8]) = match path {
            "/nowhere" => ("404 Not Found", "text/plain", b"404 page not found"),
            _ => ("200 OK", "application/json", b"[]"),
        };
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
        assert!(head.contains(&format!("content-type: {kind}")), "{head}");
        assert_eq!(rest, text);
    }
    drop(line);
    served.stop().await;
}

#[tokio::test]
async fn a_token_is_read_from_its_header() {
    let served = serve(Settings { token: Some("t0ken".to_string()), ..Settings::default() }).await;
    let list = || served.ask(Method::GET, "/v1/apps/app-1/volumes", &Value::Null);
    assert_eq!(read(list().send().await.expect("an answer")).await.0, 401);
    let shown = list().header("authorization", "Bearer t0ken").send().await.expect("an answer");
    assert_eq!(read(shown).await, (200, json!([])));
    served.stop().await;
}

#[tokio::test]
async fn a_wait_is_answered_while_others_are_served() {
    let served = Served::fast().await;
    let (id, _) = served.machine().await;
    let (status, body) = served.get(&format!("/v1/apps/app-1/machines/{id}/wait?state=started&timeout=60")).await;
    assert_eq!((status, &body["state"]), (200, &json!("started")));
    // The stop comes while the wait is under way, and ends it.
    let path = format!("/v1/apps/app-1/machines/{id}/wait?state=stopped&timeout=60");
    let (stop, word) = (format!("/_control/machines/{id}/stop"), json!({}));
    let (waited, stopped) = tokio::join!(served.get(&path), async {
        while served.get("/_control/calls").await.1["calls"]
            .as_array()
            .and_then(|c| c.last().cloned())
            .is_none_or(|last| last["path"] != json!(path))
        {
            tokio::task::yield_now().await;
        }
        served.post(&stop, &word).await
    });
    assert_eq!((waited.0, &waited.1["state"], stopped.0), (200, &json!("stopped"), 200));
    let (status, body) = served.get(&format!("/v1/apps/app-1/machines/{id}/wait?state=started&timeout=1")).await;
    let text = "deadline_exceeded: machine failed to reach desired state, started, currently stopped";
    assert_eq!((status, body), (408, json!({ "error": text })));
    served.stop().await;
}

#[tokio::test]
async fn a_lost_answer_is_no_answer_at_all() {
    let served = Served::fast().await;
    let strike = json!({ "strike": { "said": "nothing", "landing": "now" }, "times": 1 });
    assert_eq!(served.post("/_control/strike", &strike).await.0, 200);
    let mut line = TcpStream::connect(served.address).await.expect("a line");
    let body = json!({ "name": "data", "region": "iad" }).to_string();
    let request =
        format!("POST /v1/apps/app-1/volumes HTTP/1.1\r\nhost: fly\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    line.write_all(request.as_bytes()).await.expect("sent");
    let mut heard = Vec::new();
    // It may end, or be reset; nothing is heard in either case.
    let ended = timeout(LONG, line.read_to_end(&mut heard)).await.expect("an end");
    assert!(heard.is_empty(), "{ended:?}: {heard:?}");
    let (_, volumes) = served.get("/v1/apps/app-1/volumes").await;
    assert_eq!(volumes.as_array().map(Vec::len), Some(1));
    served.stop().await;
}

#[tokio::test]
async fn a_body_without_an_end_goes_on() {
    let served = Served::fast().await;
    assert_eq!(served.post("/_control/hostile", &json!({ "mode": "huge_bodies" })).await.0, 200);
    let mut answer = served.ask(Method::GET, "/v1/apps/app-1/volumes", &Value::Null).send().await.expect("an answer");
    let mut heard = Vec::new();
    while heard.len() < 8 << 20 {
        heard.extend_from_slice(&answer.chunk().await.expect("more").expect("more"));
    }
    assert!(heard.starts_with(b"[{\"id\":\"aaaa"));
    drop(answer);
    assert_eq!(served.post("/_control/hostile", &json!({ "mode": null })).await.0, 200);
    assert_eq!(served.get("/v1/apps/app-1/volumes").await, (200, json!([])));
    served.stop().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read() {
    let served = Served::fast().await;
    let body = json!({ "name": "a".repeat(2 << 20) });
    let (status, _) = served.post("/v1/apps/app-1/volumes", &body).await;
    assert_eq!(status, 413);
    served.stop().await;
}

#[tokio::test]
async fn it_stops_while_somebody_waits() {
    let served = serve(Settings { rate_limit: false, ..Settings::default() }).await;
    let (id, _) = served.machine().await;
    let (client, path) = (served.client.clone(), format!("/v1/apps/app-1/machines/{id}/wait?state=stopped&timeout=60"));
    let url = format!("http://{}{path}", served.address);
    let waiting = tokio::spawn(async move { client.get(url).send().await });
    loop {
        let (_, calls) = served.get("/_control/calls").await;
        if calls["calls"].as_array().and_then(|calls| calls.last()).is_some_and(|last| last["path"] == json!(path)) {
            break;
        }
        tokio::task::yield_now().await;
    }
    served.stop().await;
    let ended = timeout(LONG, waiting).await.expect("an end").expect("no panic");
    assert!(ended.is_err(), "{ended:?}");
}
