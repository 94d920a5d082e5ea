//! What instances take up in memory, and what a host keeps of those that rest.

use crate::rest;
use crate::storm::Fleet;
use crate::table::{self, Bar};
use allocation_counter::measure;
use kiloclaw_lifecycle::{Instance, persist};

/// All instances of a fleet in a row.
pub(crate) struct Taken {
    pub(crate) bytes: i64,
    pub(crate) records: usize,
}

pub(crate) fn of(fleet: &Fleet) -> Taken {
    let mut all: Vec<Instance> = Vec::new();
    let info = measure(|| {
        all.reserve_exact(fleet.members.len());
        all.extend(fleet.members.iter().map(|member| *persist::decode(&member.record).expect("a record")));
    });
    assert_eq!(all.len(), fleet.members.len());
    Taken { bytes: info.bytes_current, records: fleet.members.iter().map(|member| member.record.len()).sum() }
}

pub(crate) fn print(fleets: &[Fleet]) -> Vec<Bar> {
    let (Some(small), Some(large)) = (fleets.first(), fleets.last()) else { return Vec::new() };
    let (taken, all) = (of(large), large.members.len());
    let own = size_of::<Instance>();
    let (each, record) = (taken.bytes as f64 / all as f64, taken.records as f64 / all as f64);
    println!(
        "\n{all} instances in memory: {each:.0} bytes each, of which {own} are its own; its record has {record:.0}"
    );
    let sizes = [small, large].map(|fleet| (fleet.members.len(), rest::kept(fleet)));
    let rows = sizes.map(|(instances, kept)| vec![instances.to_string(), kept.to_string()]);
    let title = "What a host keeps, the runtime included, after it has rung every alarm once and nothing is left to do";
    table::plain(title, &["instances at rest", "bytes"], &rows);
    let [(few, least), (many, most)] = sizes;
    println!("\nfor each instance more: {:.3} bytes", (most - least) as f64 / (many - few) as f64);
    vec![Bar {
        what: "bytes of an instance in memory".to_string(),
        against: "bytes of its record".to_string(),
        ratio: each / record,
        bar: 4.0,
        least: false,
    }]
}
