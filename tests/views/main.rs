//! What hosts show (W1–W3): every view and explanation is compared in full with a file that was read by a person.
//!
//! `UPDATE_GOLDEN=1 cargo test --test views` writes the files anew; their differences are to be reviewed.

mod cases;
mod imported;
mod script;

use kiloclaw_lifecycle::command::{Code, CommandKind, Rejection};
use kiloclaw_lifecycle::guest::Guest;
use kiloclaw_lifecycle::id::SnapshotId;
use kiloclaw_lifecycle::instance::{AdminView, Explanation, Gate, UserView};
use kiloclaw_lifecycle::policy::Signal;
use kiloclaw_lifecycle::step::Ignored;
use kiloclaw_lifecycle::{Command, Input, Instance, Knobs, Policy, Status, Verdict, step};
use script::{provision, volume_id};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;
use std::{env, fs};

#[derive(Serialize)]
struct Golden {
    sentences: String,
    explanation: Explanation,
    admin: AdminView,
}

#[test]
fn views_and_explanations_are_as_written_down() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/views");
    for (name, case) in cases::ALL {
        let case = case();
        let explanation = case.instance.explain(&case.policy);
        let golden = Golden { sentences: explanation.to_string(), explanation, admin: case.instance.admin_view() };
        let seen = serde_json::to_string_pretty(&golden).expect("a view is JSON") + "\n";
        let file = folder.join(name).with_extension("json");
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&file, &seen).expect("the folder can be written");
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        assert!(seen == expected, "{name}: expected\n{expected}\ngot\n{seen}");
    }
    assert_eq!(files(&folder), cases::ALL.iter().map(|(name, _)| name.to_string()).collect());
}

/// The names of the files, so that none outlives its case.
fn files(folder: &Path) -> BTreeSet<String> {
    let paths = fs::read_dir(folder).expect("the folder is there").map(|file| file.expect("it can be read").path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter_map(|path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))
        .collect()
}

#[test]
fn every_status_has_a_case() {
    let shown: BTreeSet<Status> = cases::ALL.iter().map(|(_, case)| case().instance.status()).collect();
    assert_eq!(shown, BTreeSet::from(Status::ALL));
}

#[test]
fn the_admin_sees_all_that_the_tenant_sees() {
    for (name, case) in cases::ALL {
        let instance = case().instance;
        assert_eq!(instance.admin_view().user, instance.user_view(), "{name}");
    }
}

#[test]
fn views_survive_the_way_through_json() {
    for (name, case) in cases::ALL {
        let case = case();
        survives::<UserView>(name, &case.instance.user_view());
        survives::<AdminView>(name, &case.instance.admin_view());
        survives::<Explanation>(name, &case.instance.explain(&case.policy));
    }
}

fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T) {
    let text = serde_json::to_string(value).expect("a view is JSON");
    let read: T = serde_json::from_str(&text).expect("its own JSON is read");
    assert_eq!(&read, value, "{name}");
}

fn command(kind: CommandKind) -> Command {
    match kind {
        CommandKind::Provision => Command::Provision(Box::new(provision())),
        CommandKind::Start => Command::Start { reason: None },
        CommandKind::Stop => Command::Stop { reason: None },
        CommandKind::Restart => Command::Restart { image: None },
        CommandKind::Destroy => Command::Destroy { reason: None },
        CommandKind::CleanupRetainedVolume => Command::CleanupRetainedVolume { volume: None },
        CommandKind::ReassociateVolume => {
            Command::ReassociateVolume { volume: volume_id("vol-5"), reason: "long enough".to_string() }
        }
        CommandKind::Resize => Command::Resize { guest: Guest::STANDARD },
        CommandKind::RestoreSnapshot => {
            Command::RestoreSnapshot { snapshot: SnapshotId::new("vs-1").expect("an id"), reason: None }
        }
        CommandKind::RetryLookup => Command::RetryLookup,
        CommandKind::AcceptDataLoss => Command::AcceptDataLoss,
        CommandKind::Refresh => Command::Refresh,
    }
}

#[test]
fn what_is_shown_of_a_command_is_what_the_command_does() {
    for (name, case) in cases::ALL {
        let case = case();
        let shown = case.instance.admin_view().commands;
        assert_eq!(shown.keys().copied().collect::<Vec<_>>(), CommandKind::ALL, "{name}");
        for (kind, gate) in shown {
            let allowed = case.instance.allows(kind);
            let verdict = step(Some(&case.instance), &case.policy, case.now, Input::Command(command(kind))).verdict;
            match gate {
                Gate::Accepted => {
                    assert_eq!(allowed, Ok(()), "{name}: {kind:?}");
                    assert!(!matches!(verdict, Verdict::Denied(_)), "{name}: {kind:?}: {verdict:?}");
                }
                Gate::NothingToDo => {
                    assert_eq!(allowed, Ok(()), "{name}: {kind:?}");
                    assert_eq!(verdict, Verdict::Ignored(Ignored::NothingToDo), "{name}: {kind:?}");
                }
                Gate::Rejected(rejection) => {
                    assert_eq!(allowed, Err(rejection.clone()), "{name}: {kind:?}");
                    assert_eq!(verdict, Verdict::Denied(rejection), "{name}: {kind:?}");
                }
            }
        }
    }
}

