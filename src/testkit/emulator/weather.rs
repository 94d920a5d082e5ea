//! What goes wrong with requests when the weather is bad.
//!
//! *Guarantees*: what befalls request number N follows from the seed, from N, from what is asked for, and from what has befallen the requests
//! before it. Nothing is said to be gone that is not, no list hides what has long been there, and no data is lost; what is done late is
//! done within a minute.

use super::route::Route;
use crate::testkit::sim::{Dice, Kind, Odds};
use crate::testkit::world::{Landing, Said, Strike};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Whether things go wrong by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weather {
    /// Nothing goes wrong.
    #[default]
    Calm,
    /// Answers are lost, late or wrong, and things happen to machines, hosts and regions.
    Stormy,
}

impl Weather {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Calm, Self::Stormy];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Stormy => "stormy",
        }
    }
}

/// What a client hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// What is so.
    Truth,
    /// This status and body. A success that is not empty-handed is the truth.
    Status(u16, String),
    /// 429, perhaps with a time.
    Limited(Option<u64>),
    /// Nothing, and the connection breaks.
    Broken,
    /// Nothing at all.
    Nothing,
    EmptyList,
    /// The truth without these.
    Without(Vec<String>),
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) landing: Landing,
    pub(super) says: Says,
    /// How long the answer takes, in milliseconds of the world.
    pub(super) after_ms: u64,
}

impl Fate {
    pub(super) const GOOD: Self = Self { landing: Landing::Now, says: Says::Truth, after_ms: 0 };

    fn of(landing: Landing, says: Says) -> Self {
        Self { landing, says, after_ms: 0 }
    }
}

impl From<&Strike> for Fate {
    fn from(strike: &Strike) -> Self {
        let says = match &strike.said {
            Said::Status(status, body) => Says::Status(*status, body.clone()),
            Said::Nothing => Says::Broken,
            Said::EmptyList => Says::EmptyList,
            Said::Without(ids) => Says::Without(ids.clone()),
        };
        Self::of(strike.landing, says)
    }
}

/// A storm: which kinds of fault it has, and how often.
pub(super) struct Storm {
    seed: u64,
    pub(super) odds: Odds,
    /// How many more requests are answered by 401 or 403, and by 429.
    unauthorized: u64,
    limited: u64,
}

const CHANGES: [Kind; 9] = [
    Kind::LostDone,
    Kind::LostNotDone,
    Kind::LostLate,
    Kind::SilentDone,
    Kind::SilentNotDone,
    Kind::SilentLate,
    Kind::ErrorDone,
    Kind::ErrorNotDone,
    Kind::AnswerLate,
];
const READS: [Kind; 4] = [Kind::LostNotDone, Kind::SilentNotDone, Kind::ReadFails, Kind::AnswerLate];
const STORMS: [Kind; 2] = [Kind::Unauthorized, Kind::RateLimited];

/// What befalls requests, for those who draw a storm.
pub(super) fn kinds() -> Vec<Kind> {
    CHANGES.into_iter().chain([Kind::ReadFails]).chain(STORMS).collect()
}

impl Storm {
    pub(super) fn new(seed: u64, odds: Odds) -> Self {
        Self { seed, odds, unauthorized: 0, limited: 0 }
    }

    /// What befalls request `number`.
    pub(super) fn fate(&mut self, number: u64, route: &Route) -> Fate {
        let mut dice = Dice::new(self.seed, number);
        self.brew(&mut dice);
        if self.unauthorized > 0 {
            self.unauthorized -= 1;
            let (status, text) = *dice.pick(&REFUSALS).unwrap_or(&(403, "forbidden"));
            return Fate::of(Landing::Never, Says::Status(status, json(text)));
        }
        if self.limited > 0 {
            self.limited -= 1;
            let after = dice.once_in(2).then(|| dice.between(1, 3));
            return Fate::of(Landing::Never, Says::Limited(after));
        }
        let kinds: &[Kind] = if route.mutates() { &CHANGES } else { &READS };
        match self.odds.strike(kinds, &mut dice) {
            Some(kind) => fate_of(kind, route, &mut dice),
            None => Fate::GOOD,
        }
    }

    /// Storms come together, and go after some requests.
    fn brew(&mut self, dice: &mut Dice) {
        if self.odds.strikes(Kind::Unauthorized, dice) && dice.once_in(4) {
            self.unauthorized = dice.skewed(1, 8);
        }
        if self.odds.strikes(Kind::RateLimited, dice) && dice.once_in(4) {
            self.limited = dice.skewed(1, 16);
        }
    }
}

const REFUSALS: [(u16, &str); 2] = [(401, "Authenticate: token validation error"), (403, "forbidden")];
const ERRORS: [u16; 5] = [500, 502, 503, 504, 408];
const PAGE: &str =
    "<html><head><title>Error</title></head><body><h1>The server is temporarily unable</h1></body></html>";

fn json(text: &str) -> String {
    serde_json::json!({ "error": text }).to_string()
}

#[allow(clippy::wildcard_enum_match_arm, reason = "of the many kinds of fault, requests know a few")]
fn fate_of(kind: Kind, route: &Route, dice: &mut Dice) -> Fate {
    let late = Landing::After(dice.between(2_000, 60_000));
    match kind {
        Kind::LostDone => Fate::of(Landing::Now, Says::Broken),
        Kind::LostNotDone => Fate::of(Landing::Never, Says::Broken),
        Kind::LostLate => Fate::of(late, Says::Broken),
        Kind::SilentDone => Fate::of(Landing::Now, Says::Nothing),
        Kind::SilentNotDone => Fate::of(Landing::Never, Says::Nothing),
        Kind::SilentLate => Fate::of(late, Says::Nothing),
        Kind::ErrorDone => Fate::of(Landing::Now, failure(route, dice)),
        Kind::ErrorNotDone | Kind::ReadFails => Fate::of(Landing::Never, failure(route, dice)),
        Kind::AnswerLate => Fate { after_ms: dice.skewed(100, 30_000), ..Fate::GOOD },
        _ => Fate::GOOD,
    }
}

fn failure(route: &Route, dice: &mut Dice) -> Says {
    let status = dice.pick(&ERRORS).copied().unwrap_or(503);
    // A wait that runs out is answered by 408 as well, and that is no fault.
    let status = if matches!(route, Route::WaitMachine(_)) { 503 } else { status };
    let bodies = [json("internal: something went wrong"), String::new(), PAGE.to_string(), "{}".to_string()];
    Says::Status(status, dice.pick(&bodies).cloned().unwrap_or_default())
}
