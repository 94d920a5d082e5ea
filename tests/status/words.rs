//! A step as text: one thing per line, times as distances from now, generated names by number.

use crate::script::Script;
use kiloclaw_lifecycle::call::{Call, Content, VolumeFilter};
use kiloclaw_lifecycle::command::Answer;
use kiloclaw_lifecycle::event::{Event, EventName};
use kiloclaw_lifecycle::guest::Guest;
use kiloclaw_lifecycle::id::{Image, ResourceName};
use kiloclaw_lifecycle::instance::{CopyView, DisposalCause, ErrorView, Hold, RetainedView, ThingView};
use kiloclaw_lifecycle::persist::flat;
use kiloclaw_lifecycle::{Effect, Instance, Timestamp, Verdict};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Names that the core has made up, in order of their first use.
#[derive(Clone, Default)]
pub(crate) struct Names(Vec<ResourceName>);

impl Names {
    pub(crate) fn show(&mut self, name: &ResourceName) -> String {
        let known = self.0.iter().position(|known| known == name).unwrap_or_else(|| {
            self.0.push(name.clone());
            self.0.len() - 1
        });
        let volume = name.as_str().starts_with("kiloclaw_") && name.as_str().len() <= 30;
        assert!(volume || name.as_str().starts_with("sandbox-1-"), "T5: {name}");
        format!("#{}", known + 1)
    }

    /// The name that was shown under this number.
    pub(crate) fn get(&self, number: usize) -> ResourceName {
        self.all()[number - 1].clone()
    }

    /// All of them, the last made last.
    pub(crate) fn all(&self) -> &[ResourceName] {
        &self.0
    }
}

/// A duration in the largest unit that fits.
pub(crate) fn span(ms: u64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let fitting = units.iter().find(|(unit, _)| ms >= *unit && ms.is_multiple_of(*unit));
    fitting.map_or_else(|| format!("{ms}ms"), |(unit, word)| format!("{}{word}", ms / unit))
}

/// A time, seen from `now`.
pub(crate) fn when(at: Timestamp, now: Timestamp) -> String {
    match (at.since(now), now.since(at)) {
        (0, 0) => "now".to_string(),
        (ahead, 0) => format!("+{}", span(ahead)),
        (_, ago) => format!("-{}", span(ago)),
    }
}

pub(crate) fn step(
    script: &mut Script,
    before: Option<&Instance>,
    verdict: &Verdict,
    committed: bool,
    effects: &[Effect],
) -> String {
    let now = script.now;
    let next = script.instance.clone();
    let status = next.as_ref().map_or("none", |next| next.status().as_str());
    let keep =
        if committed || matches!(verdict, Verdict::Ignored(_) | Verdict::Denied(_)) { "" } else { " (no commit)" };
    let mut lines = vec![format!("{}: {status}{keep}", words_of(verdict))];
    lines.extend(changes(before, next.as_ref(), now));
    lines.extend(listed(script, before, next.as_ref()));
    let mut alarms = Vec::new();
    for effect in effects {
        match effect {
            Effect::Call(call) => lines.push(format!("call {}", describe(&mut script.names, &call.call))),
            Effect::ScheduleAlarm(alarm) => {
                let why = serde_json::to_value(alarm.why).unwrap();
                alarms.push(format!("alarm {} {}", when(alarm.at, now), why.as_str().unwrap()));
            }
            Effect::EmitEvent(event) => lines.push(told(&mut script.names, event)),
            Effect::EvictRegion { region, class } => lines.push(format!("evict {region} {}", class.as_str())),
            Effect::Reply { to: _, result } => lines.push(match result {
                Ok(Answer::Deleted(volume)) => {
                    format!("reply deleted {}", volume.as_ref().map_or("nothing", |volume| volume.as_str()))
                }
                Ok(Answer::Reassociated(volume)) => format!("reply reassociated {volume}"),
                Err(rejection) => format!("reply {} {:?}", rejection.code.as_str(), rejection.message),
            }),
            Effect::Forget => lines.push("forget".to_string()),
        }
    }
    if !matches!(verdict, Verdict::Ignored(_) | Verdict::Denied(_)) {
        lines.extend(alarms);
    }
    lines.join("\n")
}

fn words_of(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Applied => "applied".to_string(),
        Verdict::Pending(_) => "pending".to_string(),
        Verdict::Ignored(why) => format!("ignored {}", serde_json::to_value(why).unwrap().as_str().unwrap()),
        Verdict::Denied(rejection) => format!("denied {}", rejection.code.as_str()),
    }
}

