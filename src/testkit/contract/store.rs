//! What a store promises, one rule after the other.

use crate::event::{Event, EventName, Milestone};
use crate::id::{SandboxId, UserId};
use crate::port::{Commit, Fleet, Revision, StoreError, Stored};
use crate::step::{Alarm, Why};
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use futures::future::join_all;

/// As many commits race for one revision.
const RACERS: u64 = 8;
/// More than any record is long.
const LONG: usize = 1 << 20;

/// A rule that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its name.
    pub rule: &'static str,
    /// What was wanted, and what came.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

type Held = Result<(), String>;

/// Tries everything that [`Store`](crate::Store) and [`Fleet`] promise. `fresh` makes a store that holds nothing, anew for each rule.
///
/// ```
/// use kiloclaw_lifecycle::testkit::{MemoryStore, contract};
///
/// let broken = futures::executor::block_on(contract::store::check(async || MemoryStore::new()));
/// assert_eq!(broken, []);
/// ```
pub async fn check<S: Fleet>(fresh: impl AsyncFn() -> S) -> Vec<Broken> {
    let mut broken = Vec::new();
    macro_rules! try_each {
        ($($rule:ident)*) => {$(
            if let Err(what) = $rule(&fresh().await).await {
                broken.push(Broken { rule: stringify!($rule), what });
            }
        )*};
    }
    try_each!(
        an_empty_store_holds_nothing
        what_is_committed_is_loaded
        every_text_survives
        a_first_commit_needs_that_there_is_none
        a_commit_needs_the_revision_that_is_stored
        a_commit_that_conflicts_writes_nothing
        a_revision_is_never_used_twice
        of_commits_that_race_one_wins
        instances_do_not_touch_each_other
        the_last_commit_says_when_to_ring
        due_alarms_come_in_order_and_stay
        a_deleted_record_takes_its_alarm_along
        events_stay_in_order_until_they_are_acknowledged
        events_outlive_their_record
        instances_come_in_pages
        undelivered_come_in_pages
    );
    broken
}

fn sandbox(name: &str) -> Result<SandboxId, String> {
    SandboxId::new(name).map_err(|error| error.to_string())
}

fn event(sandbox: &SandboxId, number: u64) -> Result<Event, String> {
    Ok(Event {
        key: format!("{sandbox}:{number}"),
        at: Timestamp::from_millis(number),
        event: EventName::Life(Milestone::Stopped),
        user: UserId::new("user-1").map_err(|error| error.to_string())?,
        sandbox: sandbox.clone(),
        app: None,
        machine: None,
        region: None,
        status: None,
        label: Some("an \"odd\" label, with ünïcode".to_string()),
        error: None,
        duration_ms: None,
        value: Some(u64::MAX),
        reason: None,
        details: BTreeMap::new(),
    })
}

fn alarm(at: u64) -> Option<Alarm> {
    Some(Alarm { at: Timestamp::from_millis(at), why: Why::Reconcile, generation: at })
}

fn writes(expected: Option<Revision>, record: &str, at: u64) -> Commit {
    let record = Some(record.to_string());
    Commit { expected, now: Timestamp::from_millis(1), record, alarm: alarm(at), events: Vec::new() }
}

fn deletes(expected: Option<Revision>) -> Commit {
    Commit { expected, now: Timestamp::from_millis(1), record: None, alarm: None, events: Vec::new() }
}

fn said(error: StoreError) -> String {
    error.to_string()
}

async fn put(store: &impl Fleet, sandbox: &SandboxId, commit: Commit) -> Result<Revision, String> {
    store.commit(sandbox, commit).await.map_err(|error| format!("a commit that should be taken: {error}"))
}

async fn conflicts(store: &impl Fleet, sandbox: &SandboxId, commit: Commit) -> Held {
    same("the answer to a commit", store.commit(sandbox, commit).await, Err(StoreError::Conflict))
}

async fn loads(store: &impl Fleet, sandbox: &SandboxId, wanted: Option<(&str, Revision)>) -> Held {
    let wanted = wanted.map(|(record, revision)| Stored { record: record.to_string(), revision });
    same("what is loaded", store.load(sandbox).await.map_err(said)?, wanted)
}

