//! I3: machines that let two machines write, and a world in which two do.

use crate::machine::{Asked, Wrong, call_of, calling};
use crate::played::{Play, Scene, identity};
use crate::searched::{Search, alarms};
use crate::wrongs;
use kiloclaw_lifecycle::call::{Call, CallKind};
use kiloclaw_lifecycle::command::Command;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::observe::MachineState;
use kiloclaw_lifecycle::testkit::model::Story;
use kiloclaw_lifecycle::testkit::rig::{Act, Decided, Real, Rig, Timed};
use kiloclaw_lifecycle::testkit::{SimMachine, SimVolume, World, WorldChange};
use kiloclaw_lifecycle::{Input, Policy, Status, Timestamp};

/// The replacement is made beside the old machine.
fn leaves_the_old_one(asked: Asked<'_>) -> Decided {
    let was_recovering = asked.record.is_some_and(|record| record.status() == Status::Recovering);
    let decided = asked.really();
    match call_of(&decided).filter(|_| was_recovering).cloned() {
        Some(Call::DestroyMachine { machine }) => calling(decided, Call::GetMachine { machine }),
        Some(_) | None => decided,
    }
}

/// Who may not ask is told that it is gone.
fn reads_401_as_gone(mut asked: Asked<'_>) -> Decided {
    if let Input::Outcome { result: Err(fault), .. } = &mut asked.input
        && fault.kind == FaultKind::Unauthorized
    {
        *fault = Fault { kind: FaultKind::Absent, ..fault.clone() };
    }
    asked.really()
}

fn stops_by_itself() -> WorldChange {
    WorldChange::Machine { id: "mnew1".to_string(), state: MachineState::Stopped, exit: None }
}

/// A world in which the provider lets two machines of one instance mount one volume.
fn two_on_one_volume(second: MachineState) -> Rig<Real> {
    let mut world = World::new(Timestamp::from_millis(0));
    world.put_volume("vol-1", SimVolume::new("kiloclaw_sandbox_1", world.now()));
    for (id, state) in [("m-1", MachineState::Started), ("m-2", second)] {
        let labels = [("kiloclaw_sandbox_id".to_string(), "sandbox-1".to_string())].into();
        let new = SimMachine::new(id, world.now());
        world.put_machine(id, SimMachine { state, mounts: vec!["vol-1".to_string()], metadata: labels, ..new });
    }
    let mut rig = Rig::new(Real, Policy::default(), world);
    let identity = identity();
    rig.act(&Timed { at: Timestamp::from_millis(0), act: Act::Admit { identity, secret: None, thorough: false } });
    rig
}

#[test]
fn two_machines_that_write_to_one_volume() {
    assert_eq!(two_on_one_volume(MachineState::Stopped).violations().next(), None);
    let rig = two_on_one_volume(MachineState::Started);
    let found: Vec<String> = rig.violations().map(|(_, violation)| violation.to_string()).collect();
    assert_eq!(found, ["I3 writers: two machines write to vol-1, m-2 is one of them"]);
}

wrongs! {
    a_replacement_beside_the_old_machine: Writers by Search {
        machine: Wrong(leaves_the_old_one),
        story: Story::recovery(),
        budget: alarms(3),
        moves: 9,
        last: "the answer to create_volume arrives",
        seen: "a machine is made, and Some(MachineId(\"mnew1\")) was not asked to go",
    };
    a_401_is_read_as_gone: Writers by Play {
        machine: Wrong(reads_401_as_gone),
        scenes: vec![
            Scene::Ask(Command::Start { reason: None }),
            Scene::Pass(61_000),
            Scene::Change(stops_by_itself()),
            Scene::Refuse(CallKind::DestroyMachine, 401),
            Scene::Pass(3_600_000),
        ],
        acts: 26,
        seen: "a machine is made, and Some(MachineId(\"mnew1\")) was not asked to go",
    };
}
