//! Time passes: what is due comes about, in its order, and everything that has changed is noted.

use super::{Due, Emulator, Pending, Reply, Ticket};
use crate::time::Timestamp;
use alloc::string::String;
use alloc::vec::Vec;

impl Emulator {
    pub(super) fn later(&mut self, ms: u64, due: Due) {
        self.count += 1;
        self.agenda.insert((self.world.now().plus(ms), self.count), due);
    }

    /// Lets the time come to `wall`, by the clients' clock.
    pub(super) fn come_to(&mut self, wall: Timestamp) {
        let now = self.clock.world(wall);
        while let Some(at) = self.next_due().filter(|at| *at <= now) {
            self.world.advance_to(at);
            self.noted();
            while let Some(entry) = self.agenda.first_entry() {
                if entry.key().0 > at {
                    break;
                }
                let due = entry.remove();
                self.comes_about(due);
                self.noted();
            }
        }
        self.world.advance_to(now);
    }

    /// When something happens by itself next, by the world's clock.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let ours = self.agenda.keys().next().map(|(at, _)| *at);
        ours.into_iter().chain(self.world.next_change()).min()
    }

    fn comes_about(&mut self, due: Due) {
        match due {
            Due::Land(seq, app, work) => {
                self.perform(seq, &app, &work);
            }
            Due::Change(change) => {
                self.world.change(&change);
            }
            Due::Season => self.season(),
            Due::Hourly => self.hourly(),
        }
    }

    /// Looks at what is different now.
    pub(super) fn noted(&mut self) {
        self.ids.refill(&mut self.world);
        for (id, machine) in self.world.machines() {
            self.histories.entry(id.clone()).or_default().look(id, machine, &self.clock);
        }
        let now = self.world.now();
        let volumes: Vec<String> = self.world.volumes().map(|(id, _)| id.clone()).collect();
        for snapshot in volumes.iter().flat_map(|volume| self.world.snapshots(volume)) {
            self.snapshots_seen.entry(snapshot.id.clone()).or_insert(now);
        }
    }

    /// Puts a request off, to be asked for again at this time of the world.
    pub(super) fn put_off(&mut self, pending: Pending, until: Timestamp) -> Reply {
        self.count += 1;
        let ticket = Ticket(self.count);
        self.pending.insert(ticket, pending);
        Reply::Later(ticket, self.clock.wall(until))
    }
}