fn accepts(instance: &Instance, kind: CommandKind) -> bool {
    instance.admin_view().commands.get(&kind) == Some(&Gate::Accepted)
}

#[test]
fn the_tenants_buttons_follow_status_and_table() {
    for (name, case) in cases::ALL {
        let instance = case().instance;
        let (status, actions) = (instance.status(), instance.user_view().actions);
        let running = status == Status::Running;
        let is = |any: &[Status]| any.contains(&status);
        let start = is(&[Status::Stopped, Status::Provisioned]) && accepts(&instance, CommandKind::Start);
        assert_eq!(actions.start, start, "{name}");
        assert_eq!(actions.stop, running && accepts(&instance, CommandKind::Stop), "{name}");
        assert_eq!((actions.restart_process, actions.edit), (running, running), "{name}");
        let deployable = is(&[Status::Running, Status::Stopped]) && instance.machine().is_some();
        assert_eq!(actions.redeploy, deployable && accepts(&instance, CommandKind::Restart), "{name}");
        let going = is(&[Status::Destroying, Status::Recovering, Status::Restoring]);
        assert_eq!(actions.destroy, !going && accepts(&instance, CommandKind::Destroy), "{name}");
    }
}

#[test]
fn the_admins_buttons_follow_status_and_table() {
    for (name, case) in cases::ALL {
        let instance = case().instance;
        let (status, view) = (instance.status(), instance.admin_view());
        let actions = &view.actions;
        let is = |any: &[Status]| any.contains(&status);
        let runtime = !is(&[Status::Restoring, Status::Recovering]);
        assert_eq!(actions.runtime_controls_shown, runtime, "{name}");
        let lost = status == Status::Stopped && instance.machine().is_none();
        for (control, shown, enabled, kind) in [
            (&actions.start, runtime, true, CommandKind::Start),
            (&actions.stop, runtime, true, CommandKind::Stop),
            (&actions.redeploy, runtime, true, CommandKind::Restart),
            (&actions.destroy, true, true, CommandKind::Destroy),
            (&actions.delete_retained_volume, !view.retained.is_empty(), true, CommandKind::CleanupRetainedVolume),
            (&actions.reassociate_volume, status != Status::Recovering, true, CommandKind::ReassociateVolume),
            (&actions.accept_data_loss, view.missing.is_some(), true, CommandKind::AcceptDataLoss),
            (&actions.restore_snapshot, true, true, CommandKind::RestoreSnapshot),
            (&actions.resize, true, true, CommandKind::Resize),
            (&actions.retry_lookup, true, lost, CommandKind::RetryLookup),
            (&actions.refresh, true, true, CommandKind::Refresh),
        ] {
            assert_eq!(control.shown, shown, "{name}: {kind:?}");
            assert_eq!(control.enabled, enabled && accepts(&instance, kind), "{name}: {kind:?}");
            assert_eq!(control.why_not.is_none(), control.enabled, "{name}: {kind:?}");
        }
    }
}

#[test]
fn a_missing_volume_says_how_to_go_on() {
    let case = cases::ALL.iter().find(|(name, _)| *name == "stopped_volume_missing").map(|(_, case)| case());
    let instance = case.expect("the case is in the list").instance;
    let message =
        "Cannot start: data volume vol-1 missing. Reassociate a volume, restore a snapshot, or accept the loss.";
    let rejection =
        Rejection { code: Code::DataVolumeMissing, status: Some(Status::Stopped), message: message.to_string() };
    assert_eq!(instance.allows(CommandKind::Start), Err(rejection));
    assert_eq!(instance.admin_view().actions.start.why_not.as_deref(), Some(message));
}

#[test]
fn what_is_done_next_follows_the_policy() {
    let instance = cases::running().instance;
    let then = |knobs: Knobs| instance.explain(&Policy::new(knobs).expect("the knobs make sense")).then;
    assert_eq!(then(Knobs::default()), "looks at the machine, and begins a recovery if that is stopped");
    let patient = Knobs { self_heal_threshold: 2, ..Knobs::default() };
    assert_eq!(then(patient), "looks at the machine, and counts it if that is stopped: 1 of 2");
    let opted_out = Knobs { recover_on: BTreeSet::from([Signal::Gone]), ..Knobs::default() };
    assert_eq!(then(opted_out), "looks at the machine, and is stopped too if that is stopped");
}