/// What the flat record says otherwise than before.
fn changes(before: Option<&Instance>, next: Option<&Instance>, now: Timestamp) -> Vec<String> {
    let Some(next) = next else { return Vec::new() };
    let (was, is) = (before.map(flat::export).unwrap_or_default(), flat::export(next));
    let shown = |key: &str| !["lifecycle", "status", "userId", "sandboxId"].contains(&key);
    let changed = |key: &str, value: &Value| was.get(key).unwrap_or(&Value::Null) != value;
    let mut is: Map<String, Value> = is.into_iter().filter(|(key, value)| shown(key) && changed(key, value)).collect();
    if before.is_none() {
        is.retain(|_, value| ![Value::Null, Value::from(0), Value::from(false)].contains(value));
    }
    is.into_iter().map(|(key, value)| format!("set {key} {}", plain(&key, &value, now))).collect()
}

fn plain(key: &str, value: &Value, now: Timestamp) -> String {
    let dated = key.ends_with("At") || key.ends_with("After");
    match value.as_u64().filter(|_| dated) {
        Some(at) => when(Timestamp::from_millis(at), now),
        None => value.to_string(),
    }
}

/// What is on the disposal list otherwise than before.
fn listed(script: &mut Script, before: Option<&Instance>, next: Option<&Instance>) -> Vec<String> {
    let Some(next) = next else { return Vec::new() };
    let was = before.map(|before| entries(script, before)).unwrap_or_default();
    let is = entries(script, next);
    let gone = was.keys().filter(|thing| !is.contains_key(*thing)).map(|thing| format!("off the list {thing}"));
    let gone: Vec<String> = gone.collect();
    let new = is.into_iter().filter(|(thing, entry)| was.get(thing) != Some(entry));
    new.map(|(thing, entry)| relative(&format!("on the list {thing} {entry}"), script.now)).chain(gone).collect()
}

/// Replaces every `@<milliseconds>` by its distance from now.
fn relative(line: &str, now: Timestamp) -> String {
    let mut words = line.split('@');
    let mut text = words.next().unwrap_or_default().to_string();
    for word in words {
        let end = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
        text += &when(Timestamp::from_millis(word[..end].parse().unwrap()), now);
        text += &word[end..];
    }
    text
}

fn entries(script: &mut Script, instance: &Instance) -> BTreeMap<String, String> {
    let view = instance.admin_view();
    let error =
        |error: &Option<ErrorView>| error.as_ref().map_or(String::new(), |error| format!(" {:?}", error.message));
    let flag = |set: bool, word: &str| if set { format!(" {word}") } else { String::new() };
    let tried = |attempts: u32| if attempts == 0 { String::new() } else { format!(" tried {attempts}") };
    let mut lines = BTreeMap::new();
    for kept in view.retained {
        let copy = kept.copy.as_ref().map_or(String::new(), copy);
        let entry = format!(
            "{} until @{}{copy}{}{}{}{}",
            retained_as(&kept),
            kept.clean_up_after.as_millis(),
            flag(kept.clean_up_requested, "asked for"),
            tried(kept.attempts),
            error(&kept.last_error),
            flag(kept.abandoned, "abandoned"),
        );
        lines.insert(format!("volume {}", kept.volume), entry);
    }
    for entry in view.disposal {
        let thing = match &entry.thing {
            ThingView::Machine(machine) => format!("machine {machine}"),
            ThingView::Volume(volume) => format!("volume {volume}"),
            ThingView::MachineNamed(name) => format!("machine named {}", script.names.show(name)),
            ThingView::VolumeNamed(name) => format!("volume named {}", script.names.show(name)),
        };
        let cause = serde_json::to_value(entry.cause).unwrap();
        let text = format!(
            "{} due @{}{}{}{}",
            cause.as_str().unwrap(),
            entry.due.as_millis(),
            tried(entry.attempts),
            error(&entry.last_error),
            flag(entry.abandoned, "abandoned"),
        );
        lines.insert(thing, text);
    }
    for stray in view.strays {
        lines.insert(format!("machine {stray}"), "stray".to_string());
    }
    lines
}

/// A candidate whose date counts, because the instance has been seen healthy without it, is marked; so is what waits for that otherwise.
fn retained_as(kept: &RetainedView) -> &'static str {
    let candidate = kept.cause == DisposalCause::Candidate;
    let waits = kept.held_back_by.contains(&Hold::InstanceUnproven);
    match (candidate, waits) {
        (true, false) if !kept.clean_up_requested => "candidate done without",
        (true, _) => "candidate",
        (false, false) => "retained",
        (false, true) => "retained unproven",
    }
}

