//! Ids as the provider makes them: machines have fourteen digits of base 16, volumes and snapshots sixteen of base 36, requests and versions
//! are ULIDs. All of them follow from the seed.

use crate::testkit::sim::Dice;
use crate::testkit::world::World;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use sha2::{Digest, Sha256};

const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// How many ids the world has in hand. What it makes at once without being asked in between is far less.
const IN_HAND: usize = 32;

pub(super) struct Ids {
    dice: Dice,
    /// What the world was given and has not used.
    machines: VecDeque<String>,
    volumes: VecDeque<String>,
}

impl Ids {
    pub(super) fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed, u64::MAX), machines: VecDeque::new(), volumes: VecDeque::new() }
    }

    fn digits(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(self.dice.pick(alphabet).copied().unwrap_or(b'0'))).collect()
    }

    /// Gives the world new ids for those that it has used.
    pub(super) fn refill(&mut self, world: &mut World) {
        while self.machines.front().is_some_and(|id| world.machine(id).is_some()) {
            self.machines.pop_front();
        }
        while self.volumes.front().is_some_and(|id| world.volume(id).is_some()) {
            self.volumes.pop_front();
        }
        while self.machines.len() < IN_HAND {
            // As of a provider whose ids begin in the same way.
            let id = format!("{}{}", "e8", self.digits(b"0123456789abcdef", 12));
            self.machines.push_back(id.clone());
            world.name_next(vec![id], vec![]);
        }
        while self.volumes.len() < IN_HAND {
            let id = format!("vol_{}", self.digits(BASE36, 16));
            self.volumes.push_back(id.clone());
            world.name_next(vec![], vec![id]);
        }
    }

    pub(super) fn snapshot(&mut self) -> String {
        format!("vs_{}", self.digits(BASE36, 16))
    }
}

/// 26 digits that stand for number `number` of `what`.
pub(super) fn ulid(what: &str, number: u64) -> String {
    let hash = Sha256::new().chain_update(what.as_bytes()).chain_update(number.to_be_bytes()).finalize();
    let digit = |byte: &u8| char::from(CROCKFORD.get(usize::from(byte % 32)).copied().unwrap_or(b'0'));
    format!("01{}", hash.iter().take(24).map(digit).collect::<String>())
}

/// Some lower-case hexadecimal digits that stand for `what`.
pub(super) fn hex(what: &str, length: usize) -> String {
    let hash = Sha256::digest(what.as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>().chars().take(length).collect()
}
