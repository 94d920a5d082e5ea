//! The knobs: what they are by default, which values are refused, and what is said then.

use kiloclaw_lifecycle::guest::{CpuKind, Guest};
use kiloclaw_lifecycle::policy::{InvalidPolicy, Signal};
use kiloclaw_lifecycle::{Knobs, Policy};
use serde_json::{Value, json};

const YEAR_MS: u64 = 366 * 86_400_000;

fn refusal(change: impl FnOnce(&mut Knobs)) -> (&'static str, String) {
    let mut knobs = Knobs::default();
    change(&mut knobs);
    let InvalidPolicy { knob, reason } = Policy::new(knobs).expect_err("a policy that does not work");
    (knob, reason)
}

fn accepted(change: impl FnOnce(&mut Knobs)) -> Policy {
    let mut knobs = Knobs::default();
    change(&mut knobs);
    Policy::new(knobs).expect("a policy that works")
}

#[test]
fn the_defaults_are_those_of_the_table() {
    let written = serde_json::to_value(Knobs::default()).expect("knobs can be written");
    assert_eq!(
        written,
        json!({
            "alarm_running_ms": 300_000,
            "alarm_transitional_ms": 60_000,
            "alarm_idle_ms": 1_800_000,
            "alarm_jitter_ms": 60_000,
            "starting_timeout_ms": 300_000,
            "stopping_timeout_ms": 300_000,
            "restarting_timeout_ms": 300_000,
            "restarting_max_timeout_ms": 900_000,
            "recovering_timeout_ms": 600_000,
            "restoring_timeout_ms": 1_800_000,
            "self_heal_threshold": 1,
            "recover_on": ["stopped"],
            "retention_ms": 604_800_000,
            "wait_timeout_s": 60,
            "health_timeout_s": 60,
            "health_interval_ms": 3_000,
            "refresh_throttle_ms": 30_000,
            "stale_provision_ms": 28_800_000,
            "metadata_lookup_cooldown_ms": 1_800_000,
            "new_machine_grace_ms": 30_000,
            "disposal_backoff_ms": [60_000, 300_000, 900_000, 3_600_000, 21_600_000, 86_400_000],
            "disposal_max_attempts": 50,
            "call_deadline_ms": 90_000,
            "retry_backoff_ms": [1_000, 5_000, 15_000, 30_000],
            "regions": ["eu", "us"],
            "volume_size_gb": 10,
            "guest": {"cpus": 1, "memory_mb": 3_072, "cpu_kind": "performance"},
            "mount_path": "/root",
            "metadata_prefix": "kiloclaw",
        })
    );
}

#[test]
fn the_default_policy_is_made_of_the_default_knobs() {
    let policy = Policy::default();
    assert_eq!(policy, Policy::new(Knobs::default()).expect("the defaults work"));
    assert_eq!(*policy, Knobs::default());
    assert_eq!(Knobs::from(policy.clone()), Knobs::default());
    assert_eq!(policy.regions().iter().map(|region| region.as_str()).collect::<Vec<_>>(), ["eu", "us"]);
}

/// A change of one knob to a value.
type Set = fn(&mut Knobs, u64);

const MUST_BE_POSITIVE: [(&str, Set); 13] = [
    ("alarm_running_ms", |knobs, ms| knobs.alarm_running_ms = ms),
    ("alarm_transitional_ms", |knobs, ms| knobs.alarm_transitional_ms = ms),
    ("alarm_idle_ms", |knobs, ms| knobs.alarm_idle_ms = ms),
    ("starting_timeout_ms", |knobs, ms| knobs.starting_timeout_ms = ms),
    ("stopping_timeout_ms", |knobs, ms| knobs.stopping_timeout_ms = ms),
    ("restarting_timeout_ms", |knobs, ms| knobs.restarting_timeout_ms = ms),
    ("restarting_max_timeout_ms", |knobs, ms| knobs.restarting_max_timeout_ms = ms),
    ("recovering_timeout_ms", |knobs, ms| knobs.recovering_timeout_ms = ms),
    ("restoring_timeout_ms", |knobs, ms| knobs.restoring_timeout_ms = ms),
    ("health_interval_ms", |knobs, ms| knobs.health_interval_ms = ms),
    ("stale_provision_ms", |knobs, ms| knobs.stale_provision_ms = ms),
    ("call_deadline_ms", |knobs, ms| knobs.call_deadline_ms = ms),
    ("retention_ms", |knobs, ms| knobs.retention_ms = ms),
];

