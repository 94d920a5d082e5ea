//! Waits: what they tell, and what a look tells where they do not.

use crate::bench::{api, fault, identity, machine, shown, unreadable, with, without};
use crate::server::{Answer, Server};
use kiloclaw_lifecycle::call::WaitFor;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::observe::MachineState;
use kiloclaw_lifecycle::port::Provider;
use serde_json::{Value, json};

async fn wait(answers: Vec<Answer>, version: Option<&str>, state: WaitFor) -> (Result<MachineState, Fault>, Server) {
    let (api, server) = api(answers).await;
    let version = version.map(|version| version.parse().unwrap());
    let seen = api.wait_machine(&identity(), &machine(), version.as_ref(), state, 1).await;
    (seen, server)
}

fn ran_out(current: &str) -> Answer {
    let text = format!("deadline_exceeded: machine failed to reach desired state, started, currently {current}");
    Answer::json(408, &json!({ "error": text }))
}

#[tokio::test]
async fn the_answer_names_the_state() {
    let rows = [
        (Answer::json(200, &json!({ "ok": true, "state": "stopped", "version": "01HV" })), WaitFor::Stopped, "stopped"),
        (Answer::json(200, &json!({ "ok": true })), WaitFor::Stopped, "stopped"),
        (Answer::json(200, &json!({ "ok": true })), WaitFor::Started, "started"),
        (Answer::json(200, &json!({ "ok": true, "state": "failed" })), WaitFor::Started, "failed"),
        (Answer::json(200, &json!({ "state": "started" })), WaitFor::Started, "started"),
        (ran_out("stopped"), WaitFor::Started, "stopped"),
        (ran_out("created"), WaitFor::Started, "created"),
        (ran_out("launch_failed"), WaitFor::Started, "launch_failed"),
        (
            Answer::text(408, "machine failed to reach desired state, started, currently starting"),
            WaitFor::Started,
            "starting",
        ),
    ];
    for (answer, wanted, state) in rows {
        for version in [None, Some("01HV")] {
            let (seen, server) = wait(vec![answer.clone()], version, wanted).await;
            assert_eq!(seen, Ok(MachineState::from(state)), "{answer:?}");
            assert_eq!(server.seen().len(), 1, "no look is needed: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_wait_that_cannot_be_read_tells_nothing() {
    for (body, why) in [
        (json!({ "ok": false }), "a wait without a state"),
        (json!({}), "a wait without a state"),
        (json!({ "state": 7 }), "a wait without a state"),
        (json!([]), "a wait without a state"),
    ] {
        let (seen, server) = wait(vec![Answer::json(200, &body)], None, WaitFor::Started).await;
        assert_eq!(seen, Err(unreadable(200, why)), "{body}");
        assert_eq!(server.seen().len(), 1);
    }
}

/// The wait that ran out, the look, the version asked for, and the state, if one is told.
type Row = (Answer, Value, Option<&'static str>, Option<&'static str>);

#[tokio::test]
async fn where_no_state_is_named_a_look_tells() {
    let silent = || Answer::json(408, &json!({ "error": "deadline_exceeded: the host did not answer in time" }));
    let state = |word: &str| with(shown(), "state", json!(word));
    let lost = with(state("started"), "host_status", json!("unreachable"));
    let rows: Vec<Row> = vec![
        (silent(), state("stopped"), None, Some("stopped")),
        (silent(), state("started"), Some("01HV"), Some("started")),
        (Answer::text(408, ""), state("starting"), None, Some("starting")),
        (Answer::text(408, "<html>currently unavailable</html>"), state("stopped"), None, Some("stopped")),
        // What a host that does not answer has last been heard to say is no state.
        (silent(), lost.clone(), None, None),
        // It may be the version before.
        (silent(), state("started"), Some("01HX"), None),
        (silent(), without(state("started"), "instance_id"), Some("01HX"), None),
        (silent(), with(shown(), "id", json!("m2")), None, None),
        // A version that is no more: the one that has taken its place is looked at.
        (ran_out("replaced"), state("stopped"), Some("01HX"), Some("stopped")),
        (ran_out("replaced"), state("stopped"), None, Some("stopped")),
        (ran_out("migrated"), state("started"), Some("01HX"), Some("started")),
        (ran_out("replaced"), state("started"), Some("01HV"), None),
        (ran_out("replaced"), without(state("started"), "instance_id"), Some("01HX"), None),
        (ran_out("replaced"), lost, Some("01HX"), None),
    ];
    for (answer, look, version, wanted) in rows {
        let (seen, server) = wait(vec![answer.clone(), Answer::json(200, &look)], version, WaitFor::Started).await;
        match wanted {
            Some(state) => assert_eq!(seen, Ok(MachineState::from(state)), "{answer:?} {look}"),
            None => {
                let Fault { kind, status, message } = seen.unwrap_err();
                assert_eq!((kind, status), (FaultKind::Unknown, Some(408)), "{answer:?} {look}: {message}");
                assert!(message.ends_with("[request 01HTEST-fra]"), "{message}");
            }
        }
        assert_eq!(server.lines()[1], "GET /v1/apps/app-1/machines/m1", "{answer:?} {look}");
    }
}

#[tokio::test]
async fn a_success_about_a_version_that_is_no_more() {
    let replaced = || Answer::json(200, &json!({ "ok": true, "state": "replaced", "version": "01HX" }));
    let (seen, server) = wait(vec![replaced(), Answer::json(200, &shown())], Some("01HX"), WaitFor::Started).await;
    assert_eq!(seen, Ok(MachineState::Started));
    assert_eq!(server.seen().len(), 2);
    let (seen, server) = wait(vec![replaced(), Answer::text(500, "")], Some("01HX"), WaitFor::Started).await;
    assert_eq!(seen, Err(fault(FaultKind::Unknown, 200, "a wait that does not tell the state")));
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn looks_that_fail() {
    let silent = || Answer::text(408, "no answer");
    let gone = Answer::json(404, &json!({ "error": "machine not found" }));
    let (seen, server) = wait(vec![silent(), gone], None, WaitFor::Stopped).await;
    assert_eq!(seen, Err(fault(FaultKind::Absent, 404, "machine not found")), "somebody has said that it is gone");
    assert_eq!(server.seen().len(), 2);
    for answer in
        [Answer::text(404, "404 page not found"), Answer::text(500, ""), Answer::text(401, ""), Answer::text(200, "")]
    {
        let (seen, server) = wait(vec![silent(), answer.clone()], None, WaitFor::Stopped).await;
        assert_eq!(seen, Err(fault(FaultKind::Unknown, 408, "no answer")), "{answer:?}");
        assert_eq!(server.seen().len(), 2);
    }
}
