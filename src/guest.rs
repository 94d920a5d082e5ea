//! The size of a machine.

use crate::id::Invalid;
use serde::{Deserialize, Serialize};

/// How the processors of a machine are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CpuKind {
    /// A share of a core.
    Shared,
    /// A core of one's own.
    Performance,
}

/// The size of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Guest {
    cpus: u8,
    memory_mb: u32,
    cpu_kind: Option<CpuKind>,
}

impl Guest {
    /// A machine with `cpus` processors (1 to 8) and `memory_mb` MiB of memory (256 to 16 384).
    ///
    /// # Errors
    /// [`Invalid`] for numbers outside of these.
    pub fn new(cpus: u64, memory_mb: u64, cpu_kind: Option<CpuKind>) -> Result<Self, Invalid> {
        let count = u8::try_from(cpus).ok().filter(|count| (1..=8).contains(count));
        let memory = u32::try_from(memory_mb).ok().filter(|memory| (256..=16_384).contains(memory));
        Ok(Self {
            cpus: count.ok_or_else(|| Invalid::new("guest.cpus", "1 to 8", cpus))?,
            memory_mb: memory.ok_or_else(|| Invalid::new("guest.memory_mb", "256 to 16384", memory_mb))?,
            cpu_kind,
        })
    }

    /// One dedicated processor, 3 GiB: what an instance gets that asked for nothing else.
    pub const STANDARD: Self = Self { cpus: 1, memory_mb: 3_072, cpu_kind: Some(CpuKind::Performance) };

    /// Processors.
    pub const fn cpus(self) -> u8 {
        self.cpus
    }

    /// Memory in MiB.
    pub const fn memory_mb(self) -> u32 {
        self.memory_mb
    }

    /// How the processors are shared out; `None` leaves it to the provider.
    pub const fn cpu_kind(self) -> Option<CpuKind> {
        self.cpu_kind
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    cpus: u64,
    memory_mb: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cpu_kind: Option<CpuKind>,
}

impl TryFrom<Wire> for Guest {
    type Error = Invalid;
    fn try_from(wire: Wire) -> Result<Self, Invalid> {
        Self::new(wire.cpus, wire.memory_mb, wire.cpu_kind)
    }
}

impl From<Guest> for Wire {
    fn from(guest: Guest) -> Self {
        Self { cpus: guest.cpus.into(), memory_mb: guest.memory_mb.into(), cpu_kind: guest.cpu_kind }
    }
}
