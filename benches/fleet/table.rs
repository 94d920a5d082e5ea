//! What was measured, and the bars that it is held against.

/// One line.
pub(crate) struct Bar {
    pub(crate) what: String,
    pub(crate) against: String,
    pub(crate) ratio: f64,
    pub(crate) bar: f64,
    /// Whether more is better.
    pub(crate) least: bool,
}

pub(crate) fn bars(bars: &[Bar]) {
    println!("\n| what | against | ratio | bar | |\n|---|---|---:|---:|---|");
    for Bar { what, against, ratio, bar, least } in bars {
        let (sign, good) = if *least { ("≥", ratio >= bar) } else { ("≤", ratio <= bar) };
        println!("| {what} | {against} | {ratio:.2} | {sign} {bar} | {} |", if good { "reached" } else { "missed" });
    }
}

/// A table of text: the names of the columns, and the rows. All but the first column are numbers.
pub(crate) fn plain(title: &str, columns: &[&str], rows: &[Vec<String>]) {
    println!("\n{title}\n\n| {} |\n|---{}|", columns.join(" | "), "|---:".repeat(columns.len() - 1));
    for row in rows {
        assert_eq!(row.len(), columns.len(), "{row:?}");
        println!("| {} |", row.join(" | "));
    }
}
