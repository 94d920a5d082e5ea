//! The emulator behind a provider that speaks HTTP. To try an adapter, put it in the place of [`Plain`].

use crate::plain::Plain;
use crate::{all, ground, server};
use async_trait::async_trait;
use kiloclaw_lifecycle::testkit::contract::provider::{CannotDo, Control, Report, check};
use kiloclaw_lifecycle::testkit::emulator::{Emulator, Settings};
use kiloclaw_lifecycle::testkit::{Strike, WorldChange};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How many times as fast as the test's the world's clock runs.
pub(crate) const SCALE: u64 = 100;

pub(crate) struct Hands {
    pub(crate) client: reqwest::Client,
    pub(crate) base: String,
}

impl Hands {
    async fn tell(&self, what: &str, body: &Value) -> Result<(), CannotDo> {
        let url = format!("{}/_control/{what}", self.base);
        let sent = self.client.post(url).body(body.to_string()).send().await;
        let answer = sent.map_err(|error| CannotDo(error.to_string()))?;
        if answer.status().is_success() { Ok(()) } else { Err(CannotDo(format!("{what}: {}", answer.status()))) }
    }
}

#[async_trait]
impl Control for Hands {
    async fn pause(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms.div_ceil(SCALE))).await;
    }

    async fn strike(&self, strike: Option<&Strike>) -> Result<(), CannotDo> {
        self.tell("strike", &json!({ "strike": strike })).await
    }

    async fn change(&self, change: &WorldChange) -> Result<(), CannotDo> {
        self.tell("change", &json!(change)).await
    }
}

#[tokio::test]
async fn a_provider_over_http_keeps_every_rule_at_the_emulator() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let emulator =
        Emulator::new(Settings { time_scale: SCALE, rate_limit: false, ..Settings::default() }, server::now());
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server::serve(listener, emulator, async move {
        stopped.await.expect("a word");
    }));

    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client");
    let hands = Hands { client: client.clone(), base: base.clone() };
    let report = check(&Plain { client, base }, &hands, &ground()).await;
    assert_eq!(report, Report { held: all(), broken: vec![], skipped: vec![] }, "{report}");

    stop.send(()).expect("a server");
    let ended = tokio::time::timeout(Duration::from_secs(30), serving).await.expect("an end");
    ended.expect("no panic").expect("no error");
}
