//! What a large fleet costs: `cargo bench --bench fleet`.
//!
//! `-- due memory growth storm` measures only what is named; `-- --plot FILE.svg` draws cost against the size of the fleet instead. Everything
//! is measured in one run, and ratios are printed at the end: machines differ, ratios hold.

mod due;
mod file;
mod growth;
mod memory;
mod plot;
mod rest;
mod rounds;
mod storm;
mod storms;
mod table;
mod well;

use lexopt::Arg;
use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use storm::Fleet;

const PARTS: [&str; 4] = ["due", "memory", "growth", "storm"];
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
const PLOTTED: [usize; 5] = [1_000, 3_000, 10_000, 30_000, 100_000];

/// What is asked for.
struct Wish {
    parts: Vec<OsString>,
    plot: Option<PathBuf>,
}

fn wish() -> Result<Wish, lexopt::Error> {
    let mut wish = Wish { parts: Vec::new(), plot: None };
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("plot") => wish.plot = Some(args.value()?.into()),
            // Cargo adds it.
            Arg::Long("bench") => {}
            Arg::Value(part) if PARTS.iter().any(|known| part == *known) => wish.parts.push(part),
            Arg::Long(_) | Arg::Short(_) | Arg::Value(_) => return Err(arg.unexpected()),
        }
    }
    Ok(wish)
}

fn main() -> Result<(), Box<dyn Error>> {
    let wish = wish()?;
    let fleets = |sizes: &[usize]| sizes.iter().map(|size| Fleet::running(*size)).collect::<Vec<_>>();
    if let Some(file) = wish.plot {
        let costs = growth::costs(&fleets(&PLOTTED));
        growth::print(&costs);
        return plot::draw(&costs, &file);
    }
    let asked = |part: &str| wish.parts.is_empty() || wish.parts.iter().any(|asked| asked == part);
    let fleets = fleets(&SIZES);
    let largest = fleets.last().ok_or("no fleet")?;
    let mut bars = Vec::new();
    if asked("due") {
        bars.extend(due::measure(largest));
    }
    if asked("memory") {
        bars.extend(memory::print(&fleets));
    }
    if asked("growth") {
        bars.extend(growth::print(&growth::costs(&fleets)));
    }
    if asked("storm") {
        storms::print(largest);
    }
    table::bars(&bars);
    Ok(())
}
