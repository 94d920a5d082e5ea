//! The knobs of the lifecycle, and which values of them make sense.

use crate::guest::Guest;
use crate::id::Region;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::ops::Deref;
use serde::{Deserialize, Serialize};

/// A sign, seen while the instance should be running, that its machine is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Fly says `stopped`.
    Stopped,
    /// Fly says `failed`.
    Failed,
    /// Fly says `destroyed`.
    Destroyed,
    /// Fly does not know the machine any more (404).
    Gone,
}

impl Signal {
    /// The word used in labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Destroyed => "destroyed",
            Self::Gone => "gone",
        }
    }
}

/// The values from which a [`Policy`] is built. Names ending in `_ms` are milliseconds, in `_s` seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Knobs {
    /// Time between two looks at a running instance.
    pub alarm_running_ms: u64,
    /// Time between two looks in starting, stopping, restarting, recovering, restoring and destroying.
    pub alarm_transitional_ms: u64,
    /// Time between two looks in provisioned and stopped.
    pub alarm_idle_ms: u64,
    /// A uniform random time up to this is added to each of the three.
    pub alarm_jitter_ms: u64,
    /// How long a start may take.
    pub starting_timeout_ms: u64,
    /// How long a stop may take.
    pub stopping_timeout_ms: u64,
    /// After this a restart that is not done is reported.
    pub restarting_timeout_ms: u64,
    /// After this a restart is given up.
    pub restarting_max_timeout_ms: u64,
    /// How long a recovery may take; a replacement that has started wins over it.
    pub recovering_timeout_ms: u64,
    /// How long a restore from a snapshot may take.
    pub restoring_timeout_ms: u64,
    /// Consecutive observations of `stopped` after which a recovery begins.
    pub self_heal_threshold: u32,
    /// Which signs lead to a recovery. Without `stopped`, an unexpected stop only marks the instance stopped.
    pub recover_on: BTreeSet<Signal>,
    /// How long a replaced volume is kept.
    pub retention_ms: u64,
    /// How long one wait for a machine's state lasts; Fly allows 1 to 60.
    pub wait_timeout_s: u32,
    /// How long one health probe goes on.
    pub health_timeout_s: u32,
    /// Time between two requests of a health probe.
    pub health_interval_ms: u64,
    /// Least time between two looks asked for by `refresh`, and between two observations that count.
    pub refresh_throttle_ms: u64,
    /// An instance never started for so long is removed.
    pub stale_provision_ms: u64,
    /// Least time between two metadata look-ups by alarms.
    pub metadata_lookup_cooldown_ms: u64,
    /// A machine younger than this that cannot be found is not visible yet.
    pub new_machine_grace_ms: u64,
    /// Waits between the attempts to dispose of something; the last repeats.
    pub disposal_backoff_ms: Vec<u64>,
    /// Attempts after which something that cannot be disposed of is abandoned.
    pub disposal_max_attempts: u32,
    /// A call without an answer for longer than this is lost.
    pub call_deadline_ms: u64,
    /// Waits between repetitions of a call that failed for the moment; the last repeats.
    pub retry_backoff_ms: Vec<u64>,
    /// Where volumes are placed. Every entry may itself be a list with commas; duplicates are weights.
    pub regions: Vec<String>,
    /// Size of a fresh volume in GiB, where the instance names none.
    pub volume_size_gb: u32,
    /// Size of a machine, where the instance names none.
    pub guest: Guest,
    /// Where the volume is mounted.
    pub mount_path: String,
    /// First part of metadata keys and volume names.
    pub metadata_prefix: String,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            alarm_running_ms: 300_000,
            alarm_transitional_ms: 60_000,
            alarm_idle_ms: 1_800_000,
            alarm_jitter_ms: 60_000,
            starting_timeout_ms: 300_000,
            stopping_timeout_ms: 300_000,
            restarting_timeout_ms: 300_000,
            restarting_max_timeout_ms: 900_000,
            recovering_timeout_ms: 600_000,
            restoring_timeout_ms: 1_800_000,
            self_heal_threshold: 1,
            recover_on: BTreeSet::from([Signal::Stopped]),
            retention_ms: 604_800_000,
            wait_timeout_s: 60,
            health_timeout_s: 60,
            health_interval_ms: 3_000,
            refresh_throttle_ms: 30_000,
            stale_provision_ms: 28_800_000,
            metadata_lookup_cooldown_ms: 1_800_000,
            new_machine_grace_ms: 30_000,
            disposal_backoff_ms: vec![60_000, 300_000, 900_000, 3_600_000, 21_600_000, 86_400_000],
            disposal_max_attempts: 50,
            call_deadline_ms: 90_000,
            retry_backoff_ms: vec![1_000, 5_000, 15_000, 30_000],
            regions: vec!["eu".to_string(), "us".to_string()],
            volume_size_gb: 10,
            guest: Guest::STANDARD,
            mount_path: "/root".to_string(),
            metadata_prefix: "kiloclaw".to_string(),
        }
    }
}

