//! What a [`Provider`] promises.
//!
//! [`check`] tries each [`Rule`] on things of its own, which it removes afterwards, and reports which ones did not hold and which ones could not
//! be tried. It works on a real provider as well as on a simulated one; what only a set-up for tests can bring about (an answer that
//! is lost, a host that fails) is asked of a [`Control`], and the rules that need it are skipped, and said to be, where it cannot be
//! had.
//!
//! ```
//! use futures::executor::block_on;
//! use kiloclaw_lifecycle::Timestamp;
//! use kiloclaw_lifecycle::id::Identity;
//! use kiloclaw_lifecycle::testkit::contract::provider::{Ground, check};
//! use kiloclaw_lifecycle::testkit::{SimFly, World};
//!
//! let fly = SimFly::new(World::new(Timestamp::from_millis(1_000_000)));
//! let identity = Identity { user: "user-1".parse()?, sandbox: "sandbox-1".parse()?, app: Some("app-1".parse()?) };
//! let report = block_on(check(&fly, &fly, &Ground::new(identity, "run1", "iad".parse()?)));
//! assert!(report.holds() && report.skipped.is_empty(), "{report}");
//! # Ok::<(), kiloclaw_lifecycle::id::Invalid>(())
//! ```
//!
//! *Assumes* that nobody else uses names that begin with the ground's prefix, and that the region has room.

mod control;
mod faults;
mod life;
mod machines;
mod report;
mod rule;
mod trial;
mod volumes;
mod waits;

pub use control::{CannotDo, Control};
pub use report::{Broken, Report, Skipped};
pub use rule::Rule;
pub use trial::Ground;

use crate::port::Provider;
use trial::{Held, Stop, Trial};

/// Tries every rule, one after the other.
pub async fn check<P: Provider + ?Sized, C: Control + ?Sized>(provider: &P, control: &C, ground: &Ground) -> Report {
    let mut report = Report::default();
    for rule in Rule::ALL {
        report.add(check_one(*rule, provider, control, ground).await);
    }
    report
}

/// Tries one rule.
pub async fn check_one<P: Provider + ?Sized, C: Control + ?Sized>(
    rule: Rule,
    provider: &P,
    control: &C,
    ground: &Ground,
) -> Report {
    let trial = Trial::new(rule, provider, control, ground);
    let held = held(&trial).await;
    trial.clean_up().await;
    let mut report = Report::default();
    match held {
        Ok(()) => report.held.push(rule),
        Err(Stop::Broken(found)) => report.broken.push(Broken { rule, found }),
        Err(Stop::Skipped(why)) => report.skipped.push(Skipped { rule, why }),
    }
    report
}

async fn held<P: Provider + ?Sized, C: Control + ?Sized>(trial: &Trial<'_, P, C>) -> Held {
    match trial.rule {
        Rule::AbsentMachine => machines::absent(trial).await,
        Rule::AbsentVolume => volumes::absent(trial).await,
        Rule::EmptyLists => volumes::empty_lists(trial).await,
        Rule::VolumeFound => volumes::found(trial).await,
        Rule::VolumeFilter => volumes::filter(trial).await,
        Rule::VolumeNames => volumes::names(trial).await,
        Rule::VolumeDeleted => volumes::deleted(trial).await,
        Rule::Fork => volumes::fork(trial).await,
        Rule::CopyOfNothing => volumes::copy_of_nothing(trial).await,
        Rule::Snapshots => volumes::snapshots(trial).await,
        Rule::SnapshotTooLarge => volumes::too_large(trial).await,
        Rule::MachineFound => machines::found(trial).await,
        Rule::MachineFilter => machines::filter(trial).await,
        Rule::NameTaken => machines::name_taken(trial).await,
        Rule::Holder => machines::holder(trial).await,
        Rule::Claimed => machines::claimed(trial).await,
        Rule::Bound => machines::bound(trial).await,
        Rule::MissingVolume => machines::missing_volume(trial).await,
        Rule::Started => waits::started(trial).await,
        Rule::WaitRunsOut => waits::runs_out(trial).await,
        Rule::OldVersion => waits::old_version(trial).await,
        Rule::Updated => life::updated(trial).await,
        Rule::StoppedAndStarted => life::stopped_and_started(trial).await,
        Rule::StoppedByItself => life::stopped_by_itself(trial).await,
        Rule::Destroyed => life::destroyed(trial).await,
        Rule::Freed => life::freed(trial).await,
        Rule::HostDown => life::host_down(trial).await,
        Rule::RegionFull => faults::region_full(trial).await,
        Rule::HostFull => faults::host_full(trial).await,
        Rule::LostAnswer => faults::lost_answer(trial).await,
        Rule::LostRequest => faults::lost_request(trial).await,
        Rule::ServerError => faults::server_error(trial).await,
        Rule::EmptySuccess => faults::empty_success(trial).await,
        Rule::NotGone => faults::not_gone(trial).await,
        Rule::FailedList => faults::failed_list(trial).await,
        Rule::Unauthorized => faults::unauthorized(trial).await,
        Rule::RateLimited => faults::rate_limited(trial).await,
        Rule::Refused => faults::refused_for_ever(trial).await,
        Rule::NotNow => faults::not_now(trial).await,
    }
}
