//! The JSON API.

use crate::events::EventLog;
use crate::failure::Failure;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use kiloclaw_lifecycle::command::{Command, CommandKind, Provision, Spec};
use kiloclaw_lifecycle::driver::DriverError;
use kiloclaw_lifecycle::host::{Host, HostError, Taken};
use kiloclaw_lifecycle::id::{AppName, Identity, SandboxId, UserId};
use kiloclaw_lifecycle::{Instance, Policy, Verdict};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Bytes of a body.
pub(crate) const LARGEST: usize = 64 << 10;
/// How long the end of a command is waited for.
const END: Duration = Duration::from_secs(20);
const MOST: u32 = 1_000;
const USUAL: u32 = 100;

#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) host: Host,
    pub(crate) policy: Policy,
    pub(crate) events: EventLog,
    pub(crate) metrics: PrometheusHandle,
}

pub(crate) fn router(desk: Desk) -> Router {
    Router::new()
        .route("/v1/instances", post(provision).get(list))
        .route("/v1/instances/{sandbox}", get(show))
        .route("/v1/instances/{sandbox}/admin", get(show_all))
        .route("/v1/instances/{sandbox}/{command}", post(command))
        .route("/v1/events", get(events))
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .fallback(async || Failure::NoAddress)
        .method_not_allowed_fallback(async || Failure::NoMethod)
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(desk)
}

/// What axum cannot take out of a request is refused by the handler, in the form of all refusals.
type Body = Result<Bytes, BytesRejection>;
type At<T> = Result<Path<T>, PathRejection>;
/// Can be taken out of every query string. As a list, for a name may come twice.
type Given = Query<Vec<(String, String)>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registration {
    user: UserId,
    sandbox: SandboxId,
    app: Option<AppName>,
    seed: Option<u64>,
    #[serde(default)]
    spec: Spec,
}

async fn provision(State(desk): State<Desk>, body: Body) -> Result<Response, Failure> {
    let Registration { user, sandbox, app, seed, spec } = read(json_of(&body?)?)?;
    let identity = Identity { user, sandbox: sandbox.clone(), app };
    // Drawn once: it decides the jitter and the order of the regions.
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()) ^ nanos());
    let taken = desk.host.command(&sandbox, Command::Provision(Box::new(Provision { identity, seed, spec }))).await?;
    answer(&desk, &sandbox, taken, StatusCode::CREATED).await
}

fn nanos() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos() & u128::from(u64::MAX)).unwrap_or_default()
}

async fn command(State(desk): State<Desk>, address: At<(String, String)>, body: Body) -> Result<Response, Failure> {
    let (Path((sandbox, word)), body) = (address?, body?);
    let sandbox = named(sandbox)?;
    let known = CommandKind::ALL.into_iter().filter(|kind| *kind != CommandKind::Provision);
    let kind = known.into_iter().find(|kind| kind.as_str().replace('_', "-") == word);
    let kind = kind.ok_or_else(|| Failure::bad("command", format!("there is no command {word}")))?;
    let arguments = if body.is_empty() { Map::new() } else { json_of(&body)? };
    let command: Command = match kind {
        CommandKind::RetryLookup | CommandKind::AcceptDataLoss | CommandKind::Refresh => {
            if let Some(field) = arguments.keys().next() {
                return Err(Failure::bad(field, "the command takes no arguments"));
            }
            read(Value::from(kind.as_str()))?
        }
        CommandKind::Provision
        | CommandKind::Start
        | CommandKind::Stop
        | CommandKind::Restart
        | CommandKind::Destroy
        | CommandKind::CleanupRetainedVolume
        | CommandKind::ReassociateVolume
        | CommandKind::Resize
        | CommandKind::RestoreSnapshot => read(json!({ kind.as_str(): arguments }))?,
    };
    let taken = desk.host.command(&sandbox, command).await?;
    answer(&desk, &sandbox, taken, StatusCode::OK).await
}

/// What became of a command; the end of one that answers with its end is waited for, for a while.
async fn answer(desk: &Desk, sandbox: &SandboxId, taken: Taken, applied: StatusCode) -> Result<Response, Failure> {
    let (status, outcome, end) = match taken.verdict.clone() {
        Verdict::Denied(rejection) => return Err(rejection.into()),
        Verdict::Ignored(_) => (StatusCode::OK, "nothing_to_do", Value::Null),
        Verdict::Applied => (applied, "applied", Value::Null),
        Verdict::Pending(_) => match tokio::time::timeout(END, taken.end()).await {
            Ok(Some(end)) => (StatusCode::OK, "ended", json!(end?)),
            Ok(None) | Err(_) => (StatusCode::ACCEPTED, "pending", Value::Null),
        },
    };
    let now = desk.host.instance(sandbox).await?.map(|instance| instance.status());
    Ok((status, Json(json!({ "outcome": outcome, "end": end, "status": now }))).into_response())
}

