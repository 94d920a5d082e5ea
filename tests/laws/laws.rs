//! The laws: what holds after every step, whatever came before.

use crate::forms;
use crate::run::Run;
use crate::world::Known;
use kiloclaw_lifecycle::call::{Call, CallKind, Content, Operation};
use kiloclaw_lifecycle::command::Command;
use kiloclaw_lifecycle::event::{Action, EventName};
use kiloclaw_lifecycle::instance::Caller;
use kiloclaw_lifecycle::persist;
use kiloclaw_lifecycle::step::Ignored;
use kiloclaw_lifecycle::{Alarm, Effect, Input, Instance, Status, Step, Timestamp, Verdict};
use serde_json::{Map, Value};

/// A law that does not hold, and how it came to that.
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) String);

/// One step, with all that came out of it.
pub(crate) struct Seen {
    pub(crate) before: Option<Instance>,
    pub(crate) input: Input,
    pub(crate) now: Timestamp,
    pub(crate) verdict: Verdict,
    pub(crate) next: Option<Instance>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) alarm: Option<Alarm>,
    pub(crate) needs_commit: bool,
    /// For an outcome: whether it is of the call in flight, and of its kind.
    pub(crate) awaited: Option<bool>,
    /// The same arguments brought the same step.
    pub(crate) same: bool,
}

impl Seen {
    fn calls(&self) -> impl Iterator<Item = &Operation> {
        self.effects
            .iter()
            .filter_map(|effect| if let Effect::Call(operation) = effect { Some(&**operation) } else { None })
    }

    fn logged(&self, action: Action) -> bool {
        let wanted = EventName::Reconcile(action);
        self.effects.iter().any(|effect| matches!(effect, Effect::EmitEvent(event) if event.event == wanted))
    }
}

pub(crate) fn demand(holds: bool, law: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken(law())) }
}

pub(crate) fn bytes(instance: Option<&Instance>) -> String {
    instance.map_or_else(String::new, |instance| persist::encode(instance).expect("an instance can be written"))
}

pub(crate) fn check(run: &mut Run, seen: &Seen) -> Result<(), Broken> {
    demand(seen.same, || "T1: the same arguments bring the same step".to_string())?;
    one_call(seen)?;
    numbers(run, seen)?;
    alarm(seen)?;
    commits(seen)?;
    turned_down(seen)?;
    stale(seen)?;
    answers(run, seen)?;
    deletes(seen)?;
    creates(seen)?;
    recovery(seen)?;
    ownership(run, seen)?;
    if !run.thorough {
        return Ok(());
    }
    forms::stored(seen)?;
    forms::migrated(run, seen)
}

/// T3: one call in flight at most, and a new one only when there was none.
fn one_call(seen: &Seen) -> Result<(), Broken> {
    let calls: Vec<_> = seen.calls().collect();
    demand(calls.len() <= 1, || format!("T3: one step asks for {} calls", calls.len()))?;
    let next = seen.next.as_ref().and_then(Instance::in_flight);
    let before = seen.before.as_ref().and_then(Instance::in_flight);
    let Some(call) = calls.first() else {
        return demand(next.is_none() || next == before, || format!("T3: {next:?} is in flight and was never made"));
    };
    demand(next == Some(call.id), || format!("T3: {} was made, and {next:?} is in flight", call.id))?;
    demand(call.id.kind == call.call.kind(), || format!("T3: {} is of another kind", call.id))?;
    let ends = match &seen.input {
        Input::Outcome { .. } => seen.awaited == Some(true),
        Input::Alarm | Input::Resume => true,
        // What only asked may be dropped for what somebody wants done.
        Input::Command(_) => before.is_none_or(|op| !op.kind.mutates()),
    };
    demand(before.is_none() || ends, || format!("T3: {} was made while {before:?} was in flight", call.id))?;
    let alarm = seen.alarm.map(|alarm| alarm.at);
    demand(alarm.is_some_and(|at| at <= call.deadline), || format!("A2: nothing looks after {} in time", call.id))
}

/// T3 and T9: what changes the world has a number of its own, and so has every event.
fn numbers(run: &mut Run, seen: &Seen) -> Result<(), Broken> {
    for call in seen.calls().filter(|call| call.id.kind.mutates()) {
        demand(call.id.number > run.mutations, || format!("T3: the number of {} was used before", call.id))?;
        run.mutations = call.id.number;
    }
    for effect in &seen.effects {
        if let Effect::EmitEvent(event) = effect {
            let new = run.event_keys.insert(event.key.clone());
            demand(new, || format!("T9: two events have the key {}", event.key))?;
            demand(event.at == seen.now, || format!("the event {} has another time", event.key))?;
        }
    }
    Ok(())
}

