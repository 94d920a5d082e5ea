//! Records that cannot be read.

use crate::bench::{Bench, block_on, destroy, provision, sandbox, start};
use kiloclaw_lifecycle::driver::DriverError;
use kiloclaw_lifecycle::step::Input;
use serde_json::{Value, json};

fn stays_untouched(record: &str) {
    let bench = Bench::new();
    bench.store.put(&sandbox(), record, None);
    let before = bench.store.record(&sandbox());
    let host = bench.host();
    for input in [provision(), start(), destroy(), Input::Alarm, Input::Resume] {
        let error = block_on(host.handle(&sandbox(), input)).unwrap_err();
        assert!(matches!(error, DriverError::Record(_)), "{error}");
    }
    assert_eq!(bench.store.record(&sandbox()), before);
    assert_eq!((bench.store.commits(), bench.calls()), (0, vec![]));
}

#[test]
fn garbage_is_an_error_and_stays() {
    stays_untouched("");
    stays_untouched("{}");
    stays_untouched("not a record");
    stays_untouched(r#"{"v":1}"#);
}

#[test]
fn a_record_of_a_newer_version_is_an_error_and_stays() {
    let bench = Bench::running();
    let record = bench.store.record(&sandbox()).unwrap().record;
    let mut newer: Value = serde_json::from_str(&record).unwrap();
    let version = newer.as_object_mut().unwrap().values_mut().find(|value| value.is_u64()).expect("a version");
    *version = json!(version.as_u64().unwrap() + 1_000);
    stays_untouched(&newer.to_string());
}
