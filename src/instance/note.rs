//! Events in the making.

use crate::event::{Action, EventName, Milestone};
use crate::id::{MachineId, Region};
use crate::status::Status;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use serde_json::Value;

/// An event before it has a key and a time.
#[derive(Debug)]
pub(crate) struct Note {
    pub(super) name: EventName,
    pub(super) machine: Option<MachineId>,
    pub(super) region: Option<Region>,
    pub(super) status: Option<Status>,
    pub(super) label: Option<String>,
    pub(super) error: Option<String>,
    pub(super) duration_ms: Option<u64>,
    pub(super) value: Option<u64>,
    pub(super) details: BTreeMap<String, Value>,
}

impl Note {
    pub(crate) fn new(milestone: Milestone) -> Self {
        Self::of(EventName::Life(milestone))
    }

    pub(crate) fn log(action: Action) -> Self {
        Self::of(EventName::Reconcile(action))
    }

    fn of(name: EventName) -> Self {
        Self {
            name,
            machine: None,
            region: None,
            status: None,
            label: None,
            error: None,
            duration_ms: None,
            value: None,
            details: BTreeMap::new(),
        }
    }

    pub(crate) fn machine(mut self, machine: &MachineId) -> Self {
        self.machine = Some(machine.clone());
        self
    }

    pub(crate) fn region(mut self, region: Option<Region>) -> Self {
        self.region = region;
        self
    }

    pub(crate) fn status(mut self, status: Status) -> Self {
        self.status = Some(status);
        self
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub(crate) fn error(mut self, error: impl Into<String>) -> Self {
        self.error = Some(error.into());
        self
    }

    pub(crate) fn duration_ms(mut self, duration_ms: Option<u64>) -> Self {
        self.duration_ms = duration_ms;
        self
    }

    pub(crate) fn value(mut self, value: Option<u64>) -> Self {
        self.value = value;
        self
    }

    pub(crate) fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_string(), value.into());
        self
    }
}
