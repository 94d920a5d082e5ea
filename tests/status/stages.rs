//! Instances that have come some way.

use crate::commands::restore;
use crate::script::{DAY, NOON, Script, knobs};
use crate::world::{
    Answer, Remade, a_machine, a_volume, absent, accepted, health, machine, machine_id, machine_made, region, seen,
    snapshots, volume, volume_made, volumes, waited,
};
use kiloclaw_lifecycle::Knobs;
use kiloclaw_lifecycle::call::Call;
use kiloclaw_lifecycle::observe::Volume;
use serde_json::json;

/// States of a machine that say nothing about whether it serves.
pub(crate) const QUIET: [&str; 9] =
    ["starting", "stopping", "suspending", "suspended", "replacing", "updating", "restarting", "destroying", "odd"];

/// How far a recovery has come: the call in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recovery {
    Inspect,
    RemoveOld,
    Fork,
    Create,
    Wait,
    Verify,
    Probe,
    Snapshots,
    Over,
}

impl Recovery {
    pub(crate) const ALL: [Self; 8] = [
        Self::Inspect,
        Self::RemoveOld,
        Self::Fork,
        Self::Create,
        Self::Wait,
        Self::Verify,
        Self::Probe,
        Self::Snapshots,
    ];
}

/// A recovery on its way; `Over` has kept the source for its snapshots.
pub(crate) fn recovering(stage: Recovery) -> Script {
    recovering_under(knobs(), stage)
}

pub(crate) fn recovering_under(knobs: Knobs, stage: Recovery) -> Script {
    let mut script = Script::flat_under(knobs, "running", json!({}));
    script.alarm();
    script.answer(machine("m1", "stopped"));
    let answers: [Answer; 8] = [
        volume("vol-1", "created"),
        accepted(),
        volume_made("vol-2", "ord", "hydrating"),
        machine_made("m2", "ord"),
        waited("started"),
        fork("created"),
        health(true),
        snapshots(&[("vs-1", "created", 10)]),
    ];
    script.answers(answers.into_iter().take(stage as usize));
    script
}

/// What `get_volume` brings for the fork.
pub(crate) fn fork(state: &str) -> Answer {
    seen(Volume { region: Some(region("ord")), ..a_volume("vol-2", state) })
}

/// Relocated from `vol-1`, which has no snapshots, onto `vol-2`, which is not proven yet. The old machine is gone, and the new one is
/// looked at.
pub(crate) fn relocated(state: &str, healthy: bool) -> Script {
    let mut script = recovering(Recovery::Verify);
    script.answers([fork(state), health(healthy), snapshots(&[])]);
    script.alarm();
    past_old_machine(&mut script);
    script
}

/// The old machine is on the list; where the call in flight looks at it, it is gone.
pub(crate) fn past_old_machine(script: &mut Script) {
    let old = Call::GetMachine { machine: machine_id("m1") };
    if script.call.as_ref().is_some_and(|asked| asked.call == old) {
        script.answer(machine("m1", "destroyed"));
    }
}

/// How far a restore from a snapshot has come: the call in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Restore {
    Find,
    Inspect,
    Remove,
    Place,
}

impl Restore {
    pub(crate) const ALL: [Self; 4] = [Self::Find, Self::Inspect, Self::Remove, Self::Place];
}

/// A restore of `status` on its way.
pub(crate) fn restoring(status: &str, stage: Restore) -> Script {
    let mut script = Script::flat(status, json!({}));
    script.command(restore("vs-1"));
    let answers = [snapshots(&[("vs-1", "created", 12)]), volume("vol-1", "created"), accepted()];
    script.answers(answers.into_iter().take(stage as usize));
    script
}

/// The data volume is missing.
pub(crate) fn bereft() -> Script {
    bereft_with(Script::stopped(), volumes([]))
}

/// The data volume is missing, and `list` is what carries our name.
pub(crate) fn bereft_with(mut script: Script, list: Answer) -> Script {
    script.alarm();
    script.answers([machine("m1", "stopped"), absent(), list]);
    script
}

/// A stopped instance that keeps `vol-0` until a day from noon.
pub(crate) fn keeping() -> Script {
    let until = NOON + DAY;
    Script::flat("stopped", json!({ "recoveryPreviousVolumeId": "vol-0", "recoveryPreviousVolumeCleanupAfter": until }))
}

/// The replacement serves on the fork.
pub(crate) fn serving() -> Answer {
    a_machine("m2", "started").mounting("vol-2").seen()
}

/// The stopped instance's machine has been started, and is seen healthy on the data volume.
pub(crate) fn healthy(script: &mut Script) {
    script.alarm();
    script.answers([machine("m1", "started")]);
    script.alarm();
    script.answers([machine("m1", "started"), volume("vol-1", "created"), health(true)]);
}