const MAY_BE_ZERO: [(&str, Set); 4] = [
    ("alarm_jitter_ms", |knobs, ms| knobs.alarm_jitter_ms = ms),
    ("refresh_throttle_ms", |knobs, ms| knobs.refresh_throttle_ms = ms),
    ("metadata_lookup_cooldown_ms", |knobs, ms| knobs.metadata_lookup_cooldown_ms = ms),
    ("new_machine_grace_ms", |knobs, ms| knobs.new_machine_grace_ms = ms),
];

#[test]
fn durations_that_must_not_be_zero() {
    for (knob, set) in MUST_BE_POSITIVE {
        assert_eq!(refusal(|knobs| set(knobs, 0)), (knob, "must not be 0".to_string()));
    }
    for (_, set) in MAY_BE_ZERO {
        accepted(|knobs| set(knobs, 0));
    }
}

#[test]
fn absurd_durations() {
    for (knob, set) in MUST_BE_POSITIVE.into_iter().chain(MAY_BE_ZERO) {
        for ms in [YEAR_MS + 1, u64::MAX] {
            assert_eq!(refusal(|knobs| set(knobs, ms)), (knob, format!("{ms} ms is more than a year")));
        }
    }
    for (knob, set) in MAY_BE_ZERO {
        let policy = accepted(|knobs| set(knobs, YEAR_MS));
        assert_eq!(serde_json::to_value(&policy).expect("a policy can be written")[knob], json!(YEAR_MS));
    }
}

#[test]
fn lists_of_waits() {
    let empty = "must hold at least one wait".to_string();
    let range = "every wait must be between 1 ms and a year".to_string();
    assert_eq!(refusal(|knobs| knobs.disposal_backoff_ms.clear()), ("disposal_backoff_ms", empty.clone()));
    assert_eq!(refusal(|knobs| knobs.retry_backoff_ms.clear()), ("retry_backoff_ms", empty));
    assert_eq!(refusal(|knobs| knobs.disposal_backoff_ms.push(0)), ("disposal_backoff_ms", range.clone()));
    assert_eq!(refusal(|knobs| knobs.retry_backoff_ms.push(YEAR_MS + 1)), ("retry_backoff_ms", range));
    accepted(|knobs| knobs.disposal_backoff_ms = vec![1]);
    accepted(|knobs| knobs.retry_backoff_ms = vec![YEAR_MS]);
}

#[test]
fn a_volume_is_retained_for_an_hour_at_least() {
    let refused = refusal(|knobs| knobs.retention_ms = 3_599_999);
    assert_eq!(refused, ("retention_ms", "3599999 ms is below one hour".to_string()));
    accepted(|knobs| knobs.retention_ms = 3_600_000);
}

#[test]
fn the_wait_is_one_that_fly_takes() {
    for seconds in [0, 61, u32::MAX] {
        let refused = refusal(|knobs| knobs.wait_timeout_s = seconds);
        assert_eq!(refused, ("wait_timeout_s", format!("{seconds} s is outside of Fly's 1 to 60")));
    }
    accepted(|knobs| knobs.wait_timeout_s = 1);
    accepted(|knobs| knobs.wait_timeout_s = 60);
}

