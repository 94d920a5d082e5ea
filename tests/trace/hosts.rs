//! Whatever hosts do to each other, the trace of it can be replayed.

use crate::recording::{Recording, provision};
use kiloclaw_lifecycle::command::Command;
use kiloclaw_lifecycle::driver::Pending;
use kiloclaw_lifecycle::id::{Identity, SandboxId};
use kiloclaw_lifecycle::observe::MachineState;
use kiloclaw_lifecycle::trace::{Entry, Trace, replay};
use kiloclaw_lifecycle::{Input, Policy, Timestamp};
use proptest::prelude::{Just, ProptestConfig, Strategy, any};
use proptest::{collection, prop_assert, prop_assert_eq, prop_oneof, proptest};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Act {
    Give {
        host: u8,
        what: Given,
    },
    /// The host decides, and before it can commit another one takes a step.
    Slow {
        host: u8,
        what: Given,
        other: Given,
    },
    /// The host decides and dies.
    Uncommitted {
        host: u8,
        what: Given,
    },
    /// The answer to one of the calls of a host comes, perhaps to come again.
    Answer {
        host: u8,
        which: usize,
        again: bool,
    },
    Crash {
        host: u8,
    },
    Pass {
        ms: u64,
    },
    /// All machines stop.
    Stop,
    Checkpoint,
}

#[derive(Clone, Copy, Debug)]
enum Given {
    Provision,
    Start,
    StopIt,
    Restart,
    Destroy,
    Refresh,
    Alarm,
    Resume,
}

fn sandbox() -> SandboxId {
    SandboxId::new("sandbox-1").expect("a sandbox")
}

fn input(given: Given) -> Input {
    let identity = || Identity { user: "user-1".parse().expect("a user"), sandbox: sandbox(), app: None };
    match given {
        Given::Provision => provision(identity(), 7),
        Given::Start => Input::Command(Command::Start { reason: None }),
        Given::StopIt => Input::Command(Command::Stop { reason: Some("a \"reason\"\n# of two lines".to_string()) }),
        Given::Restart => Input::Command(Command::Restart { image: None }),
        Given::Destroy => Input::Command(Command::Destroy { reason: None }),
        Given::Refresh => Input::Command(Command::Refresh),
        Given::Alarm => Input::Alarm,
        Given::Resume => Input::Resume,
    }
}

fn givens() -> impl Strategy<Value = Given> {
    prop_oneof![
        1 => Just(Given::Provision),
        3 => Just(Given::Start),
        1 => Just(Given::StopIt),
        1 => Just(Given::Restart),
        1 => Just(Given::Destroy),
        1 => Just(Given::Refresh),
        6 => Just(Given::Alarm),
        2 => Just(Given::Resume),
    ]
}

fn acts() -> impl Strategy<Value = Act> {
    let host = 0..2_u8;
    prop_oneof![
        6 => (host.clone(), givens()).prop_map(|(host, what)| Act::Give { host, what }),
        3 => (host.clone(), givens(), givens()).prop_map(|(host, what, other)| Act::Slow { host, what, other }),
        1 => (host.clone(), givens()).prop_map(|(host, what)| Act::Uncommitted { host, what }),
        16 => (host.clone(), 0..4_usize, any::<bool>())
            .prop_map(|(host, which, again)| Act::Answer { host, which, again }),
        1 => host.prop_map(|host| Act::Crash { host }),
        4 => (0..400_000_u64).prop_map(|ms| Act::Pass { ms }),
        1 => Just(Act::Stop),
        1 => Just(Act::Checkpoint),
    ]
}

#[derive(Default)]
struct Calls {
    on_their_way: BTreeMap<u8, Vec<Pending>>,
}

fn play(acts: Vec<Act>) -> Recording {
    let mut recording = Recording::new(Policy::default(), Timestamp::from_millis(1_775_433_600_000));
    let sandbox = sandbox();
    let mut calls = Calls::default();
    recording.handle((&sandbox, 0), input(Given::Provision));
    for act in acts {
        carry_out(&mut recording, &sandbox, &mut calls, act);
    }
    recording
}

