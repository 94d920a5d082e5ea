//! The table of transitions: every command, alarm, resumption, stale outcome and answer, in every stage worth telling apart.
//!
//! One line per transition, compared with `transitions.golden.txt`. `UPDATE_GOLDEN=1 cargo test --test transitions` writes it anew; the
//! difference is to be reviewed. On the way every step is held to the laws of `Script::give`: total, deterministic, one call at most, and
//! an alarm that is not in the past.

#[path = "transitions/answers.rs"]
mod answers;
#[path = "transitions/cases.rs"]
mod cases;
#[path = "status/commands.rs"]
mod commands;
#[path = "status/script.rs"]
#[allow(dead_code, reason = "shared with the tests of each status")]
mod script;
#[path = "status/stages.rs"]
#[allow(dead_code, reason = "shared with the tests of each status")]
mod stages;
#[path = "status/words.rs"]
#[allow(dead_code, reason = "shared with the tests of each status")]
mod words;
#[path = "status/world.rs"]
#[allow(dead_code, reason = "shared with the tests of each status")]
mod world;

use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::command::CommandKind;
use kiloclaw_lifecycle::id::OpId;
use kiloclaw_lifecycle::{Input, Status};
use script::{Got, Script};
use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

/// How many of the first differences are shown.
const SHOWN: usize = 20;

/// What happens, and the step that it leads to.
fn inputs(script: &Script) -> Vec<(String, Got)> {
    let mut rows = Vec::new();
    let mut row = |input: &str, act: &dyn Fn(&mut Script) -> Got| {
        rows.push((input.to_string(), act(&mut script.clone())));
    };
    for kind in CommandKind::ALL {
        row(&format!("command {}", kind.as_str()), &|script| script.command(commands::any(kind)));
    }
    row("resume", &|script| script.resume());
    row("alarm now", &|script| script.ring());
    if script.instance.is_some() {
        row("alarm due", &|script| script.alarm());
        row("alarm later", &|script| {
            script.after(script.policy.call_deadline_ms + 1);
            script.ring()
        });
    }
    let stale = |kind| OpId { number: 1_000, kind };
    for (input, kind, result) in [
        ("stale create_machine made", CallKind::CreateMachine, world::machine_made("m8", "iad")),
        ("stale create_volume made", CallKind::CreateVolume, world::volume_made("vol-8", "iad", "created")),
        ("stale create_volume unknown", CallKind::CreateVolume, world::unknown()),
        ("stale get_machine gone", CallKind::GetMachine, world::absent()),
    ] {
        row(input, &|script| script.give(Input::Outcome { op: stale(kind), result: result.clone() }));
    }
    for (input, answer) in answers::fitting(script) {
        row(&input, &|script| script.answer(answer.clone()));
    }
    rows
}

/// What the table says of a step.
fn outcome(got: &Got) -> String {
    let mut lines = got.text.lines();
    let mut parts = vec![lines.next().unwrap_or_default().to_string()];
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        match words[0] {
            "call" | "evict" | "forget" => parts.push(line.to_string()),
            "reply" => parts.push(line.split(" \"").next().unwrap_or_default().to_string()),
            "event" | "log" => {
                let label = words.iter().skip(2).take(2).find(|word| word.starts_with('"'));
                parts.push(label.map_or_else(|| words[1].to_string(), |label| format!("{} {label}", words[1])));
            }
            _ => {}
        }
    }
    parts.join(" | ")
}

fn table() -> BTreeSet<String> {
    let mut table = BTreeSet::new();
    for (case, script) in cases::all() {
        let status = script.status().map_or("none", Status::as_str);
        let call = script.call.as_ref().map_or("at rest", |asked| asked.id.kind.as_str());
        for (input, got) in inputs(&script) {
            assert_eq!(got.status.is_some(), got.alarm.is_some(), "{case}: {input}");
            let row = format!("{:<48} {input:<40} -> {}", format!("{status}: {case} ({call})"), outcome(&got));
            assert!(table.insert(row.clone()), "twice: {row}");
        }
    }
    table
}

#[test]
fn transitions_are_as_written_down() {
    let seen: Vec<String> = table().into_iter().collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transitions.golden.txt");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, seen.join("\n") + "\n").expect("the file can be written");
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    let wanted: Vec<&str> = golden.lines().collect();
    let (was, is): (BTreeSet<&str>, BTreeSet<&str>) =
        (wanted.iter().copied().collect(), seen.iter().map(String::as_str).collect());
    let gone = was.difference(&is).map(|row| format!("- {row}"));
    let new = is.difference(&was).map(|row| format!("+ {row}"));
    let mut changed: Vec<String> = gone.chain(new).collect();
    changed.sort_by(|a, b| a[2..].cmp(&b[2..]));
    let shown: Vec<String> = changed.iter().take(SHOWN).cloned().collect();
    assert!(seen == wanted, "{} lines differ, the first are:\n{}", changed.len(), shown.join("\n"));
}

#[test]
fn every_status_and_every_kind_of_call_is_in_the_table() {
    let cases = cases::all();
    let statuses: BTreeSet<Status> = cases.iter().filter_map(|(_, script)| script.status()).collect();
    assert_eq!(statuses, BTreeSet::from(Status::ALL));
    let kinds: BTreeSet<CallKind> =
        cases.iter().filter_map(|(_, script)| Some(script.call.as_ref()?.id.kind)).collect();
    assert_eq!(kinds, CallKind::ALL.iter().copied().collect());
}
