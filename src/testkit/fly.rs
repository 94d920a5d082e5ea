//! A handle on a [`World`] that serves as provider, health probe and clock.

use super::answers::Answers;
use super::request::Request;
use super::world::{Strike, World};
use crate::call::Done;
use crate::fault::Fault;
use crate::id::Identity;
use crate::port::Clock;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::sync::Arc;
use async_trait::async_trait;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Clone, Debug)]
struct Inside {
    world: World,
    strike: Option<Strike>,
    /// Befalls every call that nothing else does.
    standing: Option<Strike>,
}

/// A simulated Fly. Its calls complete at once and move the clock of the world by the time they take. Clones share the world.
#[derive(Clone, Debug)]
pub struct SimFly {
    inside: Arc<Mutex<Inside>>,
}

impl SimFly {
    /// A handle on `world`.
    pub fn new(world: World) -> Self {
        Self { inside: Arc::new(Mutex::new(Inside { world, strike: None, standing: None })) }
    }

    fn open(&self) -> MutexGuard<'_, Inside> {
        // Nothing inside panics half-way; a lock that a failed test left behind is as good as any.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks into the world, or changes it.
    pub fn with<T>(&self, what: impl FnOnce(&mut World) -> T) -> T {
        what(&mut self.open().world)
    }

    /// What befalls the next call, and that one only.
    pub fn strike_next(&self, strike: Option<Strike>) {
        self.open().strike = strike;
    }

    /// What befalls every call from now on that [`strike_next`](Self::strike_next) says nothing of.
    pub fn strike_all(&self, strike: Option<Strike>) {
        self.open().standing = strike;
    }
}

#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
impl Answers for SimFly {
    async fn answer(&self, _: &Identity, request: &Request) -> Result<Done, Fault> {
        let mut inside = self.open();
        let strike = inside.strike.take().or_else(|| inside.standing.clone());
        inside.world.perform(request, strike.as_ref())
    }
}

impl Clock for SimFly {
    fn now(&self) -> Timestamp {
        self.with(|world| world.now())
    }
}
