//! What two runs of a scenario have to agree on in the end.
//!
//! *Guarantees*: what a run makes is called by what it was made from, so that ids, names, regions, times and numbers of operations, which
//! may differ between two runs, tell nothing apart; everything else that the instance owns, promises or has running is told.

use crate::call::CallKind;
use crate::id::{MachineId, VolumeId};
use crate::instance::{AdminView, Instance, ThingView};
use crate::testkit::world::World;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde_json::{Map, Value};

/// An instance and what is live at Fly, in words, without what may differ between two runs that end alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection {
    /// The status, and what the instance stands on.
    standing: Vec<String>,
    /// Everything else, the same fact as often as it is true.
    rest: Vec<String>,
}

impl Projection {
    pub(super) fn of(instance: Option<&Instance>, world: &World) -> Self {
        let origins = Origins::of(world);
        let Some(instance) = instance else {
            return Self { standing: Vec::from(["no record".to_string()]), rest: live(world, &origins) };
        };
        let view = instance.admin_view();
        let mut rest = promised(&view, &origins);
        rest.sort();
        rest.extend(live(world, &origins));
        Self { standing: standing(instance, &view, &origins), rest }
    }

    /// Whether two instances have the same status, machine and volume, whatever else there may be.
    pub(super) fn stands_like(&self, other: &Self) -> bool {
        self.standing == other.standing
    }
}

impl fmt::Display for Projection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} | {}", self.standing.join("; "), self.rest.join("; "))
    }
}

/// What is live, was made in this run, and is not in the record.
pub(super) fn leaks(instance: Option<&Instance>, world: &World) -> Vec<String> {
    let origins = Origins::of(world);
    let knows_volume =
        |id: &str| instance.is_some_and(|instance| VolumeId::new(id).is_ok_and(|id| instance.knows_volume(&id)));
    let knows_machine =
        |id: &str| instance.is_some_and(|instance| MachineId::new(id).is_ok_and(|id| instance.knows_machine(&id)));
    let volumes = world.volumes().filter(|(id, volume)| {
        !volume.true_state().is_dead() && origins.made_volume(&volume.name) && !knows_volume(id)
    });
    let machines = world
        .machines()
        .filter(|(id, machine)| machine.is_live() && origins.made_machine(&machine.name) && !knows_machine(id));
    let volumes = volumes.map(|(id, _)| format!("leak: the volume {id}, {}", origins.volume(id)));
    volumes.chain(machines.map(|(id, _)| format!("leak: the machine {id}, {}", origins.machine(id)))).collect()
}

fn standing(instance: &Instance, view: &AdminView, origins: &Origins<'_>) -> Vec<String> {
    let volumes = [
        ("data volume", &view.volume),
        ("pending volume", &view.pending_volume),
        ("previous volume", &view.previous_volume),
    ];
    let machines = [("machine", &view.machine), ("replacement", &view.recovery.replacement_machine)];
    let volumes = volumes.into_iter().filter_map(|(role, id)| Some((role, origins.volume(id.as_ref()?.as_str()))));
    let machines = machines.into_iter().filter_map(|(role, id)| Some((role, origins.machine(id.as_ref()?.as_str()))));
    let status = ("status", instance.status().to_string());
    [status].into_iter().chain(volumes).chain(machines).map(|(role, what)| format!("{role} {what}")).collect()
}

