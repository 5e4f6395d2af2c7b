//! How fast a network trains and scores on generated pictures, whatever executes it: what `skipgan bench train|score` prints. No data
//! are read.

use super::byte_engine::{ByteEngine, ByteEngineError};
use super::cpu::CpuEngine;
use super::engine::{AdamRates, Batch, Changed, Engine, Norm, Rates};
use super::plan::{PlanSize, Purpose};
use crate::config::Objective;
use crate::spec::Spec;
use kernels::Pool;
use kernels::arch::ByteLevel;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long to measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// Batches that are not timed.
    pub warm_up: usize,
    /// Batches that are timed, at least.
    pub batches: usize,
    /// Timed batches go on until this much time has passed.
    pub at_least: Duration,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// The median batch, as pictures a second; of several streams added up, as the next two.
    pub images_per_second: f64,
    /// Pictures divided by the time of all timed batches.
    pub mean: f64,
    /// The fastest batch, as pictures a second.
    pub best: f64,
    /// From the tenth to the ninetieth percentile of the batches' times, as a share of the median; of several streams the widest.
    pub spread: f64,
    /// Timed batches.
    pub batches: usize,
}

/// Training steps of an engine built for `spec` and `size`; with `critic`, D also judges pictures with something in them that does not
/// belong.
pub fn train(engine: &mut dyn Engine, spec: &Spec, size: PlanSize, critic: bool, timing: Timing) -> Speed {
    let rates = AdamRates { lr: 2e-4, beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };
    let rates = Rates { generator: rates, discriminator: rates };
    let pictures = Pictures::new(spec, size, critic);
    let times = times(timing, || {
        engine.step(&pictures.batch(), &rates);
    });
    Speed::of(size.images, vec![times])
}

/// Scoring with running statistics by an engine for `spec` and `size`, and by others like it at the same time ([`Engine::another`]), as several
/// cameras are watched: each is fed by a thread of its own. All see the same pictures.
///
/// # Panics
/// With the panic of an engine.
pub fn score(first: &mut dyn Engine, others: Vec<Box<dyn Engine>>, spec: &Spec, size: PlanSize, timing: Timing) -> Speed {
    let pictures = Pictures::new(spec, size, false);
    let stream = |engine: &mut dyn Engine| {
        times(timing, || {
            engine.score(&pictures.batch(), Norm::Running);
        })
    };
    let found = std::thread::scope(|scope| {
        let stream = &stream;
        let others: Vec<_> = others.into_iter().map(|mut other| scope.spawn(move || stream(other.as_mut()))).collect();
        let first = stream(first);
        let others = others.into_iter().map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        std::iter::once(first).chain(others).collect()
    });
    Speed::of(size.images, found)
}

/// An engine that scores in bytes, with ranges of generated pictures.
///
/// # Errors
/// As [`ByteEngine::new`].
pub fn byte_engine(
    spec: &Spec,
    objective: &Objective,
    size: PlanSize,
    pool: Arc<Pool>,
    level: ByteLevel,
) -> Result<ByteEngine, ByteEngineError> {
    let pictures = Pictures::new(spec, size, false);
    let mut numbers = CpuEngine::<f32>::new(spec, objective, size, Purpose::Score, Arc::clone(&pool))?;
    numbers.watch_ranges();
    numbers.score(&pictures.batch(), Norm::Running);
    let (state, ranges) = (numbers.save(), numbers.take_ranges().unwrap_or_default());
    drop(numbers);
    ByteEngine::new((spec, &state, &ranges), objective, size, pool, level)
}

/// Seconds that each timed batch took.
fn times(timing: Timing, mut batch: impl FnMut()) -> Vec<f64> {
    (0..timing.warm_up).for_each(|_| batch());
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < timing.batches.max(1) || start.elapsed() < timing.at_least {
        let begin = Instant::now();
        batch();
        times.push(begin.elapsed().as_secs_f64().max(1e-9));
    }
    times
}

