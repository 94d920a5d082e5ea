//! Providers that are wrong in one respect each.

use crate::fly;
use async_trait::async_trait;
use kiloclaw_lifecycle::call::{Content, Done, NewMachine, NewVolume, VolumeFilter};
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::id::{Identity, MachineId, VolumeId};
use kiloclaw_lifecycle::observe::{Exit, Machine, MachineConfig, MachineState, Volume, VolumeState};
use kiloclaw_lifecycle::port::Provider;
use kiloclaw_lifecycle::testkit::{Answers, Request, SimFly};
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
    fn of_this_name(&self, name: &str) -> Option<VolumeId> {
        let found = self
            .fly
            .with(|world| world.live_volumes().find(|(_, volume)| volume.name == name).map(|(id, _)| id.clone()))?;
        VolumeId::new(found).ok()
    }
}

fn made(volume: VolumeId) -> Done {
    Done::VolumeCreated { volume, region: None, state: VolumeState::Created }
}

fn is_unreadable(fault: &Fault) -> bool {
    fault.kind == FaultKind::Unknown && fault.status == Some(200)
}

impl Wrong {
    /// What the simulated Fly says.
    async fn told(&self, of: &Identity, request: &Request) -> Result<Done, Fault> {
        self.fly.answer(of, request).await
    }

    /// Looks at the thing instead of doing anything to it.
    async fn only_looks(&self, of: &Identity, look: Request) -> Result<Done, Fault> {
        self.told(of, &look).await.map(|_| Done::Accepted)
    }

    async fn list_machines(&self, of: &Identity, metadata: &BTreeMap<String, String>) -> Result<Done, Fault> {
        let none = BTreeMap::new();
        let metadata = if self.makes(M::IgnoresLabels) { &none } else { metadata };
        let listed = self.listed(self.fly.list_machines(of, metadata).await)?;
        Ok(Done::Machines(listed.into_iter().map(|machine| self.shown(machine)).collect()))
    }

    async fn create_machine(&self, of: &Identity, new: &NewMachine) -> Result<Done, Fault> {
        let mut new = new.clone();
        if self.makes(M::DropsLabels) {
            new.metadata.clear();
        }
        let answer = match self.told(of, &Request::CreateMachine(Box::new(new))).await {
            Err(fault) if self.makes(M::ForgetsWhoHasTheName) && matches!(fault.kind, FaultKind::Conflict(_)) => {
                Err(Fault { kind: FaultKind::Conflict(None), ..fault })
            }
            Err(fault) if self.makes(M::FullHostIsBusy) && fault.capacity().is_some() => {
                Err(Fault { kind: FaultKind::Busy, ..fault })
            }
            Err(fault) if self.makes(M::MakesUpIds) && is_unreadable(&fault) => {
                Ok(Done::MachineCreated { machine: MachineId::new("unknown").expect("an id"), region: None })
            }
            answer => answer,
        };
        let answer = self.turns(M::ClaimedIsRefused, FaultKind::Busy, FaultKind::Refused, answer);
        self.turns(M::MissingVolumeIsAbsent, FaultKind::MissingVolume, FaultKind::Absent, answer)
    }

    async fn destroy_machine(&self, of: &Identity, machine: &MachineId) -> Result<Done, Fault> {
        if self.makes(M::DestroysOnlyWhatIsStopped)
            && self.fly.get_machine(of, machine).await.is_ok_and(|seen| seen.state == MachineState::Started)
        {
            return Ok(Done::Accepted);
        }
        self.of_a_machine(self.told(of, &Request::DestroyMachine(machine.clone())).await)
    }

