//! A simulated Fly that speaks HTTP: what drives the Machines API can be tried against it, in good and in bad weather.
//!
//! ```text
//! cargo run --all-features --example fly_emulator -- --listen 127.0.0.1:PORT
//!     --seed N           ids and weather follow from it, 1 by default
//!     --weather NAME     calm (the default) or stormy
//!     --time-scale N     the world's clock runs N times as fast, 1 by default
//!     --token T          what clients have to show as `Authorization`, in any scheme; without it everybody is let in
//!     --app NAME         an app that there is, again for each; without it every app is there
//!     --no-rate-limit    no request is one too many
//! ```
//!
//! Prints `listening on http://127.0.0.1:PORT` when it does (port 0 takes a free one), and stops on SIGINT and SIGTERM. Exit status: 0, or 1
//! when it cannot listen, or 2 for wrong usage.
//!
//! What it serves, and what it can be told under `/_control`, is in the documentation of `kiloclaw_lifecycle::testkit::emulator`:
//!
//! ```text
//! curl -X POST 127.0.0.1:PORT/_control/machines/ID/stop                                        # it stops by itself
//! curl -X POST 127.0.0.1:PORT/_control/capacity -d '{"region":"iad","creates":0}'              # the region is full
//! curl -X POST 127.0.0.1:PORT/_control/change -d '{"host_down":{"volume":"vol_…"}}'            # a host does not answer
//! curl -X POST 127.0.0.1:PORT/_control/strike -d '{"strike":{"said":"nothing","landing":"now"},"times":1}'   # an answer is lost
//! curl 127.0.0.1:PORT/_control/world                                                           # the whole truth
//! ```
//!
//! A gateway answers for what runs in the machines: `/_gateway/ID/…`, or `/_gateway/…` with `fly-force-instance-id: ID`.
//!
//! With `--time-scale 60` a minute passes in a second: boots, waits, rate limits and storms take a sixtieth. A host is tried against it with all
//! times of its policy divided by the same number. Times in answers are on the host's own clock: what was made a second ago is a
//! second old, however long that was for the world.

mod line;
mod server;
mod wish;

use kiloclaw_lifecycle::testkit::emulator::{Emulator, Settings};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use tokio::net::TcpListener;
use wish::{Wish, wish};

fn main() -> ExitCode {
    let (listen, settings) = match wish(lexopt::Parser::from_env()) {
        Ok(Wish::Help) => {
            let _ = writeln!(io::stdout(), "{}", wish::USAGE);
            return ExitCode::SUCCESS;
        }
        Ok(Wish::Serve(listen, settings)) => (listen, settings),
        Err(error) => {
            explain(&format!("{error}\n{}", wish::USAGE));
            return ExitCode::from(2);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            explain(&format!("no runtime: {error}"));
            return ExitCode::from(1);
        }
    };
    match runtime.block_on(serve(listen, settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            explain(&why);
            ExitCode::from(1)
        }
    }
}

async fn serve(listen: SocketAddr, settings: Settings) -> Result<(), String> {
    // Signals are watched before anybody can be told that they may be sent.
    let stopped = signals()?;
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("{listen}: {error}"))?;
    let address = listener.local_addr().map_err(|error| format!("{listen}: {error}"))?;
    // Nobody has to be listening to this.
    let _ = writeln!(io::stdout(), "listening on http://{address}").and_then(|()| io::stdout().flush());
    let emulator = Emulator::new(settings, server::now());
    server::serve(listener, emulator, stopped).await.map_err(|error| format!("{address}: {error}"))
}

#[cfg(unix)]
fn signals() -> Result<impl Future<Output = ()> + Send + 'static, String> {
    use tokio::signal::unix::{SignalKind, signal};
    let watch = |kind| signal(kind).map_err(|error| format!("signals cannot be watched: {error}"));
    let (mut interrupt, mut terminate) = (watch(SignalKind::interrupt())?, watch(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn signals() -> Result<impl Future<Output = ()> + Send + 'static, String> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// Nobody has to be listening.
fn explain(text: &str) {
    let _ = writeln!(io::stderr(), "fly_emulator: {text}");
}
