//! Tries everything that can happen within a budget, in every order.

mod checked;

use checked::Checked;
use kiloclaw_lifecycle::testkit::model::{Budget, Story};
use kiloclaw_lifecycle::testkit::rig::Real;
use stateright::{Checker, Model};

fn main() {
    for story in Story::all() {
        let name = story.name;
        let budget = Budget { alarms: 3, crashes: 1, losses: 1, landings: 1, repeats: 0, commands: 0, changes: 0 };
        let began = std::time::Instant::now();
        let checker = Checked { core: Real, story, budget }.checker().threads(2).spawn_bfs().join();
        let took = began.elapsed().as_secs_f64();
        println!(
            "{name}: {} unique states, {} in all, depth {}, {:.0}/s",
            checker.unique_state_count(),
            checker.state_count(),
            checker.max_depth(),
            checker.unique_state_count() as f64 / took
        );
        for (what, path) in checker.discoveries() {
            println!("  VIOLATED {what}: {:?}", path.last_state().violation());
            println!("  {:?}", path.last_state().judge());
            for action in path.into_actions() {
                println!("    {action}");
            }
        }
    }
}
