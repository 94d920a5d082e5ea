//! Many seeds on all cores, and a trace of each run that went wrong.

use crate::wish::Plan;
use indicatif::{ProgressBar, ProgressStyle};
use kiloclaw_lifecycle::testkit::check::Violation;
use kiloclaw_lifecycle::testkit::rig::Real;
use kiloclaw_lifecycle::testkit::sim::{self, Coverage, Report, Setting};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A run in which something did not hold.
pub(crate) struct Failed {
    pub(crate) seed: u64,
    pub(crate) violations: Vec<(usize, Violation)>,
    pub(crate) trace: PathBuf,
}

pub(crate) struct Outcome {
    pub(crate) coverage: Coverage,
    pub(crate) failed: Vec<Failed>,
    pub(crate) took: Duration,
    pub(crate) threads: usize,
}

pub(crate) fn run(plan: &Plan) -> Result<Outcome, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let bar = bar(plan.seeds);
    let (next, began) = (AtomicU64::new(0), Instant::now());
    let coverage = Mutex::new(Coverage::default());
    let bad = Mutex::new(Vec::new());
    let lost = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= plan.seeds {
                        break;
                    }
                    let seed = plan.first_seed.saturating_add(at);
                    match once(plan, seed, false) {
                        Ok(report) => {
                            locked(&coverage).add(&report.coverage);
                            if !report.violations.is_empty() {
                                locked(&bad).push((seed, report.violations));
                                bar.set_message(format!("{} with violations", locked(&bad).len()));
                            }
                        }
                        Err(error) => *locked(&lost) = Some(error),
                    }
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    if let Some(error) = locked(&lost).take() {
        return Err(error);
    }
    let took = began.elapsed();
    let mut bad = std::mem::take(&mut *locked(&bad));
    bad.sort_by_key(|(seed, _)| *seed);
    let failed =
        bad.into_iter().map(|(seed, violations)| write_down(plan, seed, violations)).collect::<Result<_, _>>()?;
    let coverage = std::mem::take(&mut *locked(&coverage));
    Ok(Outcome { coverage, failed, took, threads })
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn once(plan: &Plan, seed: u64, record: bool) -> Result<Report, String> {
    let setting = Setting { seed, days: plan.days, instances: plan.instances, thorough: plan.thorough, record };
    sim::run(Real, setting).map_err(|error| error.to_string())
}

/// The same run again, this time with everything written down.
fn write_down(plan: &Plan, seed: u64, violations: Vec<(usize, Violation)>) -> Result<Failed, String> {
    let report = once(plan, seed, true)?;
    let trace = plan.traces.join(format!("seed-{seed}.trace"));
    let written =
        std::fs::create_dir_all(&plan.traces).and_then(|()| std::fs::write(&trace, report.trace.unwrap_or_default()));
    written.map_err(|error| format!("{}: {error}", trace.display()))?;
    Ok(Failed { seed, violations, trace })
}

/// Shown on a terminal only.
fn bar(seeds: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} seeds, {elapsed}, {eta} left {msg}");
    ProgressBar::new(seeds).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
