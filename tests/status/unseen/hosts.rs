//! What is shown of a volume on a host that does not answer is the last that was known, and proves nothing (D2).

use super::leaving;
use crate::script::DAY;
use crate::stages::{fork, keeping, relocated};
use crate::world::{Answer, seen, unknown, volume};
use kiloclaw_lifecycle::call::Done;
use kiloclaw_lifecycle::observe::{HostStatus, Volume};

/// The volume as it was when its host last answered.
fn unreachable(answer: Answer) -> Answer {
    let Ok(Done::Volume(volume)) = answer else { panic!("{answer:?} is no volume") };
    seen(Volume { host_status: HostStatus::Unreachable, ..*volume })
}

#[test]
fn d2_a_data_volume_whose_host_does_not_answer_proves_nothing() {
    let mut script = keeping();
    script.after(DAY);
    script.ring();
    script.answer(volume("vol-0", "created"));
    script.answer(unreachable(volume("vol-1", "created"))).is("
        applied: stopped (no commit)
        set recoveryPreviousVolumeCleanupAfter +5m
        on the list volume vol-0 retained until +5m
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    let mut script = leaving();
    script.answer(unreachable(volume("vol-1", "created"))).is("
        applied: stopped (no commit)
        on the list volume vol-2 left_over due +5m
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_a_copy_whose_host_does_not_answer_proves_nothing() {
    let mut script = relocated("created", false);
    script.answer(unknown());
    script.after(7 * DAY);
    script.ring();
    script.answer(volume("vol-1", "created"));
    script.answer(unreachable(fork("created"))).is("
        applied: running (no commit)
        set recoveryPreviousVolumeCleanupAfter +5m
        on the list volume vol-1 retained until +5m for vol-2 hydrated immediate
        call get_machine m2
        alarm +90001ms call_deadline
    ");
}
