//! The names under which things are made, so that they can be found again and are known to be ours.
//!
//! Fly has no idempotency keys. What stands in for one is a name that a single create uses: after an answer was lost, a look-up by
//! that name tells whether the create happened.
//!
//! - Volumes: `<prefix>_<digest of the sandbox>_<number>`, at most 30 of `[a-z0-9_]`. The digest keeps sandboxes apart.
//! - Machines: `<sandbox>-<number>`.
//! - Older volumes of an instance all carry one name, derived from the sandbox id; they count as ours as well.

use crate::call::VolumeFilter;
use crate::id::{Identity, Invalid, ResourceName, SandboxId};
use crate::observe::MachineConfig;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use sha2::{Digest, Sha256};

/// Fly's limit is not documented; this is what the reference has used without trouble.
const VOLUME_NAME: usize = 30;
/// `_` and up to eight digits of base 36. Numbers begin with the milliseconds since 2026, so this lasts for some ninety years.
const NUMBER: usize = 9;
const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

fn base36(mut number: u64) -> String {
    let mut digits = String::new();
    loop {
        let digit = usize::try_from(number % 36).ok().and_then(|at| BASE36.get(at)).copied().unwrap_or(b'0');
        digits.insert(0, char::from(digit));
        number /= 36;
        if number == 0 {
            return digits;
        }
    }
}

/// `length` letters and digits that stand for the sandbox.
fn digest(sandbox: &SandboxId, length: usize) -> String {
    let hash = Sha256::digest(sandbox.as_str().as_bytes());
    hash.iter()
        .map(|byte| char::from(BASE36.get(usize::from(*byte) % 36).copied().unwrap_or(b'0')))
        .take(length)
        .collect()
}

fn volume_prefix(prefix: &str, sandbox: &SandboxId) -> String {
    let room = VOLUME_NAME.saturating_sub(prefix.len()).saturating_sub(1).saturating_sub(NUMBER);
    format!("{prefix}_{}_", digest(sandbox, room))
}

/// The name for the volume that operation `number` creates.
pub(crate) fn volume(prefix: &str, sandbox: &SandboxId, number: u64) -> Result<ResourceName, Invalid> {
    ResourceName::new(format!("{}{}", volume_prefix(prefix, sandbox), base36(number)))
}

/// The name that all older volumes of the sandbox carry: its id, lower case, in `[a-z0-9_]`, cut to 30 characters in all.
pub(crate) fn shared_volume(prefix: &str, sandbox: &SandboxId) -> Result<ResourceName, Invalid> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let whole = format!("{prefix}_{}", sandbox.as_str());
    ResourceName::new(whole.chars().map(plain).take(VOLUME_NAME).collect::<String>())
}

/// The volumes that are ours by name. In an app that is shared with others, a shared name that had to be cut proves nothing: another
/// sandbox may begin with the same letters.
pub(crate) fn our_volumes(prefix: &str, identity: &Identity) -> Result<VolumeFilter, Invalid> {
    let cut = prefix.len().saturating_add(1).saturating_add(identity.sandbox.as_str().len()) > VOLUME_NAME;
    let shared = shared_volume(prefix, &identity.sandbox)?;
    Ok(VolumeFilter::Ours {
        shared: (identity.app.is_some() || !cut).then_some(shared),
        prefix: ResourceName::new(volume_prefix(prefix, &identity.sandbox))?,
    })
}

/// The name for the machine that operation `number` creates. A long sandbox id is cut and told apart by its digest.
pub(crate) fn machine(sandbox: &SandboxId, number: u64) -> Result<ResourceName, Invalid> {
    let whole = sandbox.as_str().to_ascii_lowercase();
    let stem = if whole.len() > 50 {
        format!("{}-{}", whole.chars().take(40).collect::<String>(), digest(sandbox, 9))
    } else {
        whole
    };
    ResourceName::new(format!("{stem}-{}", base36(number)))
}

/// The labels of every machine of the instance.
pub(crate) fn metadata(prefix: &str, identity: &Identity) -> BTreeMap<String, String> {
    BTreeMap::from([
        (format!("{prefix}_user_id"), identity.user.to_string()),
        (format!("{prefix}_sandbox_id"), identity.sandbox.to_string()),
    ])
}

/// Whose a machine is, by its labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Ours,
    /// Somebody else's; the sandbox that its labels name, if they name one.
    Foreign(Option<String>),
    /// Nobody has put a label on it.
    Unlabelled,
    /// Its configuration cannot be seen.
    Hidden,
}

/// Whose machine this is: its sandbox label decides.
pub(crate) fn owner(prefix: &str, sandbox: &SandboxId, config: Option<&MachineConfig>) -> Owner {
    let Some(config) = config else { return Owner::Hidden };
    match config.metadata.get(&format!("{prefix}_sandbox_id")) {
        Some(named) if named == sandbox.as_str() => Owner::Ours,
        Some(named) => Owner::Foreign(Some(named.clone())),
        None if config.metadata.is_empty() => Owner::Unlabelled,
        None => Owner::Foreign(None),
    }
}
