//! The emulator on a socket.
//!
//! *Guarantees*: requests reach the emulator one after the other; each has an end; when the server is told to stop, nothing that is still
//! waited for keeps it longer than [`GRACE`].

use crate::line::{Line, Lines};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use kiloclaw_lifecycle::Timestamp;
use kiloclaw_lifecycle::testkit::emulator::{self, Answer, Asked, Emulator, Reply, Ticket};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

/// How long what is under way may take when the server is to stop.
const GRACE: Duration = Duration::from_secs(2);
/// Bytes of a request.
const LARGEST: usize = 1 << 20;
/// Bytes of a body that has no end, before the connection breaks after all.
const ENDLESS: usize = 256 << 20;

/// The clients' clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

struct Inside {
    emulator: Mutex<Emulator>,
    /// Told after everything that may have changed the world.
    changed: Notify,
    stopping: watch::Receiver<bool>,
}

impl Inside {
    fn open(&self) -> MutexGuard<'_, Emulator> {
        self.emulator.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves until `stopped` is over.
pub(crate) async fn serve(
    listener: TcpListener,
    emulator: Emulator,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stop, stopping) = watch::channel(false);
    let inside =
        Arc::new(Inside { emulator: Mutex::new(emulator), changed: Notify::new(), stopping: stopping.clone() });
    let app = Router::new().fallback(handle).with_state(inside).into_make_service_with_connect_info::<Line>();
    let told = async move {
        stopped.await;
        stop.send_replace(true);
    };
    let served = axum::serve(Lines(listener), app).with_graceful_shutdown(told);
    tokio::select! {
        done = async { served.await } => done,
        () = overdue(stopping) => Ok(()),
    }
}

async fn overdue(mut stopping: watch::Receiver<bool>) {
    told(&mut stopping).await;
    sleep(GRACE).await;
}

/// Over when the server is to stop, or is no more.
async fn told(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

async fn handle(
    State(inside): State<Arc<Inside>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return response(Answer {
            status: 413,
            headers: vec![("content-type".to_string(), "text/plain".to_string())],
            body: emulator::Body::Text("the body is too large, or broken".to_string()),
        });
    };
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(ToString::to_string);
    let asked = Asked {
        method: head.method.to_string(),
        target: head.uri.path_and_query().map_or_else(|| head.uri.path().to_string(), ToString::to_string),
        authorization: header("authorization"),
        instance: header("fly-force-instance-id"),
        body: body.to_vec(),
    };
    match answer(&inside, asked).await {
        Some(answer) => response(answer),
        None => {
            line.cut();
            Response::new(Body::empty())
        }
    }
}

/// A request that is put off; forgotten when the client goes.
struct PutOff<'a> {
    inside: &'a Inside,
    ticket: Ticket,
}

impl Drop for PutOff<'_> {
    fn drop(&mut self) {
        self.inside.open().give_up(self.ticket);
    }
}

/// `None` when the connection is to break.
async fn answer(inside: &Inside, asked: Asked) -> Option<Answer> {
    let mut stopping = inside.stopping.clone();
    let mut asked = Some(asked);
    let mut put_off: Option<PutOff<'_>> = None;
    loop {
        // What changes from here on wakes this up, also before it is waited for.
        let changed = inside.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        let before = put_off.as_ref().map(|put_off| put_off.ticket);
        let reply = match (asked.take(), before) {
            (Some(asked), _) => inside.open().ask(now(), asked),
            (None, Some(ticket)) => inside.open().go_on(now(), ticket),
            (None, None) => return None,
        };
        let (ticket, until) = match reply {
            Reply::Later(ticket, until) => (ticket, until),
            Reply::Answer(answer) => {
                inside.changed.notify_waiters();
                return Some(answer);
            }
            Reply::Break => {
                inside.changed.notify_waiters();
                return None;
            }
        };
        if before != Some(ticket) {
            put_off = Some(PutOff { inside, ticket });
            inside.changed.notify_waiters();
        }
        let wait = Duration::from_millis(until.since(now()).max(1));
        tokio::select! {
            () = sleep(wait) => {}
            () = changed => {}
            () = told(&mut stopping) => return None,
        }
    }
}

fn response(answer: Answer) -> Response<Body> {
    let body = match answer.body {
        emulator::Body::Text(text) => Body::from(text),
        emulator::Body::Endless(begin) => endless(begin),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers: HeaderMap = answer
        .headers
        .iter()
        .filter_map(|(name, value)| {
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
        })
        .collect();
    *response.headers_mut() = headers;
    response
}

fn endless(begin: String) -> Body {
    let filling = Bytes::from(vec![b'a'; 64 << 10]);
    let pieces = ENDLESS / filling.len();
    let rest = std::iter::repeat_n(filling, pieces).map(Ok);
    let end = std::iter::once(Err(io::Error::from(io::ErrorKind::ConnectionReset)));
    let all = std::iter::once(Ok(Bytes::from(begin))).chain(rest).chain(end);
    Body::from_stream(futures::stream::iter(all))
}
