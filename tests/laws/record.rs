//! Where a run begins: nowhere, or with a flat record in any status.

use kiloclaw_lifecycle::policy::Signal;
use kiloclaw_lifecycle::{Knobs, Policy};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// The clock when a run begins.
pub(crate) const BEGIN: u64 = 1_790_000_000_000;

pub(crate) const SANDBOX: &str = "sb-1";

/// Policies that differ in what a run can reach.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rules {
    Standard,
    /// Every sign leads to a recovery, regions are shuffled, and little is tried often.
    Eager,
    /// One sign is not enough.
    Patient,
}

impl Rules {
    pub(crate) fn policy(self) -> Policy {
        let knobs = match self {
            Self::Standard => Knobs::default(),
            Self::Eager => Knobs {
                recover_on: [Signal::Stopped, Signal::Failed, Signal::Destroyed, Signal::Gone].into(),
                regions: vec!["iad,ord".to_string(), "cdg".to_string()],
                disposal_max_attempts: 3,
                ..Knobs::default()
            },
            Self::Patient => Knobs { self_heal_threshold: 2, disposal_max_attempts: 4, ..Knobs::default() },
        };
        Policy::new(knobs).expect("a policy that works")
    }
}

pub(crate) fn rules() -> BoxedStrategy<Rules> {
    prop_oneof![2 => Just(Rules::Standard), 2 => Just(Rules::Eager), 1 => Just(Rules::Patient)].boxed()
}

/// Where a run begins.
#[derive(Clone, Debug)]
pub(crate) enum From {
    /// With a provision at this time, however absurd.
    Nothing {
        at: u64,
    },
    Record(Map<String, Value>),
}

pub(crate) fn nothing() -> BoxedStrategy<From> {
    let absurd = select(vec![0, 4_102_444_800_000, u64::MAX / 2, u64::MAX]);
    prop_oneof![6 => Just(BEGIN), 1 => absurd].prop_map(|at| From::Nothing { at }).boxed()
}

pub(crate) fn record() -> BoxedStrategy<From> {
    flat().prop_map(From::Record).boxed()
}

fn id(name: &'static str) -> impl Strategy<Value = Value> {
    prop_oneof![Just(Value::Null), Just(json!(name))]
}

fn time() -> impl Strategy<Value = Value> {
    prop_oneof![
        2 => Just(Value::Null),
        4 => (0_u64..1_000_000).prop_map(|ago| json!(BEGIN - ago)),
        1 => (0_u64..20 * 86_400_000).prop_map(|ago| json!(BEGIN - ago)),
        1 => (0_u64..20 * 86_400_000).prop_map(|ahead| json!(BEGIN + ahead)),
        1 => Just(json!(u64::MAX)),
        1 => Just(json!(0)),
    ]
}

fn status() -> impl Strategy<Value = Value> {
    select(vec![
        json!("provisioned"),
        json!("starting"),
        json!("running"),
        json!("running"),
        json!("stopped"),
        json!("restarting"),
        json!("recovering"),
        json!("recovering"),
        json!("restoring"),
        json!("destroying"),
        Value::Null,
    ])
}

/// A record as the old system writes it, in any status, with anything set or not.
fn flat() -> impl Strategy<Value = Map<String, Value>> {
    let ids = (
        id("m_data"),
        id("v_data"),
        id("v_fork"),
        id("v_previous"),
        id("v_restored"),
        id("m_pending"),
        id("v_pending"),
        id("v_before"),
    );
    let times = (time(), time(), time(), time(), time(), time(), time(), time());
    let rest = (any::<bool>(), 0_u32..3, any::<bool>(), any::<bool>(), select(vec![Value::Null, json!("iad")]));
    (status(), ids, times, rest).prop_map(|(status, ids, times, rest)| {
        let Value::Object(mut record) = json!({
            "userId": "user-1", "sandboxId": SANDBOX, "orgId": "org-1", "status": status,
            "flyMachineId": ids.0, "flyVolumeId": ids.1, "pendingRecoveryVolumeId": ids.2,
            "recoveryPreviousVolumeId": ids.3, "pendingRestoreVolumeId": ids.4,
            "pendingDestroyMachineId": ids.5, "pendingDestroyVolumeId": ids.6, "previousVolumeId": ids.7,
            "provisionedAt": times.0, "startingAt": times.1, "restartingAt": times.2, "recoveryStartedAt": times.3,
            "lastStartedAt": times.4, "lastStoppedAt": times.5, "recoveryPreviousVolumeCleanupAfter": times.6,
            "lastMetadataRecoveryAt": times.7,
            "restoreStartedAt": "2026-09-21T14:00:00.000Z", "preRestoreStatus": "running",
            "restartUpdateSent": rest.0, "healthCheckFailCount": rest.1, "flyRegion": rest.4,
            "nobodyKnows": {"what": [1, 2.5, "this is"]},
        }) else {
            return Map::new();
        };
        if rest.2 {
            record.insert("machineSize".to_string(), json!({"cpus": 2, "memory_mb": 4096}));
        }
        if rest.3 {
            let state = json!({"provider": "fly", "machineId": ids.0, "volumeId": ids.1, "kept": true});
            record.insert("providerState".to_string(), state);
        }
        record
    })
}
