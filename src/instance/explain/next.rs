//! What the next alarm does. Each answer completes "it …".

use crate::call::Call;
use crate::instance::Instance;
use crate::instance::phase::Phase;
use crate::instance::view::ThingView;
use crate::policy::{Policy, Signal};
use crate::status::Status;
use crate::step::Why;
use crate::time::Timestamp;
use alloc::format;
use alloc::string::{String, ToString};

/// What the next alarm does, if nothing happens before.
pub(super) fn action(me: &Instance, policy: &Policy) -> String {
    let at = me.alarm.at;
    if let Some(call) = &me.in_flight {
        return if call.is_lost(policy, at) { lost(&call.call) } else { "goes on waiting".to_string() };
    }
    let look = look(me, policy, at);
    match me.next_disposal() {
        Some(entry) if me.alarm.why == Why::Disposal => {
            let thing = ThingView::from(&entry.thing);
            let last = me.status() == Status::Destroying;
            if last { format!("tries to remove {thing}") } else { format!("tries to remove {thing}, then {look}") }
        }
        Some(_) | None => look,
    }
}

fn lost(call: &Call) -> String {
    let then = match call {
        Call::CreateMachine(_) | Call::CreateVolume(_) => "looks for what it may have made",
        Call::UpdateMachine(_) => "looks whether the machine has taken the update on",
        Call::GetMachine { .. }
        | Call::ListMachines { .. }
        | Call::StartMachine { .. }
        | Call::StopMachine { .. }
        | Call::DestroyMachine { .. }
        | Call::WaitMachine { .. }
        | Call::GetVolume { .. }
        | Call::ListVolumes(_)
        | Call::ListSnapshots { .. }
        | Call::DeleteVolume(_)
        | Call::ProbeHealth { .. } => "asks again",
    };
    format!("takes the call for lost and {then}")
}

/// When the work in progress is given up, unless its machine is seen to be up just then.
pub(super) fn end(me: &Instance, policy: &Policy) -> Option<Timestamp> {
    let limit = match &me.phase {
        Phase::Restarting(_) => Some(policy.restarting_max_timeout_ms),
        Phase::Provisioned(_)
        | Phase::Starting(_)
        | Phase::Running(_)
        | Phase::Stopping(_)
        | Phase::Stopped(_)
        | Phase::Reassociating(_)
        | Phase::Recovering(_)
        | Phase::Restoring(_)
        | Phase::Destroying(_) => me.phase.timeout_ms(policy),
    };
    me.phase.since().zip(limit).map(|(since, limit)| since.plus(limit).plus(1))
}

/// What a look at `at` does.
fn look(me: &Instance, policy: &Policy, at: Timestamp) -> String {
    let over = end(me, policy).is_some_and(|end| at >= end);
    let late = me.phase.since().zip(me.phase.timeout_ms(policy)).is_some_and(|(since, soft)| at.since(since) > soft);
    match &me.phase {
        Phase::Starting(_) if over && me.machine.is_some() => {
            "looks at the machine, and gives the start up unless that is up".to_string()
        }
        Phase::Starting(_) if over => "gives the start up".to_string(),
        Phase::Stopping(_) if over => {
            "looks at the machine, and is running again if that is still up, else stopped".to_string()
        }
        Phase::Restarting(_) if over => "looks at the machine, and gives the restart up unless that is up".to_string(),
        Phase::Restarting(_) if late => {
            "looks at the machine, and reports that the restart takes too long unless that is up".to_string()
        }
        Phase::Recovering(recovering) if over && recovering.replacement.is_some() => {
            "looks at the replacement machine, and gives the recovery up unless that is up".to_string()
        }
        Phase::Recovering(_) if over => "gives the recovery up".to_string(),
        Phase::Restoring(_) if over => "gives the restore up, and keeps the volume it has".to_string(),
        Phase::Provisioned(_)
        | Phase::Running(_)
        | Phase::Stopped(_)
        | Phase::Starting(_)
        | Phase::Stopping(_)
        | Phase::Reassociating(_)
        | Phase::Restarting(_)
        | Phase::Recovering(_)
        | Phase::Restoring(_)
        | Phase::Destroying(_) => {
            me.step_in_words().map_or_else(|| settled(me, policy, at), |step| format!("goes on with {step}"))
        }
    }
}

/// What a look does while nothing is in progress.
fn settled(me: &Instance, policy: &Policy, at: Timestamp) -> String {
    match me.status() {
        Status::Provisioned => provisioned(me, policy, at),
        Status::Running => running(me, policy),
        Status::Stopped => stopped(me).to_string(),
        Status::Starting
        | Status::Stopping
        | Status::Restarting
        | Status::Recovering
        | Status::Restoring
        | Status::Destroying => "goes on".to_string(),
    }
}

fn provisioned(me: &Instance, policy: &Policy, at: Timestamp) -> String {
    let age = me.provisioned_at.map(|since| at.since(since));
    let stale = age.is_some_and(|age| age > policy.stale_provision_ms) && !me.has_data();
    match (&me.machine, &me.volume) {
        (Some(_), _) => "looks at the machine, and is running if that is up".to_string(),
        (None, _) if stale => "is removed as never used, unless a machine of it turns up".to_string(),
        (None, Some(_)) => "looks for a machine, and checks the volume".to_string(),
        (None, None) => {
            "looks for a machine and a volume that belong to it, and makes a volume if there is none".to_string()
        }
    }
}

fn running(me: &Instance, policy: &Policy) -> String {
    if me.machine.is_none() {
        return "looks for its machine, and is stopped if there is none".to_string();
    }
    let seen = me.fail_count.saturating_add(1);
    let if_stopped = if seen < policy.self_heal_threshold {
        format!("counts it if that is stopped: {seen} of {}", policy.self_heal_threshold)
    } else if policy.recover_on.contains(&Signal::Stopped) {
        "begins a recovery if that is stopped".to_string()
    } else {
        "is stopped too if that is stopped".to_string()
    };
    format!("looks at the machine, and {if_stopped}")
}

fn stopped(me: &Instance) -> &'static str {
    match (&me.machine, &me.missing) {
        (Some(_), None) if me.fresh_allowed => {
            "looks at the machine, and makes an empty volume in place of the one that was lost unless that is up"
        }
        (Some(_), None) => "looks at the machine, and is running if that is up",
        (None, None) if me.fresh_allowed => "makes an empty volume in place of the one that was lost",
        (None, None) => "looks for a machine that belongs to it, and checks the volume",
        (Some(_) | None, Some(_)) => "looks whether the data volume is there again",
    }
}
