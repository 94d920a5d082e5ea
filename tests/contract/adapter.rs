//! The Fly client keeps every rule.
use crate::http::{Hands, SCALE};
use crate::{all, ground, server};
use kiloclaw_lifecycle::adapter::fly::{FlyApi, FlyConfig, StandardTemplate, Token};
use kiloclaw_lifecycle::testkit::contract::provider::{Report, check};
use kiloclaw_lifecycle::testkit::emulator::{Emulator, Settings};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

#[tokio::test]
async fn the_adapter_keeps_every_rule_at_the_emulator() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let token = Some("tok".to_string());
    let settings = Settings { time_scale: SCALE, rate_limit: false, token, ..Settings::default() };
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server::serve(listener, Emulator::new(settings, server::now()), async move {
        stopped.await.expect("a word");
    }));
    let mut config = FlyConfig::new(Token::new("tok").expect("a token"));
    (config.base_url, config.limits) = (base.clone(), None);
    let fly = FlyApi::new(config, StandardTemplate::new("registry.fly.io/app:1".parse().expect("an image")))
        .expect("a client");
    let hands = Hands { client: reqwest::Client::new(), base };
    let report = check(&fly, &hands, &ground()).await;
    assert_eq!(report, Report { held: all(), broken: vec![], skipped: vec![] }, "{report}");
    stop.send(()).expect("a server");
    let ended = tokio::time::timeout(Duration::from_secs(30), serving).await.expect("an end");
    ended.expect("no panic").expect("no error");
}

/// A client of a peer that lies believes none of it.
#[tokio::test]
async fn the_adapter_believes_no_hostile_peer() {
    use kiloclaw_lifecycle::fault::FaultKind;
    use kiloclaw_lifecycle::port::Provider;
    use kiloclaw_lifecycle::testkit::emulator::Hostile;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let settings = Settings { time_scale: SCALE, rate_limit: false, ..Settings::default() };
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server::serve(listener, Emulator::new(settings, server::now()), async move {
        stopped.await.expect("a word");
    }));
    let mut config = FlyConfig::new(Token::new("tok").expect("a token"));
    (config.base_url, config.limits) = (base.clone(), None);
    let fly = FlyApi::new(config, StandardTemplate::new("registry.fly.io/app:1".parse().expect("an image")))
        .expect("a client");
    let ground = ground();
    let of = &ground.identity;
    let new = kiloclaw_lifecycle::call::NewVolume {
        name: "data".parse().expect("a name"),
        region: "iad".parse().expect("a region"),
        guest: ground.guest,
        content: kiloclaw_lifecycle::call::Content::Empty { size_gb: 1 },
    };
    let volume = fly.create_volume(of, &new).await.expect("a volume").volume;
    let client = reqwest::Client::new();
    for mode in [Hostile::WrongIds, Hostile::HugeBodies, Hostile::PathCharacters, Hostile::Html] {
        let body = format!("{{\"mode\":\"{}\"}}", mode.as_str());
        client.post(format!("{base}/_control/hostile")).body(body).send().await.expect("told");
        let fault = fly.get_volume(of, &volume).await.expect_err("a lie");
        assert_eq!(fault.kind, FaultKind::Unknown, "{mode:?} {fault:?}");
    }
    stop.send(()).expect("a server");
    tokio::time::timeout(Duration::from_secs(30), serving).await.expect("an end").expect("no panic").expect("no error");
}
