//! The incident, and what could have happened instead.

use serde_json::{Value, json};
use std::path::PathBuf;

/// The machine that replaces the one that stopped.
const REPLACEMENT: &str = "2861e46b955438";
/// The volume of the machine that stopped.
const SOURCE: &str = "vol_vgn2lk8o0wk8gm04";

pub(crate) enum Variant {
    /// What really happened.
    Incident,
    /// The old volume has a snapshot.
    Snapshots,
    /// The replacement dies before it has started.
    Fail,
    /// Something else.
    File(PathBuf),
}

impl Variant {
    /// The scenario to play.
    pub(crate) fn text(&self) -> Result<String, String> {
        if let Self::File(file) = self {
            return std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()));
        }
        let mut scenario: Value =
            serde_json::from_str(include_str!("incident.json")).map_err(|error| format!("incident.json: {error}"))?;
        match self {
            Self::Incident | Self::File(_) => {}
            Self::Snapshots => {
                scenario["name"] = json!("the same, but the old volume has a snapshot: it is retained");
                scenario["fly"]["snapshots"] =
                    json!({ SOURCE: [{"id": "vs_p4kz8", "status": "created", "size_gb": 10}] });
            }
            Self::Fail => {
                scenario["name"] = json!("the same, but the replacement fails: the old volume stays the instance's");
                scenario["steps"][1] = json!({"fly": {"machine": REPLACEMENT, "state": "failed"}});
            }
        }
        Ok(scenario.to_string())
    }
}
