//! The machine of a gateway: one public port, and a check that asks whether its controller answers.

use super::template::{Draft, MachineSettings, MachineTemplate, PrepareError};
use crate::id::{Identity, Image};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use async_trait::async_trait;
use core::fmt;
use serde_json::{Map, json};

/// The same settings for all machines. Fly's proxy neither starts nor stops them: that is the instance's to decide.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StandardTemplate {
    /// The image of machines whose instance asks for none.
    pub image: Image,
    /// What the gateway listens on inside, plain HTTP. Default: 18789.
    pub port: u16,
    /// What the check asks for. Default: `/_kilo/health`.
    pub health_path: String,
    /// The environment. Not shown in `Debug`.
    pub env: BTreeMap<String, String>,
    /// As in [`MachineSettings::min_secrets_version`].
    pub min_secrets_version: Option<u64>,
}

impl StandardTemplate {
    /// The defaults, with this image.
    pub fn new(image: Image) -> Self {
        let health_path = "/_kilo/health".to_string();
        Self { image, port: 18_789, health_path, env: BTreeMap::new(), min_secrets_version: None }
    }
}

impl fmt::Debug for StandardTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.env.keys().collect();
        f.debug_struct("StandardTemplate")
            .field("image", &self.image)
            .field("port", &self.port)
            .field("health_path", &self.health_path)
            .field("env", &names)
            .field("min_secrets_version", &self.min_secrets_version)
            .finish()
    }
}

#[async_trait]
impl MachineTemplate for StandardTemplate {
    async fn settings(&self, _: &Identity, draft: Draft<'_>) -> Result<MachineSettings, PrepareError> {
        let config = [
            ("image", json!(draft.image.unwrap_or(&self.image))),
            ("env", json!(self.env)),
            (
                "services",
                json!([{
                    "protocol": "tcp",
                    "internal_port": self.port,
                    "ports": [{ "port": 443, "handlers": ["tls", "http"] }],
                    "autostart": false,
                    "autostop": "off",
                }]),
            ),
            (
                "checks",
                json!({ "controller": {
                    "type": "http",
                    "port": self.port,
                    "method": "GET",
                    "path": self.health_path,
                    "interval": "30s",
                    "timeout": "5s",
                    "grace_period": "120s",
                } }),
            ),
        ];
        let config: Map<String, _> = config.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
        Ok(MachineSettings { config, min_secrets_version: self.min_secrets_version })
    }
}
