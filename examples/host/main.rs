//! A host for real: instances in a SQLite file, on Fly's Machines API or on the emulator, behind a JSON API.
//!
//! ```text
//! cargo run --all-features --example host -- --db FILE --fly URL
//!     --token-file FILE   a token of the Machines API; without it FLY_API_TOKEN
//!     --listen ADDRESS    where the JSON API is served, 127.0.0.1:8080 by default
//!     --app NAME          the Fly app of instances that name none, kiloclaw by default
//!     --image IMAGE       the image of instances that name none
//!     --gateway URL       where to ask whether what runs in a machine is well; without it https://APP.fly.dev, or URL/_gateway
//!                         where the API is on loopback
//!     --time-scale N      shortens the times of the policy to an Nth, for trials
//! ```
//!
//! | request | answer |
//! |---|---|
//! | `POST /v1/instances` | 201; registers one: `{"user":"…","sandbox":"…","app":"…","seed":1,"spec":{…}}`, of which the first two are needed |
//! | `POST /v1/instances/SANDBOX/COMMAND` | 200, or 202 while its end is awaited: `start`, `stop`, `restart`, `destroy`, `resize`, `refresh`, `retry-lookup`, `restore-snapshot`, `reassociate-volume`, `cleanup-retained-volume`, `accept-data-loss`; arguments as JSON |
//! | `GET /v1/instances?after=SANDBOX&limit=N` | names, statuses |
//! | `GET /v1/instances/SANDBOX` | what the tenant sees |
//! | `GET /v1/instances/SANDBOX/admin` | what an admin sees, and why it is as it is |
//! | `GET /v1/events?after=NUMBER&limit=N` | what has happened, each event once |
//! | `GET /healthz` | 200 while the store answers |
//! | `GET /metrics` | in the form of Prometheus |
//!
//! A command that is turned down is answered with 409, a code and a sentence; an instance or an address that there is not with 404; what
//! cannot be read with 400 and the field; too much at once with 503. All refusals are JSON: `{"error":{"code":"…","message":"…"}}` and more.
//! SIGINT and SIGTERM end it: calls under way are waited for, for half a minute. It may be killed at any time.
//!
//! Exit status: 0, or 1 when it could not start or serve, or 2 for wrong usage.

mod api;
mod events;
mod failure;
mod plug;
mod trial;
mod wish;

use kiloclaw_lifecycle::Policy;
use kiloclaw_lifecycle::host::{Host, Settings};
use metrics_exporter_prometheus::PrometheusHandle;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::sleep;
use wish::{Plan, Wish, wish};

/// How long calls that are under way at the end are waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long requests that are under way at the end are waited for: a little longer than the end of a command.
const REQUESTS: Duration = Duration::from_secs(25);
/// Between two times that what was measured is added up.
const UPKEEP: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    let plan = match wish() {
        Ok(Wish::Help) => {
            // Nobody has to be listening to this, nor to anything else that is printed.
            let _ = writeln!(io::stdout(), "{}", wish::USAGE);
            return ExitCode::SUCCESS;
        }
        Ok(Wish::Serve(plan)) => plan,
        Err(why) => {
            let _ = writeln!(io::stderr(), "host: {why}\n{}", wish::USAGE);
            return ExitCode::from(2);
        }
    };
    match serve(&plan).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = writeln!(io::stderr(), "host: {why}");
            ExitCode::from(1)
        }
    }
}

async fn serve(plan: &Plan) -> Result<(), Box<dyn Error>> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn,kiloclaw=info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?;
    let policy = Policy::new(trial::shortened(plan.time_scale))?;
    // Signals are watched before anybody can be told that they may be sent.
    let end = asked_to_end()?;
    let listener = TcpListener::bind(&plan.listen).await.map_err(|error| format!("{}: {error}", plan.listen))?;
    let (driver, events) = plug::driver(plan, policy.clone())?;
    let host = Host::start(driver, trial::settings(Settings::default(), plan.time_scale));
    let address = listener.local_addr()?;
    let _ = writeln!(io::stdout(), "listening on http://{address}").and_then(|()| io::stdout().flush());
    tokio::spawn(keep_small(metrics.clone()));
    let router = api::router(api::Desk { host: host.clone(), policy, events, metrics });
    let (asked, ask) = watch::channel(());
    tokio::spawn(async move {
        end.await;
        drop(asked);
    });
    let serving = axum::serve(listener, router).with_graceful_shutdown(dropped(ask.clone()));
    tokio::select! {
        served = serving => served?,
        () = async { dropped(ask).await; sleep(REQUESTS).await } => tracing::warn!(target: "kiloclaw::host", "a request had not ended"),
    }
    let end = host.shutdown(PATIENCE).await;
    for sandbox in &end.unfinished {
        tracing::warn!(target: "kiloclaw::host", sandbox = sandbox.as_str(), "a call had not ended; the next start looks it up");
    }
    Ok(())
}

async fn dropped(mut ask: watch::Receiver<()>) {
    while ask.changed().await.is_ok() {}
}

/// What was measured is kept one by one until somebody asks for it, or until this.
async fn keep_small(metrics: PrometheusHandle) {
    loop {
        sleep(UPKEEP).await;
        metrics.run_upkeep();
    }
}

fn asked_to_end() -> io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
