//! What only a set-up for tests can do.

use crate::port::Shared;
use crate::testkit::SimFly;
use crate::testkit::world::{Strike, WorldChange};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use async_trait::async_trait;

/// Something that this set-up cannot bring about, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CannotDo(pub String);

impl CannotDo {
    fn new() -> Self {
        Self("this set-up cannot bring it about".to_string())
    }
}

/// The hands of a test on the provider behind the adapter.
///
/// The testkit's [`Emulator`](crate::testkit::emulator) takes strikes and changes as JSON under `/_control`; against a real provider only
/// [`pause`](Self::pause) is needed.
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
pub trait Control: Shared {
    /// Lets so much time pass for the provider.
    async fn pause(&self, ms: u64);

    /// From now on this befalls every call; `None`: nothing does.
    ///
    /// # Errors
    /// [`CannotDo`] when the set-up cannot; nothing befalls calls then.
    async fn strike(&self, strike: Option<&Strike>) -> Result<(), CannotDo> {
        strike.map_or(Ok(()), |_| Err(CannotDo::new()))
    }

    /// Lets something happen.
    ///
    /// # Errors
    /// [`CannotDo`] when the set-up cannot; nothing has happened then.
    async fn change(&self, change: &WorldChange) -> Result<(), CannotDo> {
        let _ = change;
        Err(CannotDo::new())
    }
}

#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
impl Control for SimFly {
    async fn pause(&self, ms: u64) {
        self.with(|world| world.advance_to(world.now().plus(ms)));
    }

    async fn strike(&self, strike: Option<&Strike>) -> Result<(), CannotDo> {
        self.strike_all(strike.cloned());
        Ok(())
    }

    async fn change(&self, change: &WorldChange) -> Result<(), CannotDo> {
        let done = self.with(|world| world.change(change));
        done.then_some(()).ok_or_else(|| CannotDo("the world does not know what it names".to_string()))
    }
}
