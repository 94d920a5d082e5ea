//! Whether a decision is one that was taken before.

use super::{asked_for, persist};
use crate::driver::Decision;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;

/// Numbers with as many digits as this are times, or numbers of operations, which begin with a time.
const DIGITS_OF_A_TIME: usize = 9;

/// The decisions that were taken, told apart by the record they leave behind and by what they ask for.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    decisions: BTreeSet<String>,
}

impl Seen {
    /// Notes a decision; whether it was known.
    pub(super) fn before(&mut self, decision: &Decision) -> bool {
        let record = decision.step().next.as_ref().and_then(|instance| persist::encode(instance).ok());
        let asked = asked_for(decision).map(|request| request.kind());
        !self.decisions.insert(format!("{asked:?} {}", timeless(&record.unwrap_or_default())))
    }
}

/// A record without its times, the numbers of its operations and the generation of its alarm.
fn timeless(record: &str) -> String {
    let (record, generation) = record.split_once("\"generation\":").unwrap_or((record, ""));
    let mut kept = String::new();
    let mut rest = record;
    while !rest.is_empty() {
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        let others = rest.chars().skip(digits).take_while(|c| !c.is_ascii_digit()).map(char::len_utf8).sum::<usize>();
        let (number, after) = rest.split_at_checked(digits).unwrap_or((rest, ""));
        let (between, after) = after.split_at_checked(others).unwrap_or((after, ""));
        kept.push_str(if digits < DIGITS_OF_A_TIME { number } else { "#" });
        kept.push_str(between);
        rest = after;
    }
    kept.push_str(generation.trim_start_matches(|c: char| c.is_ascii_digit()));
    kept
}