impl Speed {
    /// Of streams whose batches of so many `images` took these times: their speeds added up, and the widest of their spreads.
    fn of(images: usize, streams: Vec<Vec<f64>>) -> Speed {
        let mut all = Speed { images_per_second: 0.0, mean: 0.0, best: 0.0, spread: 0.0, batches: 0 };
        for mut times in streams {
            times.sort_by(f64::total_cmp);
            let (images, count, median) = (images as f64, times.len(), times[times.len() / 2]);
            all.images_per_second += images / median;
            all.mean += images * count as f64 / times.iter().sum::<f64>();
            all.best += images / times[0];
            all.spread = all.spread.max((times[count * 9 / 10] - times[count / 10]) / median);
            all.batches += count;
        }
        all
    }
}

/// Generated pictures: noise in [−1, 1), the same in every run.
struct Pictures {
    size: PlanSize,
    input: Vec<f32>,
    target: Vec<f32>,
    context: Vec<f32>,
    /// What was put in, importance and cells, where the objective has a critic of changed pictures (DETECTION.md §6).
    changed: Option<[Vec<f32>; 3]>,
}

impl Pictures {
    fn new(spec: &Spec, size: PlanSize, critic: bool) -> Pictures {
        let pixels = size.images * size.height * size.width;
        let mut state = 1u32;
        let mut noise = |channels: usize| {
            let next = |_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 23) as f32 - 1.0
            };
            (0..pixels * channels).map(next).collect::<Vec<f32>>()
        };
        let input = noise(spec.generator.input_channels);
        let same = spec.generator.input_channels == spec.generator.output_channels;
        let target = if same { input.clone() } else { noise(spec.generator.output_channels) };
        let context = noise(spec.context_channels());
        let cells = pixels >> (2 * spec.discriminator.levels);
        let outputs = spec.generator.output_channels;
        let changed = critic.then(|| [noise(outputs), vec![1.0; pixels * outputs], vec![0.0; cells]]);
        Pictures { size, input, target, context, changed }
    }

    fn batch(&self) -> Batch<'_> {
        let PlanSize { images, height, width } = self.size;
        let changed = self.changed.as_ref().map(|[target, importance, cells]| Changed { target, importance, cells });
        Batch { images, height, width, input: &self.input, target: &self.target, context: &self.context, changed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::model::Abreast;

    #[test]
    fn both_jobs_give_a_speed() {
        let config = Config { g_width: 2, d_width: 2, ..Config::default() };
        let spec = config.spec(32, 32).expect("published shape");
        let size = PlanSize { images: 2, height: 32, width: 32 };
        let timing = Timing { warm_up: 1, batches: 3, at_least: Duration::ZERO };
        let engine = |purpose| {
            let pool = Arc::new(Pool::new(1).expect("a pool"));
            CpuEngine::<f32>::new(&spec, &config.objective(), size, purpose, pool)
        };
        let trained = train(&mut engine(Purpose::Train).expect("a network that fits"), &spec, size, false, timing);
        let scored = |streams: usize| {
            let mut first = Abreast::new(engine(Purpose::Score).expect("a network that fits"));
            let pool = Arc::new(Pool::new(1).expect("a pool"));
            let others = (1..streams).map(|_| first.another(&pool).expect("a processor's engine can")).collect();
            score(&mut first, others, &spec, size, timing)
        };
        for (speed, streams) in [(trained, 1), (scored(1), 1), (scored(3), 3)] {
            assert!(speed.batches == 3 * streams && speed.images_per_second > 0.0 && speed.best >= speed.images_per_second, "{speed:?}");
        }
    }

    #[test]
    fn streams_add_up() {
        let speed = Speed::of(8, vec![vec![0.5, 0.5, 0.25, 0.5, 0.5], vec![1.0, 1.0, 1.0]]);
        assert_eq!((speed.images_per_second, speed.best, speed.batches), (24.0, 40.0, 8));
        assert!((speed.mean - (40.0 / 2.25 + 8.0)).abs() < 1e-9, "{speed:?}");
    }
}
