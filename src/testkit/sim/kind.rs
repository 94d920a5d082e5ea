//! Everything that can go wrong in a simulation, by name, and how much of it a run has.

use super::dice::Dice;
use alloc::collections::BTreeMap;
use core::fmt;
use serde::{Serialize, Serializer};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[$doc])* $variant,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

kinds! {
    /// The connection breaks; the call was done.
    LostDone = "connection lost, done",
    /// The connection breaks; the call was not done.
    LostNotDone = "connection lost, not done",
    /// The connection breaks; the call is done later.
    LostLate = "connection lost, done later",
    /// No answer ever; the call was done.
    SilentDone = "no answer, done",
    /// No answer ever; the call was not done.
    SilentNotDone = "no answer, not done",
    /// No answer ever; the call is done later.
    SilentLate = "no answer, done later",
    /// 408 or 5xx; the call was done.
    ErrorDone = "408 or 5xx, done",
    /// 408 or 5xx; the call was not done.
    ErrorNotDone = "408 or 5xx, not done",
    /// A read is answered by 408 or 5xx.
    ReadFails = "read fails",
    /// The answer comes after the call was given up.
    AnswerLate = "answer after the deadline",
    /// The answer comes twice.
    AnswerTwice = "answer twice",
    /// 401 and 403 for a while.
    Unauthorized = "storm of 401 and 403",
    /// 429 for a while.
    RateLimited = "storm of 429",
    /// A list is empty and should not be.
    ListEmpty = "list empty",
    /// Something is missing in a list.
    ListPartial = "list partial",
    /// What was just made is not found.
    NotVisibleYet = "not visible yet",
    /// A region takes nothing more.
    NoCapacity = "region full",
    /// A host takes nothing more.
    HostFull = "host full",
    /// A machine stays created or starting.
    BootStuck = "boot stuck",
    /// A machine takes minutes or hours to come up.
    BootSlow = "boot slow",
    /// A machine fails to boot.
    BootFails = "boot fails",
    /// A machine boots and ends at once.
    BootStops = "boot ends",
    /// A machine stops by itself.
    MachineStops = "machine stops",
    /// A machine fails.
    MachineFails = "machine fails",
    /// A stopped machine starts by itself.
    MachineStarts = "machine starts by itself",
    /// A machine is suspended.
    MachineSuspended = "machine suspended",
    /// A machine is destroyed by somebody else.
    MachineDestroyed = "machine destroyed",
    /// A machine disappears.
    MachineGone = "machine gone",
    /// A destroy hangs.
    SlowDestroy = "destroy hangs",
    /// A volume stays bound after its machine is gone.
    SlowUnbind = "volume stays bound",
    /// A volume cannot be deleted.
    Stuck = "volume cannot be deleted",
    /// A fork hydrates slowly.
    SlowHydration = "fork hydrates slowly",
    /// A stop takes long.
    SlowStop = "stop slow",
    /// A host cannot be reached for a while.
    HostDown = "host unreachable",
    /// A host is lost with everything on it.
    HostLost = "host lost",
    /// A volume is lost.
    VolumeLost = "volume lost",
    /// A machine is moved, and its volume gets a new id.
    Migration = "machine moved",
    /// Another tenant's machine holds one of our volumes.
    ForeignHolder = "foreign machine on our volume",
    /// What runs in the machines is not well.
    Unhealthy = "unhealthy",
    /// The process dies while a call is under way.
    CrashInCall = "crash during a call",
    /// The process dies before a commit.
    CrashUncommitted = "crash before a commit",
    /// The process dies after a commit, before the call leaves.
    CrashCommitted = "crash after a commit",
    /// A second process serves the same instance.
    SecondHost = "two hosts at once",
    /// An alarm rings early.
    AlarmEarly = "alarm early",
    /// An alarm rings late.
    AlarmLate = "alarm late",
    /// An alarm rings twice.
    AlarmTwice = "alarm twice",
    /// An alarm does not ring; a sweep finds it hours later.
    AlarmMissing = "alarm missing",
    /// The hosts' clocks jump ahead.
    ClockAhead = "clock ahead",
    /// The hosts' clocks jump back.
    ClockBehind = "clock behind",
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

/// Which kinds of fault a run has at all, and how often each comes: once in so many chances.
#[derive(Clone, Debug, Default)]
pub(in crate::testkit) struct Odds {
    odds: BTreeMap<Kind, u64>,
}

/// Rare, now and then, often.
const ODDS: [u64; 4] = [200, 40, 12, 4];

impl Odds {
    /// First it is drawn how stormy the run is, then which kinds there are. Faults that come alone find other bugs than faults that
    /// come together.
    pub(super) fn draw(dice: &mut Dice) -> Self {
        Self::draw_of(Kind::ALL, 8, dice)
    }

    /// The same of these kinds, of which each is there once in `sparsest` times at the least.
    pub(in crate::testkit) fn draw_of(kinds: &[Kind], sparsest: u64, dice: &mut Dice) -> Self {
        let sparse = dice.between(1, sparsest);
        let mut odds = BTreeMap::new();
        for kind in kinds {
            if dice.once_in(sparse) {
                odds.insert(*kind, dice.pick(&ODDS).copied().unwrap_or(40));
            }
        }
        Self { odds }
    }

    /// Once in how many chances each kind comes.
    pub(in crate::testkit) fn shown(&self) -> BTreeMap<&'static str, u64> {
        self.odds.iter().map(|(kind, odds)| (kind.as_str(), *odds)).collect()
    }

    /// Whether it happens this time.
    pub(in crate::testkit) fn strikes(&self, kind: Kind, dice: &mut Dice) -> bool {
        self.odds.get(&kind).is_some_and(|odds| dice.once_in(*odds))
    }

    /// Of these kinds, the one that happens this time.
    pub(in crate::testkit) fn strike(&self, kinds: &[Kind], dice: &mut Dice) -> Option<Kind> {
        kinds.iter().copied().find(|kind| self.strikes(*kind, dice))
    }
}
