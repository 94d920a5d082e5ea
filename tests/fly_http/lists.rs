//! Lists of machines: what belongs into them, and what makes them unreadable.

use crate::bench::{api, identity, labels, shown, unreadable, with};
use crate::server::Answer;
use kiloclaw_lifecycle::fault::Fault;
use kiloclaw_lifecycle::port::Provider;
use serde_json::{Value, json};

/// The ids that a list brings, and whether each shows its configuration.
async fn listed(list: &Value) -> Result<Vec<(String, bool)>, Fault> {
    let (api, server) = api([Answer::json(200, list)]).await;
    let listed = api.list_machines(&identity(), &labels()).await;
    assert_eq!(server.seen().len(), 1);
    listed.map(|machines| {
        machines.into_iter().map(|machine| (machine.id.to_string(), machine.config.is_some())).collect()
    })
}

fn entry(id: &str, config: Value) -> Value {
    with(with(shown(), "id", json!(id)), "config", config)
}

fn with_labels(labels: &Value) -> Value {
    json!({ "metadata": labels })
}

fn seen(id: &str) -> (String, bool) {
    (id.to_string(), true)
}

fn hidden(id: &str) -> (String, bool) {
    (id.to_string(), false)
}

#[tokio::test]
async fn machines_of_others_are_dropped_even_if_the_filter_was_not_heeded() {
    let mut more = json!(labels());
    more["other"] = json!("x");
    let list = json!([
        entry("ours1", with_labels(&json!(labels()))),
        entry("theirs1", with_labels(&json!({ "kiloclaw_sandbox_id": "sandbox-2", "kiloclaw_user_id": "user-1" }))),
        entry("theirs2", with_labels(&json!({ "kiloclaw_sandbox_id": "sandbox-1" }))),
        entry("theirs3", with_labels(&json!({ "kiloclaw_sandbox_id": 7 }))),
        entry("theirs4", json!({})),
        entry("ours2", with_labels(&more)),
        // Not ours, so that it does not matter what is wrong with it.
        { "id": "NOT AN ID", "config": { "mounts": 7, "metadata": { "kiloclaw_sandbox_id": "sandbox-2" } } },
    ]);
    assert_eq!(listed(&list).await.unwrap(), [seen("ours1"), seen("ours2")]);
    assert_eq!(listed(&json!([])).await.unwrap(), []);
}

#[tokio::test]
async fn a_machine_whose_labels_cannot_be_seen_may_be_ours() {
    let lost = |id: &str, config: Value, part: Value| {
        let entry = with(entry(id, config), "host_status", json!("unreachable"));
        with(entry, "incomplete_config", part)
    };
    let theirs = with_labels(&json!({ "kiloclaw_sandbox_id": "sandbox-2" }));
    let list = json!([
        lost("dark1", Value::Null, Value::Null),
        lost("dark2", json!({}), json!({})),
        lost("dark3", Value::Null, with_labels(&json!(labels()))),
        lost("theirs1", Value::Null, theirs.clone()),
        lost("theirs2", theirs, Value::Null),
        lost("ours", with_labels(&json!(labels())), Value::Null),
        { "id": "dark4", "state": "started" },
    ]);
    let wanted = [hidden("dark1"), hidden("dark2"), hidden("dark3"), seen("ours"), hidden("dark4")];
    assert_eq!(listed(&list).await.unwrap(), wanted);
}

#[tokio::test]
async fn a_list_is_whole_or_unreadable() {
    let ours = || entry("ours1", with_labels(&json!(labels())));
    let broken = |name: &str, value: Value| with(ours(), name, value);
    let mounts = json!({ "metadata": labels(), "mounts": [{}] });
    let rows = [
        (json!([ours(), broken("id", json!("A B"))]), "a machine with an impossible id"),
        (json!([ours(), broken("id", Value::Null)]), "a machine without an id"),
        (json!([ours(), broken("state", Value::Null)]), "a machine without a state"),
        (json!([ours(), broken("config", mounts)]), "a mount without a volume"),
        (json!([ours(), null]), "a machine without an id"),
        (json!([ours(), "m1"]), "a machine without an id"),
        (json!({ "machines": [ours()] }), "it is not a list"),
        (ours(), "it is not a list"),
        (json!(null), "it is not a list"),
    ];
    for (list, why) in rows {
        assert_eq!(listed(&list).await, Err(unreadable(200, why)), "{list}");
    }
}

#[tokio::test]
async fn a_list_of_volumes_is_whole_or_unreadable() {
    let list = json!([{ "id": "vol_1", "name": "kiloclaw_x_1", "state": "created" }]);
    let entry = |name: &str, value: Value| with(list[0].clone(), name, value);
    let rows = [
        (json!([list[0], entry("id", json!("vol 2"))]), "a volume with an impossible id"),
        (json!([list[0], entry("state", Value::Null)]), "a volume without a state"),
        (json!([list[0], entry("name", Value::Null)]), "a volume without a name"),
        (json!([list[0], null]), "a volume without an id"),
        (json!({ "volumes": [] }), "it is not a list"),
    ];
    for (list, why) in rows {
        let (api, server) = api([Answer::json(200, &list)]).await;
        let brought = crate::bench::call(&api, kiloclaw_lifecycle::call::CallKind::ListVolumes).await;
        assert_eq!(brought, Err(unreadable(200, why)), "{list}");
        assert_eq!(server.seen().len(), 1);
    }
}
