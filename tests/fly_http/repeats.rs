//! What is made again after it failed, and what is not.

use crate::bench::{api, call, client, config, fault, kinds, shown, shown_volume};
use crate::server::{Answer, Server, raw};
use kiloclaw_lifecycle::adapter::fly::{FlyConfig, Limits, Rate};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use serde_json::json;
use std::time::Duration;

const READS: [CallKind; 5] =
    [CallKind::GetMachine, CallKind::ListMachines, CallKind::GetVolume, CallKind::ListVolumes, CallKind::ListSnapshots];

fn good(kind: CallKind) -> Answer {
    if kind == CallKind::GetMachine {
        Answer::json(200, &shown())
    } else if kind == CallKind::GetVolume {
        Answer::json(200, &shown_volume())
    } else {
        Answer::json(200, &json!([]))
    }
}

fn repeating(url: &str, times: u32) -> FlyConfig {
    let mut config = config(url);
    config.read_retries = times;
    config
}

#[tokio::test]
async fn reads_are_repeated_while_it_may_get_better() {
    for kind in READS {
        let server = Server::start([Answer::text(500, ""), Answer::text(429, "rate limit exceeded"), good(kind)]).await;
        let brought = call(&client(repeating(&server.url, 2)), kind).await;
        assert!(brought.is_ok(), "{kind}: {brought:?}");
        let seen = server.seen();
        assert_eq!(seen.len(), 3, "{kind}");
        assert!(seen.iter().all(|request| *request == seen[0]), "the same each time: {seen:?}");
    }
}

#[tokio::test]
async fn the_last_refusal_is_heard() {
    let server = Server::start([Answer::text(503, ""), Answer::text(500, "first"), Answer::text(502, "second")]).await;
    let brought = call(&client(repeating(&server.url, 2)), CallKind::GetMachine).await;
    assert_eq!(brought, Err(fault(FaultKind::Unknown, 502, "second")));
    assert_eq!(server.seen().len(), 3);
    let server = Server::start([Answer::text(503, "")]).await;
    let brought = call(&client(repeating(&server.url, 0)), CallKind::GetMachine).await;
    assert_eq!(brought, Err(fault(FaultKind::Unknown, 503, "")));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn broken_connections_are_repeated_for_reads() {
    let whole = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]";
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[";
    let (url, calls) = raw(vec!["", half, whole]).await;
    let brought = call(&client(repeating(&url, 2)), CallKind::ListVolumes).await;
    assert_eq!(brought, Ok("[]".to_string()));
    assert_eq!(*calls.lock().unwrap(), 3);
}

#[tokio::test]
async fn refusals_that_will_not_get_better_are_not_repeated() {
    let page = "404 page not found";
    for (status, body, class) in [
        (404, page, FaultKind::Unknown),
        (401, "no", FaultKind::Unauthorized),
        (400, "no", FaultKind::Refused),
        (408, "late", FaultKind::Unknown),
        (302, "moved", FaultKind::Unknown),
    ] {
        for kind in READS {
            let server = Server::start([Answer::text(status, body)]).await;
            let brought = call(&client(repeating(&server.url, 5)), kind).await;
            assert_eq!(brought, Err(fault(class.clone(), status, body)), "{kind}");
            assert_eq!(server.seen().len(), 1, "{kind} {status}");
        }
    }
}

#[tokio::test]
async fn changes_and_waits_are_made_once_whatever_happens() {
    for kind in kinds().filter(|kind| !READS.contains(kind)) {
        for (status, class) in [(500, FaultKind::Unknown), (503, FaultKind::Unknown), (429, FaultKind::RateLimited)] {
            let server = Server::start([Answer::text(status, "no")]).await;
            let brought = call(&client(repeating(&server.url, 5)), kind).await;
            assert_eq!(brought, Err(fault(class, status, "no")), "{kind}");
            assert_eq!(server.seen().len(), 1, "{kind} {status}");
        }
        let (url, calls) = raw(vec!["", ""]).await;
        let brought = call(&client(repeating(&url, 5)), kind).await.unwrap_err();
        assert_eq!((brought.kind, brought.status), (FaultKind::Unknown, None));
        assert_eq!(*calls.lock().unwrap(), 1, "{kind}");
    }
}

#[tokio::test]
async fn who_is_told_to_stay_away_longer_than_the_call_may_take_gives_up_at_once() {
    let refusal = Answer::text(429, "rate limit exceeded").with("retry-after", "300");
    let (api, server) = api([refusal.clone(), refusal]).await;
    let limited = fault(FaultKind::RateLimited, 429, "rate limit exceeded");
    let held = Fault::new(FaultKind::RateLimited, None, "not asked: its turn would have come too late");
    for kind in [CallKind::GetMachine, CallKind::StartMachine] {
        assert_eq!(call(&api, kind).await, Err(limited.clone()), "{kind}");
        // And the same call is not even made.
        assert_eq!(call(&api, kind).await, Err(held.clone()), "{kind}");
    }
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_short_retry_after_is_waited_for() {
    let refusal = Answer::text(429, "rate limit exceeded").with("retry-after", "0");
    let server = Server::start([refusal, good(CallKind::GetMachine)]).await;
    let brought = call(&client(repeating(&server.url, 1)), CallKind::GetMachine).await;
    assert!(brought.is_ok(), "{brought:?}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn calls_beyond_the_limit_are_held_back_and_not_made_if_they_would_come_too_late() {
    let server = Server::start((0..2).map(|_| Answer::json(200, &json!({ "ok": true })))).await;
    let mut config = config(&server.url);
    config.limits = Some(Limits { others: Rate { per_second: 1, burst: 1 }, ..Limits::default() });
    config.mutation_timeout = Duration::from_millis(1_400);
    let api = client(config);
    // All of them at the same time: the second would have to wait for a second, and that is more than half of its time.
    let stop = || call(&api, CallKind::StopMachine);
    let (first, second, other) = tokio::join!(stop(), stop(), call(&api, CallKind::StartMachine));
    let held = Fault::new(FaultKind::RateLimited, None, "not asked: its turn would have come too late");
    assert_eq!((first, second, other), (Ok("()".to_string()), Err(held), Ok("()".to_string())));
    assert_eq!(server.seen().len(), 2);
}
