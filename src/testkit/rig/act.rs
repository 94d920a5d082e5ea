//! What can happen to instances and around them, as data: a run is a list of these.

use crate::command::Command;
use crate::id::Identity;
use crate::testkit::check::Calm;
use crate::testkit::world::{Strike, WorldChange};
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// How far a host gets with a step before it dies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It lives.
    #[default]
    Lives,
    /// It dies before the step is committed.
    Uncommitted,
    /// It dies after the commit, before any call leaves.
    Committed,
}

impl End {
    /// Whether it lives.
    pub fn lives(&self) -> bool {
        *self == Self::Lives
    }
}

/// One thing that happens. `life` counts the instances of a run, `host` the processes that serve them, and `op` is the number of a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// Somebody may provision an instance from now on; instances are counted from 0 in this order.
    Admit {
        /// Who.
        identity: Identity,
        /// A text that must appear in nothing the instance makes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<String>,
        /// Whether each step is taken twice, and read back from its bytes.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        thorough: bool,
    },
    /// Somebody asks for something.
    Command {
        /// Of which instance.
        life: usize,
        /// Which process serves it.
        host: u8,
        /// What.
        command: Box<Command>,
        /// How far the process gets.
        #[serde(default, skip_serializing_if = "End::lives")]
        end: End,
    },
    /// The alarm rings, due or not.
    Alarm {
        /// Of which instance.
        life: usize,
        /// Which process hears it.
        host: u8,
        /// How far the process gets.
        #[serde(default, skip_serializing_if = "End::lives")]
        end: End,
    },
    /// A process has started and loads the record.
    Resume {
        /// Of which instance.
        life: usize,
        /// Which process.
        host: u8,
        /// How far the process gets.
        #[serde(default, skip_serializing_if = "End::lives")]
        end: End,
    },
    /// A call reaches the provider, which does what it asks for unless something befalls it. A wait may have to be carried there again.
    Reach {
        /// Of which instance.
        life: usize,
        /// Which call.
        op: u64,
        /// What befalls it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        strike: Option<Strike>,
    },
    /// The provider's answer reaches the process that made the call.
    Answer {
        /// Of which instance.
        life: usize,
        /// Which call.
        op: u64,
        /// How far the process gets.
        #[serde(default, skip_serializing_if = "End::lives")]
        end: End,
        /// The answer stays where it is, to come again.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        twice: bool,
    },
    /// The connection breaks: the process hears that the outcome is unknown. What was asked for may still reach the provider.
    Break {
        /// Of which instance.
        life: usize,
        /// Which call.
        op: u64,
    },
    /// A process dies, with everything that it has not committed.
    Crash {
        /// Which.
        host: u8,
    },
    /// The world changes by itself.
    World(WorldChange),
    /// The provider lies about this machine or volume: the instance cannot be blamed for not knowing of it any more.
    Excuse {
        /// Which instance.
        life: usize,
        /// What is hidden from it.
        id: String,
    },
    /// The weather has been good for a while: what has to be true by now is checked.
    Judge(Calm),
    /// From now on the hosts' clocks are ahead of the world's by so much.
    Clock {
        /// Milliseconds; negative is behind.
        ahead_ms: i64,
    },
}

/// Something and when it happens, by the world's clock.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timed {
    /// When.
    pub at: Timestamp,
    /// What.
    pub act: Act,
}
