//! Successes that are none: whatever cannot be read leaves open what has happened, for each of the calls.

use crate::bench::{api, call, client, config, fault, kinds, unreadable};
use crate::server::{Answer, Server, raw};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::fault::FaultKind;
use serde_json::json;

/// The calls that bring nothing but their acceptance.
const PLAIN: [CallKind; 4] =
    [CallKind::StartMachine, CallKind::StopMachine, CallKind::DestroyMachine, CallKind::DeleteVolume];

#[tokio::test]
async fn pages_and_nothing_are_no_answers() {
    for kind in kinds() {
        for body in ["", " \n", "<html><body>welcome</body></html>", "ok", "{\"id\":\"m1\"", "404 page not found"] {
            let (api, server) = api([Answer::text(200, body)]).await;
            assert_eq!(call(&api, kind).await, Err(unreadable(200, "it is not JSON")), "{kind}: {body}");
            assert_eq!(server.seen().len(), 1, "{kind}: {body}");
        }
    }
}

#[tokio::test]
async fn what_is_deep_or_no_text_is_no_answer() {
    let deep = "[".repeat(100_000);
    let (api, server) = api([Answer::text(200, deep), Answer::text(200, "\u{fffd}\u{0}")]).await;
    for _ in 0..2 {
        assert_eq!(call(&api, CallKind::ListMachines).await, Err(unreadable(200, "it is not JSON")));
    }
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn changes_without_a_result_are_accepted_in_many_ways() {
    for kind in PLAIN {
        let about = if kind == CallKind::DeleteVolume { "vol_1" } else { "m1" };
        let ways = [
            Answer::json(200, &json!({})),
            Answer::json(200, &json!({ "ok": true })),
            Answer::json(202, &json!({ "previous_state": "stopped", "migrated": false, "new_host": "" })),
            Answer::json(200, &json!({ "id": about, "state": "destroyed" })),
            Answer::json(200, &json!({ "ok": "odd", "error": "", "id": 7 })),
            Answer::text(202, ""),
            Answer::text(204, ""),
        ];
        for way in ways {
            let (api, server) = api([way.clone()]).await;
            assert_eq!(call(&api, kind).await, Ok("()".to_string()), "{kind}: {way:?}");
            assert_eq!(server.seen().len(), 1);
        }
        let no = [
            (Answer::json(200, &json!({ "ok": false })), unreadable(200, "a success that says it is none")),
            (Answer::json(200, &json!({ "error": "no" })), unreadable(200, "a success that says it is none")),
            (Answer::json(200, &json!({ "id": "other" })), unreadable(200, "it is about another thing")),
            (Answer::json(200, &json!([])), unreadable(200, "it is not an object")),
            (Answer::json(200, &json!(null)), unreadable(200, "it is not an object")),
            (Answer::json(202, &json!("ok")), unreadable(202, "it is not an object")),
        ];
        for (answer, wanted) in no {
            let (api, server) = api([answer.clone()]).await;
            assert_eq!(call(&api, kind).await, Err(wanted), "{kind}: {answer:?}");
            assert_eq!(server.seen().len(), 1);
        }
    }
}

#[tokio::test]
async fn an_update_answers_with_the_machine() {
    let rows = [
        (json!({ "id": "m1", "state": "replacing" }), Ok("()".to_string())),
        (json!({ "id": "m2" }), Err(unreadable(200, "it is about another thing"))),
        (json!({ "ok": true }), Err(unreadable(200, "it has no id"))),
        (json!({ "id": "m1", "error": "no" }), Err(unreadable(200, "a success that says it is none"))),
        (json!([]), Err(unreadable(200, "it is not an object"))),
    ];
    for (answer, wanted) in rows {
        let (api, server) = api([Answer::json(200, &answer)]).await;
        assert_eq!(call(&api, CallKind::UpdateMachine).await, wanted, "{answer}");
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let too_long = format!("[{}]", " ".repeat(2_000));
    for status in [200, 404] {
        for answer in [Answer::text(status, too_long.clone()), Answer::text(status, too_long.clone()).in_pieces()] {
            for kind in kinds() {
                let server = Server::start([answer.clone()]).await;
                let mut config = config(&server.url);
                config.max_body = 1_024;
                config.read_retries = 2;
                let wanted = fault(FaultKind::Unknown, status, "an answer of more than 1024 bytes");
                assert_eq!(call(&client(config), kind).await, Err(wanted), "{kind}");
                assert_eq!(server.seen().len(), 1, "{kind}: it would be as long the next time");
            }
        }
    }
}

#[tokio::test]
async fn an_answer_of_just_the_right_length_is_read() {
    let exact = format!("[{}]", " ".repeat(1_022));
    for answer in [Answer::text(200, exact.clone()), Answer::text(200, exact.clone()).in_pieces()] {
        let server = Server::start([answer]).await;
        let mut config = config(&server.url);
        config.max_body = 1_024;
        assert_eq!(call(&client(config), CallKind::ListMachines).await, Ok("[]".to_string()));
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn half_of_a_refusal_is_none() {
    // Cut off where it would say that the thing is gone, or where an empty body would.
    for half in [
        "HTTP/1.1 404 Not Found\r\ncontent-length: 100\r\n\r\n{\"error\":\"machine not found\"}",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 100\r\n\r\n",
    ] {
        for kind in [CallKind::GetMachine, CallKind::DestroyMachine] {
            let (url, calls) = raw(vec![half]).await;
            let heard = call(&client(config(&url)), kind).await.unwrap_err();
            assert_eq!((&heard.kind, heard.status), (&FaultKind::Unknown, Some(404)), "{heard}");
            assert!(heard.message.starts_with("the answer broke off: "), "{heard}");
            assert_eq!(*calls.lock().unwrap(), 1);
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_off_leaves_everything_open() {
    for kind in kinds() {
        for nothing in ["", "HTTP/1.1 20"] {
            let (url, calls) = raw(vec![nothing]).await;
            let heard = call(&client(config(&url)), kind).await.unwrap_err();
            assert_eq!((&heard.kind, heard.status), (&FaultKind::Unknown, None), "{kind}: {heard}");
            assert!(heard.message.starts_with("broken connection: "), "{kind}: {heard}");
            assert_eq!(*calls.lock().unwrap(), 1, "{kind}");
        }
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    for kind in kinds() {
        let elsewhere = Server::start([]).await;
        let target = format!("{}/v1/apps/app-1/machines/m1", elsewhere.url);
        let (api, server) = api([Answer::text(307, "moved").with("location", target)]).await;
        assert_eq!(call(&api, kind).await, Err(fault(FaultKind::Unknown, 307, "moved")), "{kind}");
        assert_eq!((server.seen().len(), elsewhere.seen().len()), (1, 0), "{kind}");
    }
}
