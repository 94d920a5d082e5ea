//! Stores that are wrong on purpose: the suite finds each of them out.

use async_trait::async_trait;
use futures::executor::block_on;
use kiloclaw_lifecycle::event::Event;
use kiloclaw_lifecycle::id::SandboxId;
use kiloclaw_lifecycle::port::{Commit, Fleet, Revision, Store, StoreError, Stored};
use kiloclaw_lifecycle::testkit::{MemoryStore, contract};
use kiloclaw_lifecycle::{Alarm, Timestamp};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    LoadsWhatWasDeleted,
    CutsTexts,
    TakesASecondFirstCommit,
    TakesAnyRevision,
    WritesEventsOfAConflict,
    KeepsTheFirstAlarm,
    KeepsTheAlarmOfTheDeleted,
    ForgetsTheLimit,
    NextIsTheFirst,
    RingsOnce,
    RingsTooSoon,
    RingsInAnyOrder,
    ForgetsTheOutbox,
    TurnsTheOutboxRound,
    AcknowledgesEverything,
    AcknowledgesForAll,
    ForgetsEventsWithTheRecord,
    PagesFromTheStart,
    ListsTheForgotten,
    UndeliveredFromTheStart,
}

struct Wrong {
    inner: MemoryStore,
    fault: Fault,
    rung: std::sync::Mutex<Vec<SandboxId>>,
    known: std::sync::Mutex<Vec<SandboxId>>,
}

impl Wrong {
    fn new(fault: Fault) -> Self {
        Self { inner: MemoryStore::new(), fault, rung: Default::default(), known: Default::default() }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }
}

#[async_trait]
impl Store for Wrong {
    async fn load(&self, sandbox: &SandboxId) -> Result<Option<Stored>, StoreError> {
        let stored = self.inner.load(sandbox).await?;
        let known = self.known.lock().unwrap().contains(sandbox);
        if self.is(Fault::LoadsWhatWasDeleted) && stored.is_none() && known {
            return Ok(Some(Stored { record: "a ghost".to_string(), revision: Revision(1) }));
        }
        if self.is(Fault::CutsTexts) {
            return Ok(stored.map(|stored| Stored { record: stored.record.chars().take(1000).collect(), ..stored }));
        }
        Ok(stored)
    }

    async fn commit(&self, sandbox: &SandboxId, mut commit: Commit) -> Result<Revision, StoreError> {
        self.known.lock().unwrap().push(sandbox.clone());
        let stored = self.inner.load(sandbox).await?.map(|stored| stored.revision);
        if self.is(Fault::TakesAnyRevision) && commit.expected.is_some() && stored.is_some() {
            commit.expected = stored;
        }
        if self.is(Fault::TakesASecondFirstCommit) && commit.expected.is_none() {
            commit.expected = stored;
        }
        if self.is(Fault::KeepsTheFirstAlarm) && commit.record.is_some() {
            commit.alarm = self.inner.alarm(sandbox).or(commit.alarm);
        }
        if self.is(Fault::KeepsTheAlarmOfTheDeleted) && commit.record.is_none() {
            commit.alarm = self.inner.alarm(sandbox);
        }
        if self.is(Fault::ForgetsTheOutbox) && commit.expected.is_some() {
            commit.events.clear();
        }
        if self.is(Fault::ForgetsEventsWithTheRecord) && commit.record.is_none() {
            let told = self.inner.outbox(sandbox).await?;
            self.inner.acknowledge(sandbox, &told).await?;
        }
        let events = commit.events.clone();
        let end = self.inner.commit(sandbox, commit).await;
        if self.is(Fault::WritesEventsOfAConflict) && end == Err(StoreError::Conflict) && !events.is_empty() {
            let record = self.inner.load(sandbox).await?.map(|stored| stored.record);
            let alarm: Option<Alarm> = self.inner.alarm(sandbox);
            let now = Timestamp::from_millis(0);
            self.inner.commit(sandbox, Commit { expected: stored, now, record, alarm, events }).await?;
        }
        end
    }

    async fn outbox(&self, sandbox: &SandboxId) -> Result<Vec<Event>, StoreError> {
        let mut told = self.inner.outbox(sandbox).await?;
        if self.is(Fault::TurnsTheOutboxRound) {
            told.reverse();
        }
        Ok(told)
    }

    async fn acknowledge(&self, sandbox: &SandboxId, events: &[Event]) -> Result<(), StoreError> {
        if self.is(Fault::AcknowledgesEverything) {
            let told = self.inner.outbox(sandbox).await?;
            return self.inner.acknowledge(sandbox, &told).await;
        }
        if self.is(Fault::AcknowledgesForAll) {
            for sandbox in MemoryStore::undelivered(&self.inner) {
                self.inner.acknowledge(&sandbox, events).await?;
            }
        }
        self.inner.acknowledge(sandbox, events).await
    }
}

