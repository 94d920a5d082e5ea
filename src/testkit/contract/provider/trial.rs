//! One trial of one rule: what it makes, and how it is removed.

use super::control::{CannotDo, Control};
use super::rule::Rule;
use crate::call::{Content, NewMachine, NewVolume, VolumeFilter, WaitFor};
use crate::fault::{Fault, FaultKind};
use crate::guest::{CpuKind, Guest};
use crate::id::{Identity, Image, Invalid, MachineId, Region, ResourceName, VolumeId};
use crate::observe::{MachineState, Volume};
use crate::port::Provider;
use crate::testkit::world::{Landing, Said, Strike, WorldChange};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

/// Where the rules are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ground {
    /// In whose name.
    pub identity: Identity,
    /// How the names of everything begin that is made: 1 to 12 of a-z 0-9, used by this run alone.
    pub prefix: String,
    /// A region with room.
    pub region: Region,
    /// The size of machines.
    pub guest: Guest,
    /// Another size, to which they are updated.
    pub other_guest: Guest,
    /// The image of machines; `None` leaves it to the adapter.
    pub image: Option<Image>,
    /// Where the adapter mounts volumes.
    pub mount_path: String,
    /// How long what was accepted may take to come about, in milliseconds. A minute or two at a real provider.
    pub patience_ms: u64,
    /// Milliseconds between two looks.
    pub step_ms: u64,
}

impl Ground {
    /// With the smallest machines, volumes at `/root`, and two minutes of patience in steps of one second.
    pub fn new(identity: Identity, prefix: impl Into<String>, region: Region) -> Self {
        let guest = |memory| Guest::new(1, memory, Some(CpuKind::Shared)).unwrap_or(Guest::STANDARD);
        Self {
            identity,
            prefix: prefix.into(),
            region,
            guest: guest(256),
            other_guest: guest(512),
            image: None,
            mount_path: "/root".to_string(),
            patience_ms: 120_000,
            step_ms: 1_000,
        }
    }
}

/// Why a trial has ended early.
pub(super) enum Stop {
    Broken(String),
    Skipped(String),
}

pub(super) type Held = Result<(), Stop>;

impl From<CannotDo> for Stop {
    fn from(cannot: CannotDo) -> Self {
        Self::Skipped(cannot.to_string())
    }
}

impl From<Invalid> for Stop {
    fn from(invalid: Invalid) -> Self {
        Self::Broken(format!("The ground has a prefix or values of which no name can be made: {invalid}."))
    }
}

/// Ends the trial unless it is so.
macro_rules! demand {
    ($holds:expr, $($found:tt)+) => {
        if !$holds {
            return Err($crate::testkit::contract::provider::trial::Stop::Broken(alloc::format!($($found)+)));
        }
    };
}

/// Whether it comes true before patience is at its end.
macro_rules! eventually {
    ($trial:expr, $holds:expr) => {{
        let mut waited_ms = 0;
        loop {
            if $holds {
                break true;
            }
            if waited_ms >= $trial.ground.patience_ms {
                break false;
            }
            let step_ms = $trial.ground.step_ms.max(1);
            $trial.control.pause(step_ms).await;
            waited_ms += step_ms;
        }
    }};
}

pub(super) use {demand, eventually};

/// What a call brought, or the end of the trial.
pub(super) fn brought<T>(what: &str, answer: Result<T, Fault>) -> Result<T, Stop> {
    answer.map_err(|fault| Stop::Broken(format!("{what}: {:?}: {fault}.", fault.kind)))
}

/// The fault that was to come, or the end of the trial.
pub(super) fn refused<T: core::fmt::Debug>(what: &str, answer: Result<T, Fault>) -> Result<Fault, Stop> {
    match answer {
        Err(fault) => Ok(fault),
        Ok(done) => Err(Stop::Broken(format!("{what}: was answered by {done:?}."))),
    }
}

/// The kind of the fault that was to come.
pub(super) fn expects<T: core::fmt::Debug>(what: &str, answer: Result<T, Fault>, kinds: &[FaultKind]) -> Held {
    let fault = refused(what, answer)?;
    demand!(kinds.contains(&fault.kind), "{what}: {:?}: {fault}; expected one of {kinds:?}.", fault.kind);
    Ok(())
}

pub(super) struct Trial<'a, P: ?Sized, C: ?Sized> {
    pub(super) rule: Rule,
    pub(super) provider: &'a P,
    pub(super) control: &'a C,
    pub(super) ground: &'a Ground,
    count: AtomicU32,
}

impl<'a, P: Provider + ?Sized, C: Control + ?Sized> Trial<'a, P, C> {
    pub(super) fn new(rule: Rule, provider: &'a P, control: &'a C, ground: &'a Ground) -> Self {
        Self { rule, provider, control, ground, count: AtomicU32::new(0) }
    }

