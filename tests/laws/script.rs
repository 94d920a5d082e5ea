//! What happens to an instance, as data: a script is a list of actions, drawn at random and made smaller when a law breaks.

use kiloclaw_lifecycle::fault::{Capacity, FaultKind};
use kiloclaw_lifecycle::id::MachineId;
use kiloclaw_lifecycle::observe::{HostStatus, MachineState, VolumeState};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Which volume or machine a picture is about. Numbers pick one of those that the record knows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    /// The data volume, or the machine in use.
    Current,
    /// The volume that is about to become the data volume.
    Pending,
    Known(u8),
    /// Never heard of before.
    New,
}

/// What can be seen of a machine's configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Config {
    Ours(Option<Which>),
    Foreign(Option<Which>),
    Unlabelled,
    Hidden,
}

/// Under which name a volume or a machine is listed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Naming {
    /// The one that was asked for, or that the last create has used.
    Asked,
    /// The one that all older volumes of the instance share.
    Shared,
    /// Somebody else's.
    Foreign,
}

/// Who holds a volume.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Holder {
    Nobody,
    Machine(Which),
}

/// What snapshots a volume has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Snapshots {
    Finished,
    None,
    Failed,
}

/// What the provider shows, whatever it is asked.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) machine: MachineState,
    pub(crate) config: Config,
    pub(crate) host: HostStatus,
    pub(crate) volume: VolumeState,
    pub(crate) naming: Naming,
    pub(crate) holder: Holder,
    /// What lists hold.
    pub(crate) listed: Vec<Which>,
    /// What a create brings.
    pub(crate) made: Which,
    pub(crate) snapshots: Snapshots,
    pub(crate) healthy: bool,
    /// Whether answers say where things are.
    pub(crate) placed: bool,
    /// Changes the version of a machine.
    pub(crate) version: u8,
}

/// How a call ends.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Shown(Box<Scene>),
    Fault(FaultKind, Option<u16>),
}

/// A command whose arguments may be wrong.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    Provision { stranger: bool, size_gb: Option<u32>, regions: Option<Vec<&'static str>> },
    Start,
    Stop,
    Restart { image: bool },
    Destroy,
    Cleanup(Option<Which>),
    Reassociate { target: Which, reason: usize },
    Resize,
    Restore { known: bool },
    RetryLookup,
    AcceptDataLoss,
    Refresh,
}

/// How the clock moves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    Ms(u64),
    Back(u64),
    /// To this instant, however absurd.
    To(u64),
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    Command(Order),
    /// The alarm rings now, early or late.
    Alarm,
    /// The alarm rings when it is due.
    Ring,
    /// The host restarts without having lost anything.
    Resume,
    /// The host restarts with the record that it committed last.
    Crash,
    /// The call in flight ends like this.
    Answer(Answer),
    /// So do it and up to so many calls after it, with a second between them.
    Serve(u8, Box<Scene>),
    /// The next call that changes the world ends like this; what is asked before it is answered well.
    Change(Answer),
    /// The outcome of an earlier call comes (again).
    Late(u8, Answer),
    /// An outcome under a wrong id, or of another kind than its call's.
    Misfit(u8, Answer),
    Wait(Wait),
}

fn machine_state() -> BoxedStrategy<MachineState> {
    let word = |word: &'static str| MachineState::from(word);
    prop_oneof![
        6 => Just(MachineState::Started),
        4 => Just(MachineState::Stopped),
        3 => select(vec!["created", "failed", "destroyed", "destroying", "suspended"]).prop_map(word),
        2 => select(vec!["starting", "stopping", "suspending", "replacing", "updating", "restarting", "launch_failed", ""])
            .prop_map(word),
    ]
    .boxed()
}

fn volume_state() -> BoxedStrategy<VolumeState> {
    let dead = vec!["destroyed", "destroying", "pending_destroy", "scheduling_destroy", "fork_cleanup"];
    let alive =
        vec!["creating", "restoring", "enabling_remote_export", "hydrating", "extending", "recovering", "mislaid"];
    prop_oneof![
        8 => Just(VolumeState::Created),
        2 => select(dead).prop_map(VolumeState::from),
        2 => select(alive).prop_map(VolumeState::from),
        1 => Just(VolumeState::WaitingForDetach),
    ]
    .boxed()
}