fn carry_out(recording: &mut Recording, sandbox: &SandboxId, calls: &mut Calls, act: Act) {
    match act {
        Act::Give { host, what } => {
            let applied = recording.apply((sandbox, host), None, &input(what));
            calls.on_their_way.entry(host).or_default().extend(applied.and_then(|applied| applied.pending));
        }
        Act::Slow { host, what, other } => {
            let given = input(what);
            let decision = recording.decide(sandbox, None, &given);
            carry_out(recording, sandbox, calls, Act::Give { host: 1 - host, what: other });
            let applied = recording.commit((sandbox, host), &given, decision);
            calls.on_their_way.entry(host).or_default().extend(applied.and_then(|applied| applied.pending));
        }
        Act::Uncommitted { host, what } => {
            let given = input(what);
            let decision = recording.decide(sandbox, None, &given);
            recording.text.push_str(&decision.trace(host, &given));
            recording.text.push_str(&kiloclaw_lifecycle::trace::lost(sandbox, host));
            carry_out(recording, sandbox, calls, Act::Crash { host });
        }
        Act::Answer { host, which, again } => {
            let waiting = calls.on_their_way.entry(host).or_default();
            let Some(chosen) = waiting.get(which.min(waiting.len().saturating_sub(1))) else { return };
            // Of two calls with the same id, the one that was made first is answered first.
            let is_chosen = |pending: &Pending| pending.operation.id == chosen.operation.id;
            let at = waiting.iter().position(is_chosen).expect("it is in there");
            let Pending { operation, held } = if again { waiting[at].clone() } else { waiting.remove(at) };
            let outcome = recording.execute(&operation);
            let applied = recording.apply((sandbox, host), held, &outcome);
            calls.on_their_way.entry(host).or_default().extend(applied.and_then(|applied| applied.pending));
        }
        Act::Crash { host } => {
            recording.crash(host);
            calls.on_their_way.remove(&host);
        }
        Act::Pass { ms } => recording.fly.with(|world| world.advance_to(world.now().plus(ms))),
        Act::Stop => recording.fly.with(|world| {
            let ids: Vec<String> = world.machines().map(|(id, _)| id.clone()).collect();
            for id in ids {
                world.change_machine(&id, |machine| machine.state = MachineState::Stopped);
            }
        }),
        Act::Checkpoint => recording.checkpoint(sandbox),
    }
}

/// The same question asked twice, from a record that has moved on since: each answer belongs to a question of its own, and which one it was
/// decides what the next answer finds.
#[test]
fn the_question_that_was_asked_first_is_answered_first() {
    let (host, again) = (1, false);
    let acts = [
        Act::Give { host, what: Given::Alarm },
        Act::Pass { ms: 518_493 },
        Act::Slow { host, what: Given::Alarm, other: Given::Start },
        Act::Answer { host, which: 0, again },
        Act::Pass { ms: 529_276 },
        Act::Answer { host, which: 1, again },
        Act::Pass { ms: 364_356 },
        Act::Answer { host, which: 0, again },
        Act::Pass { ms: 353_159 },
        Act::Answer { host, which: 0, again },
    ];
    let recording = play(acts.to_vec());
    assert_eq!(recording.text.matches("\nlost sandbox-1 1\n").count(), 2);
    assert_eq!(replay(&Trace::parse(&recording.text).expect("a trace"), None).differences, Vec::new());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_trace_of_hosts_that_disturb_each_other_is_replayed(acts in collection::vec(acts(), 0..60)) {
        let recording = play(acts);
        let text = &recording.text;
        let trace = Trace::parse(text);
        prop_assert!(trace.is_ok(), "{trace:?}");
        let trace = trace.expect("a trace");
        prop_assert_eq!(&trace.to_string(), text, "what is read is written as it was");
        let given = trace.lines().iter().filter(|line| matches!(line.entry, Entry::In { .. })).count();
        let report = replay(&trace, None);
        prop_assert_eq!(report.differences, Vec::new(), "in\n{}", text);
        prop_assert_eq!(report.steps, given);
    }

    #[test]
    fn a_record_at_the_end_is_what_the_replay_arrives_at(acts in collection::vec(acts(), 0..30)) {
        let mut recording = play(acts);
        let decided = Trace::parse(&recording.text).expect("a trace");
        recording.checkpoint(&sandbox());
        let trace = Trace::parse(&recording.text).expect("a trace");
        prop_assert_eq!(trace.lines().len(), decided.lines().len() + 1);
        prop_assert_eq!(replay(&trace, None).differences, Vec::new());
    }
}
