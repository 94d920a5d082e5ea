//! How it is called, and what it says of what it is asked.

use crate::stage::{Stage, run, unheard};
use reqwest::Method;
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;
use tokio::time::{sleep, timeout};

#[test]
fn wrong_usage_is_explained() {
    for (args, said) in [
        (&["--db", "x"][..], "host: --fly URL is missing\nusage: host --db FILE"),
        (&["--fly", "http://127.0.0.1:1"], "host: --db FILE is missing\nusage: "),
        (&["--db"], "host: missing argument for option '--db'\nusage: "),
        (&["--colour"], "host: invalid option '--colour'\nusage: "),
        (
            &["--db", "x", "--fly", "http://y", "--time-scale", "0"],
            "host: --time-scale: expected 1 to 1000, got 0\nusage: ",
        ),
        (&["--db", "x", "--fly", "nonsense"], "host: --fly: expected a URL of http or https\nusage: "),
        (&["--db", "x", "--fly", "ftp://y"], "host: --fly: expected a URL of http or https\nusage: "),
        (
            &["--db", "x", "--fly", "http://y", "--gateway", "z"],
            "host: --gateway: expected a URL of http or https\nusage: ",
        ),
        (&["--db", "x", "--fly", "http://y", "--app", "A B"], "host: --app: app name: expected 1 to 63 of a-z"),
    ] {
        let end = run("host", args);
        let told = String::from_utf8(end.stderr).unwrap();
        assert_eq!((end.status.code(), end.stdout.len()), (Some(2), 0), "{told}");
        assert!(told.starts_with(said), "{told}");
    }
    let help = run("host", &["--help"]);
    assert_eq!((help.status.code(), help.stderr.len()), (Some(0), 0));
    assert!(String::from_utf8(help.stdout).unwrap().starts_with("usage: host --db FILE --fly URL"));
    // Only the emulator on loopback lets everybody in.
    for fly in ["https://api.machines.dev", "http://127.0.0.1.example.com", "http://localhost.example.com:80"] {
        let end = run("host", &["--db", "no/such/folder/x", "--fly", fly]);
        assert_eq!(String::from_utf8(end.stderr).unwrap(), "host: neither --token-file nor FLY_API_TOKEN\n", "{fly}");
        assert_eq!(end.status.code(), Some(1));
    }
}

#[tokio::test]
async fn nobody_has_to_read_what_is_printed() {
    for example in ["host", "fly_emulator"] {
        let end = unheard(example, &["--help"]).wait_with_output().await.unwrap();
        assert_eq!((end.status.code(), String::from_utf8(end.stderr).unwrap().as_str()), (Some(0), ""), "{example}");
    }
    let folder = tempfile::tempdir().unwrap();
    let (db, events) = (folder.path().join("instances.db"), folder.path().join("instances.db-events"));
    let fly = ["--fly", "http://127.0.0.1:1", "--listen", "127.0.0.1:0"];
    let host = unheard("host", &[&["--db", db.to_str().unwrap()], &fly[..]].concat());
    for _ in 0..600 {
        if events.exists() {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    // It is watched for signals before there are files, and so ends in peace.
    let id = host.id().expect("it runs").to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let end = timeout(Duration::from_secs(60), host.wait_with_output()).await.expect("it ends in time").unwrap();
    assert_eq!((end.status.code(), String::from_utf8(end.stderr).unwrap().as_str()), (Some(0), ""));
}

#[tokio::test]
async fn bad_requests_are_answered_with_what_is_wrong() {
    let stage = Stage::new(&[]).await;
    let host = stage.host().await;
    host.provision("s-0").await;
    let (post, get) = (Method::POST, Method::GET);
    let field = |field: &str| (400, json!(field));
    for (method, path, body, (status, wrong)) in [
        (&post, "/v1/instances", json!([]), field("body")),
        (&post, "/v1/instances", json!({ "user": "u" }), field("sandbox")),
        (&post, "/v1/instances", json!({ "user": "u", "sandbox": "a b" }), field("sandbox")),
        (
            &post,
            "/v1/instances",
            json!({ "user": "u", "sandbox": "a", "spec": { "guest": { "cpus": 1 } } }),
            field("spec.guest.memory_mb"),
        ),
        (&post, "/v1/instances", json!({ "user": "u", "sandbox": "a", "colour": 1 }), field("colour")),
        (&post, "/v1/instances", json!({ "user": "u", "sandbox": "a", "spec": [] }), field("spec")),
        (
            &post,
            "/v1/instances",
            json!({ "user": "u", "sandbox": "a", "spec": { "guest": [1, 256] } }),
            field("spec.guest"),
        ),
        (&post, "/v1/instances/s-0/resize", json!({ "guest": [1, 256] }), field("guest")),
        (&post, "/v1/instances/s-0/jump", json!({}), field("command")),
        (&post, "/v1/instances/a%20b/start", json!({}), field("sandbox")),
        (&post, "/v1/instances/s-0/restore-snapshot", json!({}), field("snapshot")),
        (&post, "/v1/instances/s-0/restore-snapshot", json!({ "snapshot": "../x" }), field("snapshot")),
        (&post, "/v1/instances/s-0/start", json!({ "force": true }), field("force")),
        (&post, "/v1/instances/s-0/refresh", json!({ "now": true }), field("now")),
        (&get, "/v1/events?after=x", Value::Null, field("after")),
        (&get, "/v1/events?since=1", Value::Null, field("since")),
        (&get, "/v1/instances?limit=-1", Value::Null, field("limit")),
        (&get, "/v1/instances/nobody", Value::Null, (404, Value::Null)),
        (&get, "/v1/instances/nobody/admin", Value::Null, (404, Value::Null)),
        (&post, "/v1/instances/nobody/start", json!({}), (404, Value::Null)),
    ] {
        let (got, answer) = host.ask(method.clone(), path, (!body.is_null()).then_some(body.clone())).await;
        assert_eq!((got, &answer["error"]["field"]), (status, &wrong), "{path} {body}: {answer}");
        assert!(answer["error"]["message"].as_str().is_some_and(|said| said.len() > 10), "{answer}");
    }
    let (status, answer) = host.command("s-0", "restart").await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("no_machine")), "{answer}");
    let (status, answer) = host.post("/v1/instances", json!({ "user": "u", "sandbox": "s-0" })).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("identity_mismatch")), "{answer}");
    let metrics = host.get("/metrics").await;
    let metrics = metrics.as_str().expect("a text");
    assert!(metrics.contains("kiloclaw_steps_total{input=\"provision\",verdict=\"denied\"} 1\n"), "{metrics}");
    assert_eq!(host.get("/healthz").await, json!({ "status": "ok", "at_work": 0 }));
}
