//! A `match` over an enum, by hand.

use std::hint::black_box;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Stopped,
    Starting,
    Running,
    Restarting,
    Recovering,
    Stopping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Start,
    Up,
    Restart,
    Died,
    Stop,
    Down,
}

/// An event that does not belong to the state changes nothing.
fn next(state: State, event: Event) -> State {
    match (state, event) {
        (State::Stopped, Event::Start) => State::Starting,
        (State::Starting | State::Restarting | State::Recovering, Event::Up) => State::Running,
        (State::Running, Event::Restart) => State::Restarting,
        (State::Running, Event::Died) => State::Recovering,
        (State::Running, Event::Stop) => State::Stopping,
        (State::Stopping, Event::Down) => State::Stopped,
        (state, _) => state,
    }
}

pub(crate) fn play(script: &[Event]) -> State {
    let mut state = State::Stopped;
    for event in script {
        state = black_box(next(state, *event));
    }
    state
}
