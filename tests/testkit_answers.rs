//! Every known refusal of Fly's Machines API, one row each, and what it is taken for.

use kiloclaw_lifecycle::adapter::fly::answer::{classify, still_in};
use kiloclaw_lifecycle::call::CallKind::{
    self, CreateMachine, CreateVolume, DeleteVolume, DestroyMachine, GetMachine, GetVolume, ListMachines,
    ListSnapshots, ListVolumes, StartMachine, StopMachine, UpdateMachine, WaitMachine,
};
use kiloclaw_lifecycle::fault::Capacity::{InsufficientMemory, InsufficientResources, NoCapacity, QuotaExceeded};
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::id::MachineId;
use kiloclaw_lifecycle::observe::MachineState;

const ABSENT: FaultKind = FaultKind::Absent;
const BUSY: FaultKind = FaultKind::Busy;
const LIMITED: FaultKind = FaultKind::RateLimited;
const REFUSED: FaultKind = FaultKind::Refused;
const UNAUTHORIZED: FaultKind = FaultKind::Unauthorized;
const UNKNOWN: FaultKind = FaultKind::Unknown;
const MISSING_VOLUME: FaultKind = FaultKind::MissingVolume;
const MEMORY: FaultKind = FaultKind::NoCapacity(InsufficientMemory);
const RESOURCES: FaultKind = FaultKind::NoCapacity(InsufficientResources);
const ROOM: FaultKind = FaultKind::NoCapacity(NoCapacity);
const QUOTA: FaultKind = FaultKind::NoCapacity(QuotaExceeded);

fn conflict(id: &str) -> FaultKind {
    FaultKind::Conflict(MachineId::new(id).ok())
}