#[async_trait]
impl Fleet for Wrong {
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<(SandboxId, Timestamp)>, StoreError> {
        let limit = if self.is(Fault::ForgetsTheLimit) { u32::MAX } else { limit };
        let now = if self.is(Fault::RingsTooSoon) { now.plus(1) } else { now };
        let mut due = Fleet::due(&self.inner, now, limit).await?;
        if self.is(Fault::RingsInAnyOrder) {
            due.sort();
        }
        if self.is(Fault::RingsOnce) {
            let mut rung = self.rung.lock().unwrap();
            due.retain(|(sandbox, _)| !rung.contains(sandbox));
            rung.extend(due.iter().map(|(sandbox, _)| sandbox.clone()));
        }
        Ok(due)
    }

    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let after = if self.is(Fault::NextIsTheFirst) { Timestamp::from_millis(0) } else { after };
        self.inner.next_due(after).await
    }

    async fn instances(&self, after: Option<&SandboxId>, limit: u32) -> Result<Vec<SandboxId>, StoreError> {
        if self.is(Fault::ListsTheForgotten) {
            let mut known = self.known.lock().unwrap().clone();
            known.sort();
            known.dedup();
            known.retain(|sandbox| after.is_none_or(|after| sandbox > after));
            known.truncate(limit as usize);
            return Ok(known);
        }
        let after = after.filter(|_| !self.is(Fault::PagesFromTheStart));
        self.inner.instances(after, limit).await
    }

    async fn undelivered(&self, after: Option<&SandboxId>, limit: u32) -> Result<Vec<SandboxId>, StoreError> {
        let after = after.filter(|_| !self.is(Fault::UndeliveredFromTheStart));
        Fleet::undelivered(&self.inner, after, limit).await
    }
}

/// The rules that a store with this fault breaks.
fn breaks(fault: Fault, wanted: &[&str]) {
    let broken = block_on(contract::store::check(async || Wrong::new(fault)));
    let rules: Vec<&str> = broken.iter().map(|broken| broken.rule).collect();
    assert_eq!(rules, wanted, "{fault:?}: {broken:#?}");
}

#[test]
fn records() {
    breaks(Fault::LoadsWhatWasDeleted, &["a_revision_is_never_used_twice", "a_deleted_record_takes_its_alarm_along"]);
    breaks(Fault::CutsTexts, &["every_text_survives"]);
    breaks(
        Fault::TakesASecondFirstCommit,
        &[
            "a_first_commit_needs_that_there_is_none",
            "a_commit_that_conflicts_writes_nothing",
            "of_commits_that_race_one_wins",
        ],
    );
    breaks(
        Fault::TakesAnyRevision,
        &[
            "a_commit_needs_the_revision_that_is_stored",
            "a_revision_is_never_used_twice",
            "of_commits_that_race_one_wins",
        ],
    );
}

#[test]
fn alarms() {
    breaks(Fault::KeepsTheFirstAlarm, &["the_last_commit_says_when_to_ring"]);
    let deleted = ["instances_do_not_touch_each_other", "a_deleted_record_takes_its_alarm_along"];
    breaks(Fault::KeepsTheAlarmOfTheDeleted, &deleted);
    breaks(Fault::ForgetsTheLimit, &["due_alarms_come_in_order_and_stay"]);
    breaks(Fault::RingsTooSoon, &["due_alarms_come_in_order_and_stay"]);
    breaks(Fault::RingsInAnyOrder, &["due_alarms_come_in_order_and_stay"]);
    breaks(Fault::NextIsTheFirst, &["due_alarms_come_in_order_and_stay"]);
    breaks(Fault::RingsOnce, &["the_last_commit_says_when_to_ring", "due_alarms_come_in_order_and_stay"]);
}

#[test]
fn events() {
    breaks(Fault::WritesEventsOfAConflict, &["a_commit_that_conflicts_writes_nothing"]);
    let forgotten = ["events_stay_in_order_until_they_are_acknowledged", "events_outlive_their_record"];
    breaks(Fault::ForgetsTheOutbox, &forgotten);
    breaks(Fault::TurnsTheOutboxRound, &forgotten);
    breaks(Fault::AcknowledgesEverything, &forgotten[..1]);
    breaks(Fault::AcknowledgesForAll, &["instances_do_not_touch_each_other"]);
    breaks(Fault::ForgetsEventsWithTheRecord, &forgotten[1..]);
}

#[test]
fn pages() {
    breaks(Fault::PagesFromTheStart, &["instances_come_in_pages"]);
    breaks(Fault::ListsTheForgotten, &["a_deleted_record_takes_its_alarm_along"]);
    breaks(Fault::UndeliveredFromTheStart, &["undelivered_come_in_pages"]);
}