#[test]
fn a_probe_takes_up_to_an_hour() {
    for seconds in [0, 3_601] {
        let refused = refusal(|knobs| {
            knobs.health_timeout_s = seconds;
            knobs.call_deadline_ms = 4_000_000;
        });
        assert_eq!(refused, ("health_timeout_s", format!("{seconds} s is outside of 1 to 3600")));
    }
    accepted(|knobs| {
        knobs.health_timeout_s = 3_600;
        knobs.call_deadline_ms = 3_600_000;
    });
}

#[test]
fn a_call_lives_as_long_as_the_longest_wait() {
    let refused = refusal(|knobs| knobs.call_deadline_ms = 59_999);
    assert_eq!(refused, ("call_deadline_ms", "59999 ms is shorter than the longest wait, 60000 ms".to_string()));
    accepted(|knobs| knobs.call_deadline_ms = 60_000);
    let refused = refusal(|knobs| knobs.health_timeout_s = 91);
    assert_eq!(refused, ("call_deadline_ms", "90000 ms is shorter than the longest wait, 91000 ms".to_string()));
    accepted(|knobs| knobs.health_timeout_s = 90);
}

#[test]
fn the_soft_time_out_comes_before_the_hard_one() {
    let refused = refusal(|knobs| knobs.restarting_timeout_ms = 900_001);
    assert_eq!(refused, ("restarting_timeout_ms", "the soft time-out is above the hard one, 900000 ms".to_string()));
    accepted(|knobs| knobs.restarting_timeout_ms = 900_000);
}

#[test]
fn a_time_out_is_noticed_by_an_alarm() {
    let timeouts: [(&str, Set); 5] = [
        ("starting_timeout_ms", |knobs, ms| knobs.starting_timeout_ms = ms),
        ("stopping_timeout_ms", |knobs, ms| knobs.stopping_timeout_ms = ms),
        ("restarting_timeout_ms", |knobs, ms| knobs.restarting_timeout_ms = ms),
        ("recovering_timeout_ms", |knobs, ms| knobs.recovering_timeout_ms = ms),
        ("restoring_timeout_ms", |knobs, ms| knobs.restoring_timeout_ms = ms),
    ];
    for (knob, set) in timeouts {
        let reason = "59999 ms is shorter than the alarm that has to notice it, 60000 ms".to_string();
        assert_eq!(refusal(|knobs| set(knobs, 59_999)), (knob, reason));
        accepted(|knobs| set(knobs, 60_000));
    }
}

#[test]
fn counts() {
    let least = "must be at least 1".to_string();
    assert_eq!(refusal(|knobs| knobs.self_heal_threshold = 0), ("self_heal_threshold", least.clone()));
    assert_eq!(refusal(|knobs| knobs.disposal_max_attempts = 0), ("disposal_max_attempts", least));
    accepted(|knobs| knobs.self_heal_threshold = u32::MAX);
    accepted(|knobs| knobs.disposal_max_attempts = 1);
    for size in [0, 501] {
        let refused = refusal(|knobs| knobs.volume_size_gb = size);
        assert_eq!(refused, ("volume_size_gb", format!("{size} GiB is outside of Fly's 1 to 500")));
    }
    accepted(|knobs| knobs.volume_size_gb = 1);
    accepted(|knobs| knobs.volume_size_gb = 500);
}

#[test]
fn the_mount_path_is_absolute() {
    let reason = "must be an absolute path of at most 256 characters".to_string();
    for path in [String::new(), "root".to_string(), format!("/{}", "a".repeat(256))] {
        assert_eq!(refusal(|knobs| knobs.mount_path = path), ("mount_path", reason.clone()));
    }
    accepted(|knobs| knobs.mount_path = "/".to_string());
    accepted(|knobs| knobs.mount_path = format!("/{}", "a".repeat(255)));
}

#[test]
fn the_prefix_leaves_room_in_volume_names() {
    for prefix in ["", "Kiloclaw", "kilo-claw", "kílo", "elevenchars"] {
        let (knob, reason) = refusal(|knobs| knobs.metadata_prefix = prefix.to_string());
        assert_eq!(knob, "metadata_prefix");
        assert!(reason.contains("a-z 0-9 _"), "{reason}");
    }
    accepted(|knobs| knobs.metadata_prefix = "k".to_string());
    accepted(|knobs| knobs.metadata_prefix = "kilo_claw2".to_string());
}

