//! Mocks of the ports, made by `mockall`: an expectation for each call, and a panic in the test for each call without one.

pub use crate::port::{MockClock, MockEventSink, MockHealthProbe, MockProvider, MockStore};
