//! How far each story is explored.

use kiloclaw_lifecycle::testkit::model::Budget;

/// The named bounds. `short`, for every test run, has every pair of troubles, also twice the same one; `long` has every three of them, and
/// more time for each.
const ALL: [(&str, &str, Budget); 10] = [
    ("recovery", "short", Budget::of(2, 2)),
    ("start", "short", Budget::of(2, 2)),
    ("stop", "short", Budget::of(2, 2)),
    ("destroy", "short", Budget::of(2, 2)),
    ("restore", "short", Budget::of(2, 2)),
    ("recovery", "long", Budget::of(4, 3)),
    ("start", "long", Budget::of(4, 3)),
    ("stop", "long", Budget::of(4, 3)),
    ("destroy", "long", Budget::of(4, 3)),
    ("restore", "long", Budget::of(4, 3)),
];

/// The bounds of this name for a story; `None` when there are none.
pub(crate) fn bounds(story: &str, name: &str) -> Option<Budget> {
    ALL.iter().find(|(of, named, _)| (*of, *named) == (story, name)).map(|(_, _, budget)| *budget)
}
