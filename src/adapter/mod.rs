//! What lies between the ports and the services behind them.
//!
//! An adapter adds what the core must not know (addresses, tokens, environment, image registry) and translates answers into the
//! classes the core decides by.

#[cfg(any(feature = "fly", feature = "testkit"))]
pub mod fly;
