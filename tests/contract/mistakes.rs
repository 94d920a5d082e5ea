//! Every rule is broken by somebody, and what was seen is said.

use crate::wrong::{Mistake as M, Wrong};
use crate::{all, ground};
use futures::executor::block_on;
use kiloclaw_lifecycle::testkit::contract::provider::{Rule, check_one};

/// The mistake that breaks the rule, and what is said of it.
const BREAKS: &[(Rule, M, &str)] = &[
    (
        Rule::AbsentMachine,
        M::AbsentMachineIsUnknown,
        "A look: Unknown: machine not found (status 404); expected one of [Absent].",
    ),
    (
        Rule::AbsentVolume,
        M::AbsentVolumeIsUnknown,
        "A look: Unknown: volume not found (status 404); expected one of [Absent].",
    ),
    (Rule::EmptyLists, M::EmptyListIsAbsent, "Machines: Absent: nothing there (status 200)."),
    (Rule::VolumeFound, M::MakesThemLarger, "It is not what was asked for"),
    (Rule::VolumeFilter, M::IgnoresVolumeFilter, "Named"),
    (Rule::VolumeNames, M::OneVolumeForEachName, "Both are vol_new1."),
    (Rule::VolumeDeleted, M::DeletesNothing, "It is still there."),
    (Rule::Fork, M::ForkIsItsSource, "The fork is its source."),
    (Rule::CopyOfNothing, M::CopyOfNothingIsEmpty, "was answered by CreatedVolume"),
    (Rule::Snapshots, M::HidesSnapshots, "One was taken, listed are []."),
    (Rule::SnapshotTooLarge, M::TooLargeIsUnknown, "1 GiB for 2 GiB: Unknown"),
    (Rule::MachineFound, M::DropsLabels, "The list of its labels does not hold it."),
    (Rule::MachineFilter, M::IgnoresLabels, "brings [MachineId(\"mnew1\"), MachineId(\"mnew2\")]"),
    (Rule::NameTaken, M::ForgetsWhoHasTheName, "The name is that of mnew1, and the fault is Conflict(None)"),
    (Rule::Holder, M::HidesHolders, "It is mounted by mnew1, and shows None."),
    (Rule::Claimed, M::ClaimedIsRefused, "A second machine: Refused"),
    (Rule::Bound, M::BoundIsDeleted, "A delete: was answered by ()."),
    (Rule::MissingVolume, M::MissingVolumeIsAbsent, "A machine: Absent"),
    (Rule::Started, M::SeesEverythingCreated, "No wait has seen it started."),
    (Rule::WaitRunsOut, M::WaitThatRunsOutFails, "A wait for what does not come: Unknown"),
    (Rule::OldVersion, M::BelievesWhatIsReplaced, "It was seen stopped, and is started."),
    (Rule::Updated, M::UpdatesNothing, "Its version is still"),
    (Rule::StoppedAndStarted, M::StopsNothing, "It does not stop."),
    (Rule::StoppedByItself, M::BlamesUs, "requested_stop: true"),
    (Rule::Destroyed, M::DestroysOnlyWhatIsStopped, "It is still there."),
    (Rule::Freed, M::NeverFrees, "It is never let go of."),
    (Rule::HostDown, M::UnknownConfigurationIsEmpty, "Its configuration is said to be Some"),
    (Rule::RegionFull, M::FullRegionIsRefused, "The fault is Refused"),
    (Rule::HostFull, M::FullHostIsBusy, "The fault is Busy"),
    (Rule::LostAnswer, M::RetriesChanges, "It was asked for once, and there are 2"),
    (Rule::LostRequest, M::LostIsRefused, "A create: Refused"),
    (Rule::ServerError, M::ServerErrorIsRefused, "A create: Refused"),
    (Rule::EmptySuccess, M::MakesUpIds, "A create: was answered by CreatedVolume"),
    (Rule::NotGone, M::EveryNotFoundIsAbsent, "404 404 page not found: absent"),
    (Rule::FailedList, M::FailedListIsEmpty, "Machines: was answered by []."),
    (Rule::Unauthorized, M::UnauthorizedIsAbsent, "A look: Absent"),
    (Rule::RateLimited, M::RateLimitedIsUnknown, "A create: Unknown"),
    (Rule::Refused, M::LosesWords, "message: \"\""),
    (Rule::NotNow, M::NotNowIsNever, "A start: Refused"),
];

#[test]
fn every_rule_is_broken_by_a_mistake() {
    assert_eq!(BREAKS.iter().map(|(rule, ..)| *rule).collect::<Vec<_>>(), all());
    for (rule, mistake, says) in BREAKS {
        let wrong = Wrong::new(*mistake);
        let report = block_on(check_one(*rule, &wrong, &wrong.fly, &ground()));
        assert_eq!((report.held.len(), report.skipped.len()), (0, 0), "{mistake:?} does not break {rule}");
        let [broken] = report.broken.as_slice() else { panic!("{report}") };
        assert_eq!(broken.rule, *rule);
        assert!(broken.found.contains(says), "{mistake:?}: {}", broken.found);
        let line = format!("broken: {rule}: {} {}", rule.sentence(), broken.found);
        assert!(report.to_string().starts_with(&line), "{report}");
    }
}
