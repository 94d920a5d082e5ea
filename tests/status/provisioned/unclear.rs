//! A volume under our name is held by a machine that does not show whose it is (V1): what an alarm, a start and an admin make of that.

use super::held::{asked, made, starting, two};
use crate::commands::{any, start};
use crate::script::Script;
use crate::world::{Answer, Remade, a_machine, limited, machines, unauthorized, unknown, volumes};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::command::CommandKind;
use kiloclaw_lifecycle::{Status, Verdict};

/// Answers that do not show whose the holder is.
fn unclear() -> Vec<Answer> {
    let hidden = a_machine("m9", "started").unreachable().seen();
    let unlabelled = a_machine("m9", "started").unlabelled().seen();
    let going = a_machine("m9", "destroying").mounting("vol-8").seen();
    vec![hidden, unlabelled, going, unknown(), limited(), unauthorized()]
}

#[test]
fn v1_a_holder_that_does_not_show_whose_it_is_is_asked_again() {
    for answer in unclear() {
        let got = asked().answer(answer.clone());
        assert_eq!((got.status, got.calls), (Some(Status::Provisioned), vec![]));
        let mut script = starting();
        script.answer(volumes(two()));
        let got = script.answer(answer);
        assert_eq!((got.status, got.calls), (Some(Status::Starting), vec![]));
        script.alarm().is("
            applied: starting (no commit)
            call list_machines ours
            alarm +1m reconcile
        ");
    }
}

/// A start goes on whose look-ups always show the same: how it ends, or that it makes a volume.
pub(super) fn starts_in_vain(script: &mut Script, shown: &[(CallKind, Answer)]) {
    script.command(start());
    for _ in 0..100 {
        if script.status() == Some(Status::Stopped) || !step(script, shown) {
            return;
        }
    }
    panic!("it is asked for ever");
}

/// Time passes, and look-ups always show the same, until something is made.
fn goes_on(script: &mut Script, shown: &[(CallKind, Answer)]) {
    for _ in 0..100 {
        if !step(script, shown) {
            return;
        }
    }
    panic!("it is asked for ever");
}

/// The call in flight is answered, or the alarm rings. Returns whether the call was a look-up.
fn step(script: &mut Script, shown: &[(CallKind, Answer)]) -> bool {
    let Some(call) = script.call.as_ref().map(|call| call.id.kind) else {
        script.alarm();
        return true;
    };
    let Some((_, answer)) = shown.iter().find(|(kind, _)| *kind == call) else { return false };
    script.answer(answer.clone());
    true
}

#[test]
fn v1_an_admin_may_accept_the_loss_of_what_never_shows_whose_it_is() {
    for answer in unclear() {
        let shown = [
            (CallKind::ListMachines, machines([])),
            (CallKind::ListVolumes, volumes([made("vol-8", 8, Some("m9"))])),
            (CallKind::GetMachine, answer),
        ];
        let mut script = Script::provisioned();
        starts_in_vain(&mut script, &shown);
        script.command(start()).is("
            denied data_volume_missing: stopped
        ");
        let got = script.command(any(CommandKind::AcceptDataLoss));
        assert_eq!((got.verdict, got.status), (Verdict::Applied, Some(Status::Stopped)));
        starts_in_vain(&mut script, &shown);
        assert_eq!(script.call.as_ref().map(|call| call.id.kind), Some(CallKind::CreateVolume));
    }
}

#[test]
fn v1_after_an_accepted_loss_alarms_alone_make_a_volume() {
    for answer in unclear() {
        let shown = [
            (CallKind::ListMachines, machines([])),
            (CallKind::ListVolumes, volumes([made("vol-8", 8, Some("m9"))])),
            (CallKind::GetMachine, answer),
        ];
        let mut script = Script::provisioned();
        starts_in_vain(&mut script, &shown);
        script.command(any(CommandKind::AcceptDataLoss));
        goes_on(&mut script, &shown);
        assert_eq!(script.call.as_ref().map(|call| call.id.kind), Some(CallKind::CreateVolume));
        assert_eq!(script.status(), Some(Status::Stopped));
    }
}
