//! Each app has its own things.

use crate::{Bench, error, new_machine, said, text};
use kiloclaw_lifecycle::testkit::emulator::Asked;
use serde_json::json;

#[test]
fn an_app_tells_of_itself() {
    let mut bench = Bench::calm();
    bench.machine("one-1");
    bench.volume("spare");
    let shown = bench.answer(Asked::new("GET", "/v1/apps/app-1")).value();
    let expected = json!({
        "id": shown["id"], "name": "app-1", "status": "deployed", "network": "default",
        "machine_count": 1, "volume_count": 2, "organization": { "name": "Personal", "slug": "personal" },
    });
    assert_eq!(shown, expected);
    let other = bench.answer(Asked::new("GET", "/v1/apps/app-2")).value();
    assert_eq!((&other["machine_count"], &other["volume_count"]), (&json!(0), &json!(0)));
}

#[test]
fn what_belongs_to_another_app_is_not_there() {
    let mut bench = Bench::calm();
    let (machine, volume) = bench.machine("one-1");
    bench.post(&format!("volumes/{volume}/snapshots"), &json!({}));
    let snapshot = text(&bench.get(&format!("volumes/{volume}/snapshots")).value()[0]["id"]);
    let other = |method: &str, path: &str| Asked::new(method, format!("/v1/apps/app-2/{path}"));
    assert_eq!(said(bench.answer(other("GET", "machines"))), (200, json!([])));
    assert_eq!(said(bench.answer(other("GET", "volumes"))), (200, json!([])));
    let no_machine = (404, error("machine not found"));
    let no_volume = (404, error("volume not found"));
    for (method, path) in
        [("GET", ""), ("GET", "/wait"), ("POST", "/start"), ("POST", "/stop"), ("DELETE", "?force=true")]
    {
        assert_eq!(
            said(bench.answer(other(method, &format!("machines/{machine}{path}")))),
            no_machine,
            "{method} {path}"
        );
    }
    for (method, path) in [("GET", ""), ("GET", "/snapshots"), ("DELETE", "")] {
        assert_eq!(said(bench.answer(other(method, &format!("volumes/{volume}{path}")))), no_volume, "{method} {path}");
    }
    let fork = json!({ "name": "copy", "region": "iad", "source_volume_id": volume });
    assert_eq!(said(bench.answer(other("POST", "volumes").json(&fork))), no_volume);
    let restored = json!({ "name": "copy", "region": "iad", "size_gb": 10, "snapshot_id": snapshot });
    assert_eq!(said(bench.answer(other("POST", "volumes").json(&restored))), (404, error("snapshot not found")));
    assert_eq!(said(bench.answer(other("POST", "machines").json(&new_machine("x", &volume)))), no_volume);
}

#[test]
fn names_are_unique_in_an_app_only() {
    let mut bench = Bench::calm();
    bench.machine("one-1");
    let volume = json!({ "name": "data", "region": "iad" });
    let made = bench.answer(Asked::new("POST", "/v1/apps/app-2/volumes").json(&volume));
    let machine = new_machine("one-1", &text(&made.value()["id"]));
    let made = bench.answer(Asked::new("POST", "/v1/apps/app-2/machines").json(&machine));
    assert_eq!(made.status, 200);
    let truth = bench.truth();
    let mut apps: Vec<String> =
        truth["machines"].as_object().expect("machines").values().map(|machine| text(&machine["app"])).collect();
    apps.sort();
    assert_eq!(apps, ["app-1", "app-2"]);
}
