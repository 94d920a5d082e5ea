//! Contenders that take turns, and the table of what came of it.

use std::time::Duration;

const ROUNDS: usize = 5;
/// So many times as much in the same time is hoped for.
const BAR: f64 = 20.0;

/// One that does so many workloads a turn.
pub(crate) struct Contender {
    name: &'static str,
    count: u64,
    turn: Box<dyn FnMut(usize) -> Duration>,
}

impl Contender {
    /// `turn` is told the number of the round, and says how long `count` workloads took.
    pub(crate) fn new(name: &'static str, count: u64, turn: impl FnMut(usize) -> Duration + 'static) -> Self {
        Self { name, count, turn: Box::new(turn) }
    }

    /// Workloads per second.
    fn throughput(&mut self, round: usize) -> f64 {
        self.count as f64 / (self.turn)(round).as_secs_f64()
    }
}

/// One line of the table: throughputs, round by round.
pub(crate) struct Row {
    what: &'static str,
    against: &'static str,
    ours: Vec<f64>,
    its: Vec<f64>,
}

/// Ours has its turn before and after each of the others, and counts with the mean of the two.
pub(crate) fn rounds(what: &'static str, mut ours: Contender, mut others: Vec<Contender>) -> Vec<Row> {
    let row = |other: &Contender| Row { what, against: other.name, ours: Vec::new(), its: Vec::new() };
    let mut rows: Vec<Row> = others.iter().map(row).collect();
    for round in 0..ROUNDS {
        println!("{what}, round {} of {ROUNDS}", round + 1);
        let mut before = ours.throughput(round);
        for (other, row) in others.iter_mut().zip(&mut rows) {
            row.its.push(other.throughput(round));
            let after = ours.throughput(round);
            row.ours.push(f64::midpoint(before, after));
            before = after;
        }
    }
    rows
}

fn sorted(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}

pub(crate) fn print(rows: &[Row]) {
    println!("\n| durable workloads | duroxide | ours /s | its /s | ratio | of all rounds | bar | |");
    println!("|---|---|---:|---:|---:|---:|---:|---|");
    for Row { what, against, ours, its } in rows {
        let ratios = sorted(ours.iter().zip(its).map(|(ours, its)| ours / its));
        let (ours, its) = (sorted(ours.iter().copied())[ROUNDS / 2], sorted(its.iter().copied())[ROUNDS / 2]);
        let (least, ratio, most) = (ratios[0], ratios[ROUNDS / 2], ratios[ROUNDS - 1]);
        let word = if ratio >= BAR { "reached" } else { "missed" };
        println!(
            "| {what} | {against} | {ours:.1} | {its:.1} | {ratio:.1} | {least:.1} to {most:.1} | ≥ {BAR} | {word} |"
        );
    }
}
