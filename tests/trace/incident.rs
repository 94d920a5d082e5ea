//! Incidents are replayed for ever; the one that is made here is written down as production hosts would have done it.
//!
//! `UPDATE_GOLDEN=1 cargo test --test trace` writes it anew; its difference is to be reviewed.

use crate::recording::{Recording, provision};
use kiloclaw_lifecycle::command::Command;
use kiloclaw_lifecycle::driver::Pending;
use kiloclaw_lifecycle::id::{Identity, SandboxId};
use kiloclaw_lifecycle::observe::MachineState;
use kiloclaw_lifecycle::testkit::Boot;
use kiloclaw_lifecycle::trace::{Entry, Trace, replay};
use kiloclaw_lifecycle::{Input, Knobs, Policy, Timestamp, trace};
use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

const OWN: &str = "two-hosts-relocation.trace";

const TOLD: &str = "\
# An incident of two instances and two hosts.
#
# The machine of ki_f4c9f65e in dfw stops by itself. Host 1 begins to relocate the instance and dies before it has heard of the new
# machine; host 2 takes over, and turns down a restart that the user asks for. The replacement stays `created` until the wait has run out;
# an alarm finds it started. At the same time an alarm of ki_0b7d2a91 loses against its user, who stops it from the other host.
";

fn identity(user: &str, sandbox: &str, app: &str) -> Identity {
    Identity {
        user: user.parse().expect("a user"),
        sandbox: sandbox.parse().expect("a sandbox"),
        app: Some(app.parse().expect("an app")),
    }
}

fn command(command: Command) -> Input {
    Input::Command(command)
}

/// Two instances that run; nothing of this is in the trace.
fn before(policy: &Policy, one: &Identity, two: &Identity) -> Recording {
    let mut recording = Recording::new(policy.clone(), Timestamp::from_millis(1_775_347_200_000));
    let machines = ["2869664c776038", "e784ee9a250938", "2861e46b955438"].map(String::from).to_vec();
    let volumes = ["vol_vgn2lk8o0wk8gm04", "vol_4m3wkp9zkm8nqy6v", "vol_v8e3o0k61gk7z3lv"].map(String::from).to_vec();
    recording.fly.with(|world| world.name_next(machines, volumes));
    for (identity, seed) in [(one, 31_542), (two, 90_017)] {
        recording.handle((&identity.sandbox, 1), provision(identity.clone(), seed));
        recording.handle((&identity.sandbox, 1), command(Command::Start { reason: None }));
    }
    recording.text = TOLD.to_string() + &trace::head(policy);
    recording.checkpoint(&one.sandbox);
    recording.checkpoint(&two.sandbox);
    recording
}

fn incident() -> String {
    let knobs = Knobs { regions: vec!["dfw".to_string(), "sjc".to_string()], ..Knobs::default() };
    let policy = Policy::new(knobs).expect("a policy that works");
    let one = identity("7c2f4f32-1ef0-43cb-84bb-0b51ad5eb7bf", "ki_f4c9f65e", "dev-inst-71d24ed862ce");
    let two = identity("b3a0c1de-77f2-4d0e-9c36-5a8f14e2d901", "ki_0b7d2a91", "dev-inst-0c55be01f9a3");
    let mut recording = before(&policy, &one, &two);
    relocated(&mut recording, &one.sandbox);
    outrun(&mut recording, &two.sandbox);
    recording.ring((&one.sandbox, 2));
    recording.checkpoint(&one.sandbox);
    recording.checkpoint(&two.sandbox);
    recording.text
}

/// The machine stops; host 1 dies when the replacement has been asked for, and host 2 goes on.
fn relocated(recording: &mut Recording, sandbox: &SandboxId) {
    recording.fly.with(|world| {
        world.boot = Boot::Created;
        let running = world.machines().next().map(|(id, _)| id.clone()).expect("a machine");
        let is_there = world.change_machine("2869664c776038", |machine| machine.state = MachineState::Stopped);
        assert!(is_there, "the first machine is {running}");
    });
    let at = recording.stored(sandbox).expect("an instance").alarm().at;
    recording.fly.with(|world| world.advance_to(at));
    let mut pending = recording.apply((sandbox, 1), None, &Input::Alarm).and_then(|applied| applied.pending);
    while let Some(Pending { operation, held }) = pending {
        let outcome = recording.execute(&operation);
        if operation.id.kind.as_str() == "create_machine" {
            break;
        }
        pending = recording.apply((sandbox, 1), held, &outcome).and_then(|applied| applied.pending);
    }
    recording.crash(1);
    recording.handle((sandbox, 2), Input::Resume);
    recording.handle((sandbox, 2), command(Command::Restart { image: None }));
    recording.ring((sandbox, 2));
    recording.fly.with(|world| {
        assert!(world.change_machine("2861e46b955438", |machine| machine.state = MachineState::Started));
    });
    recording.ring((sandbox, 2));
}

