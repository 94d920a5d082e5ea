//! Providers that are wrong in one respect each.

use crate::fly;
use async_trait::async_trait;
use kiloclaw_lifecycle::call::{Content, MachineUpdate, NewMachine, NewVolume, VolumeFilter, WaitFor};
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::id::{Identity, MachineId, MachineVersion, VolumeId};
use kiloclaw_lifecycle::observe::{Exit, Machine, MachineConfig, MachineState, Snapshot, Volume, VolumeState};
use kiloclaw_lifecycle::port::{CreatedMachine, CreatedVolume, Provider};
use kiloclaw_lifecycle::testkit::SimFly;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    AbsentMachineIsUnknown,
    AbsentVolumeIsUnknown,
    EmptyListIsAbsent,
    MakesThemLarger,
    IgnoresVolumeFilter,
    OneVolumeForEachName,
    DeletesNothing,
    ForkIsItsSource,
    CopyOfNothingIsEmpty,
    HidesSnapshots,
    TooLargeIsUnknown,
    DropsLabels,
    IgnoresLabels,
    ForgetsWhoHasTheName,
    HidesHolders,
    ClaimedIsRefused,
    BoundIsDeleted,
    MissingVolumeIsAbsent,
    SeesEverythingCreated,
    WaitThatRunsOutFails,
    BelievesWhatIsReplaced,
    UpdatesNothing,
    StopsNothing,
    BlamesUs,
    DestroysOnlyWhatIsStopped,
    NeverFrees,
    UnknownConfigurationIsEmpty,
    FullRegionIsRefused,
    FullHostIsBusy,
    RetriesChanges,
    LostIsRefused,
    ServerErrorIsRefused,
    MakesUpIds,
    EveryNotFoundIsAbsent,
    FailedListIsEmpty,
    UnauthorizedIsAbsent,
    RateLimitedIsUnknown,
    LosesWords,
    NotNowIsNever,
}

use Mistake as M;

pub(crate) struct Wrong {
    pub(crate) fly: SimFly,
    mistake: Mistake,
}

impl Wrong {
    pub(crate) fn new(mistake: Mistake) -> Self {
        Self { fly: fly(), mistake }
    }

    fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == mistake
    }

    /// Faults of any call.
    fn reads<T>(&self, answer: Result<T, Fault>) -> Result<T, Fault> {
        answer.map_err(|fault| {
            let server_error = fault.status.is_some_and(|status| status >= 500 || status == 408);
            let wrongs = [
                (M::EveryNotFoundIsAbsent, fault.status == Some(404), FaultKind::Absent),
                (M::UnauthorizedIsAbsent, fault.kind == FaultKind::Unauthorized, FaultKind::Absent),
                (M::RateLimitedIsUnknown, fault.kind == FaultKind::RateLimited, FaultKind::Unknown),
                (M::LostIsRefused, fault.status.is_none(), FaultKind::Refused),
                (M::ServerErrorIsRefused, server_error, FaultKind::Refused),
            ];
            let wrong = wrongs.into_iter().find(|(mistake, applies, _)| *applies && self.makes(*mistake));
            let kind = wrong.map_or_else(|| fault.kind.clone(), |(_, _, kind)| kind);
            let words = if self.makes(M::LosesWords) { "" } else { fault.message.as_str() };
            Fault::new(kind, fault.status, words)
        })
    }

    fn turns<T>(&self, mistake: Mistake, from: FaultKind, to: FaultKind, answer: Result<T, Fault>) -> Result<T, Fault> {
        let wrong =
            |fault: Fault| if fault.kind == from { Fault::new(to.clone(), fault.status, fault.message) } else { fault };
        if self.makes(mistake) { self.reads(answer).map_err(wrong) } else { self.reads(answer) }
    }

    fn of_a_machine<T>(&self, answer: Result<T, Fault>) -> Result<T, Fault> {
        self.turns(M::AbsentMachineIsUnknown, FaultKind::Absent, FaultKind::Unknown, answer)
    }

    fn of_a_volume<T>(&self, answer: Result<T, Fault>) -> Result<T, Fault> {
        self.turns(M::AbsentVolumeIsUnknown, FaultKind::Absent, FaultKind::Unknown, answer)
    }

    fn listed<T>(&self, answer: Result<Vec<T>, Fault>) -> Result<Vec<T>, Fault> {
        match self.reads(answer) {
            Ok(empty) if empty.is_empty() && self.makes(M::EmptyListIsAbsent) => {
                Err(Fault::new(FaultKind::Absent, Some(200), "nothing there"))
            }
            Err(_) if self.makes(M::FailedListIsEmpty) => Ok(vec![]),
            listed => listed,
        }
    }

    fn shown(&self, mut machine: Machine) -> Machine {
        if self.makes(M::BlamesUs) {
            machine.exit = machine.exit.map(|exit| Exit { requested_stop: true, ..exit });
        }
        if self.makes(M::UnknownConfigurationIsEmpty) && machine.config.is_none() {
            let (mounts, metadata) = (vec![], BTreeMap::new());
            machine.config = Some(MachineConfig { mounts, metadata, guest: None, image: None });
        }
        machine
    }

    /// The volume that already has the name, for one who thinks that names are unique.
    fn of_this_name(&self, name: &str) -> Option<CreatedVolume> {
        let found = self
            .fly
            .with(|world| world.live_volumes().find(|(_, volume)| volume.name == name).map(|(id, _)| id.clone()))?;
        let volume = VolumeId::new(found).ok()?;
        Some(CreatedVolume { volume, region: None, state: VolumeState::Created })
    }
}

