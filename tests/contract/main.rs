//! What a provider promises, tried on the simulated Fly, on providers that are wrong, and over HTTP.
//!
//! An adapter is tried in the same way: see `http.rs`.

#[path = "../../examples/fly_emulator/line.rs"]
mod line;
#[path = "../../examples/fly_emulator/server.rs"]
mod server;

mod adapter;
mod http;
mod mistakes;
mod plain;
mod sim;
mod wrong;

use kiloclaw_lifecycle::id::Identity;
use kiloclaw_lifecycle::testkit::contract::provider::Ground;
use kiloclaw_lifecycle::testkit::{SimFly, World};
use kiloclaw_lifecycle::{Timestamp, testkit::contract::provider::Rule};

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn fly() -> SimFly {
    SimFly::new(World::new(START))
}

fn ground() -> Ground {
    let identity = Identity {
        user: "user-1".parse().expect("a user"),
        sandbox: "sandbox-1".parse().expect("a sandbox"),
        app: Some("app-1".parse().expect("an app")),
    };
    let mut ground = Ground::new(identity, "run1", "iad".parse().expect("a region"));
    ground.image = Some("registry.fly.io/app:1".parse().expect("an image"));
    ground
}

fn all() -> Vec<Rule> {
    Rule::ALL.to_vec()
}
