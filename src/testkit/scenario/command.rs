//! The commands of a scenario, with arguments that may be nonsense: that is for the run to answer, not for the reader.

use super::Malformed;
use super::cursor::At;
use crate::command::{Command, CommandKind, Provision, Spec};
use crate::guest::Guest;
use crate::id::{Identity, Image, Invalid, Region, SnapshotId, VolumeId};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::Value;

/// A command as it is written down.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) kind: CommandKind,
    reason: Option<String>,
    volume: Option<String>,
    snapshot: Option<String>,
    guest: Option<Value>,
    image: Option<String>,
    volume_size_gb: Option<u64>,
    regions: Option<Vec<String>>,
}

const MEMBERS: [&str; 8] = ["command", "reason", "volume", "snapshot", "guest", "image", "volume_size_gb", "regions"];

pub(super) fn wish(at: &At<'_>) -> Result<Wish, Malformed> {
    let members = at.object(Some(&MEMBERS))?;
    let words = CommandKind::ALL.map(|kind| (kind.as_str(), kind));
    Ok(Wish {
        kind: members.need("command", "a command")?.word(&words)?,
        reason: members.read("reason", At::string)?,
        volume: members.read("volume", At::string)?,
        snapshot: members.read("snapshot", At::string)?,
        guest: members.read("guest", |guest| guest.object(None).map(|_| guest.value.clone()))?,
        image: members.read("image", At::string)?,
        volume_size_gb: members.read("volume_size_gb", |size| size.whole(1))?,
        regions: members.read("regions", |regions| regions.each(At::string))?,
    })
}

impl Wish {
    /// The command; `Err` says in a sentence which argument cannot be.
    pub(super) fn command(&self, identity: &Result<Identity, Invalid>, seed: u64) -> Result<Command, String> {
        Ok(match self.kind {
            CommandKind::Provision => {
                let identity = identity.clone().map_err(|invalid| invalid.to_string())?;
                Command::Provision(Box::new(Provision { identity, seed, spec: self.spec()? }))
            }
            CommandKind::Start => Command::Start { reason: self.reason.clone() },
            CommandKind::Stop => Command::Stop { reason: self.reason.clone() },
            CommandKind::Restart => Command::Restart { image: self.image()? },
            CommandKind::Destroy => Command::Destroy { reason: self.reason.clone() },
            CommandKind::CleanupRetainedVolume => Command::CleanupRetainedVolume { volume: self.volume()? },
            CommandKind::ReassociateVolume => Command::ReassociateVolume {
                volume: self.volume()?.ok_or_else(|| "volume: expected a volume id, got nothing".to_string())?,
                reason: self.reason.clone().unwrap_or_default(),
            },
            CommandKind::Resize => {
                let guest = self.guest()?.ok_or_else(|| "guest: expected a size, got nothing".to_string())?;
                Command::Resize { guest }
            }
            CommandKind::RestoreSnapshot => {
                let snapshot = self.snapshot.as_deref().map(SnapshotId::new).transpose().map_err(say)?;
                let snapshot = snapshot.ok_or_else(|| "snapshot: expected a snapshot id, got nothing".to_string())?;
                Command::RestoreSnapshot { snapshot, reason: self.reason.clone() }
            }
            CommandKind::RetryLookup => Command::RetryLookup,
            CommandKind::AcceptDataLoss => Command::AcceptDataLoss,
            CommandKind::Refresh => Command::Refresh,
        })
    }

    fn spec(&self) -> Result<Spec, String> {
        let regions = self.regions.as_ref().map(|list| Region::parse_list(list.iter().map(String::as_str)));
        // More GiB than can be counted are too many as well.
        let volume_size_gb = self.volume_size_gb.map(|size| u32::try_from(size).unwrap_or(u32::MAX));
        Ok(Spec {
            guest: self.guest()?,
            volume_size_gb,
            regions: regions.transpose().map_err(say)?,
            image: self.image()?,
        })
    }

    fn guest(&self) -> Result<Option<Guest>, String> {
        let guest = self.guest.clone().map(serde_json::from_value::<Guest>);
        guest.transpose().map_err(|error| error.to_string())
    }

    fn image(&self) -> Result<Option<Image>, String> {
        self.image.as_deref().map(Image::new).transpose().map_err(say)
    }

    fn volume(&self) -> Result<Option<VolumeId>, String> {
        self.volume.as_deref().map(VolumeId::new).transpose().map_err(say)
    }
}

fn say(invalid: Invalid) -> String {
    invalid.to_string()
}
