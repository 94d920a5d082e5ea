//! Which actions are enabled in which status (W2), and that the gate says what the command does.

use crate::commands::{any, destroy, restart, start, stop};
use crate::script::Script;
use crate::stages::{Recovery, Restore, keeping, recovering, restoring};
use crate::world::machine;
use kiloclaw_lifecycle::command::CommandKind;
use kiloclaw_lifecycle::instance::UserActions;
use kiloclaw_lifecycle::{Status, Verdict};
use serde_json::json;

/// One instance of every status.
fn every_status() -> [Script; 9] {
    let mut starting = Script::stopped();
    starting.command(start());
    let mut stopping = Script::running();
    stopping.command(stop());
    let mut restarting = Script::running();
    restarting.command(restart());
    let mut destroying = Script::running();
    destroying.command(destroy());
    [
        Script::provisioned(),
        starting,
        Script::running(),
        stopping,
        Script::stopped(),
        restarting,
        recovering(Recovery::Wait),
        restoring("running", Restore::Find),
        destroying,
    ]
}

#[test]
fn w2_the_tenants_actions() {
    use Status as S;
    let scripts = every_status();
    assert_eq!(scripts.each_ref().map(|script| script.status().unwrap()), S::ALL);
    for script in scripts {
        let (status, actions) = (script.status().unwrap(), script.instance.unwrap().user_view().actions);
        let is = |any: &[Status]| any.contains(&status);
        let expected = UserActions {
            start: is(&[S::Stopped, S::Provisioned]),
            stop: is(&[S::Running]),
            restart_process: is(&[S::Running]),
            edit: is(&[S::Running]),
            redeploy: is(&[S::Running, S::Stopped]),
            destroy: !is(&[S::Destroying, S::Recovering, S::Restoring]),
        };
        assert_eq!(actions, expected, "{status}");
    }
    let bare = Script::flat("stopped", json!({ "flyMachineId": null }));
    assert!(!bare.instance.unwrap().user_view().actions.redeploy);
}

#[test]
fn w2_the_admins_actions() {
    use Status as S;
    for script in every_status() {
        let (status, actions) = (script.status().unwrap(), script.instance.unwrap().admin_view().actions);
        let is = |any: &[Status]| any.contains(&status);
        assert_eq!(actions.runtime_controls_shown, !is(&[S::Restoring, S::Recovering]), "{status}");
        assert!(!actions.delete_retained_volume.shown, "{status}");
        let restorable = is(&[S::Provisioned, S::Running, S::Stopped]);
        assert_eq!(actions.restore_snapshot.enabled, restorable, "{status}");
        assert!(!actions.retry_lookup.enabled, "{status}");
    }
    assert!(keeping().instance.unwrap().admin_view().actions.delete_retained_volume.enabled);
    let bare = Script::flat("stopped", json!({ "flyMachineId": null }));
    assert!(bare.instance.unwrap().admin_view().actions.retry_lookup.enabled);
    let record = json!({ "recoveryPreviousVolumeId": "vol-0" });
    let mut script = Script::flat("running", record);
    script.alarm();
    script.answer(machine("m1", "stopped"));
    let delete = script.instance.unwrap().admin_view().actions.delete_retained_volume;
    assert_eq!((delete.shown, delete.enabled), (true, false));
}

#[test]
fn the_gate_says_what_the_command_does() {
    for script in every_status() {
        for kind in CommandKind::ALL {
            let allowed = script.instance.as_ref().unwrap().allows(kind);
            let got = script.clone().command(any(kind));
            match got.verdict {
                Verdict::Denied(rejection) => assert_eq!(allowed, Err(rejection)),
                Verdict::Applied | Verdict::Pending(_) | Verdict::Ignored(_) => assert_eq!(allowed, Ok(()), "{kind:?}"),
            }
        }
    }
}
