//! The simulated Fly as a server of the Machines API, without the server: requests in, answers out, and the time is told from outside.
//!
//! *Decides* what each request is answered in words of HTTP, when, and whether at all. What there is and what happens to it is the
//! [`World`]'s business. Beside the API it serves what only an emulator has, under `/_control` and `/_gateway`.
//!
//! *Guarantees*: the same settings, requests and times bring the same answers. What is not emulated is refused, not ignored.
//!
//! *Knows nothing of* sockets, runtimes and clocks: whoever has them hands requests to [`Emulator::ask`], comes back to
//! [`Emulator::go_on`] with what is not answered yet, and breaks connections when told to.
//!
//! # What it serves
//!
//! Under `/v1/apps/{app}`: the app, its machines (list, make, look at, update, start, stop, destroy, wait for, events) and its volumes
//! (list, make, look at, delete, snapshots). Each app sees its own things only. A machine has to mount exactly one volume, and
//! `skip_launch` and leases are refused.
//!
//! Under `/_gateway/{machine}`, or `/_gateway` with the header `fly-force-instance-id`: 200 when what runs in the machine is well, else
//! 503. Needs no token.
//!
//! Under `/_control`, without a token; bodies are JSON:
//!
//! | request | body | does |
//! |---|---|---|
//! | `POST machines/{id}/stop` | an exit, or nothing | the machine stops by itself |
//! | `POST change` | a [`WorldChange`] | that |
//! | `POST weather` | `{"weather": "calm"}` or `"stormy"` | good weather also heals the world |
//! | `POST capacity` | `{"region": "iad", "creates": 0}` | so many more fit in; `null` is any number |
//! | `POST snapshots` | `{"volume": …, "snapshots": [{"id", "status", "size_gb"}]}` | these are the snapshots |
//! | `POST write` | `{"volume": …}` | the tenant writes to it |
//! | `POST strike` | `{"strike": …, "times": 1}` | a [`Strike`] befalls the next requests; every one without `times`; `null` ends it |
//! | `POST hostile` | `{"mode": …}` | answers are [false](Hostile); `null` ends it |
//! | `POST rate_limit` | `{"on": true}` | whether requests are counted |
//! | `POST pause` | `{"ms": 1000}` | nothing is answered for so long, by the clients' clock |
//! | `GET world` | | everything there is |
//! | `GET calls?after=N` | | the requests after number N: [`Received`] |
//!
//! What is wrong with a body is answered by 400 and named; what names something that is not there by 409.
//!
//! # Time
//!
//! The world's clock runs [`Settings::time_scale`] times as fast as the clients': booting, waiting and rate limits take so much less of
//! the clients' time. Times in answers are translated back, so that something is as old as the clients' clock says. `/_control` speaks
//! of the world's own time, except where it says otherwise.

mod calls;
mod clock;
mod control;
mod fields;
mod gateway;
mod history;
mod hostile;
mod http;
mod ids;
mod limits;
mod receive;
mod route;
mod season;
mod serve;
mod show;
mod time;
mod truth;
mod wait;
mod weather;
mod work;

pub use calls::Received;
pub use hostile::Hostile;
pub use http::{Answer, Asked, Body, Reply, Ticket};
pub use weather::Weather;

use super::sim::{Dice, Odds};
use super::world::{Strike, World, WorldChange};
use crate::time::Timestamp;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use calls::Calls;
use clock::Clock;
use core::fmt;
use history::History;
use ids::Ids;
use limits::Limits;
use serde_json::Value;
use wait::Waiting;
use weather::Storm;
use work::Work;

const MINUTE_MS: u64 = 60_000;

/// A connection on which nothing comes is broken after so many milliseconds of the world.
const SILENCE_MS: u64 = 2 * MINUTE_MS;

/// How an emulator behaves.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Ids and weather follow from it.
    pub seed: u64,
    /// How many times as fast as the clients' the world's clock runs; 1 at least.
    pub time_scale: u64,
    /// Whether things go wrong.
    pub weather: Weather,
    /// What clients have to show; `None` lets everybody in.
    pub token: Option<String>,
    /// The apps there are; `None` is every one.
    pub apps: Option<BTreeSet<String>>,
    /// Whether too many requests are refused.
    pub rate_limit: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { seed: 1, time_scale: 1, weather: Weather::Calm, token: None, apps: None, rate_limit: true }
    }
}