/// What else the record says.
fn promised(view: &AdminView, origins: &Origins<'_>) -> Vec<String> {
    let marks = [
        ("data missing", view.missing.is_some()),
        ("loss accepted", view.loss_accepted),
        ("has started", view.last_started_at.is_some()),
    ];
    let holding = marks.into_iter().filter(|(_, holds)| *holds).map(|(mark, _)| mark.to_string());
    let mut facts: Vec<String> = holding.collect();
    facts.push(format!("wanted {:?}", view.spec));
    facts.extend(view.errors.iter().map(|error| format!("error {:?}", error.kind)));
    facts.extend(view.strays.iter().map(|id| format!("stray {}", origins.machine(id.as_str()))));
    facts.extend(view.retained.iter().map(|entry| {
        format!("retained {} {:?}{}", origins.volume(entry.volume.as_str()), entry.cause, given_up(entry.abandoned))
    }));
    facts.extend(view.disposal.iter().map(|entry| {
        let thing = match &entry.thing {
            ThingView::Machine(id) => origins.machine(id.as_str()),
            ThingView::Volume(id) => origins.volume(id.as_str()),
            ThingView::MachineNamed(name) => format!("whatever is called {}", origins.machine_named(name.as_str())),
            ThingView::VolumeNamed(name) => format!("whatever is called {}", origins.volume_named(name.as_str())),
        };
        format!("to remove {thing} {:?}{}", entry.cause, given_up(entry.abandoned))
    }));
    facts
}

fn given_up(abandoned: bool) -> &'static str {
    if abandoned { ", given up" } else { "" }
}

/// What is there, whoever it belongs to.
fn live(world: &World, origins: &Origins<'_>) -> Vec<String> {
    let machines = world.machines().filter(|(_, machine)| machine.is_live()).map(|(id, machine)| {
        let mounts: Vec<String> = machine.mounts.iter().map(|volume| origins.volume(volume)).collect();
        format!("live {} {} with {}", machine.state, origins.machine(id), mounts.join(" and "))
    });
    let volumes = world.volumes().filter(|(_, volume)| !volume.true_state().is_dead());
    let volumes = volumes.map(|(id, volume)| format!("live {} {}", volume.state, origins.volume(id)));
    let mut facts: Vec<String> = machines.chain(volumes).collect();
    facts.sort();
    facts
}

/// What the creates of a run asked for, by the names they asked for.
struct Origins<'a> {
    world: &'a World,
    machines: BTreeMap<&'a str, &'a Map<String, Value>>,
    volumes: BTreeMap<&'a str, &'a Map<String, Value>>,
}

impl<'a> Origins<'a> {
    fn of(world: &'a World) -> Self {
        let named = |kind: CallKind| {
            let calls = world.calls().iter().filter(move |call| call.call == kind);
            calls.filter_map(|call| Some((call.args.get("name")?.as_str()?, &call.args))).collect()
        };
        Self { world, machines: named(CallKind::CreateMachine), volumes: named(CallKind::CreateVolume) }
    }

    fn made_machine(&self, name: &str) -> bool {
        self.machines.contains_key(name)
    }

    fn made_volume(&self, name: &str) -> bool {
        self.volumes.contains_key(name)
    }

    /// The id of a machine that the run did not make; what the others were made for.
    fn machine(&self, id: &str) -> String {
        let name = self.world.machine(id).map(|machine| machine.name.as_str());
        name.filter(|name| self.made_machine(name)).map_or_else(|| id.to_string(), |name| self.machine_named(name))
    }

    fn machine_named(&self, name: &str) -> String {
        let args = self.machines.get(name);
        let volume = args.and_then(|args| args.get("mounts")?.as_array()?.first()?.as_str());
        volume.map_or_else(|| name.to_string(), |volume| format!("a machine for ({})", self.volume(volume)))
    }

    /// The id of a volume that the run did not make; what the others were made from.
    fn volume(&self, id: &str) -> String {
        let name = self.world.volume(id).map(|volume| volume.name.as_str());
        name.filter(|name| self.made_volume(name)).map_or_else(|| id.to_string(), |name| self.volume_named(name))
    }

    /// A volume is made after the one it copies, so this comes to an end.
    fn volume_named(&self, name: &str) -> String {
        let Some(args) = self.volumes.get(name) else { return name.to_string() };
        let text = |member: &str| args.get(member).and_then(Value::as_str);
        match (text("source_volume"), text("snapshot")) {
            (Some(source), _) => format!("a fork of ({})", self.volume(source)),
            (None, Some(snapshot)) => format!("a volume from the snapshot {snapshot}"),
            (None, None) => "an empty volume".to_string(),
        }
    }
}