async fn list(State(desk): State<Desk>, Query(given): Given) -> Result<Response, Failure> {
    let [after, limit] = arguments(&given, ["after", "limit"])?;
    let after = after.map(SandboxId::new).transpose().map_err(|error| Failure::bad("after", error))?;
    let mut shown = Vec::new();
    for sandbox in desk.host.instances(after.as_ref(), limited(limit)?).await? {
        match desk.host.instance(&sandbox).await {
            Ok(Some(instance)) => shown.push(json!({ "sandbox": sandbox, "status": instance.status() })),
            Ok(None) => {}
            // It must not hide the others.
            Err(HostError::Driver(DriverError::Record(error))) => {
                shown.push(json!({ "sandbox": sandbox, "status": null, "unreadable": error.to_string() }));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Json(json!({ "instances": shown })).into_response())
}

async fn found(desk: &Desk, address: At<String>) -> Result<Box<Instance>, Failure> {
    let Path(sandbox) = address?;
    desk.host.instance(&named(sandbox)?).await?.ok_or(Failure::Unknown)
}

async fn show(State(desk): State<Desk>, address: At<String>) -> Result<Response, Failure> {
    Ok(Json(found(&desk, address).await?.user_view()).into_response())
}

async fn show_all(State(desk): State<Desk>, address: At<String>) -> Result<Response, Failure> {
    let instance = found(&desk, address).await?;
    let explanation = instance.explain(&desk.policy);
    let said = explanation.to_string();
    Ok(Json(json!({ "view": instance.admin_view(), "explanation": explanation, "said": said })).into_response())
}

async fn events(State(desk): State<Desk>, Query(given): Given) -> Result<Response, Failure> {
    let [after, limit] = arguments(&given, ["after", "limit"])?;
    let after = i64::from(number("after", after)?.unwrap_or(0));
    let limit = limited(limit)?;
    let logged = desk.events.after(after, limit).await.map_err(Failure::Broken)?;
    let next = logged.last().map_or(after, |last| last.number);
    let events: Vec<Value> =
        logged.into_iter().map(|logged| json!({ "number": logged.number, "event": logged.event })).collect();
    Ok(Json(json!({ "events": events, "next": next })).into_response())
}

async fn health(State(desk): State<Desk>) -> Result<Response, Failure> {
    desk.host.instances(None, 1).await?;
    Ok(Json(json!({ "status": "ok", "at_work": desk.host.at_work() })).into_response())
}

async fn metrics(State(desk): State<Desk>) -> String {
    desk.metrics.render()
}

fn named(sandbox: String) -> Result<SandboxId, Failure> {
    SandboxId::new(sandbox).map_err(|error| Failure::bad("sandbox", error))
}

fn json_of(body: &[u8]) -> Result<Map<String, Value>, Failure> {
    let value: Value = serde_json::from_slice(body).map_err(|error| Failure::bad("body", error))?;
    // For serde a list will do as well.
    let listed = ["spec", "guest", "spec.guest"].into_iter().find(|path| {
        let there = path.split('.').try_fold(&value, |inside, name| inside.get(name));
        there.is_some_and(Value::is_array)
    });
    if let Some(path) = listed {
        return Err(Failure::bad(path, "expected a JSON object"));
    }
    let Value::Object(members) = value else { return Err(Failure::bad("body", "expected a JSON object")) };
    Ok(members)
}

/// The arguments of an address, none but these, each once.
fn arguments<'a, const N: usize>(
    given: &'a [(String, String)],
    known: [&str; N],
) -> Result<[Option<&'a str>; N], Failure> {
    for (place, (name, _)) in given.iter().enumerate() {
        if !known.contains(&name.as_str()) {
            return Err(Failure::bad(name, "there is no such argument"));
        }
        if given.iter().skip(place + 1).any(|(other, _)| other == name) {
            return Err(Failure::bad(name, "given more than once"));
        }
    }
    Ok(known.map(|wanted| given.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())))
}

fn number(name: &str, text: Option<&str>) -> Result<Option<u32>, Failure> {
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|_| Failure::bad(name, format!("expected 0 to {}, got {}", u32::MAX, text.unwrap_or_default())))
}

fn limited(text: Option<&str>) -> Result<u32, Failure> {
    Ok(number("limit", text)?.unwrap_or(USUAL).min(MOST))
}

/// Says which field is wrong; of one that is missing, its name is in what is said.
fn read<T: DeserializeOwned>(value: impl Into<Value>) -> Result<T, Failure> {
    serde_path_to_error::deserialize(value.into()).map_err(|error| {
        let (path, said) = (error.path().to_string(), error.into_inner().to_string());
        let missing = said.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')).map(|(name, _)| name);
        let parts = path.split('.').chain(missing).filter(|part| !part.is_empty() && !is_command(part));
        Failure::bad(&parts.collect::<Vec<_>>().join("."), said)
    })
}

/// The command itself is in the address, and not in the body.
fn is_command(part: &str) -> bool {
    CommandKind::ALL.iter().any(|kind| kind.as_str() == part)
}
