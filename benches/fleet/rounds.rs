//! Measuring so that chance does not decide: several rounds, those of all subjects in turn, and the median of each.

use std::time::{Duration, Instant};

pub(crate) fn timed<T>(what: impl FnOnce() -> T) -> (Duration, T) {
    let begun = Instant::now();
    let result = what();
    (begun.elapsed(), result)
}

/// The middle, the lower and the upper quartile, and the mean, in which what comes seldom counts as well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) mean: f64,
}

impl Spread {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |part: f64| values[((values.len() - 1) as f64 * part).round() as usize];
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        Self { median: at(0.5), low: at(0.25), high: at(0.75), mean }
    }
}

/// Runs each subject in turn, and brings what each took in microseconds. It runs twice, and the second time counts: by then caches and heap
/// are as they are where it is alone.
pub(crate) fn in_turn<S>(subjects: &mut [S], rounds: usize, mut run: impl FnMut(&mut S) -> Duration) -> Vec<Spread> {
    let mut took = vec![Vec::new(); subjects.len()];
    for _ in 0..rounds {
        for (subject, took) in subjects.iter_mut().zip(&mut took) {
            run(subject);
            took.push(run(subject).as_secs_f64() * 1e6);
        }
    }
    took.into_iter().map(Spread::of).collect()
}