fn check(rows: &[(CallKind, u16, &str, FaultKind)]) {
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(call, status, body, wanted)| {
            let got = classify(*call, Some(*status), body);
            let fits = got.kind == *wanted && got.status == Some(*status);
            (!fits).then(|| format!("{call} {status} {body}: wanted {wanted:?}, got {got:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_gone_is_named_by_the_answer() {
    check(&[
        (GetMachine, 404, r#"{"error":"machine not found"}"#, ABSENT),
        (GetMachine, 404, r#"{"error":"not_found: machine not found"}"#, ABSENT),
        (GetMachine, 404, r#"{"message":"machine not found"}"#, ABSENT),
        (GetMachine, 404, "", UNKNOWN),
        (GetMachine, 404, "not found", ABSENT),
        (DestroyMachine, 404, "not_found: machine not found", ABSENT),
        (StopMachine, 404, "machine not found", ABSENT),
        (StartMachine, 404, "machine not found", ABSENT),
        (WaitMachine, 404, "machine not found", ABSENT),
        (UpdateMachine, 404, "machine not found", ABSENT),
        (GetVolume, 404, r#"{"error":"volume not found"}"#, ABSENT),
        (DeleteVolume, 404, "could not find volume", ABSENT),
        (ListSnapshots, 404, "", UNKNOWN),
        (CreateVolume, 404, r#"{"error":"volume not found"}"#, ABSENT),
        (CreateVolume, 404, r#"{"error":"snapshot not found"}"#, ABSENT),
    ]);
}

#[test]
fn a_wrong_address_token_or_proxy_is_not_absence() {
    check(&[
        (GetMachine, 404, "404 page not found", UNKNOWN),
        (GetVolume, 404, "404 page not found\n", UNKNOWN),
        (GetMachine, 404, "<html><head><title>404 Not Found</title></head></html>", UNKNOWN),
        (GetMachine, 404, r#"{"error":"app not found"}"#, UNAUTHORIZED),
        (GetVolume, 404, r#"{"error":"Could not find App"}"#, UNAUTHORIZED),
        (GetMachine, 404, r#"{"error":"volume not found"}"#, UNKNOWN),
        (GetVolume, 404, r#"{"error":"machine not found"}"#, UNKNOWN),
        (GetMachine, 404, "something else", UNKNOWN),
        (ListMachines, 404, "", UNKNOWN),
        (ListVolumes, 404, "not found", UNKNOWN),
        (CreateMachine, 404, "", UNKNOWN),
        (CreateVolume, 404, "", UNKNOWN),
    ]);
}

#[test]
fn a_machine_whose_volume_is_lost() {
    check(&[
        (CreateMachine, 400, r#"{"error":"volume not found"}"#, MISSING_VOLUME),
        (CreateMachine, 404, r#"{"error":"volume does not exist"}"#, MISSING_VOLUME),
        (CreateMachine, 422, r#"{"error":"could not find volume vol_1"}"#, MISSING_VOLUME),
        (UpdateMachine, 404, r#"{"error":"volume not found"}"#, MISSING_VOLUME),
        (UpdateMachine, 422, r#"{"error":"Volume does not exist"}"#, MISSING_VOLUME),
        (GetVolume, 422, r#"{"error":"volume does not exist"}"#, REFUSED),
    ]);
}

#[test]
fn capacity_in_any_clothing() {
    let on_volume = "insufficient resources to create new machine with existing volume 'vol_1'";
    let quota = r#"{"error":"organization \"x\" is using 9 MB of memory in dfw which is over the allowed quota."}"#;
    let reserve = "aborted: could not reserve resource for machine:";
    check(&[
        (CreateMachine, 412, on_volume, RESOURCES),
        (CreateMachine, 412, r#"{"status":"volume_placement_capacity"}"#, RESOURCES),
        (CreateVolume, 422, r#"{"status":"insufficient_capacity","error":"could not find a candidate host"}"#, ROOM),
        (CreateVolume, 422, "could not find a candidate host", ROOM),
        (CreateVolume, 503, r#"{"status":"insufficient_capacity"}"#, ROOM),
        (CreateVolume, 409, r#"{"error":"aborted: no capacity"}"#, ROOM),
        (CreateVolume, 400, r#"{"error":"no capacity"}"#, ROOM),
        (CreateVolume, 500, r#"{"error":"no capacity"}"#, ROOM),
        (StartMachine, 409, &format!("{reserve} insufficient memory available to fulfill request"), MEMORY),
        (UpdateMachine, 409, &format!("{reserve} insufficient CPUs available to fulfill request"), RESOURCES),
        (StartMachine, 409, "aborted: could not reserve resource for machine", RESOURCES),
        (StartMachine, 409, "insufficient resources available to fulfill request", RESOURCES),
        (StartMachine, 409, "governor policy blocked start", RESOURCES),
        (CreateMachine, 403, quota, QUOTA),
        (CreateMachine, 400, r#"{"status":"insufficient_capacity","error":"insufficient memory"}"#, MEMORY),
    ]);
}

#[test]
fn the_status_word_goes_before_the_text() {
    check(&[
        (CreateVolume, 422, r#"{"status":"unknown","error":"no capacity"}"#, REFUSED),
        (CreateVolume, 409, r#"{"status":"name_taken","error":"no capacity"}"#, BUSY),
        (CreateVolume, 422, r#"{"status":"","error":"no capacity"}"#, ROOM),
        (CreateVolume, 422, r#"{"status":422,"error":"no capacity"}"#, ROOM),
        // A 408 says nothing about what happened, whatever else it says.
        (CreateVolume, 408, r#"{"status":"insufficient_capacity","error":"no capacity"}"#, UNKNOWN),
        (CreateVolume, 429, r#"{"error":"over the allowed quota"}"#, LIMITED),
        (CreateVolume, 401, r#"{"error":"no capacity"}"#, UNAUTHORIZED),
    ]);
}

#[test]
fn a_name_in_use_names_its_holder() {
    let text = r#"{"error":"already_exists: unique machine name violation, machine ID 2861e46b955438 already exists with name \"a\""}"#;
    check(&[
        (CreateMachine, 409, text, conflict("2861e46b955438")),
        (CreateMachine, 422, text, conflict("2861e46b955438")),
        (CreateMachine, 409, "already_exists: unique machine name violation", FaultKind::Conflict(None)),
        (CreateMachine, 422, r#"{"status":"name_taken"}"#, FaultKind::Conflict(None)),
        (CreateVolume, 422, r#"{"error":"Validation failed: Name has already been taken"}"#, REFUSED),
    ]);
}

#[test]
fn not_now_is_not_never() {
    check(&[
        (StartMachine, 409, "unavailable: deploys to this host are temporarily disabled, please try again later", BUSY),
        (StartMachine, 503, "unavailable: deploys to this host are temporarily disabled, please try again later", BUSY),
        (UpdateMachine, 409, "aborted: machine update failed due to concurrent update", BUSY),
        (UpdateMachine, 412, "failed_precondition: current_version mismatch", BUSY),
        (UpdateMachine, 409, "lease currently held by x, expires at y", BUSY),
        (StartMachine, 412, "failed_precondition: unable to start machine from current state: 'created'", BUSY),
        (StartMachine, 412, "failed_precondition: machine getting replaced, refusing to start", BUSY),
        (StartMachine, 412, "failed_precondition: machine still active, refusing to start", BUSY),
        (CreateMachine, 412, "failed_precondition: volume already claimed by machine \u{0}\u{0}\u{0}", BUSY),
        (DeleteVolume, 412, "failed_precondition: volume is currently bound to machine: machine-1", BUSY),
        (ListSnapshots, 412, "failed_precondition: snapshot is already scheduled at x", BUSY),
        (CreateMachine, 400, "MANIFEST_UNKNOWN: failed to get manifest x [http 404]", BUSY),
        (WaitMachine, 409, "target unreachable from current state", BUSY),
        (DeleteVolume, 422, "failed_precondition: volume is currently bound to machine: machine-1", BUSY),
    ]);
}

#[test]
fn never_is_refused() {
    check(&[
        (CreateMachine, 422, "Your organization has reached its machine limit", REFUSED),
        (CreateMachine, 422, "To create more than 1 machine per app please add a payment method", REFUSED),
        (CreateVolume, 422, "volume size (10 GiB) is smaller than the snapshot size (11 GiB)", REFUSED),
        (CreateMachine, 400, "invalid_argument: value must be inside range", REFUSED),
        (CreateMachine, 412, "invalid_argument: mounts", REFUSED),
        (GetMachine, 410, "gone", REFUSED),
        (CreateMachine, 418, "", REFUSED),
    ]);
}

#[test]
fn who_may_not_ask_and_who_asks_too_often() {
    check(&[
        (GetMachine, 401, "Authenticate: token validation error", UNAUTHORIZED),
        (CreateMachine, 403, "forbidden", UNAUTHORIZED),
        (GetVolume, 403, r#"{"error":"unauthorized"}"#, UNAUTHORIZED),
        (GetMachine, 429, "rate limit exceeded", LIMITED),
        (CreateMachine, 429, "", LIMITED),
    ]);
}

#[test]
fn what_may_have_happened_is_unknown() {
    check(&[
        (CreateMachine, 408, "", UNKNOWN),
        (DeleteVolume, 408, "machine not found", UNKNOWN),
        (CreateMachine, 500, "", UNKNOWN),
        (CreateVolume, 502, "<html>bad gateway</html>", UNKNOWN),
        (CreateVolume, 503, "upstream connect error", UNKNOWN),
        (GetMachine, 504, r#"{"error":"machine not found"}"#, UNKNOWN),
        (CreateMachine, 422, "deadline_exceeded: who knows", UNKNOWN),
        (CreateMachine, 302, "", UNKNOWN),
        (CreateMachine, 200, "cut off", UNKNOWN),
    ]);
    assert_eq!(classify(CreateMachine, None, ""), Fault::lost());
    assert_eq!(classify(GetMachine, None, "connection reset"), Fault::new(UNKNOWN, None, "connection reset"));
}

#[test]
fn the_message_is_what_the_provider_said() {
    assert_eq!(classify(GetMachine, Some(404), r#"{"error":" machine not found "}"#).message, "machine not found");
    assert_eq!(classify(GetMachine, Some(503), r#"{"message":"later"}"#).message, "later");
    assert_eq!(classify(GetMachine, Some(503), "plain").message, "plain");
    for empty in ["", " ", "\\n"] {
        let body = format!(r#"{{"error":"{empty}","message":"volume not found"}}"#);
        let told = classify(GetVolume, Some(404), &body);
        assert_eq!((told.kind, told.message.as_str()), (ABSENT, "volume not found"), "{body}");
        let body = format!(r#"{{"error":"{empty}"}}"#);
        assert_eq!(classify(GetMachine, Some(503), &body).message, body);
        let body = format!(r#"{{"error":"{empty}","message":"{empty}"}}"#);
        assert_eq!(classify(GetMachine, Some(503), &body).message, body);
    }
    assert_eq!(classify(GetMachine, Some(503), r#"{"code":1}"#).message, r#"{"code":1}"#);
    assert_eq!(classify(GetMachine, Some(503), &"x".repeat(900)).message.len(), 200);
}

#[test]
fn a_wait_that_ran_out_tells_where_the_machine_is() {
    let body = r#"{"error":"deadline_exceeded: machine failed to reach desired state, started, currently stopped"}"#;
    assert_eq!(still_in(body), Some(MachineState::Stopped));
    assert_eq!(
        still_in("machine failed to reach desired state, started, currently replaced"),
        Some(MachineState::from("replaced"))
    );
    assert_eq!(still_in("currently "), None);
    assert_eq!(still_in(""), None);
}
