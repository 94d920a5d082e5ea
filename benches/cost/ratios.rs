//! Ratios of what was measured in this run, and the bars that they are held against.

use serde_json::Value;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::SystemTime;

/// How often everything is measured.
pub(crate) const ROUNDS: usize = 5;

#[derive(Clone)]
pub(crate) struct Bar {
    what: &'static str,
    against: &'static str,
    ratio: Option<f64>,
    /// `None` for what is only stated.
    bar: Option<f64>,
    /// Whether more is better.
    least: bool,
}

impl Bar {
    /// `what` may take `bar` times as long as `times` of `against`.
    pub(crate) fn most(
        what: &'static str,
        measured: &str,
        against: &'static str,
        beside: &str,
        times: f64,
        bar: f64,
    ) -> Self {
        let ratio = ratio(measured, beside).map(|ratio| ratio / times);
        Self { what, against, ratio, bar: Some(bar), least: false }
    }

    /// `what`, of which `times` are measured together, has to be done `bar` times as often as `against` in the same time.
    pub(crate) fn least(
        what: &'static str,
        measured: &str,
        times: f64,
        against: &'static str,
        beside: &str,
        bar: Option<f64>,
    ) -> Self {
        let ratio = ratio(beside, measured).map(|ratio| ratio * times);
        Self { what, against, ratio, bar, least: true }
    }

    /// What was counted and not timed.
    pub(crate) fn counted(what: &'static str, against: &'static str, ratio: f64, bar: f64) -> Self {
        Self { what, against, ratio: Some(ratio), bar: Some(bar), least: false }
    }
}

/// When this run began.
pub(crate) static BEGUN: LazyLock<SystemTime> = LazyLock::new(SystemTime::now);

/// In the middle one of all rounds.
fn ratio(measured: &str, beside: &str) -> Option<f64> {
    let round = |round| Some(median(&format!("{measured}/{round}"))? / median(&format!("{beside}/{round}"))?);
    let mut rounds = (0..ROUNDS).map(round).collect::<Option<Vec<f64>>>()?;
    rounds.sort_by(f64::total_cmp);
    rounds.get(ROUNDS / 2).copied()
}

/// Nanoseconds, as Criterion has just written them down. `None` for what a filter on the command line has left out.
fn median(id: &str) -> Option<f64> {
    let home = std::env::var("CRITERION_HOME").map_or_else(|_| target().join("criterion"), PathBuf::from);
    let file = home.join(id).join("new/estimates.json");
    if std::fs::metadata(&file).ok()?.modified().ok()? < *BEGUN {
        return None;
    }
    let text = std::fs::read_to_string(file).ok()?;
    serde_json::from_str::<Value>(&text).ok()?.get("median")?.get("point_estimate")?.as_f64()
}

fn target() -> PathBuf {
    let bench = std::env::current_exe().expect("a program");
    bench.ancestors().nth(3).expect("target/release/deps").to_path_buf()
}

pub(crate) fn print(bars: &[Bar]) {
    println!("\n| what | against | ratio | bar | |\n|---|---|---:|---:|---|");
    for Bar { what, against, ratio, bar, least } in bars {
        let Some(ratio) = ratio else { continue };
        let Some(bar) = bar else {
            println!("| {what} | {against} | {ratio:.2} | | stated |");
            continue;
        };
        let (sign, good) = if *least { ("≥", ratio >= bar) } else { ("≤", ratio <= bar) };
        println!("| {what} | {against} | {ratio:.2} | {sign} {bar} | {} |", if good { "reached" } else { "missed" });
    }
}
