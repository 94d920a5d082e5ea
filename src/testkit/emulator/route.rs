//! Which paths are served.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A place of the Machines API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    App,
    ListMachines,
    CreateMachine,
    GetMachine(String),
    UpdateMachine(String),
    DestroyMachine(String),
    StartMachine(String),
    StopMachine(String),
    WaitMachine(String),
    ListEvents(String),
    ListVolumes,
    CreateVolume,
    GetVolume(String),
    DeleteVolume(String),
    ListSnapshots(String),
    TakeSnapshot(String),
}

/// The app of a path, and what of it is asked for. `None` is no place of the API.
pub(super) fn route(method: &str, path: &str) -> Option<(String, Route)> {
    let parts: Vec<&str> = path.strip_prefix("/v1/apps/")?.split('/').collect();
    let (app, rest) = parts.split_first()?;
    if app.is_empty() || rest.iter().any(|part| part.is_empty()) {
        return None;
    }
    let id = |id: &&str| (*id).to_string();
    let route = match (method, rest) {
        ("GET", []) => Route::App,
        ("GET", ["machines"]) => Route::ListMachines,
        ("POST", ["machines"]) => Route::CreateMachine,
        ("GET", ["machines", machine]) => Route::GetMachine(id(machine)),
        ("POST", ["machines", machine]) => Route::UpdateMachine(id(machine)),
        ("DELETE", ["machines", machine]) => Route::DestroyMachine(id(machine)),
        ("POST", ["machines", machine, "start"]) => Route::StartMachine(id(machine)),
        ("POST", ["machines", machine, "stop"]) => Route::StopMachine(id(machine)),
        ("GET", ["machines", machine, "wait"]) => Route::WaitMachine(id(machine)),
        ("GET", ["machines", machine, "events"]) => Route::ListEvents(id(machine)),
        ("GET", ["volumes"]) => Route::ListVolumes,
        ("POST", ["volumes"]) => Route::CreateVolume,
        ("GET", ["volumes", volume]) => Route::GetVolume(id(volume)),
        ("DELETE", ["volumes", volume]) => Route::DeleteVolume(id(volume)),
        ("GET", ["volumes", volume, "snapshots"]) => Route::ListSnapshots(id(volume)),
        ("POST", ["volumes", volume, "snapshots"]) => Route::TakeSnapshot(id(volume)),
        _ => return None,
    };
    Some(((*app).to_string(), route))
}

impl Route {
    /// The machine or volume that it names.
    pub(super) fn thing(&self) -> Option<&str> {
        match self {
            Self::App | Self::ListMachines | Self::CreateMachine | Self::ListVolumes | Self::CreateVolume => None,
            Self::GetMachine(id)
            | Self::UpdateMachine(id)
            | Self::DestroyMachine(id)
            | Self::StartMachine(id)
            | Self::StopMachine(id)
            | Self::WaitMachine(id)
            | Self::ListEvents(id)
            | Self::GetVolume(id)
            | Self::DeleteVolume(id)
            | Self::ListSnapshots(id)
            | Self::TakeSnapshot(id) => Some(id),
        }
    }

    /// What is counted as the same.
    pub(super) fn action(&self) -> &'static str {
        match self {
            Self::App => "get app",
            Self::ListMachines => "list machines",
            Self::CreateMachine => "create machine",
            Self::GetMachine(_) => "get machine",
            Self::UpdateMachine(_) => "update machine",
            Self::DestroyMachine(_) => "destroy machine",
            Self::StartMachine(_) => "start machine",
            Self::StopMachine(_) => "stop machine",
            Self::WaitMachine(_) => "wait",
            Self::ListEvents(_) => "list events",
            Self::ListVolumes => "list volumes",
            Self::CreateVolume => "create volume",
            Self::GetVolume(_) => "get volume",
            Self::DeleteVolume(_) => "delete volume",
            Self::ListSnapshots(_) => "list snapshots",
            Self::TakeSnapshot(_) => "take snapshot",
        }
    }

    /// Whether it changes something.
    pub(super) fn mutates(&self) -> bool {
        match self {
            Self::App
            | Self::ListMachines
            | Self::GetMachine(_)
            | Self::WaitMachine(_)
            | Self::ListEvents(_)
            | Self::ListVolumes
            | Self::GetVolume(_)
            | Self::ListSnapshots(_) => false,
            Self::CreateMachine
            | Self::UpdateMachine(_)
            | Self::DestroyMachine(_)
            | Self::StartMachine(_)
            | Self::StopMachine(_)
            | Self::CreateVolume
            | Self::DeleteVolume(_)
            | Self::TakeSnapshot(_) => true,
        }
    }

    /// Whether it brings a list of things.
    pub(super) fn is_list(&self) -> bool {
        [Self::ListMachines, Self::ListVolumes].contains(self) || matches!(self, Self::ListSnapshots(_))
    }
}