#[test]
fn regions_are_read_and_there_is_one() {
    for none in [vec![], vec![String::new()], vec![" , ".to_string(), ",".to_string()]] {
        let refused = refusal(|knobs| knobs.regions = none);
        assert_eq!(refused, ("regions", "must name at least one region".to_string()));
    }
    let (knob, reason) = refusal(|knobs| knobs.regions = vec!["iad,or d".to_string()]);
    assert_eq!(knob, "regions");
    assert!(reason.contains("or d"), "{reason}");
    let policy = accepted(|knobs| knobs.regions = vec![" iad ,ord".to_string(), "iad".to_string()]);
    assert_eq!(policy.regions().iter().map(|region| region.as_str()).collect::<Vec<_>>(), ["iad", "ord", "iad"]);
}

#[test]
fn what_leads_to_a_recovery_is_a_set() {
    let all = json!({"recover_on": ["gone", "stopped", "failed", "destroyed", "stopped"]});
    let knobs: Knobs = serde_json::from_value(all).expect("knobs");
    assert_eq!(knobs.recover_on, [Signal::Stopped, Signal::Failed, Signal::Destroyed, Signal::Gone].into());
    assert_eq!(
        knobs.recover_on.iter().map(|signal| signal.as_str()).collect::<Vec<_>>(),
        ["stopped", "failed", "destroyed", "gone"]
    );
    Policy::new(knobs).expect("a policy that works");
    accepted(|knobs| knobs.recover_on.clear());
    let unknown = serde_json::from_value::<Knobs>(json!({"recover_on": ["created"]})).expect_err("no such sign");
    assert!(unknown.to_string().contains("created"), "{unknown}");
}

#[test]
fn knobs_are_read_from_what_is_given() {
    let knobs: Knobs = serde_json::from_value(json!({})).expect("no knob is needed");
    assert_eq!(knobs, Knobs::default());
    let knobs: Knobs = serde_json::from_value(json!({"retention_ms": 7_200_000})).expect("one knob is enough");
    assert_eq!(knobs, Knobs { retention_ms: 7_200_000, ..Knobs::default() });
    let unknown = serde_json::from_value::<Knobs>(json!({"retention_s": 7_200})).expect_err("no such knob");
    assert!(unknown.to_string().contains("unknown field `retention_s`"), "{unknown}");
}

#[test]
fn a_policy_is_checked_when_it_is_read() {
    let read = |value: Value| serde_json::from_value::<Policy>(value);
    let policy = read(json!({"guest": {"cpus": 2, "memory_mb": 512}, "regions": ["iad"]})).expect("a policy");
    assert_eq!(policy.guest, Guest::new(2, 512, None).expect("a size"));
    assert_eq!(policy.regions().len(), 1);
    let again = read(serde_json::to_value(&policy).expect("a policy can be written")).expect("and read");
    assert_eq!(again, policy);
    let refused = read(json!({"wait_timeout_s": 61})).expect_err("not a policy");
    assert_eq!(refused.to_string(), "policy.wait_timeout_s: 61 s is outside of Fly's 1 to 60");
    assert!(read(json!({"wait_timeout_m": 1})).is_err());
    assert!(read(json!({"guest": {"cpus": 9, "memory_mb": 512}})).is_err());
    assert_eq!(Policy::default().guest.cpu_kind(), Some(CpuKind::Performance));
}

#[test]
fn the_refusal_reads_as_a_sentence() {
    let refused = Policy::new(Knobs { self_heal_threshold: 0, ..Knobs::default() }).expect_err("not a policy");
    assert_eq!(refused.to_string(), "policy.self_heal_threshold: must be at least 1");
}
