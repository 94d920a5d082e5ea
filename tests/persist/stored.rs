//! The stored form: what is refused, and how that is said.

use crate::samples::{all, sample};
use kiloclaw_lifecycle::persist::{self, DecodeError, VERSION};
use serde_json::{Value, json};

fn refusal(record: &Value) -> DecodeError {
    persist::decode(&record.to_string()).expect_err("not a record")
}

fn malformed(record: &str) -> String {
    match persist::decode(record) {
        Err(DecodeError::Malformed(why)) => why,
        Err(other) => panic!("{record}: {other}"),
        Ok(_) => panic!("{record} is taken for a record"),
    }
}

#[test]
fn the_envelope_names_the_version() {
    let (instance, record) = sample("running");
    assert_eq!(VERSION, 1);
    let keys: Vec<_> = record.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(keys, ["instance", "version"]);
    assert_eq!(record["version"], json!(1));
    assert!(persist::encode(&instance).expect("text").starts_with("{\"version\":1,\"instance\":{"));
}

#[test]
fn a_newer_version_is_refused_by_its_number() {
    let (_, mut record) = sample("running");
    for version in [2, 3, u32::MAX] {
        record["version"] = json!(version);
        assert_eq!(refusal(&record), DecodeError::Newer { found: version });
        assert_eq!(refusal(&json!({"version": version})), DecodeError::Newer { found: version });
        assert_eq!(
            refusal(&json!({"version": version, "instance": [1], "more": null})),
            DecodeError::Newer { found: version }
        );
    }
    let said = DecodeError::Newer { found: 2 }.to_string();
    assert_eq!(said, "the record has version 2, and this library reads up to 1");
}

#[test]
fn a_version_that_never_was() {
    let (_, mut record) = sample("running");
    record["version"] = json!(0);
    assert_eq!(malformed(&record.to_string()), "version: expected 1 or more, got 0");
    for version in [json!(-1), json!("1"), json!(1.5), json!(null), json!(4_294_967_296_u64)] {
        record["version"] = version;
        malformed(&record.to_string());
    }
}

#[test]
fn what_is_no_record() {
    for text in ["", " ", "null", "[]", "7", "{}", "{\"version\":1}", "{\"instance\":{}}", "\u{0}", "{\"version\":1,"] {
        malformed(text);
    }
    let why = malformed("{\"version\":1,\"instance\":{}}");
    assert!(why.contains("missing field"), "{why}");
}

#[test]
fn a_record_that_was_cut_off() {
    for (name, life) in all() {
        let text = persist::encode(&life.instance).expect("text");
        let ends = (0..text.len()).filter(|end| text.is_char_boundary(*end));
        for end in ends.step_by(if name == "running_relocated" { 1 } else { 37 }) {
            malformed(&text[..end]);
        }
        malformed(&format!("{text}}}"));
    }
}

#[test]
fn a_field_that_nobody_knows_is_not_dropped_in_silence() {
    let (_, record) = sample("recovering_waiting");
    let unknown = |path: &str| {
        let mut record = record.clone();
        let place = record.pointer_mut(path).and_then(Value::as_object_mut).expect(path);
        place.insert("surprise".to_string(), json!(1));
        let why = malformed(&record.to_string());
        assert!(why.contains("surprise"), "{path}: {why}");
    };
    for path in
        ["", "/instance", "/instance/identity", "/instance/phase/recovering", "/instance/in_flight", "/instance/alarm"]
    {
        unknown(path);
    }
}

#[test]
fn fields_of_the_wrong_kind() {
    let (_, record) = sample("recovering_waiting");
    for (path, value) in [
        ("/instance/volume", json!("../vol")),
        ("/instance/volume", json!(7)),
        ("/instance/identity/user", json!("")),
        ("/instance/sequence", json!(-1)),
        ("/instance/sequence", json!("12")),
        ("/instance/phase", json!("sleeping")),
        ("/instance/phase/recovering/since", json!(null)),
        ("/instance/fail_count", json!(4_294_967_296_u64)),
        ("/instance/alarm/at", json!(1.5)),
        ("/instance/in_flight/call", json!({"explode_machine": {}})),
    ] {
        let mut record = record.clone();
        *record.pointer_mut(path).expect(path) = value;
        malformed(&record.to_string());
    }
}