fn is_unreadable(fault: &Fault) -> bool {
    fault.kind == FaultKind::Unknown && fault.status == Some(200)
}

#[async_trait]
impl Provider for Wrong {
    async fn get_machine(&self, of: &Identity, machine: &MachineId) -> Result<Machine, Fault> {
        self.of_a_machine(self.fly.get_machine(of, machine).await).map(|machine| self.shown(machine))
    }

    async fn list_machines(&self, of: &Identity, metadata: &BTreeMap<String, String>) -> Result<Vec<Machine>, Fault> {
        let none = BTreeMap::new();
        let metadata = if self.makes(M::IgnoresLabels) { &none } else { metadata };
        let listed = self.listed(self.fly.list_machines(of, metadata).await)?;
        Ok(listed.into_iter().map(|machine| self.shown(machine)).collect())
    }

    async fn create_machine(&self, of: &Identity, new: &NewMachine) -> Result<CreatedMachine, Fault> {
        let mut new = new.clone();
        if self.makes(M::DropsLabels) {
            new.metadata.clear();
        }
        let answer = self.fly.create_machine(of, &new).await;
        let answer = match answer {
            Err(fault) if self.makes(M::ForgetsWhoHasTheName) && matches!(fault.kind, FaultKind::Conflict(_)) => {
                Err(Fault { kind: FaultKind::Conflict(None), ..fault })
            }
            Err(fault) if self.makes(M::FullHostIsBusy) && fault.capacity().is_some() => {
                Err(Fault { kind: FaultKind::Busy, ..fault })
            }
            Err(fault) if self.makes(M::MakesUpIds) && is_unreadable(&fault) => {
                Ok(CreatedMachine { machine: MachineId::new("unknown").expect("an id"), region: None })
            }
            answer => answer,
        };
        let answer = self.turns(M::ClaimedIsRefused, FaultKind::Busy, FaultKind::Refused, answer);
        self.turns(M::MissingVolumeIsAbsent, FaultKind::MissingVolume, FaultKind::Absent, answer)
    }

    async fn update_machine(&self, of: &Identity, update: &MachineUpdate) -> Result<(), Fault> {
        if self.makes(M::UpdatesNothing) {
            return self.fly.get_machine(of, &update.machine).await.map(|_| ());
        }
        self.of_a_machine(self.fly.update_machine(of, update).await)
    }

    async fn start_machine(&self, of: &Identity, machine: &MachineId) -> Result<(), Fault> {
        let answer = self.of_a_machine(self.fly.start_machine(of, machine).await);
        self.turns(M::NotNowIsNever, FaultKind::Busy, FaultKind::Refused, answer)
    }

    async fn stop_machine(&self, of: &Identity, machine: &MachineId) -> Result<(), Fault> {
        if self.makes(M::StopsNothing) {
            return self.fly.get_machine(of, machine).await.map(|_| ());
        }
        self.of_a_machine(self.fly.stop_machine(of, machine).await)
    }

    async fn destroy_machine(&self, of: &Identity, machine: &MachineId) -> Result<(), Fault> {
        if self.makes(M::DestroysOnlyWhatIsStopped)
            && self.fly.get_machine(of, machine).await.is_ok_and(|seen| seen.state == MachineState::Started)
        {
            return Ok(());
        }
        self.of_a_machine(self.fly.destroy_machine(of, machine).await)
    }

