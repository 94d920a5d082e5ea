//! No instance.

use crate::commands::{any, start};
use crate::script::{MINUTE, Script, identity, knobs, provision};
use crate::world::{machine_made, machines, region, unknown, volume_made, volumes};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::command::{CommandKind, Provision, Spec};
use kiloclaw_lifecycle::guest::Guest;
use kiloclaw_lifecycle::id::{Image, OpId};
use kiloclaw_lifecycle::{Command, Input, Knobs, Status, Verdict};
use std::collections::BTreeSet;

#[test]
fn everything_but_provision_is_rejected() {
    for kind in CommandKind::ALL.into_iter().filter(|kind| *kind != CommandKind::Provision) {
        Script::none(knobs()).command(any(kind)).is("denied not_provisioned: none");
    }
}

#[test]
fn t8_what_comes_for_nobody_is_ignored() {
    let mut script = Script::none(knobs());
    script.ring().is("ignored no_instance: none");
    script.resume().is("ignored no_instance: none");
    let op = OpId { number: 3, kind: CallKind::CreateMachine };
    script.give(Input::Outcome { op, result: machine_made("m9", "iad") }).is("ignored no_instance: none");
    script.give(Input::Outcome { op, result: unknown() }).is("ignored no_instance: none");
}

#[test]
fn provision_registers_and_arms_the_alarm_and_makes_no_call() {
    let got = Script::none(knobs()).command(provision(Spec::default()));
    got.is("
        applied: provisioned
        set provisionedAt now
        event instance.provisioned provisioned
        alarm +30m reconcile
    ");
    assert!(got.calls.is_empty() && got.events.len() == 1);
    assert_eq!((got.verdict, got.status), (Verdict::Applied, Some(Status::Provisioned)));
}

#[test]
fn provision_keeps_what_it_is_given() {
    let spec = Spec {
        guest: Some(Guest::new(2, 4_096, None).unwrap()),
        volume_size_gb: Some(20),
        regions: Some(vec![region("ord")]),
        image: Some(Image::new("app:1").unwrap()),
    };
    let mut script = Script::none(knobs());
    script.command(provision(spec)).is(r#"
        applied: provisioned
        set machineSize {"cpus":2,"memory_mb":4096}
        set provisionedAt now
        set trackedImageTag "app:1"
        set volumeSizeGb 20
        event instance.provisioned provisioned
        alarm +30m reconcile
    "#);
    script.command(start()).is("
        applied: starting
        set startingAt now
        call list_machines ours
        alarm +1m reconcile
    ");
    script.answer(machines([])).is("
        applied: starting (no commit)
        call list_volumes ours
        alarm +59s reconcile
    ");
    script.answer(volumes([])).is("
        applied: starting
        call create_volume #1 in ord empty 20 GB of 2 cpus 4096 MB
        alarm +58s reconcile
    ");
    script.answer(volume_made("vol-1", "ord", "created")).is(r#"
        applied: starting
        set flyRegion "ord"
        set flyVolumeId "vol-1"
        call create_machine #2 ours on vol-1 in ord of 2 cpus 4096 MB running app:1
        alarm +57s reconcile
    "#);
}

#[test]
fn provision_refuses_what_could_not_be_made() {
    for size in [0, 501] {
        let spec = Spec { volume_size_gb: Some(size), ..Spec::default() };
        Script::none(knobs()).command(provision(spec)).is("denied invalid_argument: none");
    }
    let nowhere = Spec { regions: Some(Vec::new()), ..Spec::default() };
    Script::none(knobs()).command(provision(nowhere)).is("denied invalid_argument: none");
}

#[test]
fn a2_jitter_is_added_and_comes_from_the_seed() {
    let drawn: BTreeSet<u64> = (0..64)
        .map(|seed| {
            let mut script = Script::none(Knobs::default());
            let born = Provision { identity: identity(), seed, spec: Spec::default() };
            let alarm = script.command(Command::Provision(Box::new(born))).alarm.unwrap();
            alarm.at.since(script.now) - 30 * MINUTE
        })
        .collect();
    assert!(drawn.len() > 32 && drawn.iter().all(|jitter| *jitter <= MINUTE), "{drawn:?}");
}
