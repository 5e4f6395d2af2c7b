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
    /// The median batch, as pictures a second.
    pub images_per_second: f64,
    /// Pictures divided by the time of all timed batches.
    pub mean: f64,
    /// The fastest batch, as pictures a second.
    pub best: f64,
    /// From the tenth to the ninetieth percentile of the batches' times, as a share of the median.
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
    measure(size, timing, || {
        engine.step(&pictures.batch(), &rates);
    })
}

/// Scoring with running statistics, by an engine built for `spec` and `size`.
pub fn score(engine: &mut dyn Engine, spec: &Spec, size: PlanSize, timing: Timing) -> Speed {
    let pictures = Pictures::new(spec, size, false);
    measure(size, timing, || {
        engine.score(&pictures.batch(), Norm::Running);
    })
}

/// Scoring in bytes, with ranges of the same pictures.
///
/// # Errors
/// As [`ByteEngine::new`].
pub fn score_in_bytes(
    spec: &Spec,
    objective: &Objective,
    size: PlanSize,
    pool: Arc<Pool>,
    level: ByteLevel,
    timing: Timing,
) -> Result<Speed, ByteEngineError> {
    let pictures = Pictures::new(spec, size, false);
    let (state, ranges) = {
        let mut numbers = CpuEngine::<f32>::new(spec, objective, size, Purpose::Score, Arc::clone(&pool))?;
        numbers.watch_ranges();
        numbers.score(&pictures.batch(), Norm::Running);
        (numbers.save(), numbers.take_ranges().unwrap_or_default())
    };
    let mut engine = ByteEngine::new((spec, &state, &ranges), objective, size, pool, level)?;
    Ok(measure(size, timing, || {
        engine.score(&pictures.batch(), Norm::Running);
    }))
}

fn measure(size: PlanSize, timing: Timing, mut batch: impl FnMut()) -> Speed {
    (0..timing.warm_up).for_each(|_| batch());
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < timing.batches.max(1) || start.elapsed() < timing.at_least {
        let begin = Instant::now();
        batch();
        times.push(begin.elapsed().as_secs_f64().max(1e-9));
    }
    let images = size.images as f64;
    let total: f64 = times.iter().sum();
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    Speed {
        images_per_second: images / median,
        mean: images * times.len() as f64 / total,
        best: images / times[0],
        spread: (times[times.len() * 9 / 10] - times[times.len() / 10]) / median,
        batches: times.len(),
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

    #[test]
    fn both_jobs_give_a_speed() {
        let config = Config { g_width: 2, d_width: 2, ..Config::default() };
        let spec = config.spec(32, 32).expect("published shape");
        let size = PlanSize { images: 2, height: 32, width: 32 };
        let timing = Timing { warm_up: 1, batches: 3, at_least: Duration::ZERO };
        let engine = |purpose| {
            let pool = Arc::new(Pool::new(1).expect("a pool"));
            CpuEngine::<f32>::new(&spec, &config.objective(), size, purpose, pool).expect("a network that fits")
        };
        let trained = train(&mut engine(Purpose::Train), &spec, size, false, timing);
        let scored = score(&mut engine(Purpose::Score), &spec, size, timing);
        for speed in [trained, scored] {
            assert!(speed.batches == 3 && speed.images_per_second > 0.0 && speed.best >= speed.images_per_second, "{speed:?}");
        }
    }
}
