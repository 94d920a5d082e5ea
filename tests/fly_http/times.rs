//! Calls end in time.

use crate::bench::{call, client, config, kinds, shown};
use crate::server::{Answer, Server};
use kiloclaw_lifecycle::adapter::fly::FlyConfig;
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use serde_json::json;
use std::time::Duration;

fn late() -> Fault {
    Fault::new(FaultKind::Unknown, None, "no answer in time")
}

/// No patience for calls of this kind, and much for all others.
fn impatient(url: &str, kind: CallKind) -> FlyConfig {
    let mut config = config(url);
    let short = Duration::from_millis(100);
    if kind == CallKind::WaitMachine {
        config.wait_margin = short;
    } else if kind.mutates() {
        config.mutation_timeout = short;
    } else {
        config.read_timeout = short;
    }
    config
}

#[tokio::test]
async fn an_answer_that_does_not_come_leaves_everything_open() {
    for kind in kinds() {
        let server = Server::start([Answer::never()]).await;
        let mut config = impatient(&server.url, kind);
        config.read_retries = 3;
        assert_eq!(call(&client(config), kind).await, Err(late()), "{kind}");
        assert_eq!(server.seen().len(), 1, "{kind}: there was no time to ask again");
    }
}

#[tokio::test]
async fn a_body_that_does_not_end_is_given_up() {
    // Announces more than it sends, and keeps the connection open.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 4_096];
        assert!(stream.read(&mut head).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 50\r\n\r\n{\"error\":").await.unwrap();
        // Until the client hangs up.
        assert_eq!(stream.read(&mut head).await.unwrap_or(0), 0);
    });
    let config = impatient(&url, CallKind::GetMachine);
    assert_eq!(call(&client(config), CallKind::GetMachine).await, Err(late()));
    server.await.unwrap();
}

#[tokio::test]
async fn a_wait_has_its_own_time_and_not_that_of_a_look() {
    let server = Server::start([Answer::json(200, &json!({ "ok": true }))]).await;
    let mut config = config(&server.url);
    config.read_timeout = Duration::from_millis(1);
    assert_eq!(call(&client(config), CallKind::WaitMachine).await, Ok("Started".to_string()));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn the_look_after_a_wait_ends_with_it() {
    let server = Server::start([Answer::text(408, "no answer"), Answer::never()]).await;
    let mut config = config(&server.url);
    config.wait_margin = Duration::from_millis(100);
    let heard = call(&client(config), CallKind::WaitMachine).await.unwrap_err();
    assert_eq!(heard, crate::bench::fault(FaultKind::Unknown, 408, "no answer"));
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_call_that_is_given_up_does_no_harm_to_the_next() {
    let server = Server::start([Answer::never(), Answer::json(200, &shown())]).await;
    let api = client(impatient(&server.url, CallKind::StartMachine));
    assert_eq!(call(&api, CallKind::StartMachine).await, Err(late()));
    let brought = call(&api, CallKind::GetMachine).await;
    assert!(
        brought.as_ref().is_ok_and(|brought| brought.starts_with("Machine { id: MachineId(\"m1\")")),
        "{brought:?}"
    );
    assert_eq!(server.seen().len(), 2);
}
