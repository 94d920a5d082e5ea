//! Answers that nobody should believe.

use crate::{Bench, error, new_machine, said, text};
use kiloclaw_lifecycle::testkit::emulator::{Asked, Body, Hostile};
use serde_json::{Value, json};

fn lying(mode: Hostile) -> (Bench, String, String) {
    let mut bench = Bench::calm();
    let (machine, volume) = bench.machine("one-1");
    bench.tell("hostile", &json!({ "mode": mode.as_str() }));
    assert_eq!(bench.truth()["hostile"], mode.as_str());
    (bench, machine, volume)
}

#[test]
fn ids_are_those_of_other_things() {
    let (mut bench, machine, volume) = lying(Hostile::WrongIds);
    for path in [format!("machines/{machine}"), format!("volumes/{volume}")] {
        let answer = bench.get(&path);
        let id = text(&answer.value()["id"]);
        assert!(answer.status == 200 && !path.ends_with(&id), "{path}: {id}");
    }
    let listed = bench.get("volumes").value();
    assert!(listed[0]["id"] != json!(volume) && text(&listed[0]["id"]).starts_with("vol_"), "{listed}");
    // Where there is another thing, it is that one's.
    bench.tell("hostile", &json!({ "mode": null }));
    let other = bench.volume("data");
    bench.tell("hostile", &json!({ "mode": "wrong_ids" }));
    assert_eq!(bench.get(&format!("volumes/{volume}")).value()["id"], json!(other));
    assert_eq!(bench.get(&format!("volumes/{other}")).value()["id"], json!(volume));
    assert_eq!(said(bench.get("volumes/vol_nothing")), (404, error("volume not found")), "refusals are true");
}

#[test]
fn ids_lead_elsewhere() {
    let (mut bench, machine, _) = lying(Hostile::PathCharacters);
    let expected = format!("../../../v1/apps/other/machines/{machine}?force=true#");
    assert_eq!(bench.get(&format!("machines/{machine}")).value()["id"], json!(expected));
    assert_eq!(bench.get("machines").value()[0]["id"], json!(expected));
}

#[test]
fn bodies_have_no_end() {
    let (mut bench, machine, _) = lying(Hostile::HugeBodies);
    assert_eq!(bench.get(&format!("machines/{machine}")).body, Body::Endless("{\"id\":\"".to_string()));
    assert_eq!(bench.get("machines").body, Body::Endless("[{\"id\":\"".to_string()));
    assert_eq!(bench.get("machines/m1").body, Body::Endless("{\"id\":\"".to_string()), "refusals as well");
}

#[test]
fn everything_is_a_page() {
    let (mut bench, machine, _) = lying(Hostile::Html);
    for answer in [bench.get(&format!("machines/{machine}")), bench.get("machines/m1"), bench.delete("volumes/vol_1")] {
        assert_eq!((answer.status, answer.value()), (200, Value::Null));
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(answer.body.begin().starts_with("<!doctype html>"));
    }
}

#[test]
fn a_stranger_holds_every_volume() {
    let (mut bench, machine, volume) = lying(Hostile::ForeignHolder);
    let holder = text(&bench.get(&format!("volumes/{volume}")).value()["attached_machine_id"]);
    assert_ne!(holder, machine);
    assert_eq!(bench.get("volumes").value()[0]["attached_machine_id"], json!(holder));
    let stranger = bench.get(&format!("machines/{holder}")).value();
    assert_eq!((&stranger["id"], &stranger["state"]), (&json!(holder), &json!("started")));
    assert_eq!(stranger["config"]["metadata"], json!({ "kiloclaw_sandbox_id": "somebody-else" }));
    let bound = format!("failed_precondition: volume is currently bound to machine: {holder}");
    assert_eq!(said(bench.delete(&format!("volumes/{volume}"))), (412, error(&bound)));
    let claimed = format!("failed_precondition: volume already claimed by machine {holder}");
    assert_eq!(said(bench.post("machines", &new_machine("two-1", &volume))), (412, error(&claimed)));
    assert_eq!(bench.truth()["volumes"][&volume]["holder"], json!(machine), "in truth it does not");
}

#[test]
fn lists_are_empty() {
    let (mut bench, machine, volume) = lying(Hostile::EmptyLists);
    for path in ["machines", "volumes"] {
        assert_eq!(said(bench.get(path)), (200, json!([])));
    }
    assert_eq!(bench.get(&format!("machines/{machine}")).value()["id"], json!(machine));
    assert_eq!(said(bench.get(&format!("volumes/{volume}/snapshots"))), (200, json!([])));
}

#[test]
fn it_ends() {
    for mode in Hostile::ALL {
        let (mut bench, machine, volume) = lying(mode);
        bench.tell("hostile", &json!({ "mode": null }));
        assert_eq!(bench.get(&format!("machines/{machine}")).value()["id"], json!(machine));
        assert_eq!(bench.get("volumes").value()[0]["id"], json!(volume));
        let unknown = Asked::new("GET", "/nowhere");
        assert_eq!(bench.answer(unknown).body.begin(), "404 page not found");
    }
}
