//! Refusals that repeat the configuration do not bring a secret out (I9).

use super::{START, create, inhabited, update};
use kiloclaw_lifecycle::adapter::fly::redact::redact;
use kiloclaw_lifecycle::fault::FaultKind;
use kiloclaw_lifecycle::testkit::{Landing, Request, Said, Strike, World, WorldChange};

const SECRETS: [&str; 3] = ["s3cr3t", "with \"quotes\" and \\ and ü\n", "x"];

fn message(world: &mut World, request: &Request, strike: Option<&Strike>) -> (FaultKind, Option<u16>, String) {
    let fault = world.perform(request, strike).expect_err("a refusal");
    (fault.kind, fault.status, fault.message)
}

fn said(body: &str) -> Strike {
    Strike { said: Said::Status(422, body.to_string()), landing: Landing::Never }
}

#[test]
fn every_refusal_of_a_configuration_repeats_the_secret_blotted_out() {
    let full = "aborted: could not reserve resource for machine: insufficient memory available to fulfill request";
    let page = said("<html>bad request</html>");
    let rows = [
        (create("sandbox-1", "v2"), None),
        (create("a", "v1"), None),
        (create("a", "v9"), None),
        (update("m1", "v1"), None),
        (update("m1", "v2"), None),
        (create("a", "v2"), Some(&page)),
        (update("m1", "v1"), Some(&page)),
    ];
    for secret in &SECRETS[..2] {
        for (request, strike) in &rows {
            let mut world = inhabited();
            assert!(world.change(&WorldChange::HostFull { volume: "v1".to_string(), full: true }));
            let (kind, status, open) = message(&mut world, request, *strike);
            world.secret = Some((*secret).to_string());
            let echoed = format!("{open} (config.env.SECRET=[redacted])");
            assert_eq!(message(&mut world, request, *strike), (kind, status, echoed), "{request:?}");
        }
    }
    let mut world = inhabited();
    world.secret = Some("s3cr3t".to_string());
    assert!(world.change(&WorldChange::HostFull { volume: "v1".to_string(), full: true }));
    let text = format!("{full} (config.env.SECRET=[redacted])");
    assert_eq!(message(&mut world, &update("m1", "v1"), None).2, text);
}

#[test]
fn a_secret_that_is_cut_off_with_the_message_is_not_left_in_part() {
    let mut world = inhabited();
    world.secret = Some("s3cr3t".repeat(20));
    let long = said(&"-".repeat(165));
    let (_, _, text) = message(&mut world, &create("a", "v2"), Some(&long));
    assert_eq!(text, format!("{} (config.env.SECRET=[redacted])", "-".repeat(165)));
}

#[test]
fn other_calls_and_empty_refusals_do_not_know_it() {
    let mut world = inhabited();
    world.secret = Some("s3cr3t".to_string());
    let plain = inhabited();
    assert_eq!(message(&mut world, &super::get("m9"), None), message(&mut plain.clone(), &super::get("m9"), None));
    assert_eq!(message(&mut world, &create("a", "v2"), Some(&said(""))).2, "");
    assert!(world.perform(&create("a", "v2"), None).is_ok());
    assert_eq!(world.now(), START);
}

#[test]
fn secrets_are_blotted_out_of_a_text() {
    assert_eq!(redact("a s3cr3t, and s3cr3t", &["s3cr3t"]), "a [redacted], and [redacted]");
    assert_eq!(redact("token-longer token", &["token", "token-longer"]), "[redacted] [redacted]");
    assert_eq!(redact("nothing here", &SECRETS), "nothing here");
    assert_eq!(redact("nothing here", &[""]), "nothing here");
    for secret in SECRETS {
        let body = serde_json::json!({ "error": format!("<{secret}>") }).to_string();
        assert_eq!(redact(&format!("<{secret}>"), &[secret]), "<[redacted]>");
        assert_eq!(redact(&body, &[secret]), r#"{"error":"<[redacted]>"}"#);
    }
}
