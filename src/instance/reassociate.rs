//! Another volume for a stopped instance, at an admin's word.
//!
//! *Decides* whether the volume may become the instance's data.
//!
//! *Guarantees*: the target exists, is ours by name or by record, is neither dead nor about to be, and no foreign machine holds it; the
//! volume it replaces is retained, so that the way back stays open.

use super::ensure;
use super::holdings::{Cause, Thing};
use super::note::Note;
use super::phase::Phase;
use super::turn::Turn;
use super::watch::Watched;
use crate::call::{Call, Done};
use crate::command::{Answer, Code, Rejection, RequestId};
use crate::event::Action;
use crate::fault::Fault;
use crate::id::{MachineId, Region, VolumeId};
use crate::name::{self, Owner};
use crate::observe::{Volume, VolumeState};
use crate::status::Status;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// Look at the target.
    Look,
    /// Look at the machine that holds it.
    Holder(MachineId),
    /// Our machine is about to go: see whether the volume that is replaced would go with it.
    Leave,
    /// Our machine is about to go: list what carries our name, for it may mount the data under an id that the record does not know.
    Search,
    /// Destroy our machine on the volume that is replaced.
    Remove,
}

/// A reassociation in progress.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reassociating {
    pub(crate) target: VolumeId,
    request: RequestId,
    reason: String,
    stage: Stage,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
    /// Our machine is all that keeps a volume from being deleted.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    aside: bool,
}

impl Reassociating {
    /// Who waits for its end.
    pub(crate) fn request(&self) -> RequestId {
        self.request
    }

    pub(crate) fn begin(target: VolumeId, request: RequestId, reason: String) -> Phase {
        Phase::Reassociating(Box::new(Self { target, request, reason, stage: Stage::Look, region: None, aside: false }))
    }

    fn to(mut self: Box<Self>, stage: Stage) -> Phase {
        self.stage = stage;
        Phase::Reassociating(self)
    }

    pub(crate) fn drive(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        let call = match &self.stage {
            Stage::Look => Call::GetVolume { volume: self.target.clone() },
            Stage::Holder(machine) => Call::GetMachine { machine: machine.clone() },
            Stage::Leave if t.me.machine.is_none() => return self.swap(t),
            Stage::Leave => match t.me.volume.clone() {
                Some(volume) => Call::GetVolume { volume },
                None => return self.to(Stage::Search),
            },
            Stage::Search => match name::our_volumes(&t.policy.metadata_prefix, &t.me.identity) {
                Ok(ours) => Call::ListVolumes(ours),
                Err(_) => return self.part(t),
            },
            Stage::Remove => match t.me.machine.clone() {
                Some(machine) => Call::DestroyMachine { machine: machine.id },
                None => return self.swap(t),
            },
        };
        t.ask(call);
        Phase::Reassociating(self)
    }

    pub(crate) fn on(mut self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match (self.stage.clone(), result) {
            (Stage::Look, Ok(Done::Volume(volume))) => self.target_seen(t, &volume),
            (Stage::Look, Err(fault)) if fault.is_absent() => {
                let message = format!("Volume {} was not found.", self.target);
                self.end(t, Err((Code::VolumeNotFound, message)))
            }
            (Stage::Holder(_), Err(fault)) if fault.is_absent() => self.to(Stage::Leave),
            (Stage::Leave, Ok(Done::Volume(volume))) => {
                self.aside = volume.state == VolumeState::WaitingForDetach;
                self.to(Stage::Search)
            }
            // It is gone, or the provider will not say.
            (Stage::Leave, Err(fault)) if !fault.is_transient() => self.to(Stage::Search),
            // Our machine may have been moved since: what it mounts then is in no list that was made before.
            (Stage::Search, Ok(Done::Volumes(_))) if t.came_late() => {
                if t.tried_enough() {
                    return self.end(t, Err((Code::Unavailable, "The provider takes too long to answer.".into())));
                }
                t.back_off();
                Phase::Reassociating(self)
            }
            (Stage::Search, Ok(Done::Volumes(volumes))) => {
                self.aside |= volumes.iter().any(|volume| t.me.alone_keeps(volume));
                let others = volumes.into_iter().filter(|volume| volume.id != self.target);
                ensure::remember_held(t, others.collect());
                self.part(t)
            }
            (Stage::Holder(holder), Ok(Done::Machine(machine))) => {
                if machine.state.is_going() {
                    return self.to(Stage::Leave);
                }
                let owner = name::owner(&t.policy.metadata_prefix, &t.me.identity.sandbox, machine.config.as_ref());
                self.holder_seen(t, holder, &owner)
            }
            (Stage::Remove, Ok(Done::Accepted)) => self.machine_removed(t),
            (Stage::Remove, Err(fault)) if fault.is_absent() => self.machine_removed(t),
            (_, Err(fault)) if fault.is_transient() && !t.tried_enough() => {
                t.back_off();
                Phase::Reassociating(self)
            }
            (_, Err(fault)) => {
                self.end(t, Err((Code::Unavailable, format!("The provider could not be asked: {fault}."))))
            }
            (_, Ok(_)) => self.end(t, Err((Code::Unavailable, "The provider's answer made no sense.".into()))),
        }
    }

