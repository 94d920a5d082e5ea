//! Everything there is, for those who test.

use super::Emulator;
use crate::testkit::world::{SimMachine, SimVolume};
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use alloc::string::String;
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Serialize)]
struct Machine<'a> {
    #[serde(flatten)]
    known: &'a SimMachine,
    runs: bool,
}

#[derive(Serialize)]
struct Volume<'a> {
    #[serde(flatten)]
    known: &'a SimVolume,
    holder: Option<&'a String>,
    writers: alloc::vec::Vec<&'a String>,
    intact: bool,
}

impl Emulator {
    pub(super) fn truth(&self, wall: Timestamp) -> Value {
        let world = &self.world;
        let machine = |known| Machine { known, runs: known.runs() };
        let machines: BTreeMap<&String, Machine<'_>> =
            world.machines().map(|(id, known)| (id, machine(known))).collect();
        let volumes: BTreeMap<&String, Volume<'_>> = world
            .volumes()
            .map(|(id, known)| {
                let (holder, writers, intact) = (world.holder(id), world.writers(id), world.intact(id));
                (id, Volume { known, holder, writers, intact })
            })
            .collect();
        let snapshots: BTreeMap<&String, Value> = world
            .volumes()
            .map(|(id, _)| (id, json!(world.snapshots(id))))
            .filter(|(_, all)| *all != json!([]))
            .collect();
        let storm = self.storm.as_ref().map(|storm| storm.odds.shown());
        json!({
            "now": world.now(), "wall": wall, "time_scale": self.settings.time_scale,
            "weather": self.settings.weather, "faults": storm, "hostile": self.hostile, "rate_limit": self.settings.rate_limit,
            "healthy": world.healthy, "capacity": world.capacity(),
            "machines": machines, "volumes": volumes, "snapshots": snapshots,
        })
    }
}
