//! What is no trace is refused with its line, what was expected, and what is there.

use kiloclaw_lifecycle::testkit::trace::Recorder;
use kiloclaw_lifecycle::trace::{Entry, Malformed, Trace, head, replay, step};
use kiloclaw_lifecycle::{Input, Policy, Timestamp};
use serde_json::json;

fn sandbox() -> kiloclaw_lifecycle::id::SandboxId {
    "sandbox-1".parse().expect("a sandbox")
}

/// Lines 1 to 4: the head, and an alarm without an instance.
fn begin() -> String {
    let policy = Policy::default();
    let now = Timestamp::from_millis(5);
    let decided = kiloclaw_lifecycle::step(None, &policy, now, Input::Alarm);
    head(&policy) + &step(&sandbox(), 0, now, &Input::Alarm, &decided)
}

fn refused(text: &str) -> Malformed {
    Trace::parse(text).expect_err(text)
}

#[test]
fn the_form_of_every_entry() {
    let policy = Policy::default();
    let now = Timestamp::from_millis(5);
    let mut recorder = Recorder::new(&policy);
    let decided = kiloclaw_lifecycle::step(None, &policy, now, Input::Alarm);
    recorder.record(&sandbox(), None);
    recorder.step(&sandbox(), 3, now, &Input::Alarm, &decided);
    recorder.decided(&sandbox(), 3, now, &Input::Alarm, &decided.verdict, None, &[], false);
    recorder.lost(&sandbox(), 3);
    recorder.crash(3);
    recorder.act(now, &json!({"b": [1, null], "a": "two words"}));
    let alarm = "in sandbox-1 3 5 \"alarm\"\n\
                 out sandbox-1 3 {\"verdict\":{\"ignored\":\"no_instance\"},\"status\":null,\"commit\":false,\"effects\":[]}\n";
    let expected = format!(
        "kiloclaw trace 1\npolicy {}\nrecord sandbox-1 none\n{alarm}{alarm}lost sandbox-1 3\ncrash 3\n\
         act 5 {{\"a\":\"two words\",\"b\":[1,null]}}\n",
        serde_json::to_string(&policy).expect("JSON"),
    );
    assert_eq!(recorder.text(), expected);
    let trace = Trace::parse(recorder.text()).expect("a trace");
    assert_eq!(trace.policy(), &policy);
    assert_eq!(trace.lines().iter().map(|line| line.number).collect::<Vec<_>>(), [3, 4, 5, 6, 7, 8, 9, 10]);
    let act = Entry::Act { at: now, act: json!({"b": [1, null], "a": "two words"}) };
    assert_eq!(trace.lines().last().map(|line| &line.entry), Some(&act));
    assert_eq!(trace.to_string(), expected);
    assert_eq!((replay(&trace, None).steps, replay(&trace, None).differences), (2, Vec::new()));
}

#[test]
fn comments_blank_lines_and_line_ends_mean_nothing() {
    let plain = Trace::parse(&begin()).expect("a trace");
    let decorated = format!("# from host 7\n\n{}\n  # the end\n", begin().replace('\n', "\r\n  \r\n#\r\n"));
    let read = Trace::parse(&decorated).expect("a trace");
    assert_eq!(read.to_string(), plain.to_string());
    assert_eq!(read.lines().iter().map(|line| line.number).collect::<Vec<_>>(), [9, 12]);
}

#[test]
fn the_beginning_has_to_be_there() {
    let head = "`kiloclaw trace 1`";
    let cases = [
        ("", 1, head, "nothing"),
        ("\n# nothing\n", 3, head, "nothing"),
        ("kiloclaw trace 2\n", 1, head, "kiloclaw trace 2"),
        ("kiloclaw trace 1", 2, "`policy`", "nothing"),
        ("kiloclaw trace 1\ncrash 0", 2, "`policy`", "crash 0"),
        ("kiloclaw trace 1\npolicy", 2, "the knobs of a policy that works", "EOF while parsing a value at column 0"),
    ];
    for (text, line, expected, got) in cases {
        assert_eq!(refused(text), Malformed { line, expected: expected.to_string(), got: got.to_string() }, "{text:?}");
    }
    let unfit = refused("kiloclaw trace 1\npolicy {\"retention_ms\":5}\n");
    assert_eq!(
        unfit.to_string(),
        "line 2: expected the knobs of a policy that works, got policy.retention_ms: 5 ms is below one hour"
    );
    assert_eq!(refused("kiloclaw trace 1\npolicy {\"retention\":5}\n").line, 2);
}

