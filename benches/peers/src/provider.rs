//! A provider that answers a restart at once: the wait for it runs out, and the machine has started when it is looked at again.

use kiloclaw_lifecycle::call::{MachineUpdate, WaitFor};
use kiloclaw_lifecycle::id::{Identity, MachineId, MachineVersion};
use kiloclaw_lifecycle::observe::{HostStatus, Machine, MachineState};
use kiloclaw_lifecycle::testkit::mocks::MockProvider;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Calls so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    looks: AtomicU64,
    updates: AtomicU64,
    waits: AtomicU64,
}

impl Counts {
    /// Looks at a machine, updates and waits.
    pub(crate) fn all(&self) -> [u64; 3] {
        [&self.looks, &self.updates, &self.waits].map(|counted| counted.load(Ordering::SeqCst))
    }
}

/// Knows three calls and panics on all others.
pub(crate) fn provider() -> (MockProvider, Arc<Counts>) {
    let counts = Arc::new(Counts::default());
    // Machines that have been updated and not been waited for.
    let replacing = Arc::new(Mutex::new(BTreeSet::<MachineId>::new()));
    let mut mock = MockProvider::new();
    let (counted, among) = (counts.clone(), replacing.clone());
    mock.expect_get_machine().returning(move |_: &Identity, id: &MachineId| {
        counted.looks.fetch_add(1, Ordering::SeqCst);
        let state = match among.lock().expect("no panic").contains(id) {
            true => MachineState::Replacing,
            false => MachineState::Started,
        };
        Ok(machine(id.clone(), state))
    });
    let (counted, among) = (counts.clone(), replacing.clone());
    mock.expect_update_machine().returning(move |_: &Identity, update: &MachineUpdate| {
        counted.updates.fetch_add(1, Ordering::SeqCst);
        assert!(among.lock().expect("no panic").insert(update.machine.clone()), "updated once");
        Ok(())
    });
    let (counted, among) = (counts.clone(), replacing);
    mock.expect_wait_machine().returning(
        move |_: &Identity, id: &MachineId, _: Option<&MachineVersion>, _: WaitFor, _: u32| {
            counted.waits.fetch_add(1, Ordering::SeqCst);
            assert!(among.lock().expect("no panic").remove(id), "updated before");
            Ok(MachineState::Replacing)
        },
    );
    (mock, counts)
}

fn machine(id: MachineId, state: MachineState) -> Machine {
    Machine {
        id,
        name: None,
        state,
        region: None,
        version: None,
        config: None,
        host_status: HostStatus::Ok,
        updated_at: None,
        exit: None,
    }
}
