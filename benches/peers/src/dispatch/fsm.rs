//! The same with `rust-fsm`.

use super::plain;
use lifecycle::{Input, State, StateMachine};
use std::hint::black_box;

rust_fsm::state_machine! {
    lifecycle(Stopped)

    Stopped(Start) => Starting,
    Starting(Up) => Running,
    Running => {
        Restart => Restarting,
        Died => Recovering,
        Stop => Stopping
    },
    Restarting(Up) => Running,
    Recovering(Up) => Running,
    Stopping(Down) => Stopped
}

/// It has an alphabet of its own.
pub(crate) fn input(event: plain::Event) -> Input {
    match event {
        plain::Event::Start => Input::Start,
        plain::Event::Up => Input::Up,
        plain::Event::Restart => Input::Restart,
        plain::Event::Died => Input::Died,
        plain::Event::Stop => Input::Stop,
        plain::Event::Down => Input::Down,
    }
}

pub(crate) fn play(script: &[Input]) -> plain::State {
    let mut machine = StateMachine::new();
    for input in script {
        // An event that does not belong to the state changes nothing.
        let _ = black_box(machine.consume(input));
        black_box(machine.state());
    }
    match machine.state() {
        State::Stopped => plain::State::Stopped,
        State::Starting => plain::State::Starting,
        State::Running => plain::State::Running,
        State::Restarting => plain::State::Restarting,
        State::Recovering => plain::State::Recovering,
        State::Stopping => plain::State::Stopping,
    }
}
