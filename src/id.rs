//! Names of things outside: tenants, machines, volumes. Each is checked once, when it enters.
//!
//! Ids end up in URLs and in log lines, so what could not be one is refused here and nowhere else. Short ones, as all of Fly's are, need no
//! memory beside themselves.

use alloc::string::{String, ToString};
use core::fmt;
use core::marker::PhantomData;
use core::str::FromStr;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

/// A value from outside that cannot be what it is said to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}, got {got:?}")]
pub struct Invalid {
    /// What was being read, for example `machine id`.
    pub field: &'static str,
    /// What would have been accepted.
    pub expected: &'static str,
    /// The offending text, cut to 80 characters.
    pub got: String,
}

impl Invalid {
    pub(crate) fn new(field: &'static str, expected: &'static str, got: impl fmt::Display) -> Self {
        Self { field, expected, got: got.to_string().chars().take(80).collect() }
    }
}

fn checked(
    text: &str,
    field: &'static str,
    expected: &'static str,
    most: usize,
    fits: fn(char) -> bool,
) -> Result<SmolStr, Invalid> {
    if text.is_empty() || text.len() > most || !text.chars().all(fits) {
        return Err(Invalid::new(field, expected, text));
    }
    Ok(SmolStr::new(text))
}

/// Reads an id, without a copy of its text in between.
struct Reader<T>(PhantomData<T>);

impl<T: FromStr<Err = Invalid>> Visitor<'_> for Reader<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

fn fly(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-'
}

fn word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn printable(c: char) -> bool {
    !c.is_control() && !c.is_whitespace()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $field:literal, $expected:literal, $most:literal, $fits:ident;)*) => {$(
        $(#[$doc])*
        #[doc = concat!("\n\nHolds ", $expected, ".")]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(SmolStr);

        impl $name {
            /// Checks `text`.
            ///
            /// # Errors
            #[doc = concat!("[`Invalid`] when it is not ", $expected, ".")]
            pub fn new(text: impl AsRef<str>) -> Result<Self, Invalid> {
                checked(text.as_ref(), $field, $expected, $most, $fits).map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;
            fn try_from(text: String) -> Result<Self, Invalid> {
                Self::new(text)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;
            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.to_string()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_str(Reader(PhantomData))
            }
        }
    )*};
}

ids! {
    /// The tenant.
    UserId, "user id", "1 to 128 printable characters without white space", 128, printable;
    /// The stable identity of an instance: machine names, metadata and volume names derive from it.
    SandboxId, "sandbox id", "1 to 64 of A-Z a-z 0-9 _ -", 64, word;
    /// The Fly app that holds the instance's machine and volume.
    AppName, "app name", "1 to 63 of a-z 0-9 _ -", 63, fly;
    /// A Fly Machine.
    MachineId, "machine id", "1 to 64 of a-z 0-9 _ -", 64, fly;
    /// A Fly Volume.
    VolumeId, "volume id", "1 to 64 of a-z 0-9 _ -", 64, fly;
    /// A snapshot of a Fly Volume.
    SnapshotId, "snapshot id", "1 to 64 of a-z 0-9 _ -", 64, fly;
    /// The name under which a machine or a volume is created.
    ResourceName, "resource name", "1 to 96 of A-Z a-z 0-9 _ -", 96, word;
    /// A version of a machine's configuration, as Fly names it.
    MachineVersion, "machine version", "1 to 64 of A-Z a-z 0-9 _ -", 64, word;
    /// A region as Fly names it, or one of the meta regions `eu` and `us`.
    Region, "region", "1 to 32 of A-Z a-z 0-9 _ -", 32, word;
    /// An image reference.
    Image, "image", "1 to 512 printable characters without white space", 512, printable;
}

/// Whose machine and volume an instance is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The tenant.
    pub user: UserId,
    /// The instance.
    pub sandbox: SandboxId,
    /// The Fly app; `None` is the host's shared app, whose name only its adapter knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppName>,
}

/// The number of a provider call of one instance; never used twice for calls that change the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OpId {
    /// Counts up over the life of the instance.
    pub number: u64,
    /// What was asked for. An answer of one kind can so never be taken for the answer of another.
    pub kind: crate::call::CallKind,
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.kind, self.number)
    }
}