/// What is said of lines that follow the fourth: in which line, what was expected, and what is there.
fn refusals(cases: &[(&str, usize, &str, &str)]) {
    for (lines, line, expected, got) in cases {
        let expected = Malformed { line: *line, expected: expected.to_string(), got: got.to_string() };
        assert_eq!(refused(&format!("{}{lines}\n", begin())), expected, "{lines}");
    }
}

#[test]
fn a_malformed_field_is_named() {
    let long = "x".repeat(300);
    let (tags, sandbox) = ("record, in, out, lost, crash or act", "a sandbox id: 1 to 64 of A-Z a-z 0-9 _ -");
    let (host, stored) = ("a host, 0 to 255", "a stored record or `none`");
    let no_record = "not a record: invalid type: null, expected struct Reading at column 4";
    let newer = "the record has version 9, and this library reads up to 1";
    let no_status = "out sandbox-1 0 {\"verdict\":\"applied\",\"commit\":true,\"effects\":[]}";
    refusals(&[
        ("stray", 5, tags, "stray"),
        (&long, 5, tags, &long[..200]),
        ("policy {}", 5, tags, "policy {}"),
        ("record", 5, sandbox, "nothing"),
        ("record a.b none", 5, sandbox, "a.b"),
        ("record sandbox-1 null", 5, stored, no_record),
        ("record sandbox-1 {\"version\":9}", 5, stored, newer),
        ("in sandbox-1 -1 5 \"alarm\"", 5, host, "-1"),
        ("in sandbox-1 256 5 \"alarm\"", 5, host, "256"),
        ("in sandbox-1 0 soon \"alarm\"", 5, "a time in milliseconds", "soon"),
        ("in sandbox-1 0 5", 5, "an input", "EOF while parsing a value at column 0"),
        ("in sandbox-1 0 5 \"alarm\" \"alarm\"", 5, "an input", "trailing characters at column 9"),
        (&format!("in sandbox-1 0 5 \"alarm\"\n{no_status}"), 6, "a decision", "missing field `status` at column 48"),
        ("lost sandbox-1 0 0", 5, "the end of the line", "0"),
        ("crash", 5, host, "nothing"),
        ("crash 0 1", 5, "the end of the line", "1"),
        ("act 5", 5, "JSON", "EOF while parsing a value at column 0"),
        ("act 5 {", 5, "JSON", "EOF while parsing an object at column 1"),
    ]);
}

#[test]
fn a_line_out_of_order_is_named() {
    let input = "in sandbox-1 0 5 \"alarm\"";
    let decision = "{\"verdict\":\"applied\",\"status\":null,\"commit\":true,\"effects\":[]}";
    let (own, other) = (format!("out sandbox-1 0 {decision}"), format!("out sandbox-1 1 {decision}"));
    let (open, step) = ("`out sandbox-1 0` and the decision", "a step of this sandbox and host before it is lost");
    refusals(&[
        (input, 6, open, "nothing"),
        (&format!("{input}\ncrash 0"), 6, open, "crash 0"),
        (&format!("{input}\n{input}"), 6, open, input),
        (&format!("{input}\n{other}"), 6, open, &other),
        (&own, 5, "the input before its decision", &own),
        ("lost sandbox-1 1", 5, step, "lost sandbox-1 1"),
        ("lost sandbox-1 0\nlost sandbox-1 0", 6, step, "lost sandbox-1 0"),
    ]);
}

/// Every cut and every flipped byte of a trace is read or refused, and what is read can be replayed.
#[test]
fn a_damaged_trace_is_read_or_refused() {
    let whole = begin() + "lost sandbox-1 0\nact 5 {\"a\":[1]}\n";
    let (mut read, mut refused) = (0, 0);
    let mut judge = |text: &str| match Trace::parse(text) {
        Ok(trace) => {
            assert!(replay(&trace, None).steps <= 1);
            read += 1;
        }
        Err(malformed) => {
            assert!((1..=7).contains(&malformed.line), "{malformed}");
            refused += 1;
        }
    };
    for at in 0..whole.len() {
        judge(&whole[..at]);
        for other in [b' ', b'\n', b'0', b'"', b'}', b'#'] {
            let mut bytes = whole.clone().into_bytes();
            bytes[at] = other;
            judge(&String::from_utf8(bytes).expect("ASCII"));
        }
    }
    assert!(read > 100 && refused > 1_000, "{read} were read, {refused} refused");
}
