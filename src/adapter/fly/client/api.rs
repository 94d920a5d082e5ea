//! The client of the Machines API.
//!
//! *Decides* which request each call is. What goes wrong on the way is the business of `line`, what comes back is that of `read`.

use super::config::{ConfigError, FlyConfig};
use super::line::{Ask, Line};
use super::template::{Draft, MachineSettings, MachineTemplate, PrepareError};
use super::{read, wait, write};
use crate::call::{CallKind, MachineUpdate, NewMachine, NewVolume, VolumeFilter, WaitFor};
use crate::fault::{Fault, FaultKind};
use crate::id::{AppName, Identity, MachineId, MachineVersion, ResourceName, VolumeId};
use crate::observe::{Machine, MachineState, Snapshot, Volume};
use crate::port::{CreatedMachine, CreatedVolume, Provider};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::fmt;
use core::time::Duration;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

struct Inside<T> {
    line: Line,
    base: Url,
    config: FlyConfig,
    template: T,
}

/// A client of Fly's Machines API, which is the [`Provider`] of a host. Clones share connections and rate limits. Runs on tokio.
///
/// Faults are classed by [`answer::classify`](super::super::answer::classify), and their messages end with Fly's name for the request. Calls are
/// reported through `tracing` under the target `kiloclaw::fly`, at debug: call, app, machine or volume, attempt, status, request id and
/// milliseconds; never bodies or tokens.
pub struct FlyApi<T> {
    inside: Arc<Inside<T>>,
}

impl<T> Clone for FlyApi<T> {
    fn clone(&self) -> Self {
        Self { inside: Arc::clone(&self.inside) }
    }
}

impl<T> fmt::Debug for FlyApi<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlyApi").field("config", &self.inside.config).finish_non_exhaustive()
    }
}

/// Which request a call is.
struct Route<'a, 'p> {
    kind: CallKind,
    thing: Option<&'a str>,
    method: Method,
    /// Below the app.
    path: &'p [&'p str],
    query: Vec<(String, String)>,
}

impl<'a, 'p> Route<'a, 'p> {
    fn new(kind: CallKind, method: Method, thing: Option<&'a str>, path: &'p [&'p str]) -> Self {
        Self { kind, thing, method, path, query: Vec::new() }
    }

    fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_string(), value.to_string()));
        self
    }
}

impl<T: MachineTemplate> FlyApi<T> {
    /// A client. Makes no request yet.
    ///
    /// # Errors
    /// [`ConfigError`] for a configuration that would not work.
    pub fn new(config: FlyConfig, template: T) -> Result<Self, ConfigError> {
        let base = config.checked()?;
        let line = Line::new(&config)?;
        Ok(Self { inside: Arc::new(Inside { line, base, config, template }) })
    }

    fn line(&self) -> &Line {
        &self.inside.line
    }

    /// Looks have less time than changes.
    fn end(&self, kind: CallKind) -> Instant {
        let config = &self.inside.config;
        in_a_while(if kind.mutates() { config.mutation_timeout } else { config.read_timeout })
    }

    fn app<'a>(&'a self, of: &'a Identity) -> Result<&'a AppName, Fault> {
        let app = of.app.as_ref().or(self.inside.config.app.as_ref());
        app.ok_or_else(|| Fault::new(FaultKind::Refused, None, "neither the instance nor the host names an app"))
    }

