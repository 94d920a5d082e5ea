//! The two clocks: that of the server and its clients, and that of the world, which runs faster.
//!
//! Both agree when the emulator begins. What answers show is the clients' time, so that to a client whose own times are shortened by the same
//! factor everything is as old as it should be, and nothing lies in its future.

use crate::time::Timestamp;

#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    began: Timestamp,
    scale: u64,
}

impl Clock {
    pub(super) fn new(began: Timestamp, scale: u64) -> Self {
        Self { began, scale: scale.max(1) }
    }

    /// The world's time at a time of the clients.
    pub(super) fn world(&self, wall: Timestamp) -> Timestamp {
        self.began.plus(wall.since(self.began).saturating_mul(self.scale))
    }

    /// When it is a time of the world for the clients, at the earliest.
    pub(super) fn wall(&self, world: Timestamp) -> Timestamp {
        self.began.plus(world.since(self.began).div_ceil(self.scale))
    }

    /// A time of the world as answers show it: never later than it is for those who read it.
    pub(super) fn shown(&self, world: Timestamp) -> Timestamp {
        if world < self.began {
            let before = self.began.since(world).div_ceil(self.scale);
            return Timestamp::from_millis(self.began.as_millis().saturating_sub(before));
        }
        let since = world.since(self.began).checked_div(self.scale).unwrap_or(0);
        self.began.plus(since)
    }
}