/// Whose alarm is due at the end of time, and when.
async fn armed(store: &impl Fleet, wanted: &[(&SandboxId, u64)]) -> Held {
    let wanted: Vec<_> = wanted.iter().map(|(of, at)| ((*of).clone(), Timestamp::from_millis(*at))).collect();
    same("what is due", store.due(Timestamp::from_millis(1 << 62), 100).await.map_err(said)?, wanted)
}

/// When the first alarm of all is due.
async fn next(store: &impl Fleet) -> Result<Option<Timestamp>, String> {
    store.next_due(Timestamp::from_millis(0)).await.map_err(said)
}

async fn undelivered_of(store: &impl Fleet, sandbox: &SandboxId, wanted: &[Event]) -> Held {
    same("the outbox", store.outbox(sandbox).await.map_err(said)?, wanted.to_vec())
}

async fn an_empty_store_holds_nothing(store: &impl Fleet) -> Held {
    let one = sandbox("one")?;
    loads(store, &one, None).await?;
    undelivered_of(store, &one, &[]).await?;
    armed(store, &[]).await?;
    same("the next alarm", next(store).await?, None)?;
    same("the instances", store.instances(None, 10).await.map_err(said)?, vec![])?;
    same("the undelivered", store.undelivered(None, 10).await.map_err(said)?, vec![])?;
    let unknown = event(&one, 1)?;
    store.acknowledge(&one, &[unknown]).await.map_err(said)
}

async fn what_is_committed_is_loaded(store: &impl Fleet) -> Held {
    let one = sandbox("one")?;
    let first = put(store, &one, writes(None, "first", 5)).await?;
    loads(store, &one, Some(("first", first))).await?;
    let second = put(store, &one, writes(Some(first), "second", 5)).await?;
    loads(store, &one, Some(("second", second))).await?;
    same("whether the revision has grown", second > first, true)
}

async fn every_text_survives(store: &impl Fleet) -> Held {
    let long = "long ".repeat(LONG / 5);
    let texts =
        ["", " ", "{\"a\":\"b\"}", "'; DROP TABLE instance; --", "tab\tnew\r\nline", "nul\0nul", "ünïcödé 🦀", &long];
    for (at, text) in texts.into_iter().enumerate() {
        let of = sandbox(&format!("sandbox-{at}"))?;
        let revision = put(store, &of, writes(None, text, 5)).await?;
        loads(store, &of, Some((text, revision))).await?;
    }
    Ok(())
}

async fn a_first_commit_needs_that_there_is_none(store: &impl Fleet) -> Held {
    let one = sandbox("one")?;
    let revision = put(store, &one, writes(None, "first", 5)).await?;
    conflicts(store, &one, writes(None, "second", 6)).await?;
    conflicts(store, &one, deletes(None)).await?;
    loads(store, &one, Some(("first", revision))).await
}

async fn a_commit_needs_the_revision_that_is_stored(store: &impl Fleet) -> Held {
    let one = sandbox("one")?;
    conflicts(store, &one, writes(Some(Revision(0)), "first", 5)).await?;
    conflicts(store, &one, writes(Some(Revision(1)), "first", 5)).await?;
    let first = put(store, &one, writes(None, "first", 5)).await?;
    let second = put(store, &one, writes(Some(first), "second", 5)).await?;
    for stale in [first, Revision(second.0.saturating_add(1)), Revision(u64::MAX)] {
        conflicts(store, &one, writes(Some(stale), "third", 5)).await?;
        conflicts(store, &one, deletes(Some(stale))).await?;
    }
    loads(store, &one, Some(("second", second))).await
}

async fn a_commit_that_conflicts_writes_nothing(store: &impl Fleet) -> Held {
    let one = sandbox("one")?;
    let kept = event(&one, 1)?;
    let revision = put(store, &one, Commit { events: vec![kept.clone()], ..writes(None, "first", 5) }).await?;
    let lost = Commit { events: vec![event(&one, 2)?], ..writes(None, "second", 6) };
    conflicts(store, &one, lost).await?;
    loads(store, &one, Some(("first", revision))).await?;
    armed(store, &[(&one, 5)]).await?;
    undelivered_of(store, &one, &[kept]).await
}

