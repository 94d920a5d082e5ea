//! One instance for every stage worth telling apart, most of them with a call in flight.

use crate::commands::{clean_up, destroy, reassociate, restart, start, stop};
use crate::script::{DAY, HOUR, MINUTE, NOON, Script, knobs};
use crate::stages::{
    Recovery, Restore, bereft, fork, keeping, past_old_machine, recovering, relocated, restoring, serving,
};
use crate::world::{
    Answer, Remade, a_machine, a_volume, absent, accepted, conflict, health, held, machine, machine_id, machine_made,
    machines, missing_volume, no_room, refused, snapshots, unknown, volume, volume_made, volumes, waited,
};
use kiloclaw_lifecycle::observe::Volume;
use kiloclaw_lifecycle::policy::Signal;
use kiloclaw_lifecycle::{Command, Knobs};
use serde_json::{Value, json};

type Case = (&'static str, Script);

/// `script` after each of `answers`: the call that follows is in flight.
fn after(mut script: Script, answers: impl IntoIterator<Item = Answer>) -> Script {
    script.answers(answers);
    script
}

fn told(mut script: Script, command: Command) -> Script {
    script.command(command);
    script
}

fn woken(mut script: Script) -> Script {
    script.alarm();
    script
}

/// The alarm rings `ms` after noon.
fn at(mut script: Script, ms: u64) -> Script {
    script.now = script.now.max(kiloclaw_lifecycle::Timestamp::from_millis(NOON + ms));
    script.ring();
    past_old_machine(&mut script);
    script
}

/// After a call was lost: what it may have done is looked for.
fn lost(script: Script) -> Script {
    woken(after(script, [unknown()]))
}

fn bare(status: &str, changes: Value) -> Script {
    let mut record = json!({ "flyMachineId": null, "provisionedAt": NOON });
    record.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    Script::flat(status, record)
}

pub(crate) fn all() -> Vec<Case> {
    let mut cases = vec![("nobody", Script::none(knobs()))];
    cases.extend(provisioned());
    cases.extend(first_start());
    cases.extend(another_start());
    cases.extend(running());
    cases.extend(stopping());
    cases.extend(stopped());
    cases.extend(disposals());
    cases.extend(restarting());
    cases.extend(recoveries());
    cases.extend(imported_recoveries());
    cases.extend(restores());
    cases.extend(destroying());
    cases
}

fn provisioned() -> Vec<Case> {
    let placing = || after(woken(Script::provisioned()), [machines([]), volumes([])]);
    let known = Script::flat("provisioned", json!({ "provisionedAt": NOON, "lastStartedAt": null }));
    let bare = woken(bare("provisioned", json!({ "lastStartedAt": null })));
    vec![
        ("new", Script::provisioned()),
        ("look-up", woken(Script::provisioned())),
        ("look-up at the volume", after(bare.clone(), [machines([])])),
        ("look-up at the holder", after(bare, [machines([]), held("vol-1", "m9")])),
        ("volume by name", after(woken(Script::provisioned()), [machines([])])),
        ("making the volume", placing()),
        ("volume lost", lost(placing())),
        ("machine", woken(known.clone())),
        ("volume", after(woken(known), [machine("m1", "created")])),
        (
            "stale look-up",
            woken({
                let mut old = Script::provisioned();
                old.after(9 * HOUR);
                old
            }),
        ),
    ]
}

fn first_start() -> Vec<Case> {
    let begun = || told(Script::provisioned(), start());
    let place = || after(begun(), [machines([]), volumes([])]);
    let create = || after(place(), [volume_made("vol-1", "iad", "created")]);
    let wait = || after(create(), [machine_made("m1", "iad")]);
    let taken = Volume { attached_machine: Some(machine_id("m9")), ..a_volume("vol-1", "created") };
    let seen_before = after(woken(Script::provisioned()), [machines([]), volumes([taken.clone()]), unknown()]);
    let left_out = after(told(seen_before, start()), [machines([]), volumes([])]);
    vec![
        ("look-up", begun()),
        ("volume by name", after(begun(), [machines([])])),
        ("holder of that", after(begun(), [machines([]), volumes([taken])])),
        ("what is left out", left_out),
        ("whether it is there", after(begun(), [machines([]), volumes([a_volume("vol-1", "created")])])),
        ("making the volume", place()),
        ("volume lost", lost(place())),
        ("making the machine", create()),
        ("machine lost", lost(create())),
        ("machine's name taken", after(create(), [conflict(Some("m3"))])),
        ("fresh volume for room", after(create(), [no_room()])),
        ("no volume, says Fly", after(create(), [missing_volume()])),
        ("no volume twice", after(create(), [missing_volume(), volume("vol-1", "created"), missing_volume()])),
        ("waiting", wait()),
        ("watched", after(wait(), [waited("starting")])),
        ("look at the new one", woken(after(wait(), [waited("starting")]))),
        ("probing", after(wait(), [waited("started")])),
    ]
}

fn another_start() -> Vec<Case> {
    let begun = || told(Script::stopped(), start());
    let update = || after(begun(), [volume("vol-1", "created"), machine("m1", "stopped")]);
    let boot = || after(update(), [accepted(), machine("m1", "stopped")]);
    let leaving = || after(boot(), [no_room()]);
    let crowded = || after(leaving(), [volume("vol-1", "created")]);
    let away = || after(crowded(), [accepted()]);
    let elsewhere = || after(away(), [machines([]), volume("vol-1", "created"), volume("vol-1", "created")]);
    let moved = || after(elsewhere(), [volume_made("vol-2", "ams", "hydrating")]);
    let imported = |ago| Script::flat("starting", json!({ "startingAt": NOON - ago }));
    vec![
        ("known volume", begun()),
        ("known volume gone", after(begun(), [absent()])),
        ("known machine", after(begun(), [volume("vol-1", "created")])),
        ("updating", update()),
        ("update accepted", after(update(), [accepted()])),
        ("booting", boot()),
        ("before removing for room", leaving()),
        ("removing for room", crowded()),
        ("looking again", away()),
        ("forking for room", elsewhere()),
        ("fork lost", lost(elsewhere())),
        ("snapshots of the source", moved()),
        ("making it elsewhere", after(moved(), [snapshots(&[])])),
        ("imported look", woken(imported(0))),
        ("imported late look", woken(imported(6 * MINUTE))),
        ("imported, no machine", Script::flat("starting", json!({ "startingAt": NOON, "flyMachineId": null }))),
        ("look-up with data", told(bare("stopped", json!({})), start())),
    ]
}

fn running() -> Vec<Case> {
    let under = |knobs: Knobs| woken(Script::flat_under(knobs, "running", json!({})));
    let eager = [Signal::Stopped, Signal::Failed, Signal::Destroyed, Signal::Gone].into();
    let stranger = || after(woken(Script::running()), [a_machine("m1", "started").mounting("vol-6").seen()]);
    vec![
        ("at rest", Script::running()),
        ("machine", under(knobs())),
        ("machine, threshold 2", under(Knobs { self_heal_threshold: 2, ..knobs() })),
        ("machine, all signals", under(Knobs { recover_on: eager, ..knobs() })),
        ("machine, no signal", under(Knobs { recover_on: [].into(), ..knobs() })),
        ("volume", after(woken(Script::running()), [machine("m1", "started")])),
        ("volume not mounted", after(woken(Script::running()), [a_machine("m1", "started").mounting_nothing().seen()])),
        ("volume, another mounted", stranger()),
        ("stranger beside ours", after(stranger(), [volume("vol-1", "created")])),
        ("stranger, ours gone", after(stranger(), [absent()])),
        ("refresh", told(Script::running(), Command::Refresh)),
        ("look-up", woken(bare("running", json!({})))),
        ("held back, machine", relocated("created", false)),
        ("held back, volume", after(relocated("hydrating", true), [serving()])),
        ("held back, health", after(relocated("created", false), [serving(), fork("created")])),
    ]
}

fn stopping() -> Vec<Case> {
    let begun = || told(Script::running(), stop());
    vec![
        ("telling", begun()),
        ("waiting", after(begun(), [accepted()])),
        ("watched", after(begun(), [accepted(), waited("stopping")])),
        ("late look", at(after(begun(), [accepted(), waited("stopping")]), 6 * MINUTE)),
    ]
}

fn stopped() -> Vec<Case> {
    let asked = || told(Script::stopped(), reassociate("vol-6"));
    vec![
        ("at rest", Script::stopped()),
        ("without a machine", bare("stopped", json!({}))),
        ("machine", woken(Script::stopped())),
        ("volume", after(woken(Script::stopped()), [machine("m1", "stopped")])),
        ("volume gone", after(woken(Script::stopped()), [machine("m1", "stopped"), absent()])),
        ("volume missing", bereft()),
        ("loss accepted", told(bereft(), Command::AcceptDataLoss)),
        ("look-up", woken(bare("stopped", json!({})))),
        ("no volume known", after(woken(bare("stopped", json!({ "flyVolumeId": null }))), [machines([])])),
        ("reassociate", asked()),
        ("reassociate, holder", after(asked(), [held("vol-6", "m9")])),
        ("reassociate, what is replaced", after(asked(), [volume("vol-6", "created")])),
        ("reassociate, other volumes", after(asked(), [volume("vol-6", "created"), volume("vol-1", "created")])),
        (
            "reassociate, our machine",
            after(asked(), [volume("vol-6", "created"), volume("vol-1", "created"), volumes([])]),
        ),
    ]
}

fn disposals() -> Vec<Case> {
    let due = || at(keeping(), DAY);
    let seen = || after(due(), [volume("vol-0", "created")]);
    let removing = || after(seen(), [volume("vol-1", "created")]);
    vec![
        ("keeping a volume", keeping()),
        ("retained volume due", due()),
        ("retained volume's holder", after(due(), [held("vol-0", "m9")])),
        ("retained volume's holder ours", after(due(), [held("vol-0", "m9"), machine("m9", "started")])),
        ("retained volume not needed", seen()),
        ("retained volume removed", removing()),
        ("retained volume confirmed", after(removing(), [accepted()])),
        ("clean-up asked for", told(keeping(), clean_up(None))),
        ("failed recovery's machine", after(recovering(Recovery::Wait), [waited("failed")])),
        ("failed recovery's volume", after(recovering(Recovery::Create), [refused()])),
        ("failed recovery's source", after(recovering(Recovery::Create), [refused(), volume("vol-2", "created")])),
    ]
}

fn restarting() -> Vec<Case> {
    let begun = || told(Script::running(), restart());
    let update = || after(begun(), [machine("m1", "started")]);
    let sent = || after(update(), [accepted()]);
    let wait = || after(sent(), [a_machine("m1", "replacing").version("v2").seen()]);
    let watched = || after(wait(), [waited("replacing")]);
    let unsent = || after(update(), [refused()]);
    vec![
        ("before", begun()),
        ("updating", update()),
        ("update lost", lost(update())),
        ("sent", sent()),
        ("booting", after(sent(), [machine("m1", "stopped")])),
        ("waiting", wait()),
        ("watched", watched()),
        ("sent, look", at(watched(), 2 * MINUTE)),
        ("sent, late look", at(watched(), 6 * MINUTE)),
        ("sent, last look", at(watched(), 16 * MINUTE)),
        ("not sent, look", at(unsent(), 2 * MINUTE)),
        ("not sent, late look", at(unsent(), 6 * MINUTE)),
        ("not sent, last look", at(unsent(), 16 * MINUTE)),
    ]
}

fn recoveries() -> Vec<Case> {
    let words = ["inspecting", "removing", "forking", "creating", "waiting", "verifying", "probing", "snapshots"];
    let stages = Recovery::ALL.into_iter().zip(words);
    let mut cases: Vec<Case> = stages.map(|(stage, word)| (word, recovering(stage))).collect();
    let watched = || after(recovering(Recovery::Wait), [waited("starting")]);
    cases.extend([
        ("fork lost", lost(recovering(Recovery::Fork))),
        ("replacement lost", lost(recovering(Recovery::Create))),
        ("replacement watched", watched()),
        ("replacement, look", at(watched(), 7 * MINUTE)),
        ("replacement, late look", at(watched(), 20 * MINUTE)),
    ]);
    cases
}

fn imported_recoveries() -> Vec<Case> {
    let imported = |machine: Value, ago: u64| {
        let began = NOON - ago;
        let record = json!({ "recoveryStartedAt": began, "flyMachineId": machine, "pendingRecoveryVolumeId": "vol-2" });
        woken(Script::flat("recovering", record))
    };
    vec![
        ("imported, whose machine", imported(json!("m1"), 0)),
        ("imported, whose machine, late", imported(json!("m1"), 11 * MINUTE)),
        ("imported, fork", imported(Value::Null, 0)),
        ("imported, replacement", after(imported(Value::Null, 0), [volume("vol-2", "created")])),
    ]
}

fn restores() -> Vec<Case> {
    let words = ["finding", "inspecting", "removing", "making"];
    let stages = Restore::ALL.into_iter().zip(words);
    let mut cases: Vec<Case> = stages.map(|(stage, word)| (word, restoring("running", stage))).collect();
    let began = "2026-04-06T11:45:00.000Z";
    let record = json!({ "restoreStartedAt": began, "preRestoreStatus": "running", "pendingRestoreVolumeId": "vol-2" });
    cases.extend([
        ("other volumes", after(restoring("running", Restore::Inspect), [absent()])),
        ("volume lost", lost(restoring("running", Restore::Place))),
        ("finding for a stopped one", restoring("stopped", Restore::Find)),
        ("imported", Script::flat("restoring", record)),
    ]);
    cases
}

fn destroying() -> Vec<Case> {
    let begun = || told(Script::running(), destroy());
    let volume_left = || after(begun(), [machine("m1", "started"), accepted(), machine("m1", "destroyed")]);
    let sweep = || after(volume_left(), [volume("vol-1", "created"), accepted(), absent()]);
    let creating = told(Script::provisioned(), start());
    let creating = after(creating, [machines([]), volumes([]), volume_made("vol-1", "iad", "created")]);
    vec![
        ("machine", begun()),
        ("machine removed", after(begun(), [machine("m1", "started")])),
        ("machine confirmed", after(begun(), [machine("m1", "started"), accepted()])),
        ("volume", volume_left()),
        ("volume's holder", after(volume_left(), [held("vol-1", "m9")])),
        ("volume removed", after(volume_left(), [volume("vol-1", "created")])),
        ("volume confirmed", after(volume_left(), [volume("vol-1", "created"), accepted()])),
        ("sweep of volumes", sweep()),
        ("sweep of machines", after(sweep(), [volumes([])])),
        ("while a create is in flight", told(creating, destroy())),
        ("healthy before", told(after(recovering(Recovery::Probe), [health(true), snapshots(&[])]), destroy())),
    ]
}