/// T7: a live instance has an alarm, never before now, and every step says so once.
fn alarm(seen: &Seen) -> Result<(), Broken> {
    let scheduled: Vec<_> = seen
        .effects
        .iter()
        .filter_map(|effect| if let Effect::ScheduleAlarm(alarm) = effect { Some(*alarm) } else { None })
        .collect();
    let forgets = seen.effects.iter().filter(|effect| matches!(effect, Effect::Forget)).count();
    let Some(next) = &seen.next else {
        demand(scheduled.is_empty(), || "T7: an alarm for nobody".to_string())?;
        let expected = usize::from(seen.before.is_some());
        return demand(forgets == expected, || format!("{forgets} effects forget the instance, expected {expected}"));
    };
    demand(forgets == 0, || "a live instance is forgotten".to_string())?;
    // A record that stays as it is keeps an alarm that is overdue, and rings at once.
    let due = Alarm { at: next.alarm().at.max(seen.now), ..next.alarm() };
    demand(seen.alarm == Some(due), || format!("T7: the alarm is {:?}, and {due:?} is due", seen.alarm))?;
    demand(scheduled == [due], || format!("T7: the alarms {scheduled:?} are scheduled, and {due:?} is due"))?;
    let unchanged = seen.before.as_ref() == Some(next);
    demand(unchanged || next.alarm().at >= seen.now, || format!("T7: the alarm is before now: {:?}", next.alarm()))?;
    if let Some(before) = &seen.before {
        let (old, new) = (before.alarm(), next.alarm());
        demand(old == new || new.generation > old.generation, || format!("{new:?} cannot be told from {old:?}"))?;
    }
    let rests = seen.input == Input::Alarm && next.in_flight().is_none();
    let end_of_time = seen.now.as_millis() > u64::MAX / 4;
    demand(!rests || end_of_time || next.alarm().at > seen.now, || "A2: the alarm rings for ever".to_string())
}

/// A second alarm at the same time changes nothing but the alarm while a call is in flight (A3, A4).
pub(crate) fn alarm_again(first: &Instance, again: &Step) -> Result<(), Broken> {
    if first.in_flight().is_none() {
        return Ok(());
    }
    let (first, second) = (fields(Some(first)), fields(again.next.as_deref()));
    let differing: Vec<_> =
        differing(&first, &second).into_iter().filter(|key| *key != "alarm" && *key != "next_look").collect();
    demand(differing.is_empty(), || format!("A4: a second alarm at once changes {differing:?}"))?;
    let calls =
        again.clone().committed().1.into_iter().filter(|effect| !matches!(effect, Effect::ScheduleAlarm(_))).count();
    demand(calls == 0, || "A4: a second alarm at once does something".to_string())
}

pub(crate) fn fields(instance: Option<&Instance>) -> Map<String, Value> {
    let text = bytes(instance);
    let mut envelope: Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
    match envelope.remove("instance") {
        Some(Value::Object(fields)) => fields,
        Some(_) | None => Map::new(),
    }
}

pub(crate) fn differing<'a>(one: &'a Map<String, Value>, other: &'a Map<String, Value>) -> Vec<&'a str> {
    let mut keys: Vec<_> = one.keys().chain(other.keys()).map(String::as_str).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter().filter(|key| one.get(*key) != other.get(*key)).collect()
}

/// What may be different after a step that needs no commit: it is asked or found out again after a crash.
const ASKED_AGAIN: [&str; 17] = [
    "alarm",
    "cleanup",
    "counted_at",
    "errors",
    "holdings",
    "in_flight",
    "looked_up_at",
    "next_look",
    "phase",
    "pulled",
    "reason",
    "refreshed_at",
    "resting",
    "retry",
    "sequence",
    "wake",
    "machine",
];

/// T2 and T3: what must not be lost is committed.
fn commits(seen: &Seen) -> Result<(), Broken> {
    if seen.needs_commit {
        return Ok(());
    }
    for effect in &seen.effects {
        let harmless = match effect {
            Effect::Call(operation) => !operation.id.kind.mutates(),
            Effect::ScheduleAlarm(_) => true,
            Effect::EmitEvent(_) | Effect::EvictRegion { .. } | Effect::Reply { .. } | Effect::Forget => false,
        };
        demand(harmless, || format!("T2: released without a commit: {effect:?}"))?;
    }
    let (Some(before), Some(next)) = (&seen.before, &seen.next) else {
        return demand(seen.before.is_none() && seen.next.is_none(), || {
            "T2: a birth or an end is not committed".into()
        });
    };
    demand(before.status() == next.status(), || "T2: a change of status is not committed".to_string())?;
    let (old, new) = (fields(Some(before)), fields(Some(next)));
    let lost: Vec<_> = differing(&old, &new).into_iter().filter(|key| !ASKED_AGAIN.contains(key)).collect();
    demand(lost.is_empty(), || format!("T2: a crash would undo {lost:?}"))?;
    let (old, new) = (Known::of(before), Known::of(next));
    let nothing_new = new.machines.is_subset(&old.machines) && new.volumes.is_subset(&old.volumes);
    demand(nothing_new, || format!("T2, R5: what was learnt is not committed: {old:?} became {new:?}"))?;
    let began = matches!((&seen.input, &seen.verdict), (Input::Command(command), Verdict::Applied | Verdict::Pending(_))
        if *command != Command::Refresh);
    demand(!began || seen.before == seen.next, || "T2: a command that was taken on is not committed".to_string())
}

