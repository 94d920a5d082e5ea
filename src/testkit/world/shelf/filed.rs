//! Whatever happens to a world, things are filed by what they are.

use super::{Marked, Shelf};
use crate::call::{Content, MachineUpdate, NewMachine, NewVolume, VolumeFilter};
use crate::guest::Guest;
use crate::observe::MachineState;
use crate::random::Random;
use crate::testkit::{Request, World, WorldChange};
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::ToString;

/// A shelf on which everything was put anew.
fn anew<T: Marked + Clone>(shelf: &Shelf<T>) -> Shelf<T> {
    let mut anew = Shelf::default();
    shelf.iter().for_each(|(id, thing)| anew.insert(id.clone(), thing.clone()));
    anew
}

fn pick<'a>(dice: &mut Random, from: &[&'a str]) -> &'a str {
    let at = usize::try_from(dice.up_to(from.len() as u64 - 1)).unwrap();
    from.get(at).unwrap()
}

const MACHINES: [&str; 5] = ["mnew1", "mnew2", "mnew3", "mnew4", "stranger"];
const VOLUMES: [&str; 6] = ["vol_new1", "vol_new2", "vol_new3", "vol_new4", "vol_new5", "vol_foreign"];
const NAMES: [&str; 3] = ["kiloclaw_x", "kiloclaw_x_1", "kiloclaw_y"];

fn request(dice: &mut Random) -> Request {
    let machine = pick(dice, &MACHINES).parse().unwrap();
    let volume = pick(dice, &VOLUMES).parse().unwrap();
    let (guest, name) = (Guest::STANDARD, pick(dice, &NAMES).parse().unwrap());
    let metadata = BTreeMap::from([("label".to_string(), pick(dice, &NAMES).to_string())]);
    match dice.up_to(8) {
        0 | 1 => {
            let content =
                if dice.up_to(1) == 0 { Content::Empty { size_gb: 1 } } else { Content::Fork { source: volume } };
            Request::CreateVolume(Box::new(NewVolume { name, region: "iad".parse().unwrap(), guest, content }))
        }
        2..=4 => {
            let new = NewMachine { name, region: None, guest, volume, metadata, image: None };
            Request::CreateMachine(Box::new(new))
        }
        5 => Request::UpdateMachine(Box::new(MachineUpdate { machine, guest, volume, metadata, image: None })),
        6 => Request::DestroyMachine(machine),
        7 => Request::DeleteVolume(volume),
        _ => Request::ListVolumes(VolumeFilter::Ours { shared: None, prefix: name }),
    }
}

fn change(dice: &mut Random, now: Timestamp) -> WorldChange {
    let (id, volume) = (pick(dice, &MACHINES).to_string(), pick(dice, &VOLUMES).to_string());
    match dice.up_to(11) {
        0 => WorldChange::Machine { id, state: MachineState::Destroyed, exit: None },
        1 => WorldChange::MachineGone { id },
        2 => WorldChange::VolumeGone { id: volume },
        3 => WorldChange::HostDown { volume },
        4 => WorldChange::HostBack { volume },
        5 => WorldChange::HostLost { volume },
        6 => WorldChange::Migrate { machine: id },
        7 => WorldChange::Foreign { id, volume: Some(volume), sandbox: "other".to_string() },
        8 => WorldChange::ForeignVolume { id: volume, name: "other".to_string() },
        9 => WorldChange::HydrateMs(dice.up_to(9_000)),
        10 => WorldChange::UnbindMs(dice.up_to(9_000)),
        _ if dice.up_to(9) > 0 => WorldChange::Heal,
        _ => WorldChange::Purge { before: now },
    }
}

#[test]
fn whatever_happens_things_are_filed_by_what_they_are() {
    let mut met = [0_u32; 4];
    for seed in 0..40 {
        let mut dice = Random::of(seed, 0);
        let mut world = World::new(Timestamp::from_millis(1));
        for _ in 0..300 {
            if dice.up_to(2) == 0 {
                let change = change(&mut dice, world.now());
                world.change(&change);
            } else {
                let now = world.now();
                let request = request(&mut dice);
                world.attempt(&request, now, None);
            }
            world.advance_to(world.now().plus(dice.up_to(4_000)));
            assert!(world.machines.filed == anew(&world.machines).filed, "seed {seed}: {:?}", world.machines);
            assert!(world.volumes.filed == anew(&world.volumes).filed, "seed {seed}: {:?}", world.volumes);
            let reads = world.volumes.iter().filter(|(_, volume)| volume.reads_from.is_some()).count();
            let claims = world.volumes.iter().filter(|(_, volume)| volume.claimed_by.is_some()).count();
            let mounts = world.machines.iter().filter(|(_, machine)| !machine.mounts.is_empty()).count();
            let labels = world.machines.iter().filter(|(_, machine)| !machine.metadata.is_empty()).count();
            for (met, seen) in met.iter_mut().zip([reads, claims, mounts, labels]) {
                *met += u32::from(seen > 0);
            }
        }
    }
    assert!(met.iter().all(|times| *times > 100), "each kind of mark has been met: {met:?}");
}
