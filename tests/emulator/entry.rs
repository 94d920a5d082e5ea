//! Who is let in, and where.

use crate::{Bench, error, said};
use kiloclaw_lifecycle::testkit::emulator::{Asked, Settings};
use serde_json::json;
use std::collections::BTreeSet;

fn guarded(token: &str) -> Bench {
    Bench::new(Settings { token: Some(token.to_string()), ..Settings::default() })
}

fn list() -> Asked {
    Asked::new("GET", "/v1/apps/app-1/volumes")
}

#[test]
fn an_unknown_address_is_not_found_before_anybody_is_asked_who_they_are() {
    let mut bench = guarded("t0ken");
    let addresses = [
        ("GET", "/"),
        ("GET", "/v1/apps"),
        ("GET", "/v1/apps/"),
        ("GET", "/v1/apps/app-1/"),
        ("GET", "/v1/apps/app-1/machines/"),
        ("GET", "/v1/apps/app-1/machines//wait"),
        ("GET", "/v1/apps/app-1/machines/m1/lease"),
        ("PUT", "/v1/apps/app-1/volumes/v1"),
        ("GET", "/v2/apps/app-1/volumes"),
        ("GET", "/_control/nothing"),
        ("POST", "/_control/nothing"),
        ("POST", "/_control/world"),
    ];
    for (method, target) in addresses {
        let answer = bench.answer(Asked::new(method, target));
        assert_eq!((answer.status, answer.body.begin()), (404, "404 page not found"), "{method} {target}");
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    }
}

#[test]
fn only_who_has_the_token_is_let_in_whatever_the_scheme() {
    let mut bench = guarded("t0ken");
    let refused = (401, error("Authenticate: token validation error"));
    assert_eq!(said(bench.answer(list())), refused);
    for wrong in ["", "t0ke", "Bearer wrong", "Basic t0ken", "Bearer t0ken2"] {
        assert_eq!(said(bench.answer(list().authorized(wrong))), refused, "{wrong}");
    }
    for right in ["t0ken", "Bearer t0ken", "FlyV1 t0ken"] {
        assert_eq!(said(bench.answer(list().authorized(right))), (200, json!([])), "{right}");
    }
    let mut bench = guarded("FlyV1 fm2_abc");
    assert_eq!(said(bench.answer(list().authorized("FlyV1 fm2_abc"))), (200, json!([])));
    assert_eq!(said(bench.answer(list().authorized("Bearer FlyV1 fm2_abc"))), (200, json!([])));
}

#[test]
fn what_is_for_tests_needs_no_token() {
    let mut bench = guarded("t0ken");
    assert_eq!(bench.answer(Asked::new("GET", "/_control/world")).status, 200);
    bench.tell("pause", &json!({ "ms": 0 }));
}

#[test]
fn tokens_and_bodies_are_not_shown_by_debugging() {
    let settings = Settings { token: Some("t0ken".to_string()), ..Settings::default() };
    let asked = list().authorized("Bearer t0ken").json(&json!({ "env": { "KEY": "t0ken" } }));
    let shown = format!("{settings:?} {asked:?} {:?}", guarded("t0ken").emulator);
    assert!(!shown.contains("t0ken"), "{shown}");
    assert!(shown.contains("/v1/apps/app-1/volumes"), "{shown}");
}

#[test]
fn only_the_apps_that_there_are_are_found() {
    let apps = Some(BTreeSet::from(["app-1".to_string()]));
    let mut bench = Bench::new(Settings { apps, ..Settings::default() });
    assert_eq!(said(bench.answer(list())), (200, json!([])));
    let other = Asked::new("GET", "/v1/apps/app-2/volumes");
    assert_eq!(said(bench.answer(other)), (404, error("app not found")));
    let impossible = Bench::calm().answer(Asked::new("GET", "/v1/apps/NO/volumes"));
    assert_eq!(said(impossible), (404, error("app not found")));
}

#[test]
fn every_answer_has_a_number_of_its_own() {
    let mut bench = Bench::calm();
    let mut numbers = BTreeSet::new();
    for target in ["/v1/apps/app-1", "/nothing", "/v1/apps/app-1/machines/m1", "/v1/apps/app-1/volumes"] {
        let answer = bench.answer(Asked::new("GET", target));
        let number = answer.header("fly-request-id").expect("a number").to_string();
        assert!(number.len() == 30 && number.starts_with("01") && number.ends_with("-emu"), "{number}");
        numbers.insert(number);
    }
    assert_eq!(numbers.len(), 4);
}
