//! Every known refusal of the API, one row each, and what a caller hears of it.

use crate::bench::{api, call, client, config, fault};
use crate::server::Answer;
use kiloclaw_lifecycle::call::CallKind::{
    self, CreateMachine, CreateVolume, DeleteVolume, DestroyMachine, GetMachine, GetVolume, ListMachines,
    ListSnapshots, ListVolumes, StartMachine, StopMachine, UpdateMachine, WaitMachine,
};
use kiloclaw_lifecycle::fault::Capacity::{InsufficientMemory, InsufficientResources, NoCapacity, QuotaExceeded};
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use serde_json::json;

const MEMORY: FaultKind = FaultKind::NoCapacity(InsufficientMemory);
const RESOURCES: FaultKind = FaultKind::NoCapacity(InsufficientResources);
const ROOM: FaultKind = FaultKind::NoCapacity(NoCapacity);
const QUOTA: FaultKind = FaultKind::NoCapacity(QuotaExceeded);
const ABSENT: FaultKind = FaultKind::Absent;
const BUSY: FaultKind = FaultKind::Busy;
const LIMITED: FaultKind = FaultKind::RateLimited;
const REFUSED: FaultKind = FaultKind::Refused;
const UNAUTHORIZED: FaultKind = FaultKind::Unauthorized;
const UNKNOWN: FaultKind = FaultKind::Unknown;
const LOST_VOLUME: FaultKind = FaultKind::MissingVolume;

/// A body with a code and a text.
fn error(text: &str) -> String {
    json!({ "error": text }).to_string()
}

fn worded(status: &str, text: &str) -> String {
    json!({ "error": text, "status": status }).to_string()
}

