//! Fly's Machines API.
//!
//! [`answer`] and [`redact`] know what refusals mean and keep secrets out of them; they need no HTTP client. With the feature `fly` there
//! is a client as well: [`FlyApi`] is a [`Provider`](crate::port::Provider), [`GatewayProbe`] a
//! [`HealthProbe`](crate::port::HealthProbe), both on reqwest with rustls, and so on tokio.
//!
//! ```no_run
//! # #[cfg(feature = "fly")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use kiloclaw_lifecycle::adapter::fly::{FlyApi, FlyConfig, FlyDev, GatewayProbe, ProbeConfig, StandardTemplate, Token};
//!
//! let mut config = FlyConfig::new(Token::new(std::env::var("FLY_API_TOKEN")?)?);
//! config.app = Some("tenants".parse()?);
//! let provider = FlyApi::new(config, StandardTemplate::new("registry.fly.io/gateway:7".parse()?))?;
//! let health = GatewayProbe::new(FlyDev::new(Some("tenants".parse()?)), ProbeConfig::default())?;
//! # let _ = (provider, health);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "fly"))]
//! # fn main() {}
//! ```
//!
//! For a client of your own there are [`answer`], [`redact`] and [`Limiter`], which holds calls back within Fly's limits.
//!
//! What a client of this API has to get right, and where it is:
//!
//! | what | how |
//! |---|---|
//! | an answer that may be a lie | a proxy's page, an empty body, another thing's id, or a list with an entry that cannot be read is [`Unknown`](crate::fault::FaultKind::Unknown) |
//! | a call that may have happened | changes are sent once; only reads are repeated |
//! | a call that goes on and on | each has an end that includes waiting for its turn, and all repetitions |
//! | too many requests | calls wait for their turn, by call and machine, for half of their time at most; a `Retry-After` closes the turnstile |
//! | secrets | the token and the environment are in no `Debug`, log line or fault |

pub mod answer;
pub mod redact;

#[cfg(feature = "fly")]
mod client;
#[cfg(feature = "fly")]
pub use self::client::*;