#[test]
fn a_record_that_contradicts_itself() {
    let (_, record) = sample("recovering_waiting");
    let sequence = record.pointer("/instance/sequence").and_then(Value::as_u64).expect("a number");
    let mut beyond = record.clone();
    beyond["instance"]["in_flight"]["op"]["number"] = json!(sequence + 1);
    let why = "the call in flight has a number not given out yet";
    assert_eq!(refusal(&beyond), DecodeError::Inconsistent(why));
    assert_eq!(refusal(&beyond).to_string(), format!("the record contradicts itself: {why}"));

    let mut other = record.clone();
    other["instance"]["in_flight"]["op"]["kind"] = json!("create_machine");
    assert_eq!(refusal(&other), DecodeError::Inconsistent("the call in flight is not of the kind its id says"));

    let mut entry = record;
    entry["instance"]["holdings"]["entries"][0]["key"] = json!(sequence + 1);
    assert_eq!(
        refusal(&entry),
        DecodeError::Inconsistent("an entry of the disposal list has a number not given out yet")
    );

    let (_, mut twice) = sample("running_relocated");
    let first = twice["instance"]["holdings"]["entries"][0].clone();
    twice["instance"]["holdings"]["entries"].as_array_mut().expect("a list").push(first);
    assert_eq!(refusal(&twice), DecodeError::Inconsistent("two entries of the disposal list have the same number"));

    let (_, mut waits) = sample("recovering_waiting");
    waits["instance"]["holdings"]["entries"][0]["awaits_health"] = json!(true);
    assert_eq!(
        refusal(&waits),
        DecodeError::Inconsistent("what is not retained waits for the instance to be seen healthy")
    );
    let (_, mut retained) = sample("running_relocated");
    let entries = retained["instance"]["holdings"]["entries"].as_array_mut().expect("a list");
    let source = entries.iter_mut().find(|entry| entry["cause"]["relocated"].is_object()).expect("a source");
    source["awaits_health"] = json!(true);
    assert_eq!(persist::decode(&retained.to_string()).map(drop), Ok(()));
    let entries = retained["instance"]["holdings"]["entries"].as_array_mut().expect("a list");
    let source = entries.iter_mut().find(|entry| entry["cause"]["relocated"].is_object()).expect("a source");
    (source["thing"], source["cause"]) = (json!({ "machine": "m9" }), json!("candidate"));
    assert_eq!(
        refusal(&retained),
        DecodeError::Inconsistent("what is not retained waits for the instance to be seen healthy")
    );
}

#[test]
fn numbers_that_could_not_go_on_and_volumes_nobody_can_make() {
    let (_, record) = sample("running");
    let with = |field: &str, value: u64| {
        let mut record = record.clone();
        *record.pointer_mut(field).expect("a field") = json!(value);
        persist::decode(&record.to_string()).map(drop)
    };
    let used_up = Err(DecodeError::Inconsistent("the numbers are used up"));
    let half = u64::MAX / 2;
    let sequences = [half, half + 1, u64::MAX].map(|sequence| with("/instance/sequence", sequence));
    assert_eq!(sequences, [Ok(()), used_up.clone(), used_up]);
    let absurd = Err(DecodeError::Inconsistent("the volume size is not from 1 to 500 GiB"));
    let sizes = [0, 1, 500, 501, 4_294_967_295].map(|size| with("/instance/spec/volume_size_gb", size));
    assert_eq!(sizes, [absurd.clone(), Ok(()), Ok(()), absurd.clone(), absurd]);
}

#[test]
fn keys_in_another_order_are_the_same_record() {
    for (name, life) in all() {
        let text = persist::encode(&life.instance).expect("text");
        let sorted: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(persist::decode(&sorted.to_string()).as_deref(), Ok(&life.instance), "{name}");
        let pretty = serde_json::to_string_pretty(&sorted).expect("JSON");
        assert_eq!(persist::decode(&pretty).as_deref(), Ok(&life.instance), "{name}");
    }
}