async fn a_revision_is_never_used_twice(store: &impl Fleet) -> Held {
    let one = sandbox("one")?;
    let first = put(store, &one, writes(None, "first", 5)).await?;
    let gone = put(store, &one, deletes(Some(first))).await?;
    loads(store, &one, None).await?;
    conflicts(store, &one, writes(Some(gone), "second", 5)).await?;
    let anew = put(store, &one, writes(None, "first", 5)).await?;
    same("whether the revisions differ", first < gone && gone < anew, true)?;
    conflicts(store, &one, writes(Some(first), "second", 5)).await?;
    loads(store, &one, Some(("first", anew))).await
}

async fn of_commits_that_race_one_wins(store: &impl Fleet) -> Held {
    let one = sandbox("one")?;
    let mut revision = None;
    for round in 0..RACERS {
        let texts: Vec<String> = (0..RACERS).map(|racer| format!("round {round}, racer {racer}")).collect();
        let ends = join_all(texts.iter().map(|text| store.commit(&one, writes(revision, text, 5)))).await;
        let won: Vec<_> = ends.iter().zip(&texts).filter_map(|(end, text)| Some((end.clone().ok()?, text))).collect();
        let lost = ends.iter().filter(|end| **end == Err(StoreError::Conflict)).count();
        same("how many have won and lost", (won.len(), lost), (1, texts.len().saturating_sub(1)))?;
        for (winner, text) in won {
            loads(store, &one, Some((text, winner))).await?;
            revision = Some(winner);
        }
    }
    Ok(())
}

async fn instances_do_not_touch_each_other(store: &impl Fleet) -> Held {
    let (one, two) = (sandbox("one")?, sandbox("two")?);
    // Both have an event of the same key, which a store must not take for one.
    let (first, second) = (event(&one, 1)?, Event { sandbox: two.clone(), ..event(&one, 1)? });
    let of_one = put(store, &one, Commit { events: vec![first.clone()], ..writes(None, "first", 5) }).await?;
    let of_two = put(store, &two, Commit { events: vec![second.clone()], ..writes(None, "second", 6) }).await?;
    store.acknowledge(&two, &[second]).await.map_err(said)?;
    undelivered_of(store, &one, &[first]).await?;
    undelivered_of(store, &two, &[]).await?;
    put(store, &two, deletes(Some(of_two))).await?;
    loads(store, &one, Some(("first", of_one))).await?;
    armed(store, &[(&one, 5)]).await
}

async fn the_last_commit_says_when_to_ring(store: &impl Fleet) -> Held {
    let one = sandbox("one")?;
    let mut revision = None;
    for at in [5, 9, 3, 3] {
        revision = Some(put(store, &one, writes(revision, "record", at)).await?);
        armed(store, &[(&one, at)]).await?;
        same("the next alarm", next(store).await?, Some(Timestamp::from_millis(at)))?;
    }
    Ok(())
}

async fn due_alarms_come_in_order_and_stay(store: &impl Fleet) -> Held {
    for (name, at) in [("a", 30), ("b", 10), ("c", 20), ("d", 40)] {
        put(store, &sandbox(name)?, writes(None, "record", at)).await?;
    }
    // An alarm that was read is still due.
    for (now, limit, wanted) in [
        (9, 9, vec![]),
        (10, 9, vec![("b", 10)]),
        (29, 9, vec![("b", 10), ("c", 20)]),
        (30, 9, vec![("b", 10), ("c", 20), ("a", 30)]),
        (99, 2, vec![("b", 10), ("c", 20)]),
        (99, 0, vec![]),
    ] {
        let due = store.due(Timestamp::from_millis(now), limit).await.map_err(said)?;
        let due: Vec<_> = due.iter().map(|(of, at)| (of.as_str(), at.as_millis())).collect();
        same(&format!("what is due at {now}"), due, wanted)?;
    }
    for (after, wanted) in [(0, Some(10)), (9, Some(10)), (10, Some(20)), (39, Some(40)), (40, None)] {
        let next = store.next_due(Timestamp::from_millis(after)).await.map_err(said)?;
        same(&format!("the next alarm after {after}"), next.map(Timestamp::as_millis), wanted)?;
    }
    Ok(())
}