/// A policy that would not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("policy.{knob}: {reason}")]
pub struct InvalidPolicy {
    /// The knob at fault.
    pub knob: &'static str,
    /// What is wrong with its value.
    pub reason: String,
}

/// Validated knobs; read them through [`Deref`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Knobs", into = "Knobs")]
pub struct Policy {
    knobs: Knobs,
    regions: Vec<Region>,
}

impl Policy {
    /// Checks `knobs`.
    ///
    /// # Errors
    /// [`InvalidPolicy`] with the first knob that would not work, and why.
    pub fn new(knobs: Knobs) -> Result<Self, InvalidPolicy> {
        durations(&knobs)?;
        relations(&knobs)?;
        counts(&knobs)?;
        words(&knobs)?;
        let regions = Region::parse_list(knobs.regions.iter().map(String::as_str))
            .map_err(|bad| InvalidPolicy { knob: "regions", reason: bad.to_string() })?;
        demand(!regions.is_empty(), "regions", || "must name at least one region".to_string())?;
        Ok(Self { knobs, regions })
    }

    /// The regions, one by one.
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// Milliseconds until the next look at an instance, at the most.
    pub(crate) fn longest_look_ms(&self) -> u64 {
        let longest = self.alarm_running_ms.max(self.alarm_transitional_ms).max(self.alarm_idle_ms);
        longest.saturating_add(self.alarm_jitter_ms)
    }
}

impl Default for Policy {
    fn default() -> Self {
        let knobs = Knobs::default();
        let regions = Region::parse_list(knobs.regions.iter().map(String::as_str)).unwrap_or_default();
        Self { knobs, regions }
    }
}

impl Deref for Policy {
    type Target = Knobs;
    fn deref(&self) -> &Knobs {
        &self.knobs
    }
}

impl TryFrom<Knobs> for Policy {
    type Error = InvalidPolicy;
    fn try_from(knobs: Knobs) -> Result<Self, InvalidPolicy> {
        Self::new(knobs)
    }
}

impl From<Policy> for Knobs {
    fn from(policy: Policy) -> Self {
        policy.knobs
    }
}

/// Longer than this is taken for a mistake in the unit.
pub(crate) const LONGEST_MS: u64 = 366 * 86_400_000;
const HOUR_MS: u64 = 3_600_000;

fn demand(holds: bool, knob: &'static str, reason: impl FnOnce() -> String) -> Result<(), InvalidPolicy> {
    if holds { Ok(()) } else { Err(InvalidPolicy { knob, reason: reason() }) }
}

