//! What is counted, under which names.

use crate::place::{Place, applied, provision, reaches, running, sandbox, start};
use kiloclaw_lifecycle::Verdict;
use kiloclaw_lifecycle::command::Command;
use kiloclaw_lifecycle::host::Settings;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Names and labels of what is counted, without the numbers.
fn counted(page: &str) -> BTreeSet<String> {
    let lines = page.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let named = lines.map(|line| line.rsplit_once(' ').expect("a name and a number").0.to_string());
    named.filter(|name| !name.contains("quantile=") && !name.contains("_sum") && !name.contains("_count")).collect()
}

#[test]
fn what_is_counted_has_the_names_that_are_documented() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let place = Place::new();
            let host = place.host(Settings::default());
            running(&host, 1).await;
            tokio::time::sleep(Duration::from_secs(600)).await;
            let denied = host.command(&sandbox(9), start()).await.unwrap();
            assert!(matches!(denied.verdict, Verdict::Denied(_)), "{denied:?}");
            place.store.memory.put(&sandbox(8), "{}", None);
            host.command(&sandbox(8), start()).await.unwrap_err();
            place.sink.down.store(true, Ordering::SeqCst);
            applied(&host, 1, Command::Destroy { reason: None }).await;
            reaches(&host, 1, None).await;
            tokio::time::sleep(Duration::from_secs(60)).await;
            place.sink.down.store(false, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(60)).await;
            applied(&host, 2, provision(2)).await;
        });
    });
    let page = page.render();
    let wanted = [
        r#"kiloclaw_alarms_total"#,
        r#"kiloclaw_calls_total{call="create_machine",outcome="done"}"#,
        r#"kiloclaw_calls_total{call="create_volume",outcome="done"}"#,
        r#"kiloclaw_calls_total{call="delete_volume",outcome="done"}"#,
        r#"kiloclaw_calls_total{call="destroy_machine",outcome="done"}"#,
        r#"kiloclaw_calls_total{call="get_machine",outcome="done"}"#,
        r#"kiloclaw_calls_total{call="get_volume",outcome="absent"}"#,
        r#"kiloclaw_calls_total{call="get_volume",outcome="done"}"#,
        r#"kiloclaw_calls_total{call="list_machines",outcome="done"}"#,
        r#"kiloclaw_calls_total{call="list_volumes",outcome="done"}"#,
        r#"kiloclaw_calls_total{call="probe_health",outcome="done"}"#,
        r#"kiloclaw_calls_total{call="wait_machine",outcome="done"}"#,
        r#"kiloclaw_events_total"#,
        r#"kiloclaw_delivery_failures_total"#,
        r#"kiloclaw_seats_taken"#,
        r#"kiloclaw_step_failures_total{input="start",error="unreadable"}"#,
        r#"kiloclaw_steps_total{input="alarm",verdict="applied"}"#,
        r#"kiloclaw_steps_total{input="destroy",verdict="applied"}"#,
        r#"kiloclaw_steps_total{input="outcome",verdict="applied"}"#,
        r#"kiloclaw_steps_total{input="provision",verdict="applied"}"#,
        r#"kiloclaw_steps_total{input="start",verdict="applied"}"#,
        r#"kiloclaw_steps_total{input="start",verdict="denied"}"#,
        r#"kiloclaw_waiting"#,
    ];
    assert_eq!(counted(&page), wanted.map(str::to_string).into(), "{page}");
    for timed in ["kiloclaw_call_seconds_count{call=\"wait_machine\"} 1\n", "kiloclaw_alarm_lag_seconds_count"] {
        assert!(page.contains(timed), "{timed} in\n{page}");
    }
}