/// Each row: the call, the status, the body, what it is taken for, and what is heard of it.
async fn check(rows: Vec<(CallKind, u16, String, FaultKind, &str)>) {
    let mut wrong = Vec::new();
    for (kind, status, body, wanted, said) in rows {
        let (api, server) = api([Answer::text(status, body.clone())]).await;
        let got = call(&api, kind).await;
        let asked = server.seen().len();
        if got != Err(fault(wanted.clone(), status, said)) || asked != 1 {
            wrong.push(format!(
                "{kind} {status} {body}: wanted {wanted:?} {said:?}, got {got:?} after {asked} requests"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_is_gone() {
    let not_found = "not_found: machine not found";
    check(vec![
        (GetMachine, 404, error("machine not found"), ABSENT, "machine not found"),
        (StartMachine, 404, error(not_found), ABSENT, not_found),
        (DestroyMachine, 404, error(not_found), ABSENT, not_found),
        (WaitMachine, 404, error(not_found), ABSENT, not_found),
        (UpdateMachine, 404, json!({ "message": "machine not found" }).to_string(), ABSENT, "machine not found"),
        (GetVolume, 404, error("volume not found"), ABSENT, "volume not found"),
        (DeleteVolume, 404, error("volume not found"), ABSENT, "volume not found"),
        (ListSnapshots, 404, error("volume not found"), ABSENT, "volume not found"),
        (CreateVolume, 404, error("volume not found"), ABSENT, "volume not found"),
    ])
    .await;
}

#[tokio::test]
async fn what_is_not_gone_whatever_it_looks_like() {
    let page = "<html><body>404 Not Found</body></html>";
    check(vec![
        (GetMachine, 404, error("app not found"), UNAUTHORIZED, "app not found"),
        (ListVolumes, 404, error("app not found"), UNAUTHORIZED, "app not found"),
        (GetMachine, 404, "404 page not found\n".to_string(), UNKNOWN, "404 page not found"),
        (DeleteVolume, 404, page.to_string(), UNKNOWN, page),
        (GetMachine, 404, error("volume not found"), UNKNOWN, "volume not found"),
        (ListMachines, 404, String::new(), UNKNOWN, ""),
        (ListVolumes, 404, error("not found"), UNKNOWN, "not found"),
        (GetMachine, 410, error("gone"), REFUSED, "gone"),
    ])
    .await;
}

#[tokio::test]
async fn a_machine_whose_volume_is_lost() {
    check(vec![
        (CreateMachine, 400, error("volume not found"), LOST_VOLUME, "volume not found"),
        (CreateMachine, 404, error("volume does not exist"), LOST_VOLUME, "volume does not exist"),
        (CreateMachine, 422, error("could not find volume"), LOST_VOLUME, "could not find volume"),
        (UpdateMachine, 422, error("volume does not exist"), LOST_VOLUME, "volume does not exist"),
    ])
    .await;
}

#[tokio::test]
async fn no_room() {
    let volume = "insufficient resources to create new machine with existing volume 'vol_1'";
    let candidate = "could not find a candidate host";
    let reserve = "aborted: could not reserve resource for machine: insufficient memory available to fulfill request";
    let processors = "aborted: could not reserve resource for machine: insufficient CPUs available to fulfill request";
    let addresses = "aborted: could not reserve resource for machine: insufficient IPs available to fulfill request";
    let governor = "governor policy blocked start";
    let quota = "organization \"X\" is using 9 MB of memory in dfw which is over the allowed quota. please consider other regions";
    let word = json!({ "status": "insufficient_capacity" }).to_string();
    let quoted = "{\"status\":\"insufficient_capacity\"}";
    check(vec![
        (CreateMachine, 412, worded("volume_placement_capacity", volume), RESOURCES, volume),
        (CreateMachine, 412, error(volume), RESOURCES, volume),
        (CreateVolume, 422, worded("insufficient_capacity", candidate), ROOM, candidate),
        (CreateVolume, 422, error(candidate), ROOM, candidate),
        (CreateVolume, 503, word, ROOM, quoted),
        (CreateVolume, 409, error("aborted: no capacity"), ROOM, "aborted: no capacity"),
        (CreateVolume, 400, error("no capacity"), ROOM, "no capacity"),
        (StartMachine, 409, error(reserve), MEMORY, reserve),
        (UpdateMachine, 409, error(processors), RESOURCES, processors),
        (StartMachine, 409, error(addresses), RESOURCES, addresses),
        (StartMachine, 409, error(governor), RESOURCES, governor),
        (CreateMachine, 403, error(quota), QUOTA, quota),
        // Another word means that it is not about room.
        (CreateVolume, 422, worded("unknown", "no capacity"), REFUSED, "no capacity"),
    ])
    .await;
}

#[tokio::test]
async fn not_now() {
    let drained = "unavailable: deploys to this host are temporarily disabled, please try again later";
    let concurrent = "aborted: machine update failed due to concurrent update";
    let version = "failed_precondition: current_version does not match";
    let lease = "lease currently held by someone, expires at 2026-01-01T00:00:00Z";
    let created = "failed_precondition: unable to start machine from current state: 'created'";
    let replaced = "failed_precondition: machine getting replaced, refusing to start";
    let active = "failed_precondition: machine still active, refusing to start";
    let claimed = "failed_precondition: volume already claimed by machine \0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let bound = "failed_precondition: volume is currently bound to machine: m1";
    let manifest = "MANIFEST_UNKNOWN: failed to get manifest gateway:7 [http 404]";
    let target = "target state is unreachable from the current state";
    check(vec![
        (StartMachine, 409, error(drained), BUSY, drained),
        (StartMachine, 503, error(drained), BUSY, drained),
        (UpdateMachine, 409, error(concurrent), BUSY, concurrent),
        (UpdateMachine, 412, error(version), BUSY, version),
        (StopMachine, 409, error(lease), BUSY, lease),
        (StartMachine, 412, error(created), BUSY, created),
        (StartMachine, 412, error(replaced), BUSY, replaced),
        (StartMachine, 412, error(active), BUSY, active),
        (CreateMachine, 412, error(claimed), BUSY, claimed),
        (DeleteVolume, 412, error(bound), BUSY, bound),
        (CreateMachine, 400, error(manifest), BUSY, manifest),
        (WaitMachine, 409, error(target), BUSY, target),
    ])
    .await;
}

#[tokio::test]
async fn never() {
    let limit = "Your organization has reached its machine limit";
    let pay = "To create more than 1 machine per app please add a payment method";
    let small = "volume size (10 GiB) is smaller than the snapshot size (11 GiB)";
    let argument = "invalid_argument: unable to parse the configuration";
    let timeout = "invalid_argument: value must be inside range [1s, 1m0s]";
    check(vec![
        (CreateMachine, 422, error(limit), REFUSED, limit),
        (CreateMachine, 422, error(pay), REFUSED, pay),
        (CreateVolume, 422, error(small), REFUSED, small),
        (CreateMachine, 400, error(argument), REFUSED, argument),
        (WaitMachine, 400, error(timeout), REFUSED, timeout),
    ])
    .await;
}

#[tokio::test]
async fn who_may_not_ask_and_who_asks_too_often() {
    let token = "Authenticate: token validation error";
    check(vec![
        (GetMachine, 401, error(token), UNAUTHORIZED, token),
        (DestroyMachine, 403, error("forbidden"), UNAUTHORIZED, "forbidden"),
        (GetMachine, 429, error("rate limit exceeded"), LIMITED, "rate limit exceeded"),
        (CreateMachine, 429, String::new(), LIMITED, ""),
    ])
    .await;
}

#[tokio::test]
async fn what_may_have_happened() {
    let late = "deadline_exceeded: the host did not answer in time";
    let page = "<html><body><h1>502 Bad Gateway</h1></body></html>";
    check(vec![
        (CreateMachine, 408, error(late), UNKNOWN, late),
        (DeleteVolume, 408, String::new(), UNKNOWN, ""),
        (StopMachine, 408, error("machine not found"), UNKNOWN, "machine not found"),
        (CreateVolume, 500, error("internal"), UNKNOWN, "internal"),
        (CreateMachine, 502, page.to_string(), UNKNOWN, page),
        (DestroyMachine, 503, String::new(), UNKNOWN, ""),
        (GetMachine, 504, error("machine not found"), UNKNOWN, "machine not found"),
        (StartMachine, 302, String::new(), UNKNOWN, ""),
        (StartMachine, 599, "something new".to_string(), UNKNOWN, "something new"),
    ])
    .await;
}

#[tokio::test]
async fn a_taken_name_names_its_holder() {
    let taken = "already_exists: unique machine name violation, machine ID 2861e46b955438 already exists with name \"sandbox-1-9\"";
    let holder = FaultKind::Conflict("2861e46b955438".parse().ok());
    check(vec![
        (CreateMachine, 409, error(taken), holder.clone(), taken),
        (CreateMachine, 422, error(taken), holder, taken),
    ])
    .await;
}

#[tokio::test]
async fn where_a_taken_name_names_nobody_the_list_does() {
    let said = "already_exists: unique machine name violation";
    let named = |id: &str, state: &str| json!({ "id": id, "name": "sandbox-1-9", "state": state });
    let other = json!({ "id": "m2", "name": "sandbox-1-8", "state": "started" });
    let rows = [
        (Answer::json(200, &json!([other, named("m7", "stopped")])), Some("m7")),
        (
            Answer::json(200, &json!([named("m6", "destroyed"), named("m7", "created"), named("m5", "destroying")])),
            Some("m7"),
        ),
        (Answer::json(200, &json!([named("m6", "started"), named("m7", "created")])), None),
        (Answer::json(200, &json!([named("M 7", "started")])), None),
        (Answer::json(200, &json!([])), None),
        (Answer::text(200, "<html>"), None),
        (Answer::text(500, ""), None),
    ];
    for (list, holder) in rows {
        let (api, server) = api([Answer::text(409, error(said)), list.clone()]).await;
        let wanted = FaultKind::Conflict(holder.map(|id| id.parse().unwrap()));
        assert_eq!(call(&api, CreateMachine).await, Err(fault(wanted, 409, said)), "{list:?}");
        assert_eq!(server.lines(), ["POST /v1/apps/app-1/machines", "GET /v1/apps/app-1/machines"]);
    }
}

#[tokio::test]
async fn nobody_there() {
    let gone = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let api = client(config(&gone));
    for kind in crate::bench::kinds() {
        let Fault { kind: class, status, message } = call(&api, kind).await.unwrap_err();
        assert_eq!((class, status), (UNKNOWN, None), "{kind}: {message}");
        assert!(message.starts_with("no connection: ") && !message.contains("127.0.0.1"), "{kind}: {message}");
    }
}

#[tokio::test]
async fn what_is_heard_is_cut_and_still_names_the_request() {
    let (api, server) = api([Answer::text(400, error(&"long ".repeat(200)))]).await;
    let heard = call(&api, StartMachine).await.unwrap_err();
    assert_eq!((&heard.kind, heard.status), (&REFUSED, Some(400)));
    assert_eq!(heard.message.chars().count(), 200);
    assert!(heard.message.starts_with("long long") && heard.message.ends_with(" [request 01HTEST-fra]"), "{heard}");
    drop(server);
    let odd = Answer::text(400, error("no")).with("fly-request-id", format!("01 H\u{9}{}", "x".repeat(200)));
    let (api, server) = crate::bench::api([odd]).await;
    let heard = call(&api, StartMachine).await.unwrap_err();
    assert_eq!(heard.message, format!("no [request 01H{}]", "x".repeat(61)));
    assert_eq!(server.seen().len(), 1);
}
