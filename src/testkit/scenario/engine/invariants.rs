//! What must hold in every run, whatever a file expects.

use super::{Engine, called};
use crate::call::Operation;
use crate::driver::{Applied, Decision};
use crate::observe::MachineState;
use crate::persist;
use crate::status::Status;
use crate::step::{Alarm, Effect, Why};
use crate::testkit::request::Request;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

impl Engine<'_> {
    /// What must hold of a step before it is committed.
    pub(super) fn inspect(&mut self, decision: &Decision) {
        let now = self.now();
        let step = decision.step();
        let alarms: Vec<Alarm> = step.effects.iter().filter_map(scheduled).collect();
        match (&step.next, alarms.as_slice()) {
            (Some(instance), _) if instance.alarm().at < now && step.needs_commit() => {
                self.violated("alarm: the record's alarm lies in the past");
            }
            (Some(instance), [alarm]) if *alarm != (Alarm { at: instance.alarm().at.max(now), ..instance.alarm() }) => {
                self.violated("alarm: the one scheduled is not the one of the record");
            }
            (Some(_), []) if step.needs_commit() => self.violated("alarm: a step of a live instance schedules none"),
            (_, [_, _, ..]) => self.violated("alarm: a step schedules two"),
            (None, [_]) => self.violated("alarm: one without an instance"),
            (Some(_), _) | (None, []) => {}
        }
        let Some(instance) = step.next.as_ref().filter(|_| step.needs_commit()) else { return };
        let again = persist::encode(instance).ok().and_then(|record| persist::decode(&record).ok());
        if again.as_ref() != Some(instance) {
            self.violated("record: what is stored does not bring the same instance back");
        }
        let calls = step.effects.iter().filter_map(called);
        for request in calls.map(|operation| Request::from(&operation.call)) {
            let Request::DeleteVolume(volume) = &request else { continue };
            if instance.uses_volume(volume) && instance.status() != Status::Destroying {
                self.violated(format!("data: the volume {volume} is in use and is to be deleted"));
            }
            let reader = self.sim.with(|world| world.reader(volume.as_str()).cloned());
            if let Some(reader) = reader.filter(|_| instance.status() != Status::Destroying) {
                self.violated(format!("data: {reader} still reads from the volume {volume}, which is to be deleted"));
            }
        }
    }

    /// What must hold of the store after a step.
    pub(super) fn inspect_committed(&mut self, applied: &Applied) {
        let has_record = self.store.record(&self.scenario.sandbox).is_some();
        if has_record != self.alarm().is_some() {
            self.violated("alarm: a stored record without one, or one without a record");
        }
        if applied.alarm.is_some_and(|alarm| alarm.why == Why::CallDeadline) && applied.pending.is_none() {
            self.violated("alarm: it waits for a call that nobody makes");
        }
        let started = self.sim.with(|world| {
            let mut writers: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for (id, machine) in world.machines() {
                let runs = machine.true_state() == MachineState::Started;
                let ours = self.defaults.owns(&machine.metadata);
                for volume in machine.mounts.iter().filter(|_| runs && ours) {
                    writers.entry(volume.clone()).or_default().push(id.clone());
                }
            }
            writers
        });
        for (volume, machines) in started.into_iter().filter(|(_, machines)| machines.len() > 1) {
            self.violated(format!("writers: {volume} is mounted by {}", machines.join(" and ")));
        }
    }

    /// A call that changes the world leaves only after the commit that knows of it.
    pub(super) fn inspect_call(&mut self, operation: &Operation, held: bool) {
        if !operation.id.kind.mutates() {
            return;
        }
        let known = self.stored().and_then(|instance| instance.in_flight());
        if held || known != Some(operation.id) {
            self.violated(format!("commit: {} leaves before the commit that knows of it", operation.id));
        }
    }
}

fn scheduled(effect: &Effect) -> Option<Alarm> {
    if let Effect::ScheduleAlarm(alarm) = effect { Some(*alarm) } else { None }
}
