//! Times for trials: a week passes in an hour.

use kiloclaw_lifecycle::Knobs;
use kiloclaw_lifecycle::host::Settings;
use std::time::Duration;

/// No policy keeps a replaced volume for less than an hour.
const LEAST_RETENTION_MS: u64 = 3_600_000;
/// However fast the times are, requests take their own.
const LEAST_DEADLINE_MS: u64 = 5_000;

/// The policy's times, to an Nth.
pub(crate) fn shortened(scale: u32) -> Knobs {
    let whole = Knobs::default();
    let ms = |ms: u64| (ms / u64::from(scale)).max(1);
    let s = |s: u32| (s / scale).max(1);
    let list = |waits: &[u64]| waits.iter().copied().map(ms).collect();
    if scale == 1 {
        return whole;
    }
    Knobs {
        alarm_running_ms: ms(whole.alarm_running_ms),
        alarm_transitional_ms: ms(whole.alarm_transitional_ms),
        alarm_idle_ms: ms(whole.alarm_idle_ms),
        alarm_jitter_ms: ms(whole.alarm_jitter_ms),
        starting_timeout_ms: ms(whole.starting_timeout_ms),
        stopping_timeout_ms: ms(whole.stopping_timeout_ms),
        restarting_timeout_ms: ms(whole.restarting_timeout_ms),
        restarting_max_timeout_ms: ms(whole.restarting_max_timeout_ms),
        recovering_timeout_ms: ms(whole.recovering_timeout_ms),
        restoring_timeout_ms: ms(whole.restoring_timeout_ms),
        retention_ms: ms(whole.retention_ms).max(LEAST_RETENTION_MS),
        wait_timeout_s: s(whole.wait_timeout_s),
        health_timeout_s: s(whole.health_timeout_s),
        health_interval_ms: ms(whole.health_interval_ms),
        refresh_throttle_ms: ms(whole.refresh_throttle_ms),
        stale_provision_ms: ms(whole.stale_provision_ms),
        metadata_lookup_cooldown_ms: ms(whole.metadata_lookup_cooldown_ms),
        new_machine_grace_ms: ms(whole.new_machine_grace_ms),
        disposal_backoff_ms: list(&whole.disposal_backoff_ms),
        call_deadline_ms: ms(whole.call_deadline_ms).max(LEAST_DEADLINE_MS),
        retry_backoff_ms: list(&whole.retry_backoff_ms),
        ..whole
    }
}

pub(crate) fn settings(whole: Settings, scale: u32) -> Settings {
    let shorter = |time: Duration| (time / scale).max(Duration::from_millis(10));
    Settings {
        look: shorter(whole.look),
        ring_again: shorter(whole.ring_again),
        deliver_again: shorter(whole.deliver_again),
        ..whole
    }
}
