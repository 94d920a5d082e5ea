//! Ratios of what Criterion has measured in this run.

use serde_json::Value;
use std::path::PathBuf;

/// One line of the table.
pub(crate) struct Row {
    what: &'static str,
    /// Nanoseconds; and those of what it is compared with. `None` for what a filter on the command line has left out.
    times: Option<(f64, f64)>,
}

impl Row {
    pub(crate) fn of(what: &'static str, measured: &str, beside: &str) -> Self {
        Self { what, times: median(measured).zip(median(beside)) }
    }
}

/// As Criterion has just written it down.
fn median(id: &str) -> Option<f64> {
    let home = std::env::var("CRITERION_HOME").map_or_else(|_| target().join("criterion"), PathBuf::from);
    let text = std::fs::read_to_string(home.join(id).join("new/estimates.json")).ok()?;
    serde_json::from_str::<Value>(&text).ok()?.get("median")?.get("point_estimate")?.as_f64()
}

fn target() -> PathBuf {
    let bench = std::env::current_exe().expect("a program");
    bench.ancestors().nth(3).expect("target/release/deps").to_path_buf()
}

pub(crate) fn print(rows: &[Row], against: &str) {
    println!("\n| eight events | ns | times {against} |\n|---|---:|---:|");
    for Row { what, times } in rows {
        let Some((measured, beside)) = times else { continue };
        println!("| {what} | {measured:.1} | {:.1} |", measured / beside);
    }
}
