//! How far each story is explored.

use kiloclaw_lifecycle::testkit::model::Budget;

/// The named bounds: `short` for every test run, `long` for a while.
const ALL: [(&str, &str, Budget); 10] = [
    ("recovery", "short", Budget::of(4, 1)),
    ("start", "short", Budget::of(2, 1)),
    ("stop", "short", Budget::of(2, 1)),
    ("destroy", "short", Budget::of(2, 1)),
    ("restore", "short", Budget::of(3, 1)),
    ("recovery", "long", Budget::of(4, 2)),
    ("start", "long", Budget::of(2, 2)),
    ("stop", "long", Budget::of(2, 2)),
    ("destroy", "long", Budget::of(2, 2)),
    ("restore", "long", Budget::of(3, 2)),
];

/// The bounds of this name for a story; `None` when there are none.
pub(crate) fn bounds(story: &str, name: &str) -> Option<Budget> {
    ALL.iter().find(|(of, named, _)| (*of, *named) == (story, name)).map(|(_, _, budget)| *budget)
}