    fn target_seen(mut self: Box<Self>, t: &mut Turn<'_>, volume: &Volume) -> Phase {
        if volume.state.is_dead() || volume.state == VolumeState::WaitingForDetach {
            let message = format!("Volume {} is in state {} and cannot be used.", volume.id, volume.state);
            return self.end(t, Err((Code::VolumeUnusable, message)));
        }
        let named = name::our_volumes(&t.policy.metadata_prefix, &t.me.identity);
        let by_name = named.is_ok_and(|filter| filter.admits(&volume.name));
        let by_record = t.me.holdings.holds_volume(&volume.id) || t.me.previous_volume.as_ref() == Some(&volume.id);
        if !by_name && !by_record {
            let message = format!("Volume {} is not this instance's, by its name or by the record.", volume.id);
            return self.end(t, Err((Code::ForeignVolume, message)));
        }
        t.progress();
        self.region.clone_from(&volume.region);
        match &volume.attached_machine {
            Some(holder) if !t.me.uses_machine(holder) => self.to(Stage::Holder(holder.clone())),
            Some(_) | None => self.to(Stage::Leave),
        }
    }

    fn holder_seen(self: Box<Self>, t: &mut Turn<'_>, holder: MachineId, owner: &Owner) -> Phase {
        match owner {
            Owner::Ours => {
                t.me.dispose(Thing::Machine(holder), Cause::Replaced, t.now);
                t.keep();
                self.to(Stage::Leave)
            }
            Owner::Hidden => {
                let message = format!("Whose machine {holder} is, which holds the volume, cannot be seen.");
                self.end(t, Err((Code::Unavailable, message)))
            }
            Owner::Foreign(found) => self.refused(t, &holder, found.as_deref()),
            Owner::Unlabelled => self.refused(t, &holder, None),
        }
    }

    fn refused(self, t: &mut Turn<'_>, holder: &MachineId, found: Option<&str>) -> Phase {
        let found = found.unwrap_or("unknown");
        let message = format!("Machine {holder} of sandbox {found} holds the volume.");
        self.end(t, Err((Code::ForeignHolder, message)))
    }

    /// Our machine goes, unless a volume would go with it.
    fn part(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        if !self.aside {
            return self.to(Stage::Remove);
        }
        t.me.keep_aside();
        self.swap(t)
    }

    fn machine_removed(self, t: &mut Turn<'_>) -> Phase {
        if let Some(machine) = t.me.machine.take() {
            let due = t.now.plus(t.policy.disposal_backoff_ms.first().copied().unwrap_or_default());
            t.me.dispose(Thing::Machine(machine.id), Cause::Replaced, due);
        }
        self.swap(t)
    }

    fn swap(self, t: &mut Turn<'_>) -> Phase {
        let target = self.target.clone();
        let was_missing = t.me.missing.is_some();
        let old = t.me.take_volume(target.clone());
        if let Some(old) = old.clone() {
            let until = t.now.plus(t.policy.retention_ms);
            t.me.dispose(Thing::Volume(old), Cause::Kept, until);
        }
        t.me.given_data = true;
        t.me.previous_volume = old.or(t.me.previous_volume.take());
        t.me.region = self.region.clone().or(t.me.region.take());
        if was_missing {
            t.me.errors.start = None;
            t.me.retain_anew(t.now.plus(t.policy.retention_ms));
        }
        let note = Note::log(Action::ReassociateVolume)
            .detail("volume", target.as_str())
            .detail("old_volume", t.me.previous_volume.as_ref().map(VolumeId::as_str))
            .detail("admin_reason", self.reason.as_str());
        t.emit(note);
        self.end(t, Ok(Answer::Reassociated(target)))
    }

    /// The instance is destroyed instead.
    pub(crate) fn abandon(self, t: &mut Turn<'_>) {
        let message = "The instance is being destroyed.".into();
        t.reply(self.request, Err(Rejection { code: Code::Destroying, status: Some(Status::Destroying), message }));
    }

    fn end(self, t: &mut Turn<'_>, end: Result<Answer, (Code, String)>) -> Phase {
        let rejection = |(code, message)| Rejection { code, status: Some(Status::Stopped), message };
        t.reply(self.request, end.map_err(rejection));
        t.settle(Watched::Stopped)
    }
}
