//! Every seed of every fuzz target goes through the target's body, so that what was once found stays found.
//! Those called `refused-…` are turned down at the door; all others go through to the end.

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "public for the fuzz targets")]
mod bodies;

use bodies::TARGETS;
use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

fn fuzz(inside: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(inside)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.expect("an entry of the folder").path()).collect();
    paths.sort();
    paths
}

fn stems(folder: &Path) -> BTreeSet<String> {
    let stem = |path: &PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    entries(folder).iter().filter_map(stem).collect()
}

#[test]
fn every_target_has_a_body_and_seeds_and_nothing_else_has() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_string()).collect();
    assert_eq!(stems(&fuzz("fuzz_targets")), targets, "fuzz/fuzz_targets");
    assert_eq!(stems(&fuzz("seeds")), targets, "fuzz/seeds");
    let manifest = fs::read_to_string(fuzz("Cargo.toml")).expect("the manifest of the fuzz package");
    for name in targets {
        assert!(
            manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")),
            "{name} is no binary of fuzz/Cargo.toml"
        );
        let target = fs::read_to_string(fuzz(&format!("fuzz_targets/{name}.rs"))).expect("a target");
        assert!(target.contains(&format!("kiloclaw_lifecycle_fuzz::{name}(data)")), "{name} runs another body");
    }
}

#[test]
fn every_seed_holds() {
    let mut broken = Vec::new();
    for (name, body) in TARGETS {
        let seeds = entries(&fuzz("seeds").join(name));
        assert!(!seeds.is_empty(), "{name} has no seeds");
        let mut used = 0;
        for seed in seeds {
            let data = fs::read(&seed).expect("a seed");
            let refused = seed.file_name().is_some_and(|name| name.to_string_lossy().starts_with("refused-"));
            match catch_unwind(AssertUnwindSafe(|| body(&data))) {
                Ok(of_use) if of_use == refused => broken.push(format!("{}: of use is {of_use}", seed.display())),
                Ok(of_use) => used += usize::from(of_use),
                Err(_) => broken.push(seed.display().to_string()),
            }
        }
        assert!(used > 0, "no seed of {name} gets to the end of it");
    }
    assert_eq!(broken, Vec::<String>::new(), "what broke is written above");
}
