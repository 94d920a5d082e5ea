//! Configurations that would not work are refused with the name of what is wrong.

use crate::bench::{config, template};
use kiloclaw_lifecycle::adapter::fly::{
    ConfigError, FlyApi, FlyConfig, FlyDev, GatewayProbe, Limits, ProbeConfig, Rate, Token,
};
use std::time::Duration;

/// The field at fault and what is said about it.
fn fault(error: &ConfigError) -> (&'static str, String) {
    match error {
        ConfigError::Invalid { field, reason } => (field, reason.clone()),
        ConfigError::Client(why) => panic!("{why}"),
    }
}

fn refused(change: impl FnOnce(&mut FlyConfig)) -> (&'static str, String) {
    let mut config = config("https://api.machines.dev");
    change(&mut config);
    fault(&FlyApi::new(config, template()).unwrap_err())
}

#[test]
fn the_defaults_work_and_are_what_they_are_said_to_be() {
    let config = FlyConfig::new(Token::new("fo1_x").unwrap());
    assert_eq!(config.base_url, "https://api.machines.dev");
    assert_eq!(config.app, None);
    assert_eq!(config.user_agent, concat!("kiloclaw-lifecycle/", env!("CARGO_PKG_VERSION")));
    let seconds = [config.read_timeout, config.mutation_timeout, config.wait_margin, config.connect_timeout];
    assert_eq!(seconds, [30, 60, 15, 5].map(Duration::from_secs));
    assert_eq!((config.max_body, config.read_retries), (4_194_304, 2));
    let limits = Limits { get_machine: Rate { per_second: 5, burst: 10 }, others: Rate { per_second: 1, burst: 3 } };
    assert_eq!(config.limits, Some(limits));
    assert_eq!((config.mount_path.as_str(), config.snapshot_retention_days), ("/root", None));
    FlyApi::new(config, template()).unwrap();
    GatewayProbe::new(FlyDev::new(None), ProbeConfig::default()).unwrap();
}

#[test]
fn addresses() {
    let base = |url: &str| refused(|config| config.base_url = url.to_string());
    for url in ["", "api.machines.dev", "https://", "http://[::1"] {
        let (field, reason) = base(url);
        assert_eq!(field, "base_url", "{url}");
        assert!(!reason.is_empty(), "{url}");
    }
    let scheme = "has to begin with http:// or https://";
    let user = "must not name a user or a password";
    let query = "must not have a query or a fragment";
    let rows = [
        ("ftp://api.machines.dev", scheme),
        ("unix:/var/run/fly", scheme),
        ("https://me@api.machines.dev", user),
        ("https://:pass@api.machines.dev", user),
        ("https://api.machines.dev?a=b", query),
        ("https://api.machines.dev/#a", query),
    ];
    for (url, reason) in rows {
        assert_eq!(base(url), ("base_url", reason.to_string()), "{url}");
    }
}

/// What is changed, and what is said about it.
type Row = (fn(&mut FlyConfig), &'static str, &'static str);

#[test]
fn times_and_numbers() {
    let span = "has to be 1 ms to 1 h";
    let rows: [Row; 14] = [
        (|config| config.read_timeout = Duration::ZERO, "read_timeout", span),
        (|config| config.mutation_timeout = Duration::from_secs(3_601), "mutation_timeout", span),
        (|config| config.wait_margin = Duration::from_micros(999), "wait_margin", span),
        (|config| config.connect_timeout = Duration::MAX, "connect_timeout", span),
        (|config| config.max_body = 1_023, "max_body", "has to be 1024 at least"),
        (|config| config.read_retries = 11, "read_retries", "has to be 10 at most"),
        (|config| config.mount_path = "root".to_string(), "mount_path", "has to begin with /"),
        (|config| config.mount_path = String::new(), "mount_path", "has to begin with /"),
        (|config| config.snapshot_retention_days = Some(0), "snapshot_retention_days", "has to be 1 to 60"),
        (|config| config.snapshot_retention_days = Some(61), "snapshot_retention_days", "has to be 1 to 60"),
        (|config| config.user_agent = "a\nb".to_string(), "user_agent", "has characters that no header can carry"),
        (|config| config.limits = limits(Rate { per_second: 0, burst: 1 }), "limits", "have to be 1 at least"),
        (|config| config.limits = limits(Rate { per_second: 1, burst: 0 }), "limits", "have to be 1 at least"),
        (
            |config| config.limits = Some(Limits { others: Rate { per_second: 0, burst: 0 }, ..Limits::default() }),
            "limits",
            "have to be 1 at least",
        ),
    ];
    for (change, field, reason) in rows {
        assert_eq!(refused(change), (field, reason.to_string()));
    }
    let mut edges = config("http://127.0.0.1:1/base");
    edges.read_timeout = Duration::from_millis(1);
    edges.mutation_timeout = Duration::from_secs(3_600);
    edges.max_body = 1_024;
    edges.read_retries = 10;
    edges.snapshot_retention_days = Some(60);
    edges.limits = limits(Rate { per_second: 1, burst: 1 });
    FlyApi::new(edges, template()).unwrap();
}

fn limits(get_machine: Rate) -> Option<Limits> {
    Some(Limits { get_machine, ..Limits::default() })
}

#[test]
fn tokens() {
    for text in ["", " \n", "Bearer ", "FlyV1", "FlyV1 "] {
        assert_eq!(fault(&Token::new(text).unwrap_err()), ("token", "is empty".to_string()), "{text:?}");
    }
    let error = Token::new("s3cr3t\nx-other: header").unwrap_err();
    assert_eq!(error.to_string(), "token: has characters that no header can carry");
    assert!(!format!("{error:?}").contains("s3cr3t"));
}

#[test]
fn probes() {
    let refused = |change: fn(&mut ProbeConfig)| {
        let mut config = ProbeConfig::default();
        change(&mut config);
        fault(&GatewayProbe::new(FlyDev::new(None), config).unwrap_err()).0
    };
    assert_eq!(refused(|config| config.request_timeout = Duration::ZERO), "request_timeout");
    assert_eq!(refused(|config| config.connect_timeout = Duration::ZERO), "connect_timeout");
    assert_eq!(refused(|config| config.max_body = 0), "max_body");
    assert_eq!(refused(|config| config.user_agent = "\0".to_string()), "user_agent");
}