/// A command that was turned down, and an input that was ignored, changes nothing.
fn turned_down(seen: &Seen) -> Result<(), Broken> {
    match &seen.verdict {
        Verdict::Applied | Verdict::Pending(_) => return Ok(()),
        Verdict::Denied(rejection) => {
            demand(matches!(seen.input, Input::Command(_)), || "only commands are turned down".to_string())?;
            let status = seen.before.as_ref().map(Instance::status);
            demand(rejection.status == status, || format!("the rejection names the status {:?}", rejection.status))?;
            demand(!rejection.message.is_empty(), || "the rejection says nothing".to_string())?;
        }
        Verdict::Ignored(why) => {
            demand((*why == Ignored::NoInstance) == seen.before.is_none(), || format!("ignored for {why:?}"))?;
        }
    }
    let (before, next) = (bytes(seen.before.as_ref()), bytes(seen.next.as_ref()));
    demand(before == next, || format!("turned down, and changes the record\n{before}\n{next}"))?;
    demand(!seen.needs_commit, || "nothing happened, and that is to be committed".to_string())?;
    let quiet = seen.effects.iter().all(|effect| matches!(effect, Effect::ScheduleAlarm(_)));
    demand(quiet, || "turned down, and does something".to_string())
}

/// T4: an outcome nobody waits for changes no status; what it made is put on the disposal list.
fn stale(seen: &Seen) -> Result<(), Broken> {
    let (Some(false), Some(before), Some(next)) = (seen.awaited, &seen.before, &seen.next) else { return Ok(()) };
    let (old, new) = (fields(Some(before)), fields(Some(next)));
    let allowed = ["alarm", "holdings", "next_look", "sequence"];
    let changed: Vec<_> = differing(&old, &new).into_iter().filter(|key| !allowed.contains(key)).collect();
    // A clock that was wrong is put right by whatever comes.
    let changed: Vec<_> = changed.into_iter().filter(|key| !corrected_clock(key, seen, &old, &new)).collect();
    demand(changed.is_empty(), || format!("T4: a stale outcome changes {changed:?}"))?;
    let kept = Known::of(before).volumes.is_subset(&Known::of(next).volumes)
        && Known::of(before).machines.is_subset(&Known::of(next).machines);
    demand(kept, || "T4: a stale outcome makes the instance forget something".to_string())
}