async fn a_deleted_record_takes_its_alarm_along(store: &impl Fleet) -> Held {
    let one = sandbox("one")?;
    let revision = put(store, &one, writes(None, "record", 5)).await?;
    put(store, &one, deletes(Some(revision))).await?;
    loads(store, &one, None).await?;
    armed(store, &[]).await?;
    same("the next alarm", next(store).await?, None)?;
    same("the instances", store.instances(None, 10).await.map_err(said)?, vec![])
}

async fn events_stay_in_order_until_they_are_acknowledged(store: &impl Fleet) -> Held {
    let one = sandbox("one")?;
    let told = [event(&one, 3)?, event(&one, 1)?, event(&one, 2)?, event(&one, 9)?];
    let [first, second, third, fourth] = told.clone();
    let commit = Commit { events: vec![first.clone(), second.clone()], ..writes(None, "first", 5) };
    let revision = put(store, &one, commit).await?;
    undelivered_of(store, &one, &[first.clone(), second.clone()]).await?;
    // One comes while the first two are being delivered.
    put(store, &one, Commit { events: vec![third.clone(), fourth.clone()], ..writes(Some(revision), "second", 5) })
        .await?;
    undelivered_of(store, &one, &told).await?;
    store.acknowledge(&one, &[first.clone(), third]).await.map_err(said)?;
    undelivered_of(store, &one, &[second.clone(), fourth.clone()]).await?;
    store.acknowledge(&one, &[first]).await.map_err(said)?;
    store.acknowledge(&one, &[]).await.map_err(said)?;
    undelivered_of(store, &one, &[second, fourth]).await
}

async fn events_outlive_their_record(store: &impl Fleet) -> Held {
    let one = sandbox("one")?;
    let (first, last) = (event(&one, 1)?, event(&one, 2)?);
    let revision = put(store, &one, Commit { events: vec![first.clone()], ..writes(None, "record", 5) }).await?;
    put(store, &one, Commit { events: vec![last.clone()], ..deletes(Some(revision)) }).await?;
    undelivered_of(store, &one, &[first.clone(), last.clone()]).await?;
    same("the undelivered", store.undelivered(None, 10).await.map_err(said)?, vec![one.clone()])?;
    store.acknowledge(&one, &[first, last]).await.map_err(said)?;
    same("the undelivered", store.undelivered(None, 10).await.map_err(said)?, vec![])
}

async fn instances_come_in_pages(store: &impl Fleet) -> Held {
    let names = ["Ba", "a", "a-1", "a1", "b", "ba"];
    for name in names.into_iter().rev() {
        put(store, &sandbox(name)?, writes(None, "record", 5)).await?;
    }
    let of = |after: Option<SandboxId>, limit| async move {
        let page = store.instances(after.as_ref(), limit).await.map_err(said)?;
        Ok::<Vec<String>, String>(page.iter().map(ToString::to_string).collect())
    };
    same("the first page", of(None, 2).await?, texts(&["Ba", "a"]))?;
    same("the next page", of(Some(sandbox("a")?), 3).await?, texts(&["a-1", "a1", "b"]))?;
    same("a page after a name that there is not", of(Some(sandbox("aa")?), 9).await?, texts(&["b", "ba"]))?;
    same("what comes after the last", of(Some(sandbox("ba")?), 9).await?, vec![])
}

async fn undelivered_come_in_pages(store: &impl Fleet) -> Held {
    for name in ["c", "a", "b"] {
        let of = sandbox(name)?;
        let events = vec![event(&of, 1)?, event(&of, 2)?];
        put(store, &of, Commit { events, ..writes(None, "record", 5) }).await?;
    }
    put(store, &sandbox("aa")?, writes(None, "record", 5)).await?;
    let first = store.undelivered(None, 2).await.map_err(said)?;
    same("the first page", first, vec![sandbox("a")?, sandbox("b")?])?;
    let next = store.undelivered(Some(&sandbox("b")?), 2).await.map_err(said)?;
    same("the next page", next, vec![sandbox("c")?])
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn same<T: PartialEq + fmt::Debug>(what: &str, got: T, wanted: T) -> Held {
    if got == wanted { Ok(()) } else { Err(format!("{what}: wanted {}, got {}", short(&wanted), short(&got))) }
}

fn short(value: &impl fmt::Debug) -> String {
    format!("{value:?}").chars().take(300).collect()
}
