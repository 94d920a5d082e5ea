//! A small world in which everything that can happen within a budget is tried, in every order.
//!
//! A [`State`] is a [`Rig`] with one instance and what is left of the [`Budget`]; [`State::moves`] lists what can happen next and
//! [`State::take`] lets it happen. That is all a model checker needs: the state machine itself is its next-state function. Which checker
//! walks through the states is not decided here.
//!
//! What always happens costs nothing: a call reaches the provider, its answer arrives, and when nothing is on its way, time passes to
//! the next alarm. What goes wrong is paid for, so that the number of states is finite.

mod budget;
mod foreseen;
mod judge;
mod story;
mod tale;

pub use budget::Budget;
pub use foreseen::Foreseen;
pub use story::Story;
pub use tale::{Moved, Tale};

use super::check::Violation;
use super::rig::{Act, Core, End, Flight, Life, Rig, Timed};
use super::world::{Landing, Said, Strike};
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

/// Something that can happen next.
#[derive(Clone, Debug, PartialEq)]
pub enum Move {
    /// A call reaches the provider.
    Reach(u64),
    /// Its answer arrives.
    Answer(u64),
    /// Time passes, until something happens by itself.
    Tick,
    /// The connection of a call breaks.
    Break(u64),
    /// A call is done, and nobody is ever told.
    Silence(u64),
    /// A call that was given up reaches the provider after all.
    Land(u64),
    /// An answer arrives, and will arrive again.
    Echo(u64),
    /// The process dies and is started again.
    Crash,
    /// A second process takes over while the first still works.
    Second,
    /// The alarm rings out of turn.
    Ring,
    /// Somebody asks for something: the story's command of this number.
    Command(usize),
    /// The world changes: the story's change of this number.
    Change(usize),
}

/// One state of the model.
#[derive(Clone, Debug)]
pub struct State<C> {
    rig: Rig<C>,
    left: Budget,
}

impl<C> PartialEq for State<C> {
    fn eq(&self, other: &Self) -> bool {
        self.left == other.left && self.rig.standing() == other.rig.standing()
    }
}

impl<C> Eq for State<C> {}

impl<C> Hash for State<C> {
    fn hash<H: Hasher>(&self, to: &mut H) {
        self.left.hash(to);
        self.rig.standing().hash(to);
    }
}

const NOW: End = End::Lives;

impl<C: Core + Clone> State<C> {
    /// Where a story begins.
    pub fn begin(core: C, story: &Story, budget: Budget) -> Self {
        Self { rig: story.begin(core, None), left: budget.narrowed() }
    }

    /// How things stand.
    pub fn rig(&self) -> &Rig<C> {
        &self.rig
    }

    /// The first thing that did not hold on the way here.
    pub fn violation(&self) -> Option<&Violation> {
        self.rig.violations().next().map(|(_, violation)| violation)
    }

    fn life(&self) -> Option<&Life> {
        self.rig.life(0)
    }

    /// Everything that can happen next.
    pub fn moves(&self, story: &Story) -> Vec<Move> {
        let mut moves = Vec::with_capacity(MANY);
        let Some(life) = self.life().filter(|_| self.violation().is_none()) else { return moves };
        for flight in life.flights() {
            moves_of(flight, &mut moves);
        }
        let waits = life.flights().iter().any(|flight| flight.is_awaited() && is_prompt(flight));
        if !waits && self.rig.next(FOR_EVER).is_some() {
            moves.push(Move::Tick);
        }
        let busy = life.flights().iter().any(Flight::is_awaited);
        if busy {
            moves.extend([Move::Crash, Move::Second]);
        }
        if life.stored().is_some() {
            moves.push(Move::Ring);
        }
        moves.extend((0..story.commands.len()).map(Move::Command));
        moves.extend((0..story.changes.len()).map(Move::Change));
        moves.retain(|step| self.left.pay(step).is_some());
        moves
    }

    /// What a move does; `None` when it cannot be made.
    pub fn take(&self, story: &Story, step: &Move) -> Option<Self> {
        let acts = self.acts(story, step)?;
        let mut next = Self { rig: self.rig.clone(), left: self.left.pay(step)? };
        for timed in &acts {
            next.rig.act(timed);
        }
        Some(next)
    }

    /// A move as acts.
    pub fn acts(&self, story: &Story, step: &Move) -> Option<Vec<Timed>> {
        let at = self.rig.world().now();
        let now = |act| Timed { at, act };
        let (life, host) = (0, 0);
        let silence = Strike { said: Said::Nothing, landing: Landing::Now };
        Some(match step {
            Move::Reach(op) | Move::Land(op) => [now(Act::Reach { life, op: *op, strike: None })].into(),
            Move::Silence(op) => [now(Act::Reach { life, op: *op, strike: Some(silence) })].into(),
            Move::Answer(op) => [now(Act::Answer { life, op: *op, end: NOW, twice: false })].into(),
            Move::Echo(op) => [now(Act::Answer { life, op: *op, end: NOW, twice: true })].into(),
            Move::Break(op) => [now(Act::Break { life, op: *op })].into(),
            Move::Tick => [self.rig.next(FOR_EVER)?].into(),
            Move::Crash => [now(Act::Crash { host }), now(Act::Resume { life, host, end: NOW })].into(),
            Move::Second => [now(Act::Resume { life, host: 1, end: NOW })].into(),
            Move::Ring => [now(Act::Alarm { life, host, end: NOW })].into(),
            Move::Command(which) => {
                let command = Box::new(story.commands.get(*which)?.clone());
                [now(Act::Command { life, host, command, end: NOW })].into()
            }
            Move::Change(which) => [now(Act::World(story.changes.get(*which)?.clone()))].into(),
        })
    }
}

/// As many moves as most states have.
const MANY: usize = 16;

/// Everything that can happen to a call next.
fn moves_of(flight: &Flight, moves: &mut Vec<Move>) {
    let op = flight.op().number;
    if !flight.is_awaited() {
        moves.push(Move::Land(op));
    } else if flight.is_answered() {
        moves.extend([Move::Answer(op), Move::Echo(op), Move::Break(op)]);
    } else if !flight.has_reached() {
        moves.extend([Move::Reach(op), Move::Break(op)]);
        if flight.op().kind.mutates() {
            moves.push(Move::Silence(op));
        }
    }
}

/// Whether a call goes on without time having to pass.
fn is_prompt(flight: &Flight) -> bool {
    flight.is_answered() || !flight.has_reached()
}

const FOR_EVER: Timestamp = Timestamp::from_millis(u64::MAX);
