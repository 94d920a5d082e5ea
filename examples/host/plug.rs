//! The adapters, plugged together.

use crate::events::EventLog;
use crate::wish::Plan;
use async_trait::async_trait;
use kiloclaw_lifecycle::adapter::fly::{
    FlyApi, FlyConfig, FlyDev, Gateway, GatewayProbe, Limits, PrepareError, ProbeConfig, Question, Rate,
    StandardTemplate, Token,
};
use kiloclaw_lifecycle::adapter::sqlite::SqliteStore;
use kiloclaw_lifecycle::id::{Identity, MachineId};
use kiloclaw_lifecycle::port::Clock;
use kiloclaw_lifecycle::{Driver, Policy, Timestamp};
use reqwest::Url;
use std::error::Error;
use std::fs;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The wall clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Who says whether what runs in a machine is well.
pub(crate) enum Doorman {
    /// Fly's proxy.
    Fly(FlyDev),
    /// One address for all machines, told apart by a header.
    One(String),
}

#[async_trait]
impl Gateway for Doorman {
    async fn question(&self, of: &Identity, machine: &MachineId) -> Result<Question, PrepareError> {
        match self {
            Self::Fly(fly) => fly.question(of, machine).await,
            Self::One(url) => {
                let headers = vec![("fly-force-instance-id".to_string(), machine.to_string())];
                Ok(Question { url: url.clone(), headers })
            }
        }
    }
}

pub(crate) type Plugged = Driver<FlyApi<StandardTemplate>, GatewayProbe<Doorman>, SqliteStore, EventLog, Wall>;

/// Makes no file before everything else is right.
pub(crate) fn driver(plan: &Plan, policy: Policy) -> Result<(Plugged, EventLog), Box<dyn Error>> {
    let mut config = FlyConfig::new(token(plan)?);
    config.base_url.clone_from(&plan.fly);
    config.app = Some(plan.app.clone());
    config.mount_path.clone_from(&policy.mount_path);
    config.limits = Some(limits(plan.time_scale));
    // All of a call has to fit into its life.
    let life = Duration::from_millis(policy.call_deadline_ms);
    config.read_timeout = config.read_timeout.min(life / 3);
    config.mutation_timeout = config.mutation_timeout.min(life * 2 / 3);
    config.wait_margin = config.wait_margin.min(life / 3);
    let mut template = StandardTemplate::new(plan.image.clone());
    template.env.insert("KILOCLAW".to_string(), "1".to_string());
    let provider = FlyApi::new(config, template)?;
    let health = GatewayProbe::new(doorman(plan), ProbeConfig::default())?;
    let store = SqliteStore::open(&plan.db)?;
    let events = EventLog::open(&plan.events())?;
    Ok((Driver::new(policy, provider, health, store, events.clone(), Wall), events))
}

/// An emulator whose time runs faster allows more.
fn limits(scale: u32) -> Limits {
    let faster = |rate: Rate| Rate { per_second: rate.per_second.saturating_mul(scale), ..rate };
    let Limits { get_machine, others } = Limits::default();
    Limits { get_machine: faster(get_machine), others: faster(others) }
}

fn is_loopback(url: &str) -> bool {
    let url = Url::parse(url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse();
    host == "localhost" || address.is_ok_and(|address: IpAddr| address.is_loopback())
}

fn doorman(plan: &Plan) -> Doorman {
    match &plan.gateway {
        Some(url) => Doorman::One(url.clone()),
        None if is_loopback(&plan.fly) => Doorman::One(format!("{}/_gateway", plan.fly.trim_end_matches('/'))),
        None => Doorman::Fly(FlyDev::new(Some(plan.app.clone()))),
    }
}

fn token(plan: &Plan) -> Result<Token, Box<dyn Error>> {
    let text = match &plan.token_file {
        Some(file) => fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?,
        None => match std::env::var("FLY_API_TOKEN") {
            Ok(text) => text,
            // The emulator lets everybody in.
            Err(_) if is_loopback(&plan.fly) => "emulator".to_string(),
            Err(_) => return Err("neither --token-file nor FLY_API_TOKEN".into()),
        },
    };
    Ok(Token::new(text)?)
}