    fn ask<'a>(&'a self, of: &'a Identity, route: Route<'a, '_>, end: Instant) -> Result<Ask<'a>, Fault> {
        let Route { kind, thing, method, path, query } = route;
        let app = self.app(of)?;
        let mut url = self.inside.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["v1", "apps", app.as_str()]).extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(Ask { kind, app, thing, method, url, body: None, secrets: Vec::new(), end })
    }

    async fn accept(&self, of: &Identity, route: Route<'_, '_>, body: Option<Value>) -> Result<(), Fault> {
        let end = self.end(route.kind);
        let ask = Ask { body, ..self.ask(of, route, end)? };
        let reply = self.line().ask(&ask).await?;
        if !reply.is_success() {
            return Err(self.line().refused(&ask, &reply));
        }
        if [202, 204].contains(&reply.status) && reply.body.trim().is_empty() {
            return Ok(());
        }
        reply.read(|value| read::accepted(value, ask.thing.unwrap_or_default()))
    }

    /// What the host says about a machine, within the time of the call.
    async fn settings(&self, of: &Identity, draft: Draft<'_>, end: Instant) -> Result<MachineSettings, Fault> {
        match timeout_at(end, self.inside.template.settings(of, draft)).await {
            Ok(Ok(settings)) => Ok(settings),
            Ok(Err(error)) => Err(not_asked(&error)),
            Err(_) => Err(Fault::new(FaultKind::Busy, None, "not asked: the host's settings did not come in time")),
        }
    }

    /// Whose the name of a machine is, where the refusal has not said so.
    async fn holder(&self, of: &Identity, name: &ResourceName, end: Instant) -> Option<MachineId> {
        let route = Route::new(CallKind::ListMachines, Method::GET, None, &["machines"]);
        let ask = self.ask(of, route, end).ok()?;
        self.line().bring(&ask, |value| read::holder(value, name)).await.ok().flatten()
    }
}

pub(super) fn in_a_while(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time).unwrap_or(now)
}

/// A host that could not say what is needed for a call, which for that reason is not made.
pub(super) fn not_asked(error: &PrepareError) -> Fault {
    let kind = match error {
        PrepareError::Unavailable(_) => FaultKind::Busy,
        PrepareError::Refused(_) => FaultKind::Refused,
    };
    Fault::new(kind, None, format!("not asked: {error}"))
}

#[async_trait]
impl<T: MachineTemplate> Provider for FlyApi<T> {
    async fn get_machine(&self, of: &Identity, machine: &MachineId) -> Result<Machine, Fault> {
        let (kind, id) = (CallKind::GetMachine, machine.as_str());
        let ask = self.ask(of, Route::new(kind, Method::GET, Some(id), &["machines", id]), self.end(kind))?;
        self.line().bring(&ask, |value| read::machine(value, Some(machine))).await
    }

    async fn list_machines(&self, of: &Identity, metadata: &BTreeMap<String, String>) -> Result<Vec<Machine>, Fault> {
        let kind = CallKind::ListMachines;
        let all = Route::new(kind, Method::GET, None, &["machines"]);
        let route = metadata.iter().fold(all, |route, (key, label)| route.with(&format!("metadata.{key}"), label));
        let ask = self.ask(of, route, self.end(kind))?;
        self.line().bring(&ask, |value| read::machines(value, metadata)).await
    }

    async fn create_machine(&self, of: &Identity, new: &NewMachine) -> Result<CreatedMachine, Fault> {
        let kind = CallKind::CreateMachine;
        let end = self.end(kind);
        let mut ask = self.ask(of, Route::new(kind, Method::POST, None, &["machines"]), end)?;
        let draft = Draft { machine: None, image: new.image.as_ref(), guest: new.guest };
        let settings = self.settings(of, draft, end).await?;
        ask.secrets = settings.secrets();
        ask.body = Some(write::create_machine(new, settings, &self.inside.config.mount_path)?);
        match self.line().bring(&ask, read::created_machine).await {
            Err(fault) if fault.kind == FaultKind::Conflict(None) => {
                let holder = self.holder(of, &new.name, end).await;
                Err(Fault { kind: FaultKind::Conflict(holder), ..fault })
            }
            made => made,
        }
    }

    async fn update_machine(&self, of: &Identity, update: &MachineUpdate) -> Result<(), Fault> {
        let (kind, id) = (CallKind::UpdateMachine, update.machine.as_str());
        let end = self.end(kind);
        let mut ask = self.ask(of, Route::new(kind, Method::POST, Some(id), &["machines", id]), end)?;
        let draft = Draft { machine: Some(&update.machine), image: update.image.as_ref(), guest: update.guest };
        let settings = self.settings(of, draft, end).await?;
        ask.secrets = settings.secrets();
        ask.body = Some(write::update_machine(update, settings, &self.inside.config.mount_path)?);
        self.line().bring(&ask, |value| read::changed(value, id)).await
    }

