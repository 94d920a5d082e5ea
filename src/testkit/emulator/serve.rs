//! What is asked of the world, and how its answer looks.

use super::http::Answer;
use super::ids::hex;
use super::show::instance_id;
use super::work::{Wanted, Work};
use super::{Emulator, history::History};
use crate::call::{Done, MachineUpdate, NewMachine, NewVolume};
use crate::id::{MachineId, VolumeId};
use crate::observe::{MachineState, SnapshotStatus};
use crate::testkit::request::Request;
use crate::testkit::world::{SimMachine, Wire, WorldChange};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use serde_json::{Value, json};

impl Emulator {
    /// Does it, now, and answers truly.
    pub(super) fn perform(&mut self, seq: u64, app: &str, work: &Work) -> Answer {
        let answer = match work {
            Work::App => self.app_json(app),
            Work::Ask(request) => self.ask_world(app, request),
            Work::Make(new, config) => self.make(app, new, config),
            Work::Configure(update, config, expected) => self.configure(app, update, config, expected.as_deref()),
            Work::Destroy(machine, force) => self.destroy(app, machine, *force),
            Work::List(wanted) => self.list(app, wanted),
            Work::ListVolumes => self.list_volumes(app),
            // What becomes of a wait is not known at once; a look at the machine is what there is.
            Work::Wait(wait) => self.ask_world(app, &Request::GetMachine(wait.machine.clone())),
            Work::Events(machine, limit) => self.events(app, machine, *limit),
            Work::MakeVolume(new, options) => self.make_volume(app, new, options),
            Work::TakeSnapshot(volume) => self.take_snapshot(app, volume),
        };
        if (200..=299).contains(&answer.status) {
            self.calls.done(seq);
        }
        answer
    }

    fn wire(&mut self, app: &str, request: &Request) -> Result<Done, Answer> {
        let now = self.world.now();
        match self.world.wire(Some(app), request, now, None) {
            Wire::Success { status: _, done } => Ok(done),
            Wire::Refusal { status, body } => Err(Answer::verbatim(status, body)),
            // Only waits and probes go on, and only strikes silence; neither is asked for here.
            Wire::Unfinished | Wire::Nothing => Err(Answer::error(500, "internal: no answer")),
        }
    }

    fn ask_world(&mut self, app: &str, request: &Request) -> Answer {
        let before = request.machine().and_then(|id| self.world.machine(id.as_str())).map(|known| known.state.clone());
        let done = match self.wire(app, request) {
            Ok(done) => done,
            Err(refusal) => return refusal,
        };
        let body = match (&done, request) {
            (Done::Machine(machine), _) => self.machine_json(machine.id.as_str()),
            (Done::Volume(volume), _) => self.volume_json(volume.id.as_str()),
            (Done::Snapshots(_), Request::ListSnapshots(volume)) => {
                let all = self.world.snapshots(volume.as_str()).iter();
                Value::Array(all.map(|snapshot| self.snapshot_json(snapshot)).collect())
            }
            (_, Request::StartMachine(_)) => json!({ "previous_state": before, "migrated": false, "new_host": "" }),
            (_, Request::DeleteVolume(volume)) => self.volume_json(volume.as_str()),
            _ => json!({ "ok": true }),
        };
        Answer::json(200, &body)
    }

    fn make(&mut self, app: &str, new: &NewMachine, config: &Value) -> Answer {
        match self.wire(app, &Request::CreateMachine(Box::new(new.clone()))) {
            Ok(Done::MachineCreated { machine, region: _ }) => {
                self.configs.insert(machine.as_str().into(), config.clone());
                self.noted();
                Answer::json(200, &self.machine_json(machine.as_str()))
            }
            Ok(_) => Answer::error(500, "internal: no machine"),
            Err(refusal) => refusal,
        }
    }

    fn configure(&mut self, app: &str, update: &MachineUpdate, config: &Value, expected: Option<&str>) -> Answer {
        let id = update.machine.as_str();
        if let Err(refusal) = self.wire(app, &Request::GetMachine(update.machine.clone())) {
            return refusal;
        }
        let current = self.world.machine(id).map(|machine| instance_id(id, machine));
        if expected.is_some() && expected != current.as_deref() {
            return Answer::error(412, "failed_precondition: machine version does not match current_version");
        }
        match self.wire(app, &Request::UpdateMachine(Box::new(update.clone()))) {
            Ok(_) => {
                self.configs.insert(id.into(), config.clone());
                self.noted();
                Answer::json(200, &self.machine_json(id))
            }
            Err(refusal) => refusal,
        }
    }

