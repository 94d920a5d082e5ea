//! Good weather: every call is answered at once, and every alarm rings when it is due.

use super::{Act, Core, End, Flight, Life, Rig, Timed};
use crate::time::Timestamp;

impl<C: Core> Rig<C> {
    /// Lets everything go well until `end`. A call that will not be answered any more is given up at the end of its life.
    pub fn calm(&mut self, end: Timestamp) {
        self.calm_until(end, |_, _| false);
    }

    /// The same, unless `enough` says so on the way: it is asked what it makes of the run whenever time has passed, before what happens
    /// next. Answers whether it was enough.
    pub(crate) fn calm_until(&mut self, end: Timestamp, mut enough: impl FnMut(&Self, &Timed) -> bool) -> bool {
        while let Some(timed) = self.next(end) {
            if timed.at > self.world().now() {
                self.pass(timed.at);
                if enough(self, &timed) {
                    return true;
                }
            }
            self.act(&timed);
            if self.violations().next().is_some() {
                break;
            }
        }
        self.pass(end);
        false
    }

    /// What happens next in good weather, unless that is after `end`.
    pub fn next(&self, end: Timestamp) -> Option<Timed> {
        let calls = self.lives().iter().enumerate().filter_map(|(life, of)| self.next_call(life, of));
        let alarms = self.lives().iter().enumerate().filter_map(|(life, of)| self.next_alarm(life, of));
        calls.chain(alarms).min_by_key(|timed| timed.at).filter(|timed| timed.at <= end)
    }

    fn next_call(&self, life: usize, of: &Life) -> Option<Timed> {
        let plans = of.flights().iter().filter(|flight| flight.is_awaited());
        plans.filter_map(|flight| self.next_of(life, flight)).min_by_key(|timed| timed.at)
    }

    fn next_of(&self, life: usize, flight: &Flight) -> Option<Timed> {
        let (op, now) = (flight.op().number, self.world().now());
        let reach = Act::Reach { life, op, strike: None };
        if flight.is_answered() {
            return Some(Timed { at: now, act: Act::Answer { life, op, end: End::Lives, twice: false } });
        }
        if !flight.has_reached() {
            return Some(Timed { at: now, act: reach });
        }
        // A wait: until something changes, or its time is over. Anything else that was reached and not answered never will be.
        let ends = self.world().next_end(&flight.request(), flight.began())?;
        let at = self.world().next_change().map_or(ends, |change| change.min(ends));
        Some(Timed { at: at.max(now), act: reach })
    }

    /// A process that waits for the answer to a question of its own hears no alarm meanwhile.
    fn next_alarm(&self, life: usize, of: &Life) -> Option<Timed> {
        let due = self.by_world(of.alarm()?.at);
        let questions = of.flights().iter().filter(|flight| flight.is_awaited() && flight.is_uncommitted());
        let over = questions.map(|flight| flight.began().plus(self.policy().call_deadline_ms).plus(1)).max();
        let at = over.map_or(due, |over| over.max(due));
        Some(Timed { at, act: Act::Alarm { life, host: 0, end: End::Lives } })
    }

    /// When it is by the world's clock that the hosts' clocks show this; never in the past.
    pub fn by_world(&self, hosts: Timestamp) -> Timestamp {
        let at = hosts.as_millis().saturating_add_signed(self.ahead_ms().saturating_neg());
        Timestamp::from_millis(at).max(self.world().now())
    }
}
