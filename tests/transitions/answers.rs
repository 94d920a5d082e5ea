//! Every kind of answer that fits the call in flight.

use crate::script::Script;
use crate::world::{
    Answer, Remade, a_machine, a_volume, absent, accepted, busy, conflict, health, held, limited, machine_made,
    machines, missing_volume, no_room, refused, region_full, seen, snapshots, unauthorized, unknown, volume_made,
    volumes, waited,
};
use kiloclaw_lifecycle::call::{Call, VolumeFilter};
use kiloclaw_lifecycle::observe::{Machine, Volume};

const MACHINE_STATES: [&str; 14] = [
    "created",
    "starting",
    "started",
    "stopping",
    "stopped",
    "suspending",
    "suspended",
    "replacing",
    "updating",
    "restarting",
    "failed",
    "destroying",
    "destroyed",
    "odd",
];

/// One of each class: usable, still reading from its source, on its way, dead, dying, unheard of.
const VOLUME_STATES: [&str; 6] = ["created", "hydrating", "restoring", "destroyed", "pending_destroy", "odd"];

fn faults() -> Vec<(&'static str, Answer)> {
    vec![
        ("absent", absent()),
        ("no room", no_room()),
        ("region full", region_full()),
        ("conflict", conflict(None)),
        ("conflict with m3", conflict(Some("m3"))),
        ("busy", busy()),
        ("missing volume", missing_volume()),
        ("rate limited", limited()),
        ("unauthorized", unauthorized()),
        ("refused", refused()),
        ("unknown", unknown()),
    ]
}

/// The machine `id`, on the volume that it should mount.
fn known(script: &Script, id: &str, state: &str) -> Machine {
    let instance = script.instance.as_ref();
    let volume = instance.and_then(|instance| instance.admin_view().pending_volume.or(instance.volume().cloned()));
    let machine = a_machine(id, state);
    match volume {
        Some(volume) => machine.mounting(volume.as_str()),
        None => machine,
    }
}

fn machine(script: &Script, id: &str) -> Vec<(String, Answer)> {
    let mut answers: Vec<(String, Answer)> =
        MACHINE_STATES.iter().map(|state| (state.to_string(), known(script, id, state).seen())).collect();
    let further = [
        ("unreachable", known(script, id, "stopped").unreachable()),
        ("started elsewhere", a_machine(id, "started").mounting("vol-6")),
        ("started on nothing", a_machine(id, "started").mounting_nothing()),
        ("started and foreign", known(script, id, "started").of_sandbox("sandbox-9")),
        ("started and unlabelled", known(script, id, "started").unlabelled()),
    ];
    answers.extend(further.map(|(word, machine)| (word.to_string(), machine.seen())));
    answers
}

fn volume(id: &str) -> Vec<(String, Answer)> {
    let mut answers: Vec<(String, Answer)> =
        VOLUME_STATES.iter().map(|state| (state.to_string(), seen(a_volume(id, state)))).collect();
    answers.extend(["m1", "m9"].map(|holder| (format!("held by {holder}"), held(id, holder))));
    answers.push(("foreign".to_string(), seen(Volume { name: "other".to_string(), ..a_volume(id, "created") })));
    answers
}

/// What the call in flight can bring, with a word for each.
pub(crate) fn fitting(script: &Script) -> Vec<(String, Answer)> {
    let Some(asked) = &script.call else { return Vec::new() };
    let one = |word: &str, answer: Answer| vec![(word.to_string(), answer)];
    let mut answers = match &asked.call {
        Call::GetMachine { machine: id } => machine(script, id.as_str()),
        Call::ListMachines { .. } => {
            let found = |id: &str, state: &str| known(script, id, state);
            let named = script.names.all().last().map(|name| found("m5", "created").named(name));
            let lists = [
                ("none", vec![]),
                ("one started", vec![found("m5", "started")]),
                ("one stopped", vec![found("m5", "stopped")]),
                ("one starting", vec![found("m5", "starting")]),
                ("one hidden", vec![found("m5", "started").unreachable()]),
                ("two", vec![found("m5", "stopped"), found("m6", "started")]),
                ("the one made", named.into_iter().collect()),
            ];
            lists.map(|(word, list)| (word.to_string(), machines(list))).to_vec()
        }
        Call::CreateMachine(_) => one("made", machine_made("m5", "ams")),
        Call::UpdateMachine(_)
        | Call::StartMachine { .. }
        | Call::StopMachine { .. }
        | Call::DestroyMachine { .. }
        | Call::DeleteVolume(_) => one("accepted", accepted()),
        Call::WaitMachine { .. } => MACHINE_STATES.iter().map(|state| (state.to_string(), waited(state))).collect(),
        Call::GetVolume { volume: id } => volume(id.as_str()),
        Call::ListVolumes(filter) => {
            let name = match filter {
                VolumeFilter::Named(name) => name.to_string(),
                VolumeFilter::Ours { shared, prefix } => shared.as_ref().unwrap_or(prefix).to_string(),
            };
            let found = |id: &str| Volume { name: name.clone(), ..a_volume(id, "created") };
            let foreign = Volume { name: "other".to_string(), ..a_volume("vol-5", "created") };
            let lists = [
                ("none", vec![]),
                ("one", vec![found("vol-5")]),
                ("two", vec![found("vol-5"), found("vol-6")]),
                ("one foreign", vec![foreign]),
                ("one dead", vec![Volume { state: "destroyed".into(), ..found("vol-5") }]),
            ];
            lists.map(|(word, list)| (word.to_string(), volumes(list))).to_vec()
        }
        Call::ListSnapshots { .. } => [
            ("none", snapshots(&[])),
            ("vs-1 created", snapshots(&[("vs-1", "created", 12)])),
            ("vs-1 failed", snapshots(&[("vs-1", "failed", 12)])),
            ("vs-1 odd", snapshots(&[("vs-1", "odd", 12)])),
        ]
        .map(|(word, list)| (word.to_string(), list))
        .to_vec(),
        Call::CreateVolume(_) => {
            ["created", "hydrating"].map(|state| (format!("made {state}"), volume_made("vol-5", "ams", state))).to_vec()
        }
        Call::ProbeHealth { .. } => [true, false]
            .map(|healthy| (if healthy { "healthy" } else { "unhealthy" }.to_string(), health(healthy)))
            .to_vec(),
    };
    answers.extend(faults().into_iter().map(|(word, fault)| (format!("fault {word}"), fault)));
    answers.into_iter().map(|(word, answer)| (format!("answer {word}"), answer)).collect()
}