    fn destroy(&mut self, app: &str, machine: &MachineId, force: bool) -> Answer {
        let idle = [
            MachineState::Created,
            MachineState::Stopped,
            MachineState::Suspended,
            MachineState::Failed,
            MachineState::Destroying,
            MachineState::Destroyed,
        ];
        let running = self.world.machine(machine.as_str()).filter(|known| !idle.contains(&known.state));
        let state = running.map(|known| known.state.clone()).filter(|_| !force);
        if let Some(state) = state
            && self.wire(app, &Request::GetMachine(machine.clone())).is_ok()
        {
            let text = format!("failed_precondition: unable to destroy machine from current state: '{state}'");
            return Answer::error(412, text);
        }
        self.ask_world(app, &Request::DestroyMachine(machine.clone()))
    }

    fn is_of(&self, app: &str, of: Option<&String>) -> bool {
        of.is_none_or(|of| of == app)
    }

    fn list(&self, app: &str, wanted: &Wanted) -> Answer {
        let fits = |machine: &SimMachine| {
            let there = if wanted.deleted { !machine.gone } else { machine.is_live() };
            there
                && self.world.is_visible(machine.created_at)
                && self.is_of(app, machine.app.as_ref())
                && wanted.labels.iter().all(|(key, value)| machine.metadata.get(key) == Some(value))
                && (wanted.states.is_empty() || wanted.states.iter().any(|state| state == machine.state.as_str()))
                && (wanted.region.is_none() || wanted.region == machine.region)
        };
        let listed = self.world.machines().filter(|(_, machine)| fits(machine));
        let shown = |id: &String| if wanted.summary { self.machine_in_short(id) } else { self.machine_json(id) };
        Answer::json(200, &Value::Array(listed.map(|(id, _)| shown(id)).collect()))
    }

    fn list_volumes(&self, app: &str) -> Answer {
        let listed = self.world.volumes().filter(|(_, volume)| {
            !volume.gone && self.world.is_visible(volume.created_at) && self.is_of(app, volume.app.as_ref())
        });
        Answer::json(200, &Value::Array(listed.map(|(id, _)| self.volume_json(id)).collect()))
    }

    fn events(&mut self, app: &str, machine: &MachineId, limit: usize) -> Answer {
        match self.wire(app, &Request::GetMachine(machine.clone())) {
            Ok(_) => {
                let newest = |history: &History| history.newest(limit);
                Answer::json(200, &Value::Array(self.history(machine.as_str()).map(newest).unwrap_or_default()))
            }
            Err(refusal) => refusal,
        }
    }

    fn make_volume(&mut self, app: &str, new: &NewVolume, options: &Value) -> Answer {
        match self.wire(app, &Request::CreateVolume(Box::new(new.clone()))) {
            Ok(Done::VolumeCreated { volume, region: _, state: _ }) => {
                self.volume_options.insert(volume.as_str().into(), options.clone());
                Answer::json(200, &self.volume_json(volume.as_str()))
            }
            Ok(_) => Answer::error(500, "internal: no volume"),
            Err(refusal) => refusal,
        }
    }

    fn take_snapshot(&mut self, app: &str, volume: &VolumeId) -> Answer {
        if let Err(refusal) = self.wire(app, &Request::GetVolume(volume.clone())) {
            return refusal;
        }
        let (volume, id) = (volume.as_str().into(), self.ids.snapshot());
        if self.world.change(&WorldChange::Snapshot { volume, id, status: SnapshotStatus::Created }) {
            Answer::text(200, "application/json; charset=utf-8", "")
        } else {
            Answer::error(408, "deadline_exceeded: the host did not answer in time")
        }
    }

    fn app_json(&self, app: &str) -> Answer {
        let machines = self.world.live_machines().filter(|(_, machine)| self.is_of(app, machine.app.as_ref()));
        let volumes = self.world.live_volumes().filter(|(_, volume)| self.is_of(app, volume.app.as_ref()));
        let id: String = hex(app, 16);
        let body = json!({
            "id": id, "name": app, "status": "deployed", "network": "default",
            "machine_count": machines.count(), "volume_count": volumes.count(),
            "organization": { "name": "Personal", "slug": "personal" },
        });
        Answer::json(200, &body)
    }
}