    pub(super) fn of(&self) -> &'a Identity {
        &self.ground.identity
    }

    /// How the names begin of everything that this trial makes.
    pub(super) fn prefix(&self) -> String {
        format!("{}_{}_", self.ground.prefix, self.rule as u8)
    }

    /// A name that nothing has yet.
    pub(super) fn name(&self) -> Result<ResourceName, Stop> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        Ok(ResourceName::new(format!("{}{number}", self.prefix()))?)
    }

    /// What every machine of this trial carries.
    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let label = |key: &str, value: String| (key.to_string(), value);
        BTreeMap::from([
            label("contract_run", self.ground.prefix.clone()),
            label("contract_rule", self.rule.to_string()),
        ])
    }

    pub(super) fn new_volume(&self, content: Content) -> Result<NewVolume, Stop> {
        Ok(NewVolume { name: self.name()?, region: self.ground.region.clone(), guest: self.ground.guest, content })
    }

    pub(super) fn empty(&self) -> Result<NewVolume, Stop> {
        self.new_volume(Content::Empty { size_gb: 1 })
    }

    pub(super) async fn make(&self, new: &NewVolume) -> Result<VolumeId, Stop> {
        let answer = self.provider.create_volume(self.of(), new).await;
        let volume = brought("A volume was to be made", answer)?.volume;
        let seen = eventually!(self, !self.provider.get_volume(self.of(), &volume).await.is_err_and(|f| f.is_absent()));
        demand!(seen, "A volume that was made is absent: {volume}.");
        Ok(volume)
    }

    /// An empty volume.
    pub(super) async fn volume(&self) -> Result<VolumeId, Stop> {
        self.make(&self.empty()?).await
    }

    pub(super) fn new_machine(&self, volume: &VolumeId) -> Result<NewMachine, Stop> {
        Ok(NewMachine {
            name: self.name()?,
            region: Some(self.ground.region.clone()),
            guest: self.ground.guest,
            volume: volume.clone(),
            metadata: self.labels(),
            image: self.ground.image.clone(),
        })
    }

    /// A machine that has started.
    pub(super) async fn launch(&self, new: &NewMachine) -> Result<MachineId, Stop> {
        let made = self.provider.create_machine(self.of(), new).await;
        let machine = brought("A machine was to be made", made)?.machine;
        demand!(
            self.comes_to(&machine, &MachineState::Started).await,
            "A machine that was made has not started: {machine}."
        );
        Ok(machine)
    }

    /// A machine that has started, and its volume.
    pub(super) async fn machine(&self) -> Result<(MachineId, VolumeId), Stop> {
        let volume = self.volume().await?;
        Ok((self.launch(&self.new_machine(&volume)?).await?, volume))
    }

    pub(super) async fn is_in(&self, machine: &MachineId, state: &MachineState) -> bool {
        self.provider.get_machine(self.of(), machine).await.is_ok_and(|seen| seen.state == *state)
    }

    pub(super) async fn comes_to(&self, machine: &MachineId, state: &MachineState) -> bool {
        eventually!(self, self.is_in(machine, state).await)
    }

    pub(super) async fn wait(&self, machine: &MachineId, wanted: WaitFor) -> Result<MachineState, Fault> {
        self.provider.wait_machine(self.of(), machine, None, wanted, 60).await
    }

    /// The volumes of exactly this name from which something can be had.
    pub(super) async fn named(&self, name: &ResourceName) -> Result<Vec<Volume>, Stop> {
        let listed = self.provider.list_volumes(self.of(), &VolumeFilter::Named(name.clone())).await;
        let listed = brought("Volumes were to be listed", listed)?;
        Ok(listed.into_iter().filter(|volume| !volume.state.is_dead()).collect())
    }

    pub(super) async fn happens(&self, change: WorldChange) -> Held {
        Ok(self.control.change(&change).await?)
    }

    pub(super) async fn strike(&self, said: Said, landing: Landing) -> Held {
        Ok(self.control.strike(Some(&Strike { said, landing })).await?)
    }

    /// Every call is answered by this, and nothing is done.
    pub(super) async fn answered_by(&self, status: u16, body: &str) -> Held {
        self.strike(Said::Status(status, body.to_string()), Landing::Never).await
    }

    /// Nothing befalls calls any more. One who can begin a strike can end it.
    pub(super) async fn calm(&self) {
        let _ = self.control.strike(None).await;
    }

    /// Removes everything that the trial has made, as far as that can be done. What stays does no harm: no other trial uses its names.
    pub(super) async fn clean_up(&self) {
        self.calm().await;
        for machine in self.provider.list_machines(self.of(), &self.labels()).await.unwrap_or_default() {
            let _ = self.provider.destroy_machine(self.of(), &machine.id).await;
        }
        let Ok(prefix) = ResourceName::new(self.prefix()) else { return };
        let ours = VolumeFilter::Ours { shared: None, prefix };
        let volumes = self.provider.list_volumes(self.of(), &ours).await.unwrap_or_default();
        for volume in volumes.iter().filter(|volume| !volume.state.is_dead()) {
            let _ = eventually!(self, !is_busy(&self.provider.delete_volume(self.of(), &volume.id).await));
        }
    }
}

fn is_busy(answer: &Result<(), Fault>) -> bool {
    answer.as_ref().is_err_and(|fault| fault.kind == FaultKind::Busy)
}
