//! Making a volume: one intent, one name, several regions.
//!
//! *Decides* where to ask next, and after a lost answer whether the volume exists (T5, R4, V1, G3, X5).
//!
//! *Guarantees*: no second create under the intent before a look-up has shown nothing; what may yet turn up under the name is handed to
//! the disposal list; a region without room is reported and not asked again.

use super::holdings::{Cause, Thing};
use super::turn::Turn;
use crate::call::{Call, Content, Done, NewVolume, VolumeFilter};
use crate::fault::{Fault, FaultKind};
use crate::id::{Region, ResourceName, VolumeId};
use crate::observe::{Volume, VolumeState};
use crate::random::Random;
use crate::time::Timestamp;
use crate::{name, region};
use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A volume that is to be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Placement {
    name: ResourceName,
    content: Content,
    /// Not yet asked; the first is next.
    regions: Vec<Region>,
    /// The last create was lost and has to be looked for first.
    look: bool,
    /// When a create was made whose answer never came.
    lost_at: Option<Timestamp>,
    /// Another create was made after that, so that finding one does not rule out a second.
    again: bool,
}

/// A volume that was made or found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Placed {
    pub(crate) volume: VolumeId,
    pub(crate) region: Option<Region>,
    pub(crate) state: VolumeState,
    /// Regions not asked, for another try.
    pub(crate) regions_left: Vec<Region>,
}

/// How a placement goes on.
pub(crate) enum Placing {
    /// Ask again at once.
    Next(Placement),
    /// Ask again later.
    Later(Placement),
    /// There it is.
    Done(Placed),
    /// No region could take it.
    NoRoom(Fault),
    /// It cannot be made.
    Refused(Fault),
}

impl Placement {
    /// A volume with `content` in one of the instance's regions, the one that just `failed` last.
    ///
    /// `None` when there is no region to ask.
    pub(crate) fn new(t: &mut Turn<'_>, content: Content, failed: Option<&Region>) -> Result<Self, Fault> {
        let regions = Self::regions(t, failed);
        Self::among(t, content, regions)
    }

    /// The regions in the order in which to ask them, the one that just `failed` last (G1, G2).
    pub(crate) fn regions(t: &mut Turn<'_>, failed: Option<&Region>) -> Vec<Region> {
        let draw = t.me.number();
        let wanted = t.me.spec.regions.clone().unwrap_or_else(|| t.policy.regions().to_vec());
        let ordered = region::order(&wanted, &mut Random::of(t.me.seed, draw));
        region::distinct(region::deprioritise(ordered, failed))
    }

    /// The same over just these regions.
    pub(crate) fn among(t: &mut Turn<'_>, content: Content, regions: Vec<Region>) -> Result<Self, Fault> {
        let number = t.me.number();
        let name = name::volume(&t.policy.metadata_prefix, &t.me.identity.sandbox, number)?;
        Ok(Self { name, content, regions, look: false, lost_at: None, again: false })
    }

    pub(crate) fn name(&self) -> &ResourceName {
        &self.name
    }

    pub(crate) fn call(&self, t: &Turn<'_>) -> Option<Call> {
        if self.look {
            return Some(Call::ListVolumes(VolumeFilter::Named(self.name.clone())));
        }
        Some(Call::CreateVolume(Box::new(NewVolume {
            name: self.name.clone(),
            region: self.regions.first()?.clone(),
            guest: t.me.spec.guest.unwrap_or(t.policy.guest),
            content: self.content.clone(),
        })))
    }

    pub(crate) fn on(self, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Placing {
        if self.look { self.looked(t, result) } else { self.created(t, result) }
    }

    fn created(mut self, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Placing {
        let fault = match result {
            Ok(Done::VolumeCreated { volume, region, state }) => return self.done(t, volume, region, state),
            Ok(_) => Fault::lost(),
            Err(fault) => fault,
        };
        match fault.kind {
            FaultKind::NoCapacity(class) => {
                if !self.regions.is_empty() {
                    t.evict(self.regions.remove(0), class);
                }
                if self.regions.is_empty() {
                    self.abandon(t);
                    return Placing::NoRoom(fault);
                }
                Placing::Next(self)
            }
            FaultKind::Unknown => {
                self.look = true;
                self.again = self.lost_at.replace(t.now).is_some();
                Placing::Later(self)
            }
            FaultKind::Busy | FaultKind::RateLimited | FaultKind::Unauthorized | FaultKind::Conflict(_) => {
                Placing::Later(self)
            }
            FaultKind::Absent | FaultKind::MissingVolume | FaultKind::Refused => {
                self.abandon(t);
                Placing::Refused(fault)
            }
        }
    }

    fn looked(mut self, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Placing {
        let Ok(Done::Volumes(volumes)) = result else { return Placing::Later(self) };
        let found: Vec<Volume> = volumes
            .into_iter()
            .filter(|volume| volume.name == self.name.as_str() && !volume.state.is_dead())
            .filter(|volume| !t.me.knows_volume(&volume.id))
            .collect();
        let mut found = found.into_iter();
        let Some(Volume { id, region, state, .. }) = found.next() else {
            self.look = false;
            return Placing::Next(self);
        };
        for twin in found {
            t.me.dispose(Thing::Volume(twin.id), Cause::LateCreate, t.now);
        }
        if !self.again {
            self.lost_at = None;
        }
        self.done(t, id, region, state)
    }

    fn done(self, t: &mut Turn<'_>, volume: VolumeId, region: Option<Region>, state: VolumeState) -> Placing {
        let asked = self.regions.first().filter(|region| !region.is_meta()).cloned();
        let regions_left = self.regions.get(1..).unwrap_or_default().to_vec();
        self.abandon(t);
        t.progress();
        t.keep();
        Placing::Done(Placed { volume, region: region.or(asked), state, regions_left })
    }

    /// The intent ends. What a create that is lost, or still in flight, may yet bring is looked for after the life of a call.
    pub(crate) fn abandon(self, t: &mut Turn<'_>) {
        let in_flight = t.me.in_flight.as_ref().filter(|call| call.creates(&self.name)).map(|_| t.now);
        if let Some(lost_at) = in_flight.or(self.lost_at) {
            watch_for(t, Thing::VolumeNamed(self.name), lost_at);
        }
    }
}

/// Puts a name on the disposal list under which something may turn up until a call made at `lost_at` has died, and what it made in its
/// last moment can be seen.
pub(super) fn watch_for(t: &mut Turn<'_>, thing: Thing, lost_at: Timestamp) {
    let due = lost_at.plus(t.policy.call_deadline_ms).plus(t.policy.new_machine_grace_ms).plus(1);
    t.me.dispose(thing, Cause::LateCreate, due);
}
