//! Runs that are easily broken and rarely drawn.

use crate::play;
use crate::record::{BEGIN, From, Rules};
use crate::run::Run;
use crate::script::{Action, Answer, Order, Scene, Wait, Which};
use kiloclaw_lifecycle::Status;
use kiloclaw_lifecycle::fault::FaultKind;
use kiloclaw_lifecycle::observe::VolumeState;

const SIZED: Order = Order::Provision { stranger: false, size_gb: Some(1), regions: None };

fn serve(calls: u8) -> Action {
    Action::Serve(calls, Box::new(Scene::fine()))
}

fn run(at: u64, script: &[Action]) -> Run {
    play(Rules::Standard, &From::Nothing { at }, script).unwrap_or_else(|broken| panic!("{}", broken.0))
}

fn status(run: &Run) -> Option<Status> {
    run.current.as_ref().map(|instance| instance.status())
}

/// The answer of a create arrives between the two looks of the last sweep, or while the last one is under way.
#[test]
fn a_late_create_during_the_sweep_is_removed_before_the_end() {
    for looks in [0, 1] {
        let late = Action::Misfit(0, Answer::Shown(Box::new(Scene::fine())));
        let run = run(BEGIN, &[Action::Command(Order::Destroy), serve(looks), late, serve(2)]);
        assert_eq!(status(&run), Some(Status::Destroying));
    }
}

/// Nor does a sweep that cannot be made end before what came late is gone.
#[test]
fn a_late_create_is_not_left_behind_when_the_sweep_is_given_up() {
    let mut script = vec![Action::Command(Order::Destroy)];
    for _ in 0..49 {
        script.extend([Action::Answer(Answer::Fault(FaultKind::Unknown, None)), Action::Ring]);
    }
    script.push(Action::Misfit(0, Answer::Shown(Box::new(Scene::fine()))));
    script.push(Action::Answer(Answer::Fault(FaultKind::Unknown, None)));
    assert_eq!(status(&run(BEGIN, &script)), Some(Status::Destroying));
}

/// Fly's answer to a create comes twice, and the volume is gone by then: nothing was made again.
#[test]
fn the_second_copy_of_an_answer_makes_nothing() {
    let gone = Scene { volume: VolumeState::Destroyed, ..Scene::fine() };
    let again = Scene { made: Which::Current, ..Scene::fine() };
    for which in 0..8 {
        let script = [
            Action::Ring,
            serve(3),
            Action::Command(Order::Destroy),
            serve(2),
            Action::Answer(Answer::Shown(Box::new(gone.clone()))),
            Action::Late(which, Answer::Shown(Box::new(again.clone()))),
            serve(2),
        ];
        assert_eq!(status(&run(BEGIN, &script)), None);
    }
}

/// What somebody wants is committed even when it comes in the very millisecond of a question.
#[test]
fn a_command_in_the_moment_of_a_look_is_committed() {
    for order in [SIZED, Order::Resize, Order::RetryLookup] {
        run(BEGIN, &[Action::Ring, Action::Command(order)]);
    }
}

/// A clock that was wrong at birth does not make names too long, or numbers come twice.
#[test]
fn born_at_any_time() {
    for at in [0, 1, BEGIN, 4_102_444_800_000, 1 << 53, u64::MAX / 2, u64::MAX - 1, u64::MAX] {
        let born = run(at, &[Action::Command(Order::Start), serve(20)]);
        assert_eq!(status(&born), Some(Status::Running), "{at}");
        let corrected =
            run(at, &[Action::Wait(Wait::To(BEGIN)), Action::Command(Order::Start), serve(20), Action::Ring]);
        assert_eq!(status(&corrected), Some(Status::Running), "{at}");
    }
}

/// A clock that jumps ahead and back again leaves nothing that waits for the far future.
#[test]
fn a_clock_that_was_wrong_for_a_while() {
    let far = [
        Action::Wait(Wait::To(u64::MAX)),
        Action::Alarm,
        serve(20),
        Action::Resume,
        Action::Wait(Wait::To(BEGIN)),
        Action::Alarm,
    ];
    for (began, expected, interval) in [(3, Status::Stopped, 1_860_000), (20, Status::Running, 360_000)] {
        let start = [Action::Command(Order::Start), serve(began)];
        let script: Vec<_> = start.into_iter().chain(far.clone()).chain([serve(20), Action::Ring, serve(20)]).collect();
        let run = run(BEGIN, &script);
        assert_eq!(status(&run), Some(expected));
        let alarm = run.current.as_ref().map(|instance| instance.alarm().at).unwrap_or_default();
        assert!(alarm.since(run.now) <= interval, "the next look is near: {alarm}");
    }
}
