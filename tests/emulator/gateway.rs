//! Whether what runs in a machine is well.

use crate::Bench;
use kiloclaw_lifecycle::testkit::emulator::Asked;
use serde_json::json;

#[test]
fn it_is_well_while_the_machine_runs() {
    let mut bench = Bench::calm();
    let (id, _) = bench.machine("one-1");
    let by_path = |bench: &mut Bench| bench.answer(Asked::new("GET", format!("/_gateway/{id}/healthz"))).status;
    let by_header = |bench: &mut Bench| {
        let asked = Asked { instance: Some(id.clone()), ..Asked::new("GET", "/_gateway/healthz") };
        bench.answer(asked).status
    };
    assert_eq!((by_path(&mut bench), by_header(&mut bench)), (200, 200));
    bench.tell("change", &json!({ "healthy": false }));
    assert_eq!((by_path(&mut bench), by_header(&mut bench)), (503, 503));
    bench.tell("change", &json!({ "healthy": true }));
    bench.post(&format!("machines/{id}/stop"), &json!({}));
    assert_eq!((by_path(&mut bench), by_header(&mut bench)), (503, 503));
    for nobody in ["/_gateway", "/_gateway/", "/_gateway/m1"] {
        assert_eq!(bench.answer(Asked::new("GET", nobody)).status, 503, "{nobody}");
    }
    assert_eq!(bench.emulator.calls().len(), 3, "it is not the provider that was asked");
}