    async fn start_machine(&self, of: &Identity, machine: &MachineId) -> Result<(), Fault> {
        let id = machine.as_str();
        let path = ["machines", id, "start"];
        self.accept(of, Route::new(CallKind::StartMachine, Method::POST, Some(id), &path), None).await
    }

    /// With the signal and the time that the machine's own configuration names.
    async fn stop_machine(&self, of: &Identity, machine: &MachineId) -> Result<(), Fault> {
        let id = machine.as_str();
        let path = ["machines", id, "stop"];
        self.accept(of, Route::new(CallKind::StopMachine, Method::POST, Some(id), &path), Some(json!({}))).await
    }

    async fn destroy_machine(&self, of: &Identity, machine: &MachineId) -> Result<(), Fault> {
        let id = machine.as_str();
        let path = ["machines", id];
        let route = Route::new(CallKind::DestroyMachine, Method::DELETE, Some(id), &path).with("force", true);
        self.accept(of, route, None).await
    }

    async fn wait_machine<'a>(
        &self,
        of: &Identity,
        machine: &MachineId,
        version: Option<&'a MachineVersion>,
        state: WaitFor,
        timeout_s: u32,
    ) -> Result<MachineState, Fault> {
        let (id, seconds) = (machine.as_str(), timeout_s.clamp(1, 60));
        let end = in_a_while(Duration::from_secs(seconds.into()).saturating_add(self.inside.config.wait_margin));
        let path = ["machines", id, "wait"];
        let route = Route::new(CallKind::WaitMachine, Method::GET, Some(id), &path)
            .with("state", state.state())
            .with("timeout", seconds);
        let route = version.iter().fold(route, |route, version| route.with("version", version));
        let wait = self.ask(of, route, end)?;
        let look = self.ask(of, Route::new(CallKind::GetMachine, Method::GET, Some(id), &["machines", id]), end)?;
        wait::wait(self.line(), &wait, &look, (machine, version), state).await
    }

    async fn get_volume(&self, of: &Identity, volume: &VolumeId) -> Result<Volume, Fault> {
        let (kind, id) = (CallKind::GetVolume, volume.as_str());
        let ask = self.ask(of, Route::new(kind, Method::GET, Some(id), &["volumes", id]), self.end(kind))?;
        self.line().bring(&ask, |value| read::volume(value, Some(volume))).await
    }

    async fn list_volumes(&self, of: &Identity, filter: &VolumeFilter) -> Result<Vec<Volume>, Fault> {
        let kind = CallKind::ListVolumes;
        let ask = self.ask(of, Route::new(kind, Method::GET, None, &["volumes"]), self.end(kind))?;
        self.line().bring(&ask, |value| read::volumes(value, filter)).await
    }

    async fn list_snapshots(&self, of: &Identity, volume: &VolumeId) -> Result<Vec<Snapshot>, Fault> {
        let (kind, id) = (CallKind::ListSnapshots, volume.as_str());
        let path = ["volumes", id, "snapshots"];
        let route = Route::new(kind, Method::GET, Some(id), &path);
        let ask = self.ask(of, route, self.end(kind))?;
        self.line().bring(&ask, read::snapshots).await
    }

    async fn create_volume(&self, of: &Identity, new: &NewVolume) -> Result<CreatedVolume, Fault> {
        let kind = CallKind::CreateVolume;
        let route = Route::new(kind, Method::POST, None, &["volumes"]);
        let body = Some(write::create_volume(new, &self.inside.config));
        let ask = Ask { body, ..self.ask(of, route, self.end(kind))? };
        self.line().bring(&ask, read::created_volume).await
    }

    async fn delete_volume(&self, of: &Identity, volume: &VolumeId) -> Result<(), Fault> {
        let id = volume.as_str();
        self.accept(of, Route::new(CallKind::DeleteVolume, Method::DELETE, Some(id), &["volumes", id]), None).await
    }
}