/// An alarm that loses against a command: its answer comes when the record has moved on.
fn outrun(recording: &mut Recording, sandbox: &SandboxId) {
    let asked = recording.apply((sandbox, 1), None, &Input::Alarm).and_then(|applied| applied.pending);
    let Pending { operation, held } = asked.expect("a question");
    let seen = recording.execute(&operation);
    let answered = recording.apply((sandbox, 1), held, &seen).and_then(|applied| applied.pending);
    let Pending { operation, held } = answered.expect("another question");
    let stop = command(Command::Stop { reason: Some("stopped by its user".to_string()) });
    let alarm = recording.decide(sandbox, None, &Input::Resume);
    recording.handle((sandbox, 2), stop);
    assert!(recording.commit((sandbox, 1), &Input::Resume, alarm).is_some(), "nothing had to be committed");
    let late = recording.execute(&operation);
    assert!(recording.apply((sandbox, 1), held, &late).is_none(), "the record has moved on");
}

#[test]
fn every_trace_that_is_kept_is_replayed_as_it_was() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(folder.join(OWN), incident()).expect("the folder can be written");
    }
    let mut kept = BTreeSet::new();
    for file in fs::read_dir(&folder).expect("the folder of traces") {
        let path = file.expect("a file").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let trace = Trace::parse(&fs::read_to_string(&path).expect("text"));
        let trace = trace.unwrap_or_else(|malformed| panic!("{name}: {malformed}"));
        let report = replay(&trace, None);
        assert_eq!(report.differences, Vec::new(), "{name}");
        let inputs = trace.lines().iter().filter(|line| matches!(line.entry, Entry::In { .. })).count();
        assert_eq!(report.steps, inputs, "{name}");
        assert!(inputs > 0, "{name} holds no step");
        kept.insert(name);
    }
    assert!(kept.contains(OWN), "{kept:?}");
}

/// A host whose store tells of no conflict: the answer to a question is not committed once the record has moved on.
#[test]
fn an_outrun_question_changes_nothing_even_where_no_loss_is_written_down() {
    let told = incident();
    let silent = told.replace("lost ki_0b7d2a91 1\n", "");
    assert_eq!(told.len() - silent.len(), "lost ki_0b7d2a91 1\n".len());
    assert_eq!(replay(&Trace::parse(&silent).expect("a trace"), None).differences, Vec::new());
}

/// What makes it worth keeping.
#[test]
fn the_incident_holds_what_goes_wrong_in_production() {
    let trace = Trace::parse(&incident()).expect("a trace");
    assert_eq!(replay(&trace, None).differences, Vec::new());
    let mut statuses = BTreeSet::new();
    let (mut lost, mut crashes, mut denied) = (0, 0, 0);
    for line in trace.lines() {
        match &line.entry {
            Entry::Out { decided, .. } => {
                statuses.extend(decided.status.clone());
                denied += usize::from(decided.verdict.get("denied").is_some());
            }
            Entry::Lost { .. } => lost += 1,
            Entry::Crash { .. } => crashes += 1,
            Entry::Record { .. } | Entry::In { .. } | Entry::Act { .. } => {}
        }
    }
    assert_eq!((lost, crashes, denied), (1, 1, 1));
    assert_eq!(
        statuses.iter().map(String::as_str).collect::<Vec<_>>(),
        ["recovering", "running", "stopped", "stopping"]
    );
    let ends: Vec<_> = trace.lines().iter().rev().take(2).map(|line| &line.entry).collect();
    let [Entry::Record { instance: Some(two), .. }, Entry::Record { instance: Some(one), .. }] = ends[..] else {
        panic!("no checkpoints at the end: {ends:?}")
    };
    assert_eq!((one.status().as_str(), one.machine().map(|id| id.as_str())), ("running", Some("2861e46b955438")));
    assert_eq!(one.volume().map(|id| id.as_str()), Some("vol_v8e3o0k61gk7z3lv"));
    assert_eq!(two.status().as_str(), "stopped");
}
