//! Workloads that outlive their process: five calls one after the other and one timer, completed per second.
//!
//! | | promise | as configured |
//! |---|---|---|
//! | `ours` | on the disk at every commit | as it comes |
//! | `as it comes` | what a loss of power leaves | two dispatchers of each kind, which rest 100 ms |
//! | `its best options` | the same | the best rests and numbers of dispatchers that were found |
//! | `helped` | the same | four of the five connections in its pool are held back, so that no two transactions make each other fail |
//! | `same promise` | on the disk at every commit | `helped`, and `synchronous = FULL` on its connections |
//! | `no timer` | what a loss of power leaves | the best of these, and its workload has no timer |
//!
//! One at a time hardly anything fails, and help does not help unless each commit takes long. What is called `in memory` is on a file
//! system in memory, where a promise costs nothing: what is left is the work of the two engines themselves.
//!
//! A disk may be ten times as slow a minute later. So it is measured in rounds, in which each has its turn; a ratio is that of one round.
//! Peers run only while they are measured, for idle dispatchers look for work.

use crate::ours::Ours;
use crate::peer::Peer;
use crate::rounds::{Contender, Row, rounds};
use std::path::Path;

const MANY: u64 = 32;
/// There is always something to do, or about to be.
const EAGER: &[&str] = &["--orchestrations", "1", "--workers", "1", "--poll-us", "0"];
const OPTIONS: &[&str] = &["--orchestrations", "4", "--workers", "4", "--poll-us", "50000"];
const FEW: &[&str] = &["--orchestrations", "2", "--workers", "2", "--poll-us", "1000"];
const HELP: &[&str] = &["--connections", "1"];
const FULL: &[&str] = &["--full"];
const NO_TIMER: &[&str] = &["--no-timer"];

pub(crate) fn rows() -> Vec<Row> {
    // Beside the build, and so on the same disk as everything else; /tmp may be memory.
    let disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let memory = Path::new("/dev/shm");
    let memory = memory.is_dir().then(|| tempfile::tempdir_in(memory).expect("a folder"));
    let on_disk = disk.path();
    let mut rows = rounds(
        "one at a time",
        ours(on_disk, 1, 96),
        vec![
            peer("same promise, helped", on_disk, (1, 24), &[EAGER, HELP, FULL]),
            peer("its best options", on_disk, (1, 32), &[EAGER]),
            peer("no timer", on_disk, (1, 32), &[EAGER, NO_TIMER]),
            peer("as it comes", on_disk, (1, 2), &[]),
        ],
    );
    rows.extend(rounds(
        "32 at once",
        ours(on_disk, MANY, 1024),
        vec![
            peer("same promise, helped", on_disk, (MANY, 64), &[FEW, HELP, FULL]),
            peer("helped", on_disk, (MANY, 96), &[FEW, HELP]),
            peer("no timer, helped", on_disk, (MANY, 96), &[FEW, HELP, NO_TIMER]),
            peer("its best options", on_disk, (MANY, 64), &[OPTIONS]),
            peer("as it comes", on_disk, (MANY, 64), &[]),
        ],
    ));
    let Some(memory) = memory else {
        println!("no file system in memory at /dev/shm: left out");
        return rows;
    };
    let one = vec![peer("its best options", memory.path(), (1, 32), &[EAGER])];
    rows.extend(rounds("one at a time, in memory", ours(memory.path(), 1, 512), one));
    let many = vec![peer("helped", memory.path(), (MANY, 96), &[FEW, HELP])];
    rows.extend(rounds("32 at once, in memory", ours(memory.path(), MANY, 1_024), many));
    rows
}

fn ours(folder: &Path, at_once: u64, count: u64) -> Contender {
    let ours = Ours::open(&folder.join(format!("ours-{at_once}.db")), at_once);
    ours.run(at_once);
    ours.print();
    Contender::new("ours", count, move |_| ours.run(count))
}

/// Begins each time with a new file.
fn peer(name: &'static str, folder: &Path, (at_once, count): (u64, u64), wishes: &[&[&'static str]]) -> Contender {
    let (folder, wishes) = (folder.to_path_buf(), wishes.concat());
    let name_of_file = name.replace([' ', ','], "-");
    Contender::new(name, count, move |round| {
        let mut peer = Peer::start(&folder.join(format!("{name_of_file}-{at_once}-{round}.db")), &wishes);
        peer.run(1, 1);
        peer.run(at_once, count)
    })
}
