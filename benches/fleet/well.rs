//! A Fly on which every machine is well, that costs as little as it can: what is measured is the library.

use crate::storm::Fleet;
use async_trait::async_trait;
use futures::executor::block_on;
use kiloclaw_lifecycle::call::Done;
use kiloclaw_lifecycle::fault::Fault;
use kiloclaw_lifecycle::id::{Identity, Invalid, MachineId, VolumeId};
use kiloclaw_lifecycle::observe::{Machine, Volume};
use kiloclaw_lifecycle::port::Provider;
use kiloclaw_lifecycle::testkit::{Answers, Request, SimFly};
use kiloclaw_lifecycle::{Clock, Timestamp, persist};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Answers every look with the same machine and the same volume under other names. It has its own clock.
#[derive(Clone)]
pub(crate) struct Well {
    machine: Arc<Machine>,
    volume: Arc<Volume>,
    now: Arc<AtomicU64>,
}

impl Well {
    pub(crate) fn of(fleet: &Fleet) -> Self {
        let first = persist::decode(&fleet.members.first().expect("an instance").record).expect("a record");
        let (of, fly) = (first.identity(), SimFly::new(fleet.world.clone()));
        let machine = block_on(fly.get_machine(of, first.machine().expect("a machine"))).expect("a machine");
        let volume = block_on(fly.get_volume(of, first.volume().expect("a volume"))).expect("a volume");
        let now = Arc::new(AtomicU64::new(fleet.world.now().as_millis()));
        Self { machine: Arc::new(machine), volume: Arc::new(volume), now }
    }

    pub(crate) fn set(&self, now: Timestamp) {
        self.now.store(now.as_millis(), Ordering::SeqCst);
    }

    fn machine(&self, of: &Identity, id: &MachineId) -> Machine {
        let mut machine = Machine::clone(&self.machine);
        machine.id.clone_from(id);
        let config = machine.config.as_mut().expect("a configuration");
        for mount in &mut config.mounts {
            mount.volume = other(id.as_str(), "mnew", "vol_new");
        }
        for (key, label) in &mut config.metadata {
            *label = if key.ends_with("sandbox_id") { of.sandbox.to_string() } else { of.user.to_string() };
        }
        machine
    }

    fn volume(&self, id: &VolumeId) -> Volume {
        let mut volume = Volume::clone(&self.volume);
        volume.id.clone_from(id);
        volume.attached_machine = Some(other(id.as_str(), "vol_new", "mnew"));
        volume
    }
}

/// The world gives a machine and its volume the same number.
fn other<T: std::str::FromStr<Err = Invalid>>(id: &str, one: &str, another: &str) -> T {
    let number = id.strip_prefix(one).expect("an id of the world");
    format!("{another}{number}").parse().expect("an id")
}

#[async_trait]
impl Answers for Well {
    async fn answer(&self, of: &Identity, request: &Request) -> Result<Done, Fault> {
        if let Request::GetMachine(id) = request {
            return Ok(Done::Machine(Box::new(self.machine(of, id))));
        }
        let Request::GetVolume(id) = request else { panic!("of what is well nothing is asked but {request:?}") };
        Ok(Done::Volume(Box::new(self.volume(id))))
    }
}

impl Clock for Well {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::SeqCst))
    }
}
