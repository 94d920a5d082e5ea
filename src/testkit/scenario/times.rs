//! Durations such as `5m`, times relative to now such as `now-60s`, and the ISO 8601 that stored records hold.

use alloc::string::String;
use serde_json::Value;

const UNITS: [(&str, i128); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Milliseconds of `90s`, `5m`, `7d`.
pub(super) fn duration(text: &str) -> Option<i128> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, ms) = UNITS.iter().find(|(name, _)| *name == unit)?;
    if number.is_empty() {
        return None;
    }
    // Too many digits to count are a very long time.
    Some(number.parse::<u64>().map_or(i128::from(u64::MAX), i128::from).saturating_mul(*ms))
}

/// Milliseconds from now to `now`, `now-60s`, `now+7d`.
pub(super) fn relative(text: &str) -> Option<i128> {
    let rest = text.strip_prefix("now")?;
    match rest.chars().next() {
        None => Some(0),
        Some('+') => duration(rest.get(1..)?),
        Some('-') => duration(rest.get(1..)?).map(|ms| -ms),
        Some(_) => None,
    }
}

/// Whether a text is meant as a time relative to now, well-formed or not.
pub(super) fn looks_relative(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("now").map(str::trim_start) else { return false };
    rest.is_empty() || (rest.starts_with(['+', '-']) && !rest.contains('\n'))
}

/// Milliseconds of a stored time: a number or ISO 8601.
pub(super) fn instant(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(ms), _) => Some(ms.into()),
            (None, Some(ms)) => Some(ms.into()),
            (None, None) => number.as_f64().map(|ms| ms as i128),
        },
        Value::String(text) => iso(text),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Takes a number of exactly `digits` digits off the front.
fn take(text: &mut &str, digits: usize) -> Option<i128> {
    let (number, rest) = text.split_at_checked(digits)?;
    let number = number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok()).flatten()?;
    *text = rest;
    Some(number)
}

fn skip(text: &mut &str, mark: char) -> bool {
    let rest = text.strip_prefix(mark);
    *text = rest.unwrap_or(text);
    rest.is_some()
}

/// `2026-04-06`, `2026-04-06T00:00`, `2026-04-06T00:00:00.000Z`, `20260406T000000+0200`; without a zone it is UTC.
fn iso(text: &str) -> Option<i128> {
    let mut rest = text;
    let year = take(&mut rest, 4)?;
    let dashes = skip(&mut rest, '-');
    let month = take(&mut rest, 2)?;
    if dashes && !skip(&mut rest, '-') {
        return None;
    }
    let day = take(&mut rest, 2)?;
    let mut ms = days(year, month, day)?.checked_mul(86_400_000)?;
    let mut characters = rest.chars();
    if characters.next().is_some() {
        rest = characters.as_str();
        ms += clock(&mut rest)?;
        ms -= zone(rest)?;
    }
    Some(ms)
}

/// `HH[:MM[:SS[.fraction]]]`, in milliseconds.
fn clock(text: &mut &str) -> Option<i128> {
    let hours = take(text, 2).filter(|hours| *hours < 24)?;
    let mut ms = hours * 3_600_000;
    for (unit, most) in [(60_000, 60), (1_000, 60)] {
        let part = skip(text, ':') || text.starts_with(|c: char| c.is_ascii_digit());
        if !part {
            return Some(ms);
        }
        ms += take(text, 2).filter(|count| *count < most)? * unit;
    }
    if skip(text, '.') || skip(text, ',') {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (fraction, rest) = text.split_at_checked(digits)?;
        let value: i128 = fraction.chars().chain("000".chars()).take(3).collect::<String>().parse().ok()?;
        if fraction.is_empty() {
            return None;
        }
        ms += value;
        *text = rest;
    }
    Some(ms)
}

/// Milliseconds east of Greenwich.
fn zone(text: &str) -> Option<i128> {
    if text.is_empty() || text == "Z" || text == "z" {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let mut rest = text.strip_prefix(['+', '-'])?;
    let east = clock(&mut rest)?;
    rest.is_empty().then_some(sign * east)
}

/// Days from 1970-01-01, by the proleptic Gregorian calendar.
fn days(year: i128, month: i128, day: i128) -> Option<i128> {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let length = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if year < 1 || !(1..=length).contains(&day) {
        return None;
    }
    // Counting from March puts the leap day last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    Some(y * 365 + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (m * 153 + 2) / 5 + day - 1 - 719_468)
}
