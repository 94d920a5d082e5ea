//! Many instances that run, each as it would be after a start of its own.

use futures::executor::block_on;
use kiloclaw_lifecycle::command::{Command, Provision, Spec};
use kiloclaw_lifecycle::event::Event;
use kiloclaw_lifecycle::id::{Identity, SandboxId};
use kiloclaw_lifecycle::port::{EventSink, SinkError};
use kiloclaw_lifecycle::testkit::{MemoryStore, SimFly, World};
use kiloclaw_lifecycle::{Alarm, Driver, Input, Policy, Status, Timestamp, Verdict, persist};

/// 2026-06-01, in milliseconds since 1970.
const EPOCH: u64 = 1_780_272_000_000;

/// The first one asks for more than those that follow.
const LOOKS: usize = 2;

/// Nobody listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nobody;

#[async_trait::async_trait]
impl EventSink for Nobody {
    async fn deliver(&self, _: &[Event]) -> Result<(), SinkError> {
        Ok(())
    }
}

/// One of them, as it is stored.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) sandbox: SandboxId,
    pub(crate) record: String,
    pub(crate) alarm: Alarm,
    /// Its machine.
    pub(crate) machine: String,
}

/// All of them, and the Fly that they run on.
#[derive(Clone)]
pub(crate) struct Fleet {
    pub(crate) world: World,
    pub(crate) members: Vec<Member>,
}

fn app(number: usize) -> String {
    format!("app-{number}")
}

type Plugged = Driver<SimFly, SimFly, MemoryStore, Nobody, SimFly>;

/// Takes it on, and does all that follows at once.
fn done(driver: &Plugged, sandbox: &SandboxId, input: Input) {
    let handled = block_on(driver.handle(sandbox, input)).expect("an input");
    assert_eq!((handled.verdict, handled.interrupted), (Verdict::Applied, None));
}

fn start(driver: &Plugged, number: usize) -> SandboxId {
    let sandbox: SandboxId = format!("sandbox-{number}").parse().expect("a name");
    let identity = Identity {
        user: format!("user-{number}").parse().expect("a name"),
        sandbox: sandbox.clone(),
        app: Some(app(number).parse().expect("a name")),
    };
    let provision = Provision { identity, seed: number as u64, spec: Spec::default() };
    done(driver, &sandbox, Input::Command(Command::Provision(Box::new(provision))));
    done(driver, &sandbox, Input::Command(Command::Start { reason: None }));
    sandbox
}

fn member(store: &MemoryStore, sandbox: SandboxId) -> Member {
    let record = store.record(&sandbox).expect("a record").record;
    let instance = persist::decode(&record).expect("a record");
    assert_eq!(instance.status(), Status::Running);
    let machine = instance.machine().expect("a machine").to_string();
    Member { sandbox, record, alarm: instance.alarm(), machine }
}

impl Fleet {
    /// So many that run, each in an app of its own. They were started one after the other within the time between two looks, and each has
    /// been looked at since, so that their alarms are spread as those of a fleet of any age are.
    pub(crate) fn running(instances: usize) -> Self {
        let policy = Policy::default();
        let mut world = World::new(Timestamp::from_millis(EPOCH));
        world.boot_ms = 0;
        world.keep_log(false);
        let (fly, store) = (SimFly::new(world), MemoryStore::new());
        let driver = Driver::new(policy.clone(), fly.clone(), fly.clone(), store.clone(), Nobody, fly.clone());
        let mut sandboxes = Vec::with_capacity(instances);
        for number in 0..instances {
            let spread = policy.alarm_running_ms * number as u64 / instances as u64;
            fly.with(|world| world.advance_to(Timestamp::from_millis(EPOCH + spread)));
            sandboxes.push(start(&driver, number));
        }
        let mut looks = 0;
        while looks < LOOKS * instances {
            let next = store.next_alarm().expect("an alarm");
            fly.with(|world| world.advance_to(next));
            for (sandbox, _) in store.due(next) {
                done(&driver, &sandbox, Input::Alarm);
                looks += 1;
            }
        }
        let members = sandboxes.into_iter().map(|sandbox| member(&store, sandbox)).collect();
        Self { world: fly.with(|world| world.clone()), members }
    }

    /// The same in one app that all of them share.
    pub(crate) fn in_one_app(&self) -> Self {
        let mut fleet = self.clone();
        for (number, member) in fleet.members.iter_mut().enumerate() {
            let (own, shared) = (format!("\"app\":\"{}\"", app(number)), "\"app\":\"tenants\"");
            assert_eq!(member.record.matches(&own).count(), 1, "{}", member.record);
            member.record = member.record.replace(&own, shared);
        }
        fleet
    }

    /// A store that holds them.
    pub(crate) fn store(&self) -> MemoryStore {
        let store = MemoryStore::new();
        for member in &self.members {
            store.put(&member.sandbox, member.record.clone(), Some(member.alarm));
        }
        store
    }
}
