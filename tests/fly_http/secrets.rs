//! The token and the environment are heard of nowhere.

use crate::bench::{TOKEN, call, config, identity, new_machine, shown, template};
use crate::server::{Answer, REQUEST, Server};
use kiloclaw_lifecycle::adapter::fly::{
    FlyApi, FlyDev, GatewayProbe, MachineSettings, ProbeConfig, Question, StandardTemplate, Token,
};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::fault::{Capacity, FaultKind};
use kiloclaw_lifecycle::port::Provider;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

/// What threads have logged that listen. There can be one subscriber only: where each test has its own, what one of them has found nobody to
/// be interested in is lost for the others.
static PAGES: Mutex<BTreeMap<String, Vec<u8>>> = Mutex::new(BTreeMap::new());
static PAPER: Once = Once::new();

fn pages() -> MutexGuard<'static, BTreeMap<String, Vec<u8>>> {
    PAGES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn thread() -> String {
    format!("{:?}", std::thread::current().id())
}

/// Writes for the thread it is used on.
struct Paper;

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Some(page) = pages().get_mut(&thread()) {
            page.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// From now on what this thread logs is written down, at every level.
fn listen() {
    PAPER.call_once(|| {
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
        tracing::subscriber::set_global_default(subscriber.with_writer(|| Paper).finish()).unwrap();
    });
    pages().insert(thread(), Vec::new());
}

fn heard() -> String {
    String::from_utf8(pages().remove(&thread()).unwrap()).unwrap()
}

fn with_env() -> StandardTemplate {
    let mut template = template();
    template.env.insert("API_KEY".to_string(), "hunter2\"hunter2".to_string());
    template.env.insert("NEXT".to_string(), "memory".to_string());
    template.env.insert("SHORT".to_string(), "in".to_string());
    template
}

#[test]
fn nothing_shows_its_secrets() {
    let config = config("http://127.0.0.1:1");
    let token = Token::new(TOKEN).unwrap();
    assert_eq!(format!("{token:?}"), "Token([redacted])");
    let mut gateway = FlyDev::new(None);
    gateway.headers.push(("authorization".to_string(), "Bearer s3cr3t".to_string()));
    let settings = MachineSettings {
        config: json!({ "env": { "A": "s3cr3t" }, "image": "i" }).as_object().unwrap().clone(),
        min_secrets_version: Some(1),
    };
    assert_eq!(
        format!("{settings:?}"),
        r#"MachineSettings { config: ["env", "image"], min_secrets_version: Some(1) }"#
    );
    let question = Question { url: "http://x/".to_string(), headers: gateway.headers.clone() };
    assert_eq!(format!("{question:?}"), r#"Question { url: "http://x/", headers: ["authorization"] }"#);
    let api = FlyApi::new(config.clone(), with_env()).unwrap();
    let probe = GatewayProbe::new(gateway.clone(), ProbeConfig::default()).unwrap();
    for shown in [
        format!("{config:?}"),
        format!("{api:?}"),
        format!("{:?}", with_env()),
        format!("{gateway:?}"),
        format!("{probe:?}"),
    ] {
        assert!(!shown.contains("s3cr3t") && !shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("redacted") || shown.contains("API_KEY") || shown.contains("authorization"), "{shown}");
    }
}

#[tokio::test]
async fn a_refusal_that_repeats_them_does_not_spread_them() {
    let said = format!("config.env.API_KEY=hunter2\"hunter2 in config with {TOKEN}");
    for status in [400, 500] {
        for body in [json!({ "error": said }).to_string(), said.clone()] {
            let server = Server::start([Answer::text(status, body)]).await;
            let api = FlyApi::new(config(&server.url), with_env()).unwrap();
            let heard = api.create_machine(&identity(), &new_machine()).await.unwrap_err();
            let wanted = format!("config.env.API_KEY=[redacted] in config with [redacted] [request {REQUEST}]");
            assert_eq!(heard.message, wanted);
            assert_eq!(server.seen().len(), 1);
        }
    }
}

#[tokio::test]
async fn half_a_secret_at_the_end_is_none() {
    let said = format!("{}hunter2\"hunter2", "x".repeat(170));
    let server = Server::start([Answer::text(400, json!({ "error": said }).to_string())]).await;
    let api = FlyApi::new(config(&server.url), with_env()).unwrap();
    let heard = api.create_machine(&identity(), &new_machine()).await.unwrap_err();
    assert!(!heard.message.contains("hunt"), "{heard}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_secret_that_looks_like_a_word_of_the_provider_changes_no_class() {
    let said = "aborted: could not reserve resource for machine: insufficient memory available to fulfill request";
    let server = Server::start([Answer::text(409, json!({ "error": said }).to_string())]).await;
    let api = FlyApi::new(config(&server.url), with_env()).unwrap();
    let heard = api.create_machine(&identity(), &new_machine()).await.unwrap_err();
    assert_eq!(heard.kind, FaultKind::NoCapacity(Capacity::InsufficientMemory));
    assert_eq!(heard.message, format!("{} [request {REQUEST}]", said.replace("memory", "[redacted]")));
    assert_eq!(server.seen().len(), 1);
}

/// All of it runs on this thread.
#[tokio::test]
async fn the_log_names_requests_and_no_secrets() {
    listen();
    let hostile = json!({ "error": format!("env hunter2\"hunter2 {TOKEN}") });
    let mut shown = shown();
    shown["config"]["env"] = json!({ "API_KEY": "hunter2" });
    let answers =
        [Answer::json(200, &shown), Answer::json(200, &shown), Answer::json(500, &hostile), Answer::text(200, TOKEN)];
    let server = Server::start(answers).await;
    let api = FlyApi::new(config(&server.url), with_env()).unwrap();
    api.create_machine(&identity(), &new_machine()).await.unwrap();
    assert!(call(&api, CallKind::GetMachine).await.is_ok());
    assert!(call(&api, CallKind::StartMachine).await.is_err());
    assert!(call(&api, CallKind::StopMachine).await.is_err());
    assert_eq!(server.seen().len(), 4);
    let text = heard();
    assert!(!text.contains("s3cr3t") && !text.contains("hunter2"), "{text}");
    let lines: Vec<&str> =
        text.lines().filter(|line| line.contains("DEBUG") && line.contains("kiloclaw::fly")).collect();
    assert_eq!(lines.len(), 4, "{text}");
    let wanted = [
        ["call=\"create_machine\"", "method=\"POST\"", "app=\"app-1\"", "status=200"],
        ["call=\"get_machine\"", "thing=\"m1\"", "attempt=0", "elapsed_ms="],
        ["call=\"start_machine\"", "status=500", "request_id=\"01HTEST-fra\"", "app=\"app-1\""],
        ["call=\"stop_machine\"", "status=200", "request_id=\"01HTEST-fra\"", "method=\"POST\""],
    ];
    for (line, parts) in lines.iter().zip(wanted) {
        for part in parts {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
}
