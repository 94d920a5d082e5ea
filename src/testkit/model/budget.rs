//! How much may happen in one run of a model besides what always happens.

use super::Move;

/// How often each thing may happen in one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Times that time passes: to an alarm, or to the end of a wait.
    pub alarms: u8,
    /// Troubles of all kinds together. Each of the following is one, but for a late landing, which is part of the trouble before it.
    pub troubles: u8,
    /// Crashes, each followed by a restart at once.
    pub crashes: u8,
    /// Answers that are lost: the connection breaks, or nothing comes at all.
    pub losses: u8,
    /// Calls that reach the provider after they were given up.
    pub landings: u8,
    /// Things that come twice: alarms out of turn, answers, a second process that resumes.
    pub repeats: u8,
    /// Commands, those of the story.
    pub commands: u8,
    /// Changes of the world, those of the story.
    pub changes: u8,
}

impl Budget {
    /// Up to so many troubles of any kinds, with one late landing.
    pub const fn of(alarms: u8, troubles: u8) -> Self {
        Self {
            alarms,
            troubles,
            crashes: troubles,
            losses: troubles,
            landings: 1,
            repeats: troubles,
            commands: troubles,
            changes: troubles,
        }
    }

    /// What is left after a move; `None` when it cannot be paid for.
    pub(super) fn pay(mut self, step: &Move) -> Option<Self> {
        let purse = match step {
            Move::Reach(_) | Move::Answer(_) => return Some(self),
            Move::Tick => return Self { alarms: self.alarms.checked_sub(1)?, ..self }.into(),
            Move::Land(_) => return Self { landings: self.landings.checked_sub(1)?, ..self }.into(),
            Move::Crash => &mut self.crashes,
            Move::Break(_) | Move::Silence(_) => &mut self.losses,
            Move::Echo(_) | Move::Second | Move::Ring => &mut self.repeats,
            Move::Command(_) => &mut self.commands,
            Move::Change(_) => &mut self.changes,
        };
        *purse = purse.checked_sub(1)?;
        self.troubles = self.troubles.checked_sub(1)?;
        Some(self.narrowed())
    }

    /// The same without what can never be spent, so that runs that may go on alike meet in the same state.
    pub(super) fn narrowed(self) -> Self {
        let most = |purse: u8| purse.min(self.troubles);
        Self {
            crashes: most(self.crashes),
            losses: most(self.losses),
            repeats: most(self.repeats),
            commands: most(self.commands),
            changes: most(self.changes),
            ..self
        }
    }
}
