//! A server that gives prepared answers, one per request, and remembers what it was asked.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What the servers call every request.
pub(crate) const REQUEST: &str = "01HTEST-fra";

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    /// Without a `content-length`.
    in_pieces: bool,
    /// Longer than any test has patience.
    never: bool,
}

impl Answer {
    pub(crate) fn text(status: u16, body: impl Into<String>) -> Self {
        let headers = vec![("fly-request-id", REQUEST.to_string())];
        Self { status, headers, body: body.into(), in_pieces: false, never: false }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, body.to_string())
    }

    pub(crate) fn in_pieces(self) -> Self {
        Self { in_pieces: true, ..self }
    }

    pub(crate) fn never() -> Self {
        Self { never: true, ..Self::text(200, "{}") }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }
}

/// A request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }
}

#[derive(Default)]
struct Inside {
    answers: VecDeque<Answer>,
    seen: Vec<Seen>,
}

pub(crate) struct Server {
    pub(crate) url: String,
    inside: Arc<Mutex<Inside>>,
    task: JoinHandle<()>,
}

fn open(inside: &Mutex<Inside>) -> MutexGuard<'_, Inside> {
    inside.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let inside = Arc::new(Mutex::new(Inside { answers: answers.into_iter().collect(), seen: Vec::new() }));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(serve).with_state(Arc::clone(&inside));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, inside, task }
    }

    /// What it was asked, in order; every answer has to have been asked for.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let inside = open(&self.inside);
        assert_eq!(inside.answers.len(), 0, "answers that nobody has asked for; seen: {:?}", inside.seen);
        inside.seen.clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }

    pub(crate) fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.into_iter().next().expect("one")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(State(inside): State<Arc<Mutex<Inside>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("a body");
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().expect("a header is text").to_string()));
    let seen = Seen {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        headers: headers.collect(),
        body: String::from_utf8(body.to_vec()).expect("a body is text"),
    };
    let answer = {
        let mut inside = open(&inside);
        inside.seen.push(seen);
        inside.answers.pop_front().unwrap_or_else(|| Answer::text(599, "nothing is prepared for this request"))
    };
    if answer.never {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let mut response = Response::builder().status(StatusCode::from_u16(answer.status).expect("a status"));
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let body = if answer.in_pieces {
        let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
            answer.body.into_bytes().chunks(1_000).map(|piece| Ok(piece.to_vec())).collect();
        Body::from_stream(futures::stream::iter(pieces))
    } else {
        Body::from(answer.body)
    };
    response.body(body).expect("a response")
}

/// A server that says these bytes, one of them per connection, and hangs up. Answers with its address and how often it was called.
pub(crate) async fn raw(answers: Vec<&'static str>) -> (String, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let calls = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&calls);
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut head = Vec::new();
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                let mut piece = [0; 1_024];
                let length = stream.read(&mut piece).await.expect("a request");
                assert!(length > 0, "the request broke off");
                head.extend_from_slice(&piece[..length]);
            }
            *counter.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            stream.write_all(answer.as_bytes()).await.expect("an answer");
            stream.shutdown().await.expect("an end");
        }
    });
    (url, calls)
}
