//! The client and the health probe: all that needs reqwest and tokio.

#[cfg(target_arch = "wasm32")]
compile_error!("the feature `fly` needs sockets and tokio, which wasm32 does not have");

mod api;
mod body;
mod config;
mod gateway;
mod key;
mod limit;
mod line;
mod pause;
mod probe;
mod read;
mod reply;
mod standard;
mod template;
mod token;
mod wait;
mod write;

pub use self::{
    api::FlyApi,
    config::{ConfigError, FlyConfig, Limits, Rate},
    gateway::{FlyDev, Gateway, Question},
    key::Key,
    limit::Limiter,
    probe::{GatewayProbe, ProbeConfig},
    standard::StandardTemplate,
    template::{Draft, MachineSettings, MachineTemplate, PrepareError},
    token::Token,
};