fn durations(k: &Knobs) -> Result<(), InvalidPolicy> {
    let positive = [
        ("alarm_running_ms", k.alarm_running_ms),
        ("alarm_transitional_ms", k.alarm_transitional_ms),
        ("alarm_idle_ms", k.alarm_idle_ms),
        ("starting_timeout_ms", k.starting_timeout_ms),
        ("stopping_timeout_ms", k.stopping_timeout_ms),
        ("restarting_timeout_ms", k.restarting_timeout_ms),
        ("restarting_max_timeout_ms", k.restarting_max_timeout_ms),
        ("recovering_timeout_ms", k.recovering_timeout_ms),
        ("restoring_timeout_ms", k.restoring_timeout_ms),
        ("health_interval_ms", k.health_interval_ms),
        ("stale_provision_ms", k.stale_provision_ms),
        ("call_deadline_ms", k.call_deadline_ms),
        ("retention_ms", k.retention_ms),
    ];
    let may_be_zero = [
        ("alarm_jitter_ms", k.alarm_jitter_ms),
        ("refresh_throttle_ms", k.refresh_throttle_ms),
        ("metadata_lookup_cooldown_ms", k.metadata_lookup_cooldown_ms),
        ("new_machine_grace_ms", k.new_machine_grace_ms),
    ];
    for (knob, ms) in positive {
        demand(ms > 0, knob, || "must not be 0".to_string())?;
    }
    for (knob, ms) in positive.into_iter().chain(may_be_zero) {
        demand(ms <= LONGEST_MS, knob, || format!("{ms} ms is more than a year"))?;
    }
    for (knob, list) in [("disposal_backoff_ms", &k.disposal_backoff_ms), ("retry_backoff_ms", &k.retry_backoff_ms)] {
        demand(!list.is_empty(), knob, || "must hold at least one wait".to_string())?;
        demand(list.iter().all(|ms| (1..=LONGEST_MS).contains(ms)), knob, || {
            "every wait must be between 1 ms and a year".to_string()
        })?;
    }
    demand(k.retention_ms >= HOUR_MS, "retention_ms", || format!("{} ms is below one hour", k.retention_ms))
}

fn relations(k: &Knobs) -> Result<(), InvalidPolicy> {
    demand((1..=60).contains(&k.wait_timeout_s), "wait_timeout_s", || {
        format!("{} s is outside of Fly's 1 to 60", k.wait_timeout_s)
    })?;
    demand((1..=3_600).contains(&k.health_timeout_s), "health_timeout_s", || {
        format!("{} s is outside of 1 to 3600", k.health_timeout_s)
    })?;
    let longest = u64::from(k.wait_timeout_s.max(k.health_timeout_s)).saturating_mul(1_000);
    demand(k.call_deadline_ms >= longest, "call_deadline_ms", || {
        format!("{} ms is shorter than the longest wait, {longest} ms", k.call_deadline_ms)
    })?;
    demand(k.restarting_timeout_ms <= k.restarting_max_timeout_ms, "restarting_timeout_ms", || {
        format!("the soft time-out is above the hard one, {} ms", k.restarting_max_timeout_ms)
    })?;
    for (knob, ms) in [
        ("starting_timeout_ms", k.starting_timeout_ms),
        ("stopping_timeout_ms", k.stopping_timeout_ms),
        ("restarting_timeout_ms", k.restarting_timeout_ms),
        ("recovering_timeout_ms", k.recovering_timeout_ms),
        ("restoring_timeout_ms", k.restoring_timeout_ms),
    ] {
        demand(ms >= k.alarm_transitional_ms, knob, || {
            format!("{ms} ms is shorter than the alarm that has to notice it, {} ms", k.alarm_transitional_ms)
        })?;
    }
    Ok(())
}

fn counts(k: &Knobs) -> Result<(), InvalidPolicy> {
    demand(k.self_heal_threshold > 0, "self_heal_threshold", || "must be at least 1".to_string())?;
    demand(k.disposal_max_attempts > 0, "disposal_max_attempts", || "must be at least 1".to_string())?;
    demand((1..=500).contains(&k.volume_size_gb), "volume_size_gb", || {
        format!("{} GiB is outside of Fly's 1 to 500", k.volume_size_gb)
    })
}

fn words(k: &Knobs) -> Result<(), InvalidPolicy> {
    let path = k.mount_path.as_bytes();
    demand(path.first() == Some(&b'/') && path.len() <= 256, "mount_path", || {
        "must be an absolute path of at most 256 characters".to_string()
    })?;
    let prefix = &k.metadata_prefix;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    demand((1..=10).contains(&prefix.len()) && prefix.chars().all(fits), "metadata_prefix", || {
        "must be 1 to 10 of a-z 0-9 _, because volume names hold 30 characters in all".to_string()
    })
}