/// Without the token.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("seed", &self.seed)
            .field("time_scale", &self.time_scale)
            .field("weather", &self.weather)
            .field("apps", &self.apps)
            .field("rate_limit", &self.rate_limit)
            .finish_non_exhaustive()
    }
}

/// Something that comes later.
enum Due {
    /// What request number so many asked for, in this app.
    Land(u64, String, Work),
    Change(WorldChange),
    Season,
    Hourly,
}

/// A request that is not answered yet.
enum Pending {
    /// Nothing is answered at present.
    Paused(Asked),
    Waiting(Waiting),
    /// The answer is known, and comes at this time of the world.
    Slow(Answer, Timestamp),
    /// The connection breaks at this time of the world.
    Silent(Timestamp),
}

/// A strike, and how many more requests it befalls; `None` is every one.
struct Ordered {
    strike: Strike,
    times: Option<u64>,
}

/// The simulated Fly behind the Machines API.
pub struct Emulator {
    settings: Settings,
    clock: Clock,
    world: World,
    ids: Ids,
    dice: Dice,
    limits: Limits,
    storm: Option<Storm>,
    ordered: Option<Ordered>,
    hostile: Option<Hostile>,
    /// By the clients' clock.
    paused_until: Timestamp,
    agenda: BTreeMap<(Timestamp, u64), Due>,
    pending: BTreeMap<Ticket, Pending>,
    /// Numbers tickets and what is on the agenda.
    count: u64,
    calls: Calls,
    /// What clients have sent as configurations of machines, whole.
    configs: BTreeMap<String, Value>,
    /// What clients have sent of volumes that the world does not know.
    volume_options: BTreeMap<String, Value>,
    /// When snapshots were first there.
    snapshots_seen: BTreeMap<String, Timestamp>,
    histories: BTreeMap<String, History>,
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").field("settings", &self.settings).field("world", &self.world).finish_non_exhaustive()
    }
}

impl Emulator {
    /// An empty world, whose clock begins at the clients' time.
    pub fn new(settings: Settings, now: Timestamp) -> Self {
        let mut world = World::new(now);
        world.keep_log(false);
        let mut emulator = Self {
            clock: Clock::new(now, settings.time_scale),
            ids: Ids::new(settings.seed),
            dice: Dice::new(settings.seed, u64::MAX - 1),
            limits: Limits::default(),
            storm: None,
            ordered: None,
            hostile: None,
            paused_until: Timestamp::from_millis(0),
            agenda: BTreeMap::new(),
            pending: BTreeMap::new(),
            count: 0,
            calls: Calls::default(),
            configs: BTreeMap::new(),
            volume_options: BTreeMap::new(),
            snapshots_seen: BTreeMap::new(),
            histories: BTreeMap::new(),
            world,
            settings,
        };
        emulator.ids.refill(&mut emulator.world);
        emulator.later(60 * MINUTE_MS, Due::Hourly);
        emulator.forecast(emulator.settings.weather);
        emulator
    }

    /// The world behind it.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Changes the world by hand.
    pub fn with<T>(&mut self, change: impl FnOnce(&mut World) -> T) -> T {
        let changed = change(&mut self.world);
        self.noted();
        changed
    }

    /// The requests received so far, as far as they are remembered.
    pub fn calls(&self) -> Vec<Received> {
        self.calls.after(0).cloned().collect()
    }

    /// Good or bad weather from now on. Good weather heals the world; what struck requests have still to bring about stays on its way.
    pub fn forecast(&mut self, weather: Weather) {
        self.settings.weather = weather;
        match weather {
            Weather::Calm => {
                self.storm = None;
                self.agenda.retain(|_, due| !matches!(due, Due::Change(_) | Due::Season));
                self.world.change(&WorldChange::Heal);
                self.noted();
            }
            Weather::Stormy if self.storm.is_some() => {}
            Weather::Stormy => {
                let kinds: Vec<_> = weather::kinds().into_iter().chain(season::KINDS).collect();
                let odds = Odds::draw_of(&kinds, 3, &mut Dice::new(self.settings.seed, u64::MAX - 2));
                self.storm = Some(Storm::new(self.settings.seed, odds));
                self.later(MINUTE_MS / 2, Due::Season);
            }
        }
    }
}