fn which() -> BoxedStrategy<Which> {
    prop_oneof![
        3 => Just(Which::Current),
        2 => Just(Which::Pending),
        2 => any::<u8>().prop_map(Which::Known),
        2 => Just(Which::New),
    ]
    .boxed()
}

fn config() -> BoxedStrategy<Config> {
    prop_oneof![
        8 => Just(Config::Ours(Some(Which::Current))),
        3 => Just(Config::Ours(Some(Which::Pending))),
        3 => proptest::option::of(which()).prop_map(Config::Ours),
        2 => proptest::option::of(which()).prop_map(Config::Foreign),
        1 => Just(Config::Unlabelled),
        1 => Just(Config::Hidden),
    ]
    .boxed()
}

fn host() -> BoxedStrategy<HostStatus> {
    prop_oneof![
        8 => Just(HostStatus::Ok),
        1 => Just(HostStatus::Unreachable),
        1 => Just(HostStatus::Unknown),
        1 => Just(HostStatus::from("haunted")),
    ]
    .boxed()
}

fn scene() -> BoxedStrategy<Scene> {
    let machine = (machine_state(), config(), host(), any::<u8>());
    let naming = prop_oneof![4 => Just(Naming::Asked), 2 => Just(Naming::Shared), 1 => Just(Naming::Foreign)];
    let holder = prop_oneof![3 => Just(Holder::Nobody), 2 => which().prop_map(Holder::Machine)];
    let listed = prop_oneof![3 => Just(Vec::new()), 3 => vec(which(), 1..3)];
    let made = prop_oneof![9 => Just(Which::New), 1 => which()];
    let snapshots =
        prop_oneof![2 => Just(Snapshots::Finished), 2 => Just(Snapshots::None), 1 => Just(Snapshots::Failed)];
    let volume = (volume_state(), naming, holder);
    let rest = (listed, made, snapshots, any::<bool>(), any::<bool>());
    (machine, volume, rest)
        .prop_map(|((machine, config, host, version), (volume, naming, holder), rest)| Scene {
            machine,
            config,
            host,
            volume,
            naming,
            holder,
            listed: rest.0,
            made: rest.1,
            snapshots: rest.2,
            healthy: rest.3,
            placed: rest.4,
            version,
        })
        .boxed()
}

impl Scene {
    /// A machine that runs, on a volume that is ready; lists are empty, and creates work.
    pub(crate) fn fine() -> Self {
        Self {
            machine: MachineState::Started,
            config: Config::Ours(Some(Which::Current)),
            host: HostStatus::Ok,
            volume: VolumeState::Created,
            naming: Naming::Asked,
            holder: Holder::Nobody,
            listed: Vec::new(),
            made: Which::New,
            snapshots: Snapshots::None,
            healthy: true,
            placed: true,
            version: 0,
        }
    }
}

/// A world in which work comes to a good end.
fn kind_scene() -> BoxedStrategy<Scene> {
    let state = prop_oneof![3 => Just(MachineState::Started), 1 => Just(MachineState::Stopped)];
    let volume = prop_oneof![3 => Just(VolumeState::Created), 1 => Just(VolumeState::Hydrating)];
    let snapshots = prop_oneof![Just(Snapshots::Finished), Just(Snapshots::None)];
    let mounted = prop_oneof![3 => Just(Which::Current), 1 => Just(Which::Pending)];
    (state, volume, snapshots, mounted, any::<bool>(), any::<u8>())
        .prop_map(|(machine, volume, snapshots, mounted, healthy, version)| Scene {
            machine,
            config: Config::Ours(Some(mounted)),
            volume,
            snapshots,
            healthy,
            version,
            ..Scene::fine()
        })
        .boxed()
}

