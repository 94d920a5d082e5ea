//! Every file under `tests/scenarios` is run against the state machine, the driver and the simulated Fly, and holds.

use kiloclaw_lifecycle::testkit::scenario::{Scenario, run};
use std::fs;
use std::path::{Path, PathBuf};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder of scenarios")
        .map(|entry| entry.expect("an entry of the folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
}

fn load(path: &Path) -> Result<Scenario, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    Scenario::parse(&text).map_err(|malformed| malformed.to_string())
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[test]
fn every_scenario_holds() {
    let files = files();
    assert!(files.len() > 100, "only {} scenarios were found", files.len());
    let mut failures = Vec::new();
    for path in &files {
        match load(path) {
            Ok(scenario) => {
                failures.extend(run(&scenario).failures().iter().map(|failure| format!("{}: {failure}", name(path))));
            }
            Err(error) => failures.push(format!("{}: {error}", name(path))),
        }
    }
    assert!(failures.is_empty(), "{} expectations failed\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_scenario_runs_the_same_every_time() {
    for path in files() {
        let first = load(&path).map(|scenario| run(&scenario).json().to_string());
        let again = load(&path).map(|scenario| run(&scenario).json().to_string());
        assert_eq!(first, again, "{}", name(&path));
    }
}

#[test]
fn no_two_scenarios_share_a_name() {
    let mut names: Vec<String> =
        files().iter().map(|path| load(path).map(|scenario| scenario.name().to_string()).unwrap_or_default()).collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
}
