//! What a limit is counted by.
//!
//! *Decides* which requests share a limit: those of the same call about the same machine or volume, or, where the call is about none yet or
//! about many, for the same app.

use crate::call::{Call, CallKind, Operation};
use crate::id::AppName;
use alloc::string::{String, ToString};

/// Call, app, and the machine or volume, if it is about one. What has the same key has one limit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub(super) kind: CallKind,
    app: String,
    /// Empty for the app itself.
    thing: String,
}

impl Key {
    /// The key of a request. `thing` is the machine or volume that it is addressed to, `None` for creates and lists.
    pub fn new(kind: CallKind, app: &AppName, thing: Option<&str>) -> Self {
        Self { kind, app: app.to_string(), thing: thing.unwrap_or_default().to_string() }
    }

    /// The key of the request that carries out an operation. `app` is that of instances that name none.
    ///
    /// `None` for what is not asked of the Machines API: a health probe, and anything for an instance of no app.
    pub fn of(operation: &Operation, app: Option<&AppName>) -> Option<Self> {
        let app = operation.identity.app.as_ref().or(app)?;
        let thing = match &operation.call {
            Call::ListMachines { .. } | Call::CreateMachine(_) | Call::ListVolumes(_) | Call::CreateVolume(_) => None,
            Call::GetMachine { machine }
            | Call::StartMachine { machine }
            | Call::StopMachine { machine }
            | Call::DestroyMachine { machine }
            | Call::WaitMachine { machine, .. } => Some(machine.as_str()),
            Call::UpdateMachine(update) => Some(update.machine.as_str()),
            Call::GetVolume { volume } | Call::ListSnapshots { volume } => Some(volume.as_str()),
            Call::DeleteVolume(condemned) => Some(condemned.volume().as_str()),
            Call::ProbeHealth { .. } => return None,
        };
        Some(Self::new(operation.call.kind(), app, thing))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
mod tests {
    use super::Key;
    use crate::call::{
        Call, CallKind, Content, MachineUpdate, NewMachine, NewVolume, Operation, VolumeFilter, WaitFor,
    };
    use crate::guest::Guest;
    use crate::id::{AppName, Identity, MachineId, OpId, VolumeId};
    use crate::time::Timestamp;
    use alloc::boxed::Box;
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    fn operation(call: Call, app: Option<&str>) -> Operation {
        let identity = Identity {
            user: "user-1".parse().unwrap(),
            sandbox: "sandbox-1".parse().unwrap(),
            app: app.map(|app| app.parse().unwrap()),
        };
        let id = OpId { number: 1, kind: call.kind() };
        Operation { id, identity, call, deadline: Timestamp::from_millis(1) }
    }

    /// Every call but the delete of a volume, which only a disposal can make, and what it is addressed to.
    fn calls() -> Vec<(Call, Option<&'static str>)> {
        let machine: MachineId = "m1".parse().unwrap();
        let volume: VolumeId = "vol_1".parse().unwrap();
        let (guest, metadata) = (Guest::STANDARD, BTreeMap::new());
        let name = || "kiloclaw_x".parse().unwrap();
        let machine_of = |volume: &VolumeId| NewMachine {
            name: name(),
            region: None,
            guest,
            volume: volume.clone(),
            metadata: BTreeMap::new(),
            image: None,
        };
        let fork = Content::Fork { source: volume.clone() };
        let update = MachineUpdate {
            machine: machine.clone(),
            guest,
            volume: volume.clone(),
            metadata: metadata.clone(),
            image: None,
        };
        let wait = Call::WaitMachine { machine: machine.clone(), version: None, state: WaitFor::Started, timeout_s: 1 };
        let new = NewVolume { name: name(), region: "iad".parse().unwrap(), guest, content: fork };
        Vec::from([
            (Call::GetMachine { machine: machine.clone() }, Some("m1")),
            (Call::ListMachines { metadata }, None),
            (Call::CreateMachine(Box::new(machine_of(&volume))), None),
            (Call::UpdateMachine(Box::new(update)), Some("m1")),
            (Call::StartMachine { machine: machine.clone() }, Some("m1")),
            (Call::StopMachine { machine: machine.clone() }, Some("m1")),
            (Call::DestroyMachine { machine }, Some("m1")),
            (wait, Some("m1")),
            (Call::GetVolume { volume: volume.clone() }, Some("vol_1")),
            (Call::ListVolumes(VolumeFilter::Named(name())), None),
            (Call::ListSnapshots { volume }, Some("vol_1")),
            (Call::CreateVolume(Box::new(new)), None),
        ])
    }

    #[test]
    fn calls_about_one_thing_are_counted_by_it_and_all_others_by_their_app() {
        let (app, other): (AppName, AppName) = ("app-1".parse().unwrap(), "app-2".parse().unwrap());
        for (call, thing) in calls() {
            let kind = call.kind();
            let key = Some(Key::new(kind, &app, thing));
            assert_eq!(Key::of(&operation(call.clone(), Some("app-1")), None), key);
            assert_eq!(Key::of(&operation(call.clone(), Some("app-1")), Some(&other)), key, "its own app comes first");
            assert_eq!(Key::of(&operation(call.clone(), None), Some(&app)), key);
            assert_eq!(Key::of(&operation(call, None), None), None, "{kind} of no app");
        }
    }

    #[test]
    fn a_health_probe_is_not_asked_of_the_api() {
        let probe = Call::ProbeHealth { machine: "m1".parse().unwrap(), timeout_s: 1, interval_ms: 1 };
        assert_eq!(Key::of(&operation(probe, Some("app-1")), None), None);
    }

    #[test]
    fn whatever_differs_has_a_limit_of_its_own() {
        let (app, other): (AppName, AppName) = ("app-1".parse().unwrap(), "app-2".parse().unwrap());
        let key = Key::new(CallKind::GetMachine, &app, Some("m1"));
        assert_eq!(key, Key::new(CallKind::GetMachine, &app, Some("m1")));
        assert_ne!(key, Key::new(CallKind::StopMachine, &app, Some("m1")));
        assert_ne!(key, Key::new(CallKind::GetMachine, &other, Some("m1")));
        assert_ne!(key, Key::new(CallKind::GetMachine, &app, Some("m2")));
        assert_ne!(key, Key::new(CallKind::GetMachine, &app, None));
    }
}
