//! The same with `statig`.

use super::plain;
use statig::prelude::*;
use std::hint::black_box;

#[derive(Default)]
struct Lifecycle;

#[state_machine(initial = "State::stopped()")]
impl Lifecycle {
    #[state]
    fn stopped(event: &plain::Event) -> Outcome<State> {
        if *event == plain::Event::Start { Transition(State::starting()) } else { Handled }
    }

    #[state]
    fn starting(event: &plain::Event) -> Outcome<State> {
        if *event == plain::Event::Up { Transition(State::running()) } else { Handled }
    }

    #[state]
    fn running(event: &plain::Event) -> Outcome<State> {
        match event {
            plain::Event::Restart => Transition(State::restarting()),
            plain::Event::Died => Transition(State::recovering()),
            plain::Event::Stop => Transition(State::stopping()),
            plain::Event::Start | plain::Event::Up | plain::Event::Down => Handled,
        }
    }

    #[state]
    fn restarting(event: &plain::Event) -> Outcome<State> {
        if *event == plain::Event::Up { Transition(State::running()) } else { Handled }
    }

    #[state]
    fn recovering(event: &plain::Event) -> Outcome<State> {
        if *event == plain::Event::Up { Transition(State::running()) } else { Handled }
    }

    #[state]
    fn stopping(event: &plain::Event) -> Outcome<State> {
        if *event == plain::Event::Down { Transition(State::stopped()) } else { Handled }
    }
}

pub(crate) fn play(script: &[plain::Event]) -> plain::State {
    let mut machine = Lifecycle.uninitialized_state_machine().init();
    for event in script {
        machine.handle(event);
        black_box(machine.state());
    }
    match machine.state() {
        State::Stopped {} => plain::State::Stopped,
        State::Starting {} => plain::State::Starting,
        State::Running {} => plain::State::Running,
        State::Restarting {} => plain::State::Restarting,
        State::Recovering {} => plain::State::Recovering,
        State::Stopping {} => plain::State::Stopping,
    }
}
