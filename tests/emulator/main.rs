//! The emulator answers in the shapes and words of the Machines API, does what it is told to, and is the same again under the same seed.
//!
//! What it answers is tried without a wire, at times that the tests choose; what only a wire shows, on loopback.

#[path = "../../examples/fly_emulator/line.rs"]
mod line;
#[path = "../../examples/fly_emulator/server.rs"]
mod server;
#[path = "../../examples/fly_emulator/wish.rs"]
mod wish;

mod api;
mod apps;
mod arguments;
mod control;
mod entry;
mod errors;
mod events;
mod gateway;
mod hosts;
mod limits;
mod lying;
mod strikes;
mod time;
mod volumes;
mod waits;
mod weather;
mod wire;

use kiloclaw_lifecycle::Timestamp;
use kiloclaw_lifecycle::testkit::emulator::{Answer, Asked, Emulator, Reply, Settings, Ticket};
use serde_json::{Value, json};

/// 2027-01-15T08:00:00Z.
const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// An emulator and the clock of its clients.
struct Bench {
    emulator: Emulator,
    now: Timestamp,
}

impl Bench {
    fn new(settings: Settings) -> Self {
        Self { emulator: Emulator::new(settings, START), now: START }
    }

    /// In good weather, where no request is one too many.
    fn calm() -> Self {
        Self::new(Settings { rate_limit: false, ..Settings::default() })
    }

    fn pass(&mut self, ms: u64) {
        self.now = self.now.plus(ms);
    }

    fn ask(&mut self, asked: Asked) -> Reply {
        self.emulator.ask(self.now, asked)
    }

    fn answer(&mut self, asked: Asked) -> Answer {
        match self.ask(asked.clone()) {
            Reply::Answer(answer) => answer,
            reply @ (Reply::Later(..) | Reply::Break) => panic!("{asked:?}: {reply:?}"),
        }
    }

    fn get(&mut self, path: &str) -> Answer {
        self.answer(Asked::new("GET", format!("/v1/apps/app-1/{path}")))
    }

    fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.answer(Asked::new("POST", format!("/v1/apps/app-1/{path}")).json(body))
    }

    fn delete(&mut self, path: &str) -> Answer {
        self.answer(Asked::new("DELETE", format!("/v1/apps/app-1/{path}")))
    }

    fn later(&mut self, asked: Asked) -> (Ticket, Timestamp) {
        match self.ask(asked.clone()) {
            Reply::Later(ticket, until) => (ticket, until),
            reply @ (Reply::Answer(_) | Reply::Break) => panic!("{asked:?}: {reply:?}"),
        }
    }

    fn tell(&mut self, what: &str, body: &Value) {
        let answer = self.answer(Asked::new("POST", format!("/_control/{what}")).json(body));
        assert_eq!((answer.status, answer.value()), (200, json!({ "ok": true })), "{what} {body}");
    }

    fn truth(&mut self) -> Value {
        self.answer(Asked::new("GET", "/_control/world")).value()
    }

    /// A new volume of 10 GiB in iad.
    fn volume(&mut self, name: &str) -> String {
        let made = self.post("volumes", &json!({ "name": name, "region": "iad", "size_gb": 10 }));
        assert_eq!(made.status, 200, "{made:?}");
        text(&made.value()["id"])
    }

    /// A machine on a volume of its own, which has started.
    fn machine(&mut self, name: &str) -> (String, String) {
        let volume = self.volume("data");
        let made = self.post("machines", &new_machine(name, &volume));
        assert_eq!(made.status, 200, "{made:?}");
        self.pass(4_000);
        (text(&made.value()["id"]), volume)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_string()
}

fn new_machine(name: &str, volume: &str) -> Value {
    json!({
        "name": name,
        "region": "iad",
        "config": {
            "image": "registry.fly.io/app:7@sha256:abc",
            "env": { "KEY": "value" },
            "services": [{ "internal_port": 3000, "autostart": false }],
            "guest": { "cpus": 2, "memory_mb": 1024, "cpu_kind": "shared" },
            "metadata": { "sandbox": "one" },
            "mounts": [{ "volume": volume, "path": "/data" }],
        },
    })
}

fn error(text: &str) -> Value {
    json!({ "error": text })
}

/// An answer as status and body.
fn said(answer: Answer) -> (u16, Value) {
    (answer.status, answer.value())
}
