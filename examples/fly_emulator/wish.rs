//! What the command line asks for.

use kiloclaw_lifecycle::id::AppName;
use kiloclaw_lifecycle::testkit::emulator::{Settings, Weather};
use lexopt::Arg::{Long, Short, Value};
use lexopt::ValueExt;
use std::net::SocketAddr;

pub(crate) const USAGE: &str =
    "usage: fly_emulator --listen ADDRESS:PORT [--seed N] [--weather calm|stormy] [--time-scale N] [--token T]
                    [--app NAME]... [--no-rate-limit]";

#[derive(Debug)]
pub(crate) enum Wish {
    Help,
    Serve(SocketAddr, Settings),
}

pub(crate) fn wish(mut arguments: lexopt::Parser) -> Result<Wish, lexopt::Error> {
    let mut settings = Settings::default();
    let mut listen: Option<SocketAddr> = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("listen") => listen = Some(arguments.value()?.parse()?),
            Long("seed") => settings.seed = arguments.value()?.parse()?,
            Long("weather") => settings.weather = arguments.value()?.parse_with(weather)?,
            Long("time-scale") => settings.time_scale = arguments.value()?.parse_with(scale)?,
            Long("token") => settings.token = Some(arguments.value()?.parse_with(token)?),
            Long("app") => {
                let app = arguments.value()?.parse_with(|name| AppName::new(name))?;
                settings.apps.get_or_insert_default().insert(app.to_string());
            }
            Long("no-rate-limit") => settings.rate_limit = false,
            Long("help") | Short('h') => return Ok(Wish::Help),
            Long(_) | Short(_) | Value(_) => return Err(argument.unexpected()),
        }
    }
    let listen = listen.ok_or("--listen has to be given")?;
    Ok(Wish::Serve(listen, settings))
}

fn weather(word: &str) -> Result<Weather, String> {
    let found = Weather::ALL.into_iter().find(|weather| weather.as_str() == word);
    found.ok_or_else(|| "expected calm or stormy".to_string())
}

fn scale(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| (1..=100_000).contains(number));
    number.ok_or_else(|| "expected 1 to 100000".to_string())
}

fn token(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("expected a token".to_string()) } else { Ok(text.to_string()) }
}
