//! Who is due: by the index, and by looking at everybody.

use crate::file::Filed;
use crate::rounds::{Spread, in_turn, timed};
use crate::storm::Fleet;
use crate::table::{self, Bar};
use futures::executor::block_on;
use kiloclaw_lifecycle::id::SandboxId;
use kiloclaw_lifecycle::{Fleet as _, Timestamp, persist};
use rusqlite::Connection;

/// What the host reads at once, beside what it knows already.
const PAGE: u32 = 1_024;

/// As the host's wheel asks while nothing has come of what it has rung: for all that again, and for a page more.
fn as_the_wheel(filed: &Filed, now: Timestamp) -> Vec<(SandboxId, Timestamp)> {
    let mut known = 0;
    loop {
        let limit = known + PAGE;
        let due = block_on(filed.store.due(now, limit)).expect("a store");
        let found = u32::try_from(due.len()).expect("few");
        if found < limit {
            return due;
        }
        known = found;
    }
}

/// Without an index every record says itself when it is due.
fn from_the_records(db: &Connection, now: Timestamp) -> usize {
    let mut all =
        db.prepare_cached("SELECT sandbox, record FROM instance WHERE record IS NOT NULL").expect("the table");
    let rows = all.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).expect("rows");
    let due = rows.filter_map(|row| {
        let (sandbox, record) = row.expect("a row");
        let at = persist::decode(&record).expect("a record").alarm().at;
        (at <= now).then_some((at, sandbox))
    });
    let mut due: Vec<_> = due.collect();
    due.sort();
    due.len()
}

/// The same with the date in a column of its own.
fn from_the_column(db: &Connection, now: Timestamp) -> usize {
    let sql = "SELECT sandbox, due FROM instance NOT INDEXED WHERE due <= ?1 ORDER BY due, sandbox";
    let mut all = db.prepare_cached(sql).expect("the table");
    let now = i64::try_from(now.as_millis()).expect("a date");
    let rows = all.query_map([now], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))).expect("rows");
    let due: Vec<_> = rows.map(|row| row.expect("a row")).collect();
    due.len()
}

/// When the earliest so many are due.
fn when_due(fleet: &Fleet, instances: usize) -> Timestamp {
    let mut dates: Vec<Timestamp> = fleet.members.iter().map(|member| member.alarm.at).collect();
    dates.sort();
    dates[instances - 1]
}

pub(crate) fn measure(fleet: &Fleet) -> Vec<Bar> {
    let (all, filed) = (fleet.members.len(), Filed::of(fleet));
    let now = when_due(fleet, all / 100);
    let db = Connection::open(filed.path()).expect("the file");
    let due = as_the_wheel(&filed, now).len();
    assert_eq!((from_the_records(&db, now), from_the_column(&db, now)), (due, due), "all of them find the same");
    let ways: [(&str, &dyn Fn() -> usize); 4] = [
        ("the index, page by page as the host asks", &|| as_the_wheel(&filed, now).len()),
        ("the index, all at once", &|| block_on(filed.store.due(now, u32::MAX)).expect("a store").len()),
        ("every record decoded", &|| from_the_records(&db, now)),
        ("every row's date, without the index", &|| from_the_column(&db, now)),
    ];
    let mut subjects = ways.map(|(_, way)| way);
    let took = in_turn(&mut subjects, 9, |way| {
        let (took, found) = timed(way);
        assert_eq!(found, due);
        took
    });
    let rows = ways.iter().zip(&took).map(|((name, _), took)| {
        let Spread { median, low, high, mean: _ } = took;
        vec![
            (*name).to_string(),
            format!("{median:.0}"),
            format!("{low:.0} to {high:.0}"),
            format!("{:.2}", median / due as f64),
        ]
    });
    let title = format!("{due} of {all} instances are due; to find them takes");
    table::plain(&title, &["by", "µs", "quartiles", "µs for each that is due"], &rows.collect::<Vec<_>>());
    let bar = |by: usize, against: usize, how: &str, name: &str| Bar {
        what: format!("finding 1 % that are due by the index, {how}"),
        against: name.to_string(),
        ratio: took[against].median / took[by].median,
        bar: 50.0,
        least: true,
    };
    vec![
        bar(0, 2, "page by page", "decoding every record"),
        bar(0, 3, "page by page", "reading every row's date"),
        bar(1, 3, "all at once", "reading every row's date"),
    ]
}