fn capacity() -> BoxedStrategy<FaultKind> {
    select(vec![
        Capacity::InsufficientMemory,
        Capacity::NoCapacity,
        Capacity::QuotaExceeded,
        Capacity::InsufficientResources,
    ])
    .prop_map(FaultKind::NoCapacity)
    .boxed()
}

fn fault() -> BoxedStrategy<Answer> {
    let other = MachineId::new("m_named_by_conflict").ok();
    let kind = prop_oneof![
        4 => Just(FaultKind::Absent),
        4 => Just(FaultKind::Unknown),
        3 => capacity(),
        1 => Just(FaultKind::Conflict(None)),
        1 => Just(FaultKind::Conflict(other)),
        2 => Just(FaultKind::Busy),
        1 => Just(FaultKind::MissingVolume),
        1 => Just(FaultKind::RateLimited),
        1 => Just(FaultKind::Unauthorized),
        2 => Just(FaultKind::Refused),
    ];
    (kind, select(vec![None, Some(403), Some(404), Some(412), Some(503)]))
        .prop_map(|(kind, status)| Answer::Fault(kind, status))
        .boxed()
}

fn answer() -> BoxedStrategy<Answer> {
    prop_oneof![
        3 => kind_scene().prop_map(|scene| Answer::Shown(Box::new(scene))),
        4 => scene().prop_map(|scene| Answer::Shown(Box::new(scene))),
        3 => fault(),
    ]
    .boxed()
}

fn order() -> BoxedStrategy<Order> {
    let regions = select(vec![None, Some(vec![]), Some(vec!["iad"]), Some(vec!["iad", "ord", "cdg"])]);
    let provision = (prop::bool::weighted(0.2), select(vec![None, Some(0), Some(1), Some(500), Some(501)]), regions)
        .prop_map(|(stranger, size_gb, regions)| Order::Provision { stranger, size_gb, regions });
    prop_oneof![
        3 => provision,
        5 => Just(Order::Start),
        2 => Just(Order::Stop),
        2 => any::<bool>().prop_map(|image| Order::Restart { image }),
        1 => Just(Order::Destroy),
        2 => proptest::option::of(which()).prop_map(Order::Cleanup),
        2 => (which(), select(vec![9, 10, 500, 501])).prop_map(|(target, reason)| Order::Reassociate { target, reason }),
        1 => Just(Order::Resize),
        2 => prop::bool::weighted(0.8).prop_map(|known| Order::Restore { known }),
        1 => Just(Order::RetryLookup),
        1 => Just(Order::AcceptDataLoss),
        1 => Just(Order::Refresh),
    ]
    .boxed()
}

fn wait() -> BoxedStrategy<Wait> {
    prop_oneof![
        4 => (0_u64..5_000).prop_map(Wait::Ms),
        4 => (0_u64..1_200_000).prop_map(Wait::Ms),
        2 => (0_u64..3 * 604_800_000).prop_map(Wait::Ms),
        1 => (0_u64..700_000_000).prop_map(Wait::Back),
        1 => select(vec![0, 1, u64::MAX, u64::MAX / 2, 4_102_444_800_000]).prop_map(Wait::To),
    ]
    .boxed()
}

fn action() -> BoxedStrategy<Action> {
    prop_oneof![
        12 => (1_u8..10, prop_oneof![4 => kind_scene(), 1 => scene()]).prop_map(|(most, scene)| Action::Serve(most, Box::new(scene))),
        16 => answer().prop_map(Action::Answer),
        6 => prop_oneof![fault(), answer()].prop_map(Action::Change),
        10 => Just(Action::Ring),
        3 => Just(Action::Alarm),
        8 => order().prop_map(Action::Command),
        2 => Just(Action::Resume),
        2 => Just(Action::Crash),
        3 => (any::<u8>(), answer()).prop_map(|(which, answer)| Action::Late(which, answer)),
        1 => (any::<u8>(), answer()).prop_map(|(which, answer)| Action::Misfit(which, answer)),
        3 => wait().prop_map(Action::Wait),
    ]
    .boxed()
}

/// A script of at most this many actions.
pub(crate) fn script(most: usize) -> impl Strategy<Value = Vec<Action>> {
    vec(action(), 1..most)
}
