//! I6: what was accepted is still known after a crash at any later point.
//!
//! A crash undoes what was not committed, so an accepted command has to be committed; a destroy goes on until the instance is forgotten;
//! a command that was promised an answer gets one, once.

use super::{Held, Seen, demand};
use crate::command::{CommandKind, RequestId};
use crate::instance::{Instance, Phase};
use crate::status::Status;
use crate::step::{Effect, Input, Verdict};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::ToString;

/// The account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Intent {
    destroying: bool,
    /// The last thing that was asked for and accepted is that it runs.
    wants_running: bool,
    promised: BTreeSet<RequestId>,
}

impl Intent {
    pub(super) fn destroy_accepted(&self) -> bool {
        self.destroying
    }

    pub(super) fn wants_running(&self) -> bool {
        self.wants_running
    }

    /// An instance is born (again).
    fn born(&mut self) {
        *self = Self::default();
    }

    pub(super) fn i6_intent(&mut self, seen: &Seen<'_>) -> Held {
        let command = if let Input::Command(command) = seen.input { Some(command.kind()) } else { None };
        let accepted = matches!(seen.verdict, Verdict::Applied | Verdict::Pending(_));
        if let Some(kind) = command.filter(|kind| accepted && *kind != CommandKind::Refresh) {
            let changes = seen.before != seen.next;
            demand(seen.needs_commit || !changes, || format!("{kind:?} is accepted and need not be committed"))?;
            self.asked(kind);
        }
        if seen.before.is_none() && seen.next.is_some() {
            self.born();
        }
        // What removes itself as stale may turn out not to be.
        let asked_for =
            |next: &Instance| matches!(&next.phase, Phase::Destroying(destroying) if destroying.is_asked_for());
        if seen.needs_commit && seen.next.is_some_and(asked_for) {
            self.destroying = true;
        }
        let undone = seen.next.is_some_and(|next| next.status() != Status::Destroying);
        demand(!(self.destroying && undone && seen.needs_commit), || {
            "a destroy that was accepted is undone".to_string()
        })?;
        self.answers(seen)
    }

    fn asked(&mut self, kind: CommandKind) {
        match kind {
            CommandKind::Start | CommandKind::Restart | CommandKind::RestoreSnapshot => self.wants_running = true,
            CommandKind::Stop | CommandKind::Destroy | CommandKind::ReassociateVolume => self.wants_running = false,
            CommandKind::Provision
            | CommandKind::CleanupRetainedVolume
            | CommandKind::Resize
            | CommandKind::RetryLookup
            | CommandKind::AcceptDataLoss
            | CommandKind::Refresh => {}
        }
    }

    fn answers(&mut self, seen: &Seen<'_>) -> Held {
        if let Verdict::Pending(request) = seen.verdict {
            demand(self.promised.insert(*request), || format!("{request:?} is promised an answer twice"))?;
        }
        for effect in seen.effects {
            if let Effect::Reply { to, .. } = effect {
                demand(seen.needs_commit, || format!("{to:?} is answered before the commit"))?;
                demand(self.promised.remove(to), || format!("{to:?} is answered twice, or was never asked"))?;
            }
        }
        demand(seen.next.is_some() || self.promised.is_empty(), || "forgotten with a command unanswered".to_string())
    }
}