    fn waited(&self, seen: MachineState, wanted: &MachineState) -> Result<MachineState, Fault> {
        if self.makes(M::SeesEverythingCreated) {
            return Ok(MachineState::Created);
        }
        if self.makes(M::BelievesWhatIsReplaced) && seen.as_str() == "replaced" {
            return Ok(wanted.clone());
        }
        if self.makes(M::WaitThatRunsOutFails) && seen != *wanted {
            return Err(Fault::new(FaultKind::Unknown, Some(408), "deadline_exceeded"));
        }
        Ok(seen)
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

    async fn create_volume(&self, of: &Identity, new: &NewVolume) -> Result<Done, Fault> {
        let mut new = new.clone();
        if let (Content::Empty { size_gb }, true) = (&mut new.content, self.makes(M::MakesThemLarger)) {
            *size_gb += 1;
        }
        if let (M::OneVolumeForEachName, Some(known)) = (self.mistake, self.of_this_name(new.name.as_str())) {
            return Ok(made(known));
        }
        if let (Content::Fork { source }, true) = (&new.content, self.makes(M::ForkIsItsSource)) {
            return Ok(made(source.clone()));
        }
        let create = Request::CreateVolume(Box::new(new.clone()));
        let mut answer = self.told(of, &create).await;
        let failed = |kind: FaultKind| answer.as_ref().is_err_and(|fault| fault.kind == kind);
        if self.makes(M::RetriesChanges) && failed(FaultKind::Unknown) {
            answer = self.told(of, &create).await;
        } else if self.makes(M::CopyOfNothingIsEmpty) && failed(FaultKind::Absent) {
            new.content = Content::Empty { size_gb: 1 };
            answer = self.told(of, &Request::CreateVolume(Box::new(new))).await;
        } else if self.makes(M::MakesUpIds) && answer.as_ref().is_err_and(is_unreadable) {
            return Ok(made(VolumeId::new("vol_unknown").expect("an id")));
        } else if self.makes(M::FullRegionIsRefused) && answer.as_ref().is_err_and(|fault| fault.capacity().is_some()) {
            return Err(Fault::new(FaultKind::Refused, Some(422), "no room"));
        }
        self.turns(M::TooLargeIsUnknown, FaultKind::Refused, FaultKind::Unknown, answer)
    }

    async fn delete_volume(&self, of: &Identity, volume: &VolumeId) -> Result<Done, Fault> {
        let look = Request::GetVolume(volume.clone());
        if self.makes(M::DeletesNothing) {
            return self.only_looks(of, look).await;
        }
        if self.makes(M::NeverFrees) && self.told(of, &look).await.is_ok() {
            return Err(Fault::new(FaultKind::Busy, Some(412), "volume is currently bound"));
        }
        match self.of_a_volume(self.told(of, &Request::DeleteVolume(volume.clone())).await) {
            Err(busy) if self.makes(M::BoundIsDeleted) && busy.kind == FaultKind::Busy => Ok(Done::Accepted),
            answer => answer,
        }
    }
}

#[async_trait]
impl Answers for Wrong {
    async fn answer(&self, of: &Identity, request: &Request) -> Result<Done, Fault> {
        match request {
            Request::GetMachine(machine) => {
                let seen = self.of_a_machine(self.fly.get_machine(of, machine).await)?;
                Ok(Done::Machine(Box::new(self.shown(seen))))
            }
            Request::ListMachines(metadata) => self.list_machines(of, metadata).await,
            Request::CreateMachine(new) => self.create_machine(of, new).await,
            Request::UpdateMachine(update) if self.makes(M::UpdatesNothing) => {
                self.only_looks(of, Request::GetMachine(update.machine.clone())).await
            }
            Request::StopMachine(machine) if self.makes(M::StopsNothing) => {
                self.only_looks(of, Request::GetMachine(machine.clone())).await
            }
            Request::UpdateMachine(_) | Request::StopMachine(_) => self.of_a_machine(self.told(of, request).await),
            Request::StartMachine(_) => {
                let answer = self.of_a_machine(self.told(of, request).await);
                self.turns(M::NotNowIsNever, FaultKind::Busy, FaultKind::Refused, answer)
            }
            Request::DestroyMachine(machine) => self.destroy_machine(of, machine).await,
            Request::WaitMachine { machine, version, state, timeout_s } => {
                let waited = self.fly.wait_machine(of, machine, version.as_ref(), *state, *timeout_s).await;
                let state = self.waited(self.of_a_machine(waited)?, &state.state())?;
                Ok(Done::Waited { state })
            }
            Request::GetVolume(volume) => {
                let mut seen = self.of_a_volume(self.fly.get_volume(of, volume).await)?;
                if self.makes(M::HidesHolders) {
                    seen.attached_machine = None;
                }
                Ok(Done::Volume(Box::new(seen)))
            }
            Request::ListVolumes(filter) => self.list_volumes(of, filter).await.map(Done::Volumes),
            Request::ListSnapshots(volume) => {
                let listed = self.of_a_volume(self.listed(self.fly.list_snapshots(of, volume).await))?;
                Ok(Done::Snapshots(if self.makes(M::HidesSnapshots) { vec![] } else { listed }))
            }
            Request::CreateVolume(new) => self.create_volume(of, new).await,
            Request::DeleteVolume(volume) => self.delete_volume(of, volume).await,
            Request::ProbeHealth { .. } => self.told(of, request).await,
        }
    }
}