    async fn wait_machine<'a>(
        &self,
        of: &Identity,
        machine: &MachineId,
        version: Option<&'a MachineVersion>,
        state: WaitFor,
        timeout_s: u32,
    ) -> Result<MachineState, Fault> {
        let seen = self.of_a_machine(self.fly.wait_machine(of, machine, version, state, timeout_s).await)?;
        if self.makes(M::SeesEverythingCreated) {
            return Ok(MachineState::Created);
        }
        if self.makes(M::BelievesWhatIsReplaced) && seen.as_str() == "replaced" {
            return Ok(state.state());
        }
        if self.makes(M::WaitThatRunsOutFails) && seen != state.state() {
            return Err(Fault::new(FaultKind::Unknown, Some(408), "deadline_exceeded"));
        }
        Ok(seen)
    }

    async fn get_volume(&self, of: &Identity, volume: &VolumeId) -> Result<Volume, Fault> {
        let mut volume = self.of_a_volume(self.fly.get_volume(of, volume).await)?;
        if self.makes(M::HidesHolders) {
            volume.attached_machine = None;
        }
        Ok(volume)
    }

    async fn list_volumes(&self, of: &Identity, filter: &VolumeFilter) -> Result<Vec<Volume>, Fault> {
        if self.makes(M::IgnoresVolumeFilter) {
            let ids: Vec<String> = self.fly.with(|world| world.live_volumes().map(|(id, _)| id.clone()).collect());
            let mut all = vec![];
            for id in ids {
                all.push(self.fly.get_volume(of, &VolumeId::new(id).expect("an id")).await?);
            }
            return Ok(all);
        }
        self.listed(self.fly.list_volumes(of, filter).await)
    }

    async fn list_snapshots(&self, of: &Identity, volume: &VolumeId) -> Result<Vec<Snapshot>, Fault> {
        let listed = self.of_a_volume(self.listed(self.fly.list_snapshots(of, volume).await))?;
        Ok(if self.makes(M::HidesSnapshots) { vec![] } else { listed })
    }

    async fn create_volume(&self, of: &Identity, new: &NewVolume) -> Result<CreatedVolume, Fault> {
        let mut new = new.clone();
        if let (Content::Empty { size_gb }, true) = (&mut new.content, self.makes(M::MakesThemLarger)) {
            *size_gb += 1;
        }
        if let (M::OneVolumeForEachName, Some(known)) = (self.mistake, self.of_this_name(new.name.as_str())) {
            return Ok(known);
        }
        if let (Content::Fork { source }, true) = (&new.content, self.makes(M::ForkIsItsSource)) {
            return Ok(CreatedVolume { volume: source.clone(), region: None, state: VolumeState::Created });
        }
        let mut answer = self.fly.create_volume(of, &new).await;
        let failed = |kind: FaultKind| answer.as_ref().is_err_and(|fault| fault.kind == kind);
        if self.makes(M::RetriesChanges) && failed(FaultKind::Unknown) {
            answer = self.fly.create_volume(of, &new).await;
        } else if self.makes(M::CopyOfNothingIsEmpty) && failed(FaultKind::Absent) {
            new.content = Content::Empty { size_gb: 1 };
            answer = self.fly.create_volume(of, &new).await;
        } else if self.makes(M::MakesUpIds) && answer.as_ref().is_err_and(is_unreadable) {
            let volume = VolumeId::new("vol_unknown").expect("an id");
            return Ok(CreatedVolume { volume, region: None, state: VolumeState::Created });
        } else if self.makes(M::FullRegionIsRefused) && answer.as_ref().is_err_and(|fault| fault.capacity().is_some()) {
            return Err(Fault::new(FaultKind::Refused, Some(422), "no room"));
        }
        self.turns(M::TooLargeIsUnknown, FaultKind::Refused, FaultKind::Unknown, answer)
    }

    async fn delete_volume(&self, of: &Identity, volume: &VolumeId) -> Result<(), Fault> {
        if self.makes(M::DeletesNothing) {
            return self.fly.get_volume(of, volume).await.map(|_| ());
        }
        if self.makes(M::NeverFrees) && self.fly.get_volume(of, volume).await.is_ok() {
            return Err(Fault::new(FaultKind::Busy, Some(412), "volume is currently bound"));
        }
        let answer = self.of_a_volume(self.fly.delete_volume(of, volume).await);
        match answer {
            Err(busy) if self.makes(M::BoundIsDeleted) && busy.kind == FaultKind::Busy => Ok(()),
            answer => answer,
        }
    }
}
