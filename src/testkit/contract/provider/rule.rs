//! The rules, each with a name and a sentence.

use core::fmt;
use serde::{Deserialize, Serialize};

macro_rules! rules {
    ($($variant:ident = $name:literal, $sentence:literal;)*) => {
        /// Something that a provider promises.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Rule {
            $(#[doc = $sentence] $variant,)*
        }

        impl Rule {
            /// Every one, in the order in which they are tried.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What is promised.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }
        }
    };
}

rules! {
    AbsentMachine = "absent_machine", "A machine that never was is absent, for a look, a wait and every change.";
    AbsentVolume = "absent_volume", "A volume that never was is absent, for a look, a delete and a list of its snapshots.";
    EmptyLists = "empty_lists", "A list of what is not there is empty, and no fault.";
    VolumeFound = "volume_found", "A new volume is found by its id and by its name, with the size and region it was asked for.";
    VolumeFilter = "volume_filter", "A list of volumes holds those that the filter admits and no others.";
    VolumeNames = "volume_names", "Two volumes may carry one name, and are two.";
    VolumeDeleted = "volume_deleted", "A deleted volume is absent or dead, no list shows it alive, and it can be deleted again.";
    Fork = "fork", "A fork is a volume of its own, as large as its source, and the source stays.";
    CopyOfNothing = "copy_of_nothing", "A copy of what is not there is certainly not made.";
    Snapshots = "snapshots", "A snapshot is listed with its size, and a volume can be made of it.";
    SnapshotTooLarge = "snapshot_too_large", "A snapshot does not go into a volume that is too small, and never will.";
    MachineFound = "machine_found", "A new machine is found by its id and by its labels, as it was asked for.";
    MachineFilter = "machine_filter", "A list of machines holds those that carry all of the labels and no others.";
    NameTaken = "name_taken", "The name of a live machine is taken: nothing is made, and the fault names the machine.";
    Holder = "holder", "A volume shows the machine that mounts it.";
    Claimed = "claimed", "A volume takes one machine: a second one is not made, and may be later.";
    Bound = "bound", "A volume that a machine mounts is not deleted, and may be later.";
    MissingVolume = "missing_volume", "A machine is not made on a volume that is not there, and the fault says so.";
    Started = "started", "A wait ends with the state that was waited for.";
    WaitRunsOut = "wait_runs_out", "A wait that runs out is no fault: it answers with the state that was seen.";
    OldVersion = "old_version", "A wait for a version that is no more is no fault, and does not bring what was waited for unless the machine has it.";
    Updated = "updated", "An update brings another version, with the new size, labels and image, on the same volume.";
    StoppedAndStarted = "stopped_and_started", "A machine stops and starts again when it is asked to.";
    StoppedByItself = "stopped_by_itself", "A machine that has stopped by itself is stopped, and nobody is said to have asked for it.";
    Destroyed = "destroyed", "A running machine is destroyed when it is asked for, goes from the lists, and can be destroyed again.";
    Freed = "freed", "The volume of a destroyed machine can be deleted, after a while.";
    HostDown = "host_down", "While its host does not answer a machine is there, and its configuration is unknown.";
    RegionFull = "region_full", "A region without room takes nothing, and the fault says so.";
    HostFull = "host_full", "A host without room takes no machine, and the fault says so.";
    LostAnswer = "lost_answer", "A change whose answer is lost is unknown, and was asked for once.";
    LostRequest = "lost_request", "A change that has not come through is unknown as well, as long as nobody knows that.";
    ServerError = "server_error", "A change that is answered by an error of the server is unknown, and was asked for once.";
    EmptySuccess = "empty_success", "A create that is answered by a success without an id is unknown.";
    NotGone = "not_gone", "Nothing but an answer that names the thing as gone makes it absent.";
    FailedList = "failed_list", "A list that was not got is a fault, not an empty list.";
    Unauthorized = "unauthorized", "One who may not ask is told so, whatever is asked for.";
    RateLimited = "rate_limited", "A change that is one too many is certainly not done, and the fault says why.";
    Refused = "refused", "What will never work is refused, with the status and the words of the refusal.";
    NotNow = "not_now", "What does not work in this state is certainly not done, and may be later.";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
