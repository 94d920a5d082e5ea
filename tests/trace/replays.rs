//! Recorded scenarios, replayed: without a difference under the same rules, and with exactly the expected ones under others.

use kiloclaw_lifecycle::testkit::scenario::{Scenario, run, run_traced};
use kiloclaw_lifecycle::trace::{Difference, Entry, Report, Trace, replay};
use kiloclaw_lifecycle::{Knobs, Policy};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

fn traced(name: &str) -> String {
    let text = fs::read_to_string(folder().join(name).with_extension("json")).expect("a scenario");
    run_traced(&Scenario::parse(&text).expect("a scenario")).1
}

fn parse(text: &str) -> Trace {
    Trace::parse(text).expect("a trace")
}

fn under(trace: &Trace, change: impl FnOnce(&mut Knobs)) -> Report {
    let mut knobs = Knobs::from(trace.policy().clone());
    change(&mut knobs);
    replay(trace, Some(Policy::new(knobs).expect("a policy that works")))
}

fn found(line: usize, path: &str, recorded: Value, decided: Value) -> Difference {
    let sandbox = "sandbox-1".parse().expect("a sandbox");
    Difference { line, sandbox, path: path.to_string(), recorded: Some(recorded), decided: Some(decided) }
}

#[test]
fn every_scenario_is_recorded_and_replayed_without_a_difference() {
    let (mut files, mut steps, mut lost, mut crashes) = (0, 0, 0, 0);
    for entry in fs::read_dir(folder()).expect("the folder of scenarios") {
        let path = entry.expect("an entry").path();
        let scenario = Scenario::parse(&fs::read_to_string(&path).expect("text")).expect("a scenario");
        let (outcome, text) = run_traced(&scenario);
        assert!(outcome.ok(), "{}: {:?}", path.display(), outcome.failures());
        let trace = Trace::parse(&text).unwrap_or_else(|malformed| panic!("{}: {malformed}", path.display()));
        assert_eq!(trace.to_string(), text, "{}", path.display());
        assert_eq!(trace.policy(), scenario.policy());
        let report = replay(&trace, None);
        assert_eq!(report.differences, Vec::new(), "{}", path.display());
        let count = |is: fn(&Entry) -> bool| trace.lines().iter().filter(|line| is(&line.entry)).count();
        assert_eq!(report.steps, count(|entry| matches!(entry, Entry::In { .. })));
        files += 1;
        steps += report.steps;
        lost += count(|entry| matches!(entry, Entry::Lost { .. }));
        crashes += count(|entry| matches!(entry, Entry::Crash { .. }));
    }
    assert!(files > 200 && steps > 5_000, "{files} files, {steps} steps");
    assert!(lost > 0 && crashes > lost, "{lost} lost, {crashes} crashes");
}

#[test]
fn writing_a_run_down_changes_nothing_of_it() {
    for name in ["crash-recovery-list-snapshots-uncommitted", "restore-from-running", "lost-answer-of-create-machine"] {
        let text = fs::read_to_string(folder().join(name).with_extension("json")).expect("a scenario");
        let scenario = Scenario::parse(&text).expect("a scenario");
        assert_eq!(run_traced(&scenario).0.json(), run(&scenario).json(), "{name}");
    }
}

#[test]
fn another_interval_moves_the_alarm_and_nothing_else() {
    let trace = parse(&traced("alarm-healthy-costs-two-reads"));
    let report = under(&trace, |knobs| knobs.alarm_running_ms *= 2);
    let path = "$.effects[0].schedule_alarm.at";
    let moved = found(11, path, json!(1_775_434_248_926_u64), json!(1_775_434_548_926_u64));
    assert_eq!(report, Report { steps: 4, differences: vec![moved] });
}

#[test]
fn a_longer_retention_is_found_where_the_volume_is_retained_and_where_it_goes() {
    let trace = parse(&traced("retention-deleted-when-due"));
    let report = under(&trace, |knobs| knobs.retention_ms *= 2);
    let first = report.first().expect("a difference");
    let decided = trace.lines().iter().find(|line| line.number == first.line).expect("its line");
    let Entry::Out { decided, .. } = &decided.entry else { panic!("not a decision: {decided:?}") };
    // Up to the day on which the volume would have gone, the alarm of no step depends on the date.
    assert_eq!(decided.effects[0]["schedule_alarm"]["why"], json!("disposal"));
    assert_eq!(first.path, "$.effects[0].schedule_alarm.at");
    let deletes = |line: usize| {
        let entry = trace.lines().iter().find(|known| known.number == line).map(|known| &known.entry);
        matches!(entry, Some(Entry::Out { decided, .. }) if decided.calls().any(|call| call == "delete_volume"))
    };
    assert!(report.differences.iter().any(|difference| deletes(difference.line)), "the delete is not due any more");
    assert!(report.differences.iter().all(|difference| difference.line >= first.line));
}