fn copy(copy: &CopyView) -> String {
    let word = |holds: bool, word: &'static str| if holds { word } else { "" };
    let flags =
        [word(copy.healthy, " healthy"), word(copy.hydrated, " hydrated"), word(copy.ends_retention, " immediate")];
    format!(" for {}{}", copy.volume, flags.concat())
}

fn size(guest: &Guest, image: Option<&Image>) -> String {
    let guest = if *guest == Guest::STANDARD {
        String::new()
    } else {
        format!(" of {} cpus {} MB", guest.cpus(), guest.memory_mb())
    };
    guest + &image.map_or(String::new(), |image| format!(" running {image}"))
}

/// A call with all its arguments. That labels are ours is checked here.
pub(crate) fn describe(names: &mut Names, call: &Call) -> String {
    let text = match call {
        Call::GetMachine { machine }
        | Call::StartMachine { machine }
        | Call::StopMachine { machine }
        | Call::DestroyMachine { machine } => machine.to_string(),
        Call::ListMachines { metadata } => labels(metadata).to_string(),
        Call::CreateMachine(new) => {
            let region = new.region.as_ref().map_or(String::new(), |region| format!(" in {region}"));
            let (name, ours) = (names.show(&new.name), labels(&new.metadata));
            format!("{name} {ours} on {}{region}{}", new.volume, size(&new.guest, new.image.as_ref()))
        }
        Call::UpdateMachine(new) => {
            let ours = labels(&new.metadata);
            format!("{} {ours} on {}{}", new.machine, new.volume, size(&new.guest, new.image.as_ref()))
        }
        Call::WaitMachine { machine, version, state, timeout_s } => {
            let version = version.as_ref().map_or(String::new(), |version| format!(" of version {version}"));
            format!("{machine}{version} {} {timeout_s}s", state.state())
        }
        Call::GetVolume { volume } | Call::ListSnapshots { volume } => volume.to_string(),
        Call::ListVolumes(VolumeFilter::Named(name)) => format!("named {}", names.show(name)),
        Call::ListVolumes(VolumeFilter::Ours { shared, prefix }) => {
            assert_eq!(shared.as_ref().map(ResourceName::as_str), Some("kiloclaw_sandbox_1"));
            assert!(prefix.as_str().starts_with("kiloclaw_") && prefix.as_str().ends_with('_'));
            "ours".to_string()
        }
        Call::CreateVolume(new) => {
            let content = match &new.content {
                Content::Empty { size_gb } => format!("empty {size_gb} GB"),
                Content::Fork { source } => format!("fork of {source}"),
                Content::Snapshot { snapshot, size_gb } => format!("from {snapshot} {size_gb} GB"),
            };
            format!("{} in {} {content}{}", names.show(&new.name), new.region, size(&new.guest, None))
        }
        Call::DeleteVolume(condemned) => condemned.volume().to_string(),
        Call::ProbeHealth { machine, timeout_s, interval_ms } => {
            format!("{machine} {timeout_s}s every {interval_ms}ms")
        }
    };
    format!("{} {text}", call.kind())
}

fn labels(metadata: &BTreeMap<String, String>) -> &'static str {
    let (user, sandbox) = ("kiloclaw_user_id".to_string(), "kiloclaw_sandbox_id".to_string());
    assert_eq!(*metadata, BTreeMap::from([(user, "user-1".to_string()), (sandbox, "sandbox-1".to_string())]));
    "ours"
}

/// An event with all its fields but those that every event has.
pub(crate) fn told(names: &mut Names, event: &Event) -> String {
    let mut text = match event.event {
        EventName::Life(milestone) => format!("event {}", milestone.as_str()),
        EventName::Reconcile(action) => format!("log {}", action.as_str()),
    };
    let status = event.status.map(|status| status.as_str().to_string());
    let parts = [
        ("", status),
        ("", event.label.as_ref().map(|label| format!("{label:?}"))),
        ("value=", event.value.map(|value| value.to_string())),
        ("took=", event.duration_ms.map(span)),
        ("error=", event.error.as_ref().map(|error| format!("{error:?}"))),
        ("by=", event.reason.clone()),
        ("machine=", event.machine.as_ref().map(ToString::to_string)),
        ("region=", event.region.as_ref().map(ToString::to_string)),
    ];
    for (word, part) in parts {
        if let Some(part) = part {
            text += &format!(" {word}{part}");
        }
    }
    for (key, value) in &event.details {
        let named = (key == "name").then(|| value.as_str().map(|name| ResourceName::new(name).unwrap())).flatten();
        let value = named.map_or_else(|| value.to_string(), |name| names.show(&name));
        text += &format!(" {key}:{value}");
    }
    text
}
