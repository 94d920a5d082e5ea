//! Storms over a fleet of the real size, under hosts of different sizes, and what became of them.

use crate::rounds::timed;
use crate::storm::{Fleet, Outcome, Storm, latency};
use crate::table;
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::{Knobs, Policy};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::sleep;

/// A fleet, a host and a policy, and what they are called.
struct Weather {
    name: &'static str,
    shared: bool,
    seats: u32,
    /// One in so many stops.
    stops: usize,
    patience_ms: Option<u64>,
}

const fn each(seats: u32) -> Weather {
    Weather { name: "one for each", shared: false, seats, stops: 10, patience_ms: None }
}

const fn shared(seats: u32) -> Weather {
    Weather { name: "one for all", shared: true, seats, stops: 10, patience_ms: None }
}

const WEATHERS: [Weather; 8] = [
    each(64),
    each(256),
    each(1_024),
    shared(64),
    shared(256),
    shared(1_024),
    Weather { name: "one for all", shared: true, seats: 256, stops: 100, patience_ms: None },
    Weather {
        name: "one for all, a recovery may take an hour",
        shared: true,
        seats: 256,
        stops: 100,
        patience_ms: Some(3_600_000),
    },
];

fn play(fleet: &Fleet, weather: &Weather) -> Outcome {
    let mut knobs = Knobs::default();
    if let Some(patience_ms) = weather.patience_ms {
        knobs.recovering_timeout_ms = patience_ms;
    }
    let policy = Policy::new(knobs).expect("a policy");
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let mut storm = Storm::gather(fleet, policy, weather.seats);
        // Until every alarm has rung once.
        sleep(Duration::from_secs(400)).await;
        storm.breaks(fleet, fleet.members.len() / weather.stops).await;
        storm.ends().await;
        storm.outcome(fleet).await
    })
}

fn minutes(ms: u64) -> String {
    format!("{}:{:02}", ms / 60_000, ms / 1_000 % 60)
}

/// One of a hundred parts of what was sorted.
fn part(sorted: &[u64], of_hundred: usize) -> String {
    sorted.get((sorted.len().saturating_sub(1)) * of_hundred / 100).map_or("-".to_string(), |ms| minutes(*ms))
}

fn row(fleet: usize, weather: &Weather, outcome: &Outcome) -> Vec<String> {
    let (mean, most) = outcome.per_second;
    vec![
        weather.name.to_string(),
        weather.seats.to_string(),
        (fleet / weather.stops).to_string(),
        outcome.recovered.len().to_string(),
        outcome.given_up.to_string(),
        (fleet - outcome.running).to_string(),
        minutes(outcome.drained_ms),
        format!("{} / {}", part(&outcome.recovered, 50), part(&outcome.recovered, 99)),
        format!("{} / {}", part(&outcome.repaired, 50), part(&outcome.repaired, 99)),
        outcome.most_away.to_string(),
        format!("{mean:.0} / {most}"),
        outcome.exceeded.to_string(),
        outcome.held.to_string(),
        outcome.lost.to_string(),
    ]
}

pub(crate) fn print(fleet: &Fleet) {
    let kinds = CallKind::ALL.iter().map(|kind| vec![kind.to_string(), latency::usual_ms(*kind).to_string()]);
    table::plain("Until Fly answers, on average", &["call", "ms"], &kinds.collect::<Vec<_>>());
    let one_app = fleet.in_one_app();
    let rows = WEATHERS.iter().map(|weather| {
        let (took, outcome) = timed(|| play(if weather.shared { &one_app } else { fleet }, weather));
        eprintln!("{} seats, app: {}: simulated in {:.0} s", weather.seats, weather.name, took.as_secs_f64());
        row(fleet.members.len(), weather, &outcome)
    });
    let rows: Vec<_> = rows.collect();
    let title =
        format!("Of {} instances some stop within a minute; minutes and seconds are simulated", fleet.members.len());
    let columns = [
        "app",
        "seats",
        "stop",
        "run again",
        "given up",
        "do not run at that time",
        "drained in",
        "from stop to running, median / 99 %",
        "from alarm to running, median / 99 %",
        "calls at once",
        "calls per second, mean / most",
        "over Fly's limits",
        "not sent in time",
        "lost",
    ];
    table::plain(&title, &columns, &rows);
}