#[test]
fn an_edited_decision_is_found() {
    let text = traced("stop-plain");
    let lines: Vec<&str> = text.lines().collect();
    let stop =
        lines.iter().position(|line| line.contains("{\"stop_machine\":{\"machine\":\"machine-1\"}")).expect("a stop");
    let edited =
        text.replace("{\"stop_machine\":{\"machine\":\"machine-1\"}", "{\"stop_machine\":{\"machine\":\"machine-2\"}");
    let edited =
        edited.replacen("\"status\":\"stopping\",\"commit\":true", "\"status\":\"stopped\",\"commit\":true", 1);
    let report = replay(&parse(&edited), None);
    let at = stop + 1;
    let status =
        lines.iter().position(|line| line.contains("\"status\":\"stopping\",\"commit\":true")).expect("a decision") + 1;
    let call = report.differences.iter().find(|difference| difference.path.ends_with(".machine")).expect("the call");
    assert_eq!((call.line, &call.recorded, &call.decided), (at, &Some(json!("machine-2")), &Some(json!("machine-1"))));
    assert!(report.differences.contains(&found(status, "$.status", json!("stopped"), json!("stopping"))));
    assert_eq!(report.differences.len(), 2);
    assert!(report.differences.iter().any(|difference| difference.to_string()
        == format!("line {status}, sandbox-1, $.status: recorded \"stopped\", now \"stopping\"")));
}

#[test]
fn an_effect_that_is_not_there_any_more_is_nothing_now() {
    let text = traced("stop-plain");
    let extra = text.replacen("\"why\":\"reconcile\"}}]}", "\"why\":\"reconcile\"}},{\"ring\":1}]}", 1);
    assert_ne!(text, extra);
    let report = replay(&parse(&extra), None);
    let [difference] = &report.differences[..] else { panic!("{report:?}") };
    assert_eq!(difference.path, "$.effects[1]");
    assert_eq!((&difference.recorded, &difference.decided), (&Some(json!({"ring": 1})), &None));
    assert!(difference.to_string().ends_with("$.effects[1]: recorded {\"ring\":1}, now nothing"));
}

#[test]
fn a_checkpoint_that_differs_is_found_and_taken_over() {
    let (begin, rest) = {
        let text = traced("alarm-healthy-costs-two-reads");
        let at = text.find("\nin ").expect("a step") + 1;
        (text[..at].to_string(), text[at..].to_string())
    };
    let record = begin.lines().last().expect("the record").to_string();
    let other = record.replace("\"volume\":\"vol-1\"", "\"volume\":\"vol-2\"");
    assert_ne!(record, other);
    // Twice the wrong record is one difference: it is taken over at the first.
    let trace = parse(&format!("{begin}{other}\n{other}\n{record}\n{rest}"));
    let report = replay(&trace, None);
    let path = "$.instance.volume";
    assert_eq!(
        report.differences,
        [found(4, path, json!("vol-2"), json!("vol-1")), found(6, path, json!("vol-1"), json!("vol-2"))]
    );
    assert_eq!(report.steps, 4);
    let gone = replay(&parse(&format!("{begin}record sandbox-1 none\n")), None);
    let [difference] = &gone.differences[..] else { panic!("{gone:?}") };
    assert_eq!((difference.path.as_str(), &difference.recorded, difference.line), ("$", &None, 4));
}

/// Lines 6 to 11 are an alarm that asks for the machine, hears of it, asks for the volume, hears of it, and rests.
fn alarm_with(line: usize, inserted: &str) -> Vec<Difference> {
    let text = traced("alarm-healthy-costs-two-reads");
    let mut lines: Vec<&str> = text.lines().collect();
    assert!(lines[5].ends_with("\"alarm\"") && lines[6].contains("get_machine"), "{text}");
    lines.insert(line, inserted);
    replay(&parse(&lines.join("\n")), None).differences
}

#[test]
fn what_a_process_held_dies_with_it() {
    assert_eq!(alarm_with(7, "crash 1"), []);
    for inserted in ["crash 0", "lost sandbox-1 0"] {
        let differences = alarm_with(7, inserted);
        let verdict = found(10, "$.verdict", json!("applied"), json!({"ignored": "stale"}));
        assert!(differences.contains(&verdict), "{inserted}: {differences:?}");
        let lines: std::collections::BTreeSet<usize> = differences.iter().map(|difference| difference.line).collect();
        assert_eq!(lines.into_iter().collect::<Vec<_>>(), [10, 12], "{inserted}");
    }
}

#[test]
fn an_answer_belongs_to_the_process_that_asked() {
    let text = traced("alarm-healthy-costs-two-reads");
    let from = text.find("in sandbox-1 0 1775433939879 {\"outcome\"").expect("an outcome");
    let (asked, answered) = text.split_at(from);
    let moved = format!("{asked}{}", answered.replace("sandbox-1 0 ", "sandbox-1 1 "));
    let report = replay(&parse(&moved), None);
    let verdict = found(9, "$.verdict", json!("applied"), json!({"ignored": "stale"}));
    assert!(report.differences.contains(&verdict), "{report:?}");
    assert_eq!(report.steps, 4);
}