/// Whether a field differs only in times that were in the future.
fn corrected_clock(key: &str, seen: &Seen, old: &Map<String, Value>, new: &Map<String, Value>) -> bool {
    fn clamp(value: &Value, now: u64) -> Value {
        match value {
            Value::Number(number) if number.as_u64().is_some_and(|number| number >= now.min(1_000_000)) => Value::Null,
            Value::Array(items) => Value::Array(items.iter().map(|item| clamp(item, now)).collect()),
            Value::Object(fields) => {
                Value::Object(fields.iter().map(|(key, value)| (key.clone(), clamp(value, now))).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
        }
    }
    let now = seen.now.as_millis();
    let timed = ["counted_at", "looked_up_at", "refreshed_at", "in_flight", "phase", "machine", "next_look", "retry"];
    timed.contains(&key) && old.get(key).map(|value| clamp(value, now)) == new.get(key).map(|value| clamp(value, now))
}

/// A command that was promised an answer gets one, once.
fn answers(run: &mut Run, seen: &Seen) -> Result<(), Broken> {
    if let Verdict::Pending(request) = &seen.verdict {
        demand(run.promised.insert(*request), || format!("{request:?} was promised before"))?;
    }
    for effect in &seen.effects {
        if let Effect::Reply { to, .. } = effect {
            demand(run.promised.remove(to), || format!("{to:?} was answered before, or never asked"))?;
        }
    }
    demand(seen.next.is_some() || run.promised.is_empty(), || "forgotten with a command unanswered".to_string())
}

/// D2 and R13: nothing that is needed is removed.
fn deletes(seen: &Seen) -> Result<(), Broken> {
    let Some(next) = &seen.next else { return Ok(()) };
    let (known, destroying) = (Known::of(next), next.status() == Status::Destroying);
    let from_list = next.admin_view().call.is_some_and(|call| call.caller == Caller::Disposal);
    for operation in seen.calls() {
        match &operation.call {
            Call::DeleteVolume(condemned) => {
                let volume = condemned.volume();
                demand(known.condemned.contains(volume), || format!("D1: {volume} is deleted and not on the list"))?;
                let needed = known.volume.as_ref() == Some(volume) || known.pending.as_ref() == Some(volume);
                demand(destroying || !needed, || format!("D2: {volume} is deleted and needed"))?;
            }
            Call::DestroyMachine { machine } if from_list && !destroying => {
                let needed = known.machine.as_ref() == Some(machine);
                demand(!needed, || format!("R13: {machine} is removed from the list and needed"))?;
            }
            Call::DestroyMachine { .. }
            | Call::GetMachine { .. }
            | Call::ListMachines { .. }
            | Call::CreateMachine(_)
            | Call::UpdateMachine(_)
            | Call::StartMachine { .. }
            | Call::StopMachine { .. }
            | Call::WaitMachine { .. }
            | Call::GetVolume { .. }
            | Call::ListVolumes(_)
            | Call::ListSnapshots { .. }
            | Call::CreateVolume(_)
            | Call::ProbeHealth { .. } => {}
        }
    }
    Ok(())
}

/// X4: nothing of a destroying instance is made. V2 and G3: what has data never gets an empty volume by itself.
fn creates(seen: &Seen) -> Result<(), Broken> {
    let Some(next) = &seen.next else { return Ok(()) };
    for operation in seen.calls() {
        let makes = [CallKind::CreateMachine, CallKind::CreateVolume].contains(&operation.id.kind);
        demand(!makes || next.status() != Status::Destroying, || format!("X4: {} in destroying", operation.id))?;
        if let Call::CreateVolume(new) = &operation.call {
            let name = new.name.as_str();
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            let fits = name.starts_with("kiloclaw_") && name.len() <= 30 && name.chars().all(plain);
            demand(fits, || format!("T5: a volume cannot have the name {name}"))?;
            let view = next.admin_view();
            let lost = view.last_started_at.is_some() && !view.loss_accepted;
            let empty = matches!(new.content, Content::Empty { .. });
            demand(!(empty && lost), || "V2: an instance that has data gets an empty volume".to_string())?;
        }
    }
    Ok(())
}

/// R4, R9, R10: the volume of the record is the source until the cut-over.
fn recovery(seen: &Seen) -> Result<(), Broken> {
    let (Some(before), Some(next)) = (&seen.before, &seen.next) else { return Ok(()) };
    if next.status() == Status::Recovering {
        let same = before.volume() == next.volume();
        return demand(same, || "R4: the volume changes while recovering".to_string());
    }
    if before.status() != Status::Recovering {
        return Ok(());
    }
    if next.status() != Status::Running {
        demand(next.status() == Status::Stopped, || format!("a recovery ends in {}", next.status()))?;
        return demand(before.volume() == next.volume(), || "R10: a failed recovery changes the volume".to_string());
    }
    let retained = next.admin_view().retained;
    let kept = before.volume().is_some_and(|source| retained.iter().any(|entry| entry.volume == *source));
    demand(kept, || "R9: the source is not retained".to_string())?;
    let fork = before.admin_view().pending_volume;
    demand(fork.as_ref() == next.volume(), || "R9: the fork is not the instance's volume".to_string())
}

/// D6, T4, T5, X4: what was made is known until an answer proves it gone.
fn ownership(run: &Run, seen: &Seen) -> Result<(), Broken> {
    let Some(next) = &seen.next else {
        let Some(before) = &seen.before else { return Ok(()) };
        let abandoned = Known::of(before).abandoned;
        let left = run.ledger.left(&abandoned);
        demand(left.is_empty(), || format!("D6: the instance is forgotten, and these are left: {left:?}"))?;
        let unsettled = run.ledger.unsettled(&abandoned);
        let excused = run.ledger.clock_was_wrong || seen.logged(Action::DestroyOrphanSweepAbandoned);
        return demand(excused || unsettled.is_empty(), || {
            format!("X4: forgotten, and these may turn up: {unsettled:?}")
        });
    };
    let forgotten = run.ledger.forgotten(&Known::of(next));
    demand(forgotten.is_empty(), || format!("D6: the record has forgotten {forgotten:?}"))
}
