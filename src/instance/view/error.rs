//! What went wrong last, by kind of work.

use crate::instance::{DestroyOp, Errors, Instance, Noted};
use crate::time::Timestamp;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;
use serde::{Deserialize, Serialize};

/// What was being done when it went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// A start.
    Start,
    /// A stop.
    Stop,
    /// A restart.
    Restart,
    /// A recovery from an unexpected stop.
    Recovery,
    /// A restore from a snapshot.
    Restore,
    /// The removal of the machine with the instance.
    DestroyMachine,
    /// The removal of the volume with the instance.
    DestroyVolume,
    /// The look for the machine that holds the volume, before its removal.
    DestroyLookup,
    /// An attempt on an entry of the disposal list.
    Disposal,
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorView {
    /// What was being done.
    pub kind: ErrorKind,
    /// For people.
    pub message: String,
    /// When.
    pub at: Timestamp,
    /// The provider's HTTP status, where it is known.
    pub http_status: Option<u16>,
}

impl ErrorView {
    pub(super) fn new(kind: ErrorKind, noted: &Noted) -> Self {
        Self { kind, message: noted.message.clone(), at: noted.at, http_status: None }
    }

    /// Whether the tenant has asked for what went wrong, or lost something by it.
    fn concerns_tenant(&self) -> bool {
        match self.kind {
            ErrorKind::Start | ErrorKind::Stop | ErrorKind::Restart | ErrorKind::Recovery | ErrorKind::Restore => true,
            ErrorKind::DestroyMachine | ErrorKind::DestroyVolume | ErrorKind::DestroyLookup | ErrorKind::Disposal => {
                false
            }
        }
    }
}

impl Errors {
    /// All of them, newest first.
    pub(super) fn views(&self) -> Vec<ErrorView> {
        let noted = [
            (ErrorKind::Start, &self.start),
            (ErrorKind::Stop, &self.stop),
            (ErrorKind::Restart, &self.restart),
            (ErrorKind::Recovery, &self.recovery),
            (ErrorKind::Restore, &self.restore),
        ];
        let noted =
            noted.into_iter().filter_map(|(kind, noted)| noted.as_ref().map(|noted| ErrorView::new(kind, noted)));
        let destroy = self.destroy.as_ref().map(|error| {
            let kind = match error.op {
                DestroyOp::Machine => ErrorKind::DestroyMachine,
                DestroyOp::Volume => ErrorKind::DestroyVolume,
                DestroyOp::Recover => ErrorKind::DestroyLookup,
            };
            ErrorView { http_status: error.status, ..ErrorView::new(kind, &error.noted) }
        });
        let mut views: Vec<ErrorView> = noted.chain(destroy).collect();
        views.sort_by_key(|error| Reverse(error.at));
        views
    }
}

impl Instance {
    /// The newest error that still means something to the tenant. What went wrong before the last successful start is over, except for
    /// a restart: its machine may be up with the configuration it had before.
    pub(crate) fn last_error(&self) -> Option<ErrorView> {
        let over = |error: &ErrorView| {
            error.kind != ErrorKind::Restart && self.last_started_at.is_some_and(|started| error.at < started)
        };
        self.errors.views().into_iter().find(|error| error.concerns_tenant() && !over(error))
    }
}
