//! The health probe.

use crate::bench::{identity, machine};
use crate::server::{Answer, Server, nobody, raw};
use async_trait::async_trait;
use kiloclaw_lifecycle::adapter::fly::{FlyDev, Gateway, GatewayProbe, PrepareError, ProbeConfig, Question};
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::id::{Identity, MachineId};
use kiloclaw_lifecycle::port::HealthProbe;
use std::time::Duration;

/// Asks at one address and takes any 2xx for good.
struct At(Result<Question, PrepareError>);

impl At {
    fn url(url: &str) -> Self {
        let headers = vec![("x-key".to_string(), "k".to_string())];
        Self(Ok(Question { url: format!("{url}/health?deep=1"), headers }))
    }
}

#[async_trait]
impl Gateway for At {
    async fn question(&self, of: &Identity, asked: &MachineId) -> Result<Question, PrepareError> {
        assert_eq!((of, asked), (&identity(), &machine()));
        self.0.clone()
    }
}

fn config() -> ProbeConfig {
    let mut config = ProbeConfig::default();
    config.max_body = 1_024;
    config
}

async fn probe(url: &str, timeout_s: u32) -> Result<bool, Fault> {
    GatewayProbe::new(At::url(url), config()).unwrap().probe(&identity(), &machine(), timeout_s, 1).await
}

#[tokio::test]
async fn goes_on_until_the_answer_is_good() {
    let elsewhere = Server::start([]).await;
    let server = Server::start([
        Answer::text(502, "bad gateway"),
        Answer::text(404, ""),
        Answer::text(302, "").with("location", elsewhere.url.clone()),
        Answer::text(200, "x".repeat(1_025)),
        Answer::text(200, "x".repeat(1_025)).in_pieces(),
        Answer::text(204, ""),
    ])
    .await;
    assert_eq!(probe(&server.url, 30).await, Ok(true));
    let seen = server.seen();
    assert_eq!((seen.len(), elsewhere.seen().len()), (6, 0));
    for request in seen {
        assert_eq!(request.line(), "GET /health?deep=1");
        assert_eq!(request.headers.get("x-key").map(String::as_str), Some("k"));
        assert_eq!(request.headers["user-agent"], concat!("kiloclaw-lifecycle/", env!("CARGO_PKG_VERSION")));
        assert_eq!((request.headers.get("authorization"), request.body.as_str()), (None, ""));
    }
}

#[tokio::test]
async fn is_not_well_when_the_time_is_up() {
    let server = Server::start((0..3).map(|_| Answer::text(503, ""))).await;
    let patient = GatewayProbe::new(At::url(&server.url), config()).unwrap();
    // After each of these the next question would come too late.
    for (timeout_s, interval_ms) in [(1, 1_000), (1, u64::MAX), (2, 60_000)] {
        assert_eq!(patient.probe(&identity(), &machine(), timeout_s, interval_ms).await, Ok(false));
    }
    assert_eq!(server.seen().len(), 3);
    assert_eq!(patient.clone().probe(&identity(), &machine(), 0, 1).await, Ok(false));
}

#[tokio::test]
async fn whatever_goes_wrong_is_not_yet() {
    let (nobody, _socket) = nobody();
    assert_eq!(probe(&nobody, 1).await, Ok(false));
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nok";
    let good = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
    let (url, calls) = raw(vec!["", "rubbish\r\n\r\n", half, good]).await;
    assert_eq!(probe(&url, 30).await, Ok(true));
    assert_eq!(*calls.lock().unwrap(), 4);
}

#[tokio::test]
async fn one_request_does_not_use_up_the_time_of_all() {
    let server = Server::start([Answer::never(), Answer::text(200, "ok")]).await;
    let mut config = config();
    config.request_timeout = Duration::from_millis(100);
    let probe = GatewayProbe::new(At::url(&server.url), config).unwrap();
    assert_eq!(probe.probe(&identity(), &machine(), 30, 1).await, Ok(true));
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn what_the_host_gets_wrong_is_no_illness() {
    let question = |url: &str, header: (&str, &str)| Question {
        url: url.to_string(),
        headers: vec![(header.0.to_string(), header.1.to_string())],
    };
    let refused = |text: &str| Fault::new(FaultKind::Refused, None, text);
    let fine = ("a", "b");
    let rows = [
        (Ok(question("nowhere", fine)), refused("not asked: the gateway has an impossible address")),
        (
            Ok(question("ftp://127.0.0.1/", fine)),
            refused("not asked: the gateway's address does not begin with http:// or https://"),
        ),
        (Ok(question("http://127.0.0.1/", ("a b", "c"))), refused("not asked: the gateway wants an impossible header")),
        (Ok(question("http://127.0.0.1/", ("a", "\n"))), refused("not asked: the gateway wants an impossible header")),
        (Err(PrepareError::Refused("no".to_string())), refused("not asked: no")),
        (Err(PrepareError::Unavailable("later".to_string())), Fault::new(FaultKind::Busy, None, "not asked: later")),
    ];
    for (answer, wanted) in rows {
        let probe = GatewayProbe::new(At(answer), config()).unwrap();
        assert_eq!(probe.probe(&identity(), &machine(), 1, 1).await, Err(wanted));
    }
}

struct Silent;

#[async_trait]
impl Gateway for Silent {
    async fn question(&self, _: &Identity, _: &MachineId) -> Result<Question, PrepareError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_host_that_says_nothing_does_not_hold_up_the_probe() {
    let probe = GatewayProbe::new(Silent, config()).unwrap();
    let late = Fault::new(FaultKind::Busy, None, "not asked: the host's question did not come in time");
    assert_eq!(probe.probe(&identity(), &machine(), 0, 1).await, Err(late));
}

#[tokio::test]
async fn through_fly_s_proxy() {
    let mut gateway = FlyDev::new(Some("shared".parse().unwrap()));
    gateway.headers.push(("authorization".to_string(), "Bearer k".to_string()));
    let header = |name: &str, value: &str| (name.to_string(), value.to_string());
    let headers = vec![header("fly-force-instance-id", "m1"), header("authorization", "Bearer k")];
    let asked = gateway.question(&identity(), &machine()).await.unwrap();
    let url = "https://app-1.fly.dev/_kilo/gateway/status".to_string();
    assert_eq!(asked, Question { url, headers: headers.clone() });
    let nameless = Identity { app: None, ..identity() };
    gateway.path = "/healthz".to_string();
    let asked = gateway.question(&nameless, &machine()).await.unwrap();
    assert_eq!(asked, Question { url: "https://shared.fly.dev/healthz".to_string(), headers });
    gateway.app = None;
    let error = PrepareError::Refused("neither the instance nor the host names an app".to_string());
    assert_eq!(gateway.question(&nameless, &machine()).await, Err(error));
}

#[test]
fn what_the_gateway_says_of_itself() {
    let gateway = FlyDev::new(None);
    let rows = [
        (200, r#"{"state":"running","pid":1}"#, true),
        (200, r#"{"status":"ok"}"#, true),
        (200, r#"{"status":"ok","state":"running"}"#, true),
        (204, "", true),
        (200, "ok", true),
        (200, "<html>", true),
        (200, r#"{"state":"starting"}"#, false),
        (200, r#"{"status":"ok","state":"crashed"}"#, false),
        (200, r#"{"status":"degraded"}"#, false),
        (200, r#"{"state":null}"#, false),
        (502, r#"{"state":"running"}"#, false),
        (302, "", false),
    ];
    for (status, body, well) in rows {
        assert_eq!(gateway.is_well(status, body), well, "{status} {body}");
    }
}
