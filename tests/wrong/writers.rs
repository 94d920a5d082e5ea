//! I3: machines that let two machines write, and a world in which two do.

use crate::machine::{Asked, Wrong, call_of, calling};
use crate::played::{Play, Scene};
use crate::searched::{Search, alarms};
use crate::wrongs;
use kiloclaw_lifecycle::call::{Call, CallKind};
use kiloclaw_lifecycle::command::Command;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::observe::MachineState;
use kiloclaw_lifecycle::testkit::WorldChange;
use kiloclaw_lifecycle::testkit::model::Story;
use kiloclaw_lifecycle::testkit::rig::Decided;
use kiloclaw_lifecycle::{Input, Status};

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

wrongs! {
    a_replacement_beside_the_old_machine: Writers by Search {
        machine: Wrong(leaves_the_old_one),
        story: Story::recovery(),
        budget: alarms(3),
        moves: 0,
        last: "",
        seen: "",
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
        acts: 0,
        seen: "",
    };
}
