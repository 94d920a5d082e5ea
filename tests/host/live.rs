//! A simulated Fly that takes the time it takes, on tokio's clock.

use async_trait::async_trait;
use kiloclaw_lifecycle::Timestamp;
use kiloclaw_lifecycle::call::{Done, MachineUpdate, NewMachine, NewVolume, VolumeFilter, WaitFor};
use kiloclaw_lifecycle::fault::Fault;
use kiloclaw_lifecycle::id::{Identity, MachineId, MachineVersion, VolumeId};
use kiloclaw_lifecycle::observe::{Machine, MachineState, Snapshot, Volume};
use kiloclaw_lifecycle::port::{Clock, CreatedMachine, CreatedVolume, HealthProbe, Provider};
use kiloclaw_lifecycle::testkit::{Attempt, Request, SimFly, World};
use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// 2026-06-01, in milliseconds since 1970.
pub(crate) const EPOCH: u64 = 1_780_272_000_000;

/// Shows the time that tokio keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokioClock(Instant);

impl TokioClock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(EPOCH + u64::try_from(self.0.elapsed().as_millis()).unwrap())
    }
}

/// What is odd about the calls, by a test's will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// They never end.
    Hangs,
    /// They panic.
    Panics,
}

#[derive(Clone)]
pub(crate) struct LiveFly {
    pub(crate) sim: SimFly,
    clock: TokioClock,
    /// How long each call takes at least.
    latency: Duration,
    odd: Arc<Mutex<Option<Oddity>>>,
    running: Arc<AtomicU32>,
    most: Arc<AtomicU32>,
}

impl LiveFly {
    pub(crate) fn new(clock: TokioClock, latency: Duration) -> Self {
        let sim = SimFly::new(World::new(clock.now()));
        Self { sim, clock, latency, odd: Arc::default(), running: Arc::default(), most: Arc::default() }
    }

    pub(crate) fn be(&self, odd: Option<Oddity>) {
        *self.odd.lock().unwrap() = odd;
    }

    /// As many calls as were ever under way at once.
    pub(crate) fn most_at_once(&self) -> u32 {
        self.most.load(Ordering::SeqCst)
    }

    async fn ask(&self, request: Request) -> Result<Done, Fault> {
        let odd = *self.odd.lock().unwrap();
        match odd {
            Some(Oddity::Hangs) => pending::<()>().await,
            Some(Oddity::Panics) => panic!("an adapter with a bug"),
            None => {}
        }
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        sleep(self.latency).await;
        let answer = self.attempt(&request).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        answer
    }

    async fn attempt(&self, request: &Request) -> Result<Done, Fault> {
        let began = self.clock.now();
        loop {
            let now = self.clock.now();
            let (attempt, next) = self.sim.with(|world| {
                world.advance_to(now);
                let attempt = world.attempt(request, began, None);
                (attempt, world.next_change().into_iter().chain(world.next_end(request, began)).min())
            });
            match attempt {
                Attempt::Answered(answer) => return answer,
                Attempt::Silent => pending::<()>().await,
                Attempt::Unfinished => {
                    let next = next.expect("a wait has an end");
                    sleep(Duration::from_millis(next.since(now).max(1))).await;
                }
            }
        }
    }
}

macro_rules! expect {
    ($answer:expr, $pattern:pat => $value:expr) => {
        match $answer.await? {
            $pattern => Ok($value),
            other => panic!("the world has answered {other:?}"),
        }
    };
}

#[async_trait]
impl Provider for LiveFly {
    async fn get_machine(&self, _: &Identity, machine: &MachineId) -> Result<Machine, Fault> {
        expect!(self.ask(Request::GetMachine(machine.clone())), Done::Machine(machine) => *machine)
    }

    async fn list_machines(&self, _: &Identity, metadata: &BTreeMap<String, String>) -> Result<Vec<Machine>, Fault> {
        expect!(self.ask(Request::ListMachines(metadata.clone())), Done::Machines(machines) => machines)
    }

    async fn create_machine(&self, _: &Identity, new: &NewMachine) -> Result<CreatedMachine, Fault> {
        expect!(
            self.ask(Request::CreateMachine(Box::new(new.clone()))),
            Done::MachineCreated { machine, region } => CreatedMachine { machine, region }
        )
    }

    async fn update_machine(&self, _: &Identity, update: &MachineUpdate) -> Result<(), Fault> {
        self.ask(Request::UpdateMachine(Box::new(update.clone()))).await.map(|_| ())
    }

    async fn start_machine(&self, _: &Identity, machine: &MachineId) -> Result<(), Fault> {
        self.ask(Request::StartMachine(machine.clone())).await.map(|_| ())
    }

    async fn stop_machine(&self, _: &Identity, machine: &MachineId) -> Result<(), Fault> {
        self.ask(Request::StopMachine(machine.clone())).await.map(|_| ())
    }

    async fn destroy_machine(&self, _: &Identity, machine: &MachineId) -> Result<(), Fault> {
        self.ask(Request::DestroyMachine(machine.clone())).await.map(|_| ())
    }

    async fn wait_machine<'a>(
        &self,
        _: &Identity,
        machine: &MachineId,
        version: Option<&'a MachineVersion>,
        state: WaitFor,
        timeout_s: u32,
    ) -> Result<MachineState, Fault> {
        let wait = Request::WaitMachine { machine: machine.clone(), version: version.cloned(), state, timeout_s };
        expect!(self.ask(wait), Done::Waited { state } => state)
    }

    async fn get_volume(&self, _: &Identity, volume: &VolumeId) -> Result<Volume, Fault> {
        expect!(self.ask(Request::GetVolume(volume.clone())), Done::Volume(volume) => *volume)
    }

    async fn list_volumes(&self, _: &Identity, filter: &VolumeFilter) -> Result<Vec<Volume>, Fault> {
        expect!(self.ask(Request::ListVolumes(filter.clone())), Done::Volumes(volumes) => volumes)
    }

    async fn list_snapshots(&self, _: &Identity, volume: &VolumeId) -> Result<Vec<Snapshot>, Fault> {
        expect!(self.ask(Request::ListSnapshots(volume.clone())), Done::Snapshots(snapshots) => snapshots)
    }

    async fn create_volume(&self, _: &Identity, new: &NewVolume) -> Result<CreatedVolume, Fault> {
        expect!(
            self.ask(Request::CreateVolume(Box::new(new.clone()))),
            Done::VolumeCreated { volume, region, state } => CreatedVolume { volume, region, state }
        )
    }

    async fn delete_volume(&self, _: &Identity, volume: &VolumeId) -> Result<(), Fault> {
        self.ask(Request::DeleteVolume(volume.clone())).await.map(|_| ())
    }
}

#[async_trait]
impl HealthProbe for LiveFly {
    async fn probe(&self, _: &Identity, machine: &MachineId, timeout_s: u32, _: u64) -> Result<bool, Fault> {
        expect!(self.ask(Request::ProbeHealth { machine: machine.clone(), timeout_s }), Done::Health { healthy } => healthy)
    }
}
