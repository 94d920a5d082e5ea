//! Stored instances in many situations, and scenarios, to begin with.

use kiloclaw_lifecycle::{Instance, persist};
use std::sync::OnceLock;

/// Name and text of each.
pub(super) const SAMPLES: &[(&str, &str)] = &[
    ("destroying", include_str!("../../tests/samples/v1/destroying.json")),
    ("destroying_sweeping", include_str!("../../tests/samples/v1/destroying_sweeping.json")),
    ("imported_with_keys_of_others", include_str!("../../tests/samples/v1/imported_with_keys_of_others.json")),
    ("provisioned", include_str!("../../tests/samples/v1/provisioned.json")),
    ("provisioned_resized", include_str!("../../tests/samples/v1/provisioned_resized.json")),
    ("recovering_asking_for_snapshots", include_str!("../../tests/samples/v1/recovering_asking_for_snapshots.json")),
    ("recovering_forking", include_str!("../../tests/samples/v1/recovering_forking.json")),
    ("recovering_looking_at_the_source", include_str!("../../tests/samples/v1/recovering_looking_at_the_source.json")),
    ("recovering_making_the_machine", include_str!("../../tests/samples/v1/recovering_making_the_machine.json")),
    (
        "recovering_removing_the_old_machine",
        include_str!("../../tests/samples/v1/recovering_removing_the_old_machine.json"),
    ),
    ("recovering_waiting", include_str!("../../tests/samples/v1/recovering_waiting.json")),
    ("restarting", include_str!("../../tests/samples/v1/restarting.json")),
    ("restarting_refused", include_str!("../../tests/samples/v1/restarting_refused.json")),
    (
        "restoring_looking_for_the_snapshot",
        include_str!("../../tests/samples/v1/restoring_looking_for_the_snapshot.json"),
    ),
    ("restoring_making_the_volume", include_str!("../../tests/samples/v1/restoring_making_the_volume.json")),
    ("running", include_str!("../../tests/samples/v1/running.json")),
    ("running_looking_at_the_volume", include_str!("../../tests/samples/v1/running_looking_at_the_volume.json")),
    ("running_relocated", include_str!("../../tests/samples/v1/running_relocated.json")),
    ("running_with_a_clean_up", include_str!("../../tests/samples/v1/running_with_a_clean_up.json")),
    (
        "starting_looking_for_a_lost_volume",
        include_str!("../../tests/samples/v1/starting_looking_for_a_lost_volume.json"),
    ),
    ("starting_looking_for_the_machine", include_str!("../../tests/samples/v1/starting_looking_for_the_machine.json")),
    ("starting_making_the_machine", include_str!("../../tests/samples/v1/starting_making_the_machine.json")),
    ("starting_making_the_volume", include_str!("../../tests/samples/v1/starting_making_the_volume.json")),
    ("starting_moved_off_a_full_host", include_str!("../../tests/samples/v1/starting_moved_off_a_full_host.json")),
    ("starting_waiting_for_the_machine", include_str!("../../tests/samples/v1/starting_waiting_for_the_machine.json")),
    ("starting_waiting_to_repeat", include_str!("../../tests/samples/v1/starting_waiting_to_repeat.json")),
    ("stopped", include_str!("../../tests/samples/v1/stopped.json")),
    ("stopped_after_a_failed_recovery", include_str!("../../tests/samples/v1/stopped_after_a_failed_recovery.json")),
    ("stopped_reassociating", include_str!("../../tests/samples/v1/stopped_reassociating.json")),
    ("stopped_without_its_volume", include_str!("../../tests/samples/v1/stopped_without_its_volume.json")),
    ("stopping", include_str!("../../tests/samples/v1/stopping.json")),
];

/// All of them, decoded once.
pub(super) fn instances() -> &'static [Instance] {
    static DECODED: OnceLock<Vec<Instance>> = OnceLock::new();
    DECODED.get_or_init(|| {
        let decoded = SAMPLES.iter().map(|(name, text)| match persist::decode(text) {
            Ok(instance) => *instance,
            Err(error) => panic!("the sample {name}: {error}"),
        });
        decoded.collect()
    })
}

/// Some scenarios.
pub(super) const SCENARIOS: &[&str] = &[
    include_str!("../../tests/scenarios/alarm-healthy-costs-two-reads.json"),
    include_str!("../../tests/scenarios/recovery-times-out.json"),
    include_str!("../../tests/scenarios/crash-recovery-create-volume-before.json"),
    include_str!("../../tests/scenarios/lost-answer-of-create-machine.json"),
    include_str!("../../tests/scenarios/destroy-survives-crashes.json"),
    include_str!("../../tests/scenarios/start-capacity-412-forks-data.json"),
    include_str!("../../tests/scenarios/reassociate-onto-another-volume.json"),
    include_str!("../../tests/scenarios/restore-transient-errors-are-retried.json"),
    include_str!("../../tests/scenarios/cleanup-of-a-hydrating-source-is-held-back.json"),
    include_str!("../../tests/scenarios/stop-that-takes-too-long.json"),
    include_str!("../../tests/scenarios/volume-missing-loss-accepted.json"),
    include_str!("../../tests/scenarios/provision-then-start.json"),
];
