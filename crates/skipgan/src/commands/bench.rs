//! `bench train|score`: images a second of a preset's network on generated input; needs no data. [`kernels`] measures its layers one by one,
//! [`pipeline`] the way from a file to scores.

pub mod kernels;
pub mod machine;
pub mod pipeline;

use super::CommandError;
use super::configuration::Choices;
use super::executor::{Device, Executor};
use super::reading;
use crate::config::Config;
use crate::model::bench::{self, Speed, Timing};
use crate::model::engine::Engine;
use crate::model::work::Work;
use crate::model::{Abreast, PlanSize, Precision, Purpose};
use crate::score::ScoreError;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Training steps: G once, D on real and on reconstructed, both updates.
    Train,
    /// Reconstruction, both features, A(x).
    Score,
}

/// What to measure, of which network, how long.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// What to measure.
    pub job: Job,
    /// The network.
    pub choices: Choices,
    /// Arithmetic of scoring; training is in numbers.
    pub precision: Precision,
    /// Images a step; `None`: the preset's.
    pub batch: Option<usize>,
    /// Least time of measurement.
    pub time: Duration,
    /// Worker threads; 0: one a core.
    pub threads: usize,
    /// Scoring: engines at once, which share the threads.
    pub streams: usize,
    /// Where the network runs.
    pub device: Device,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Images a second, and how it was found.
    pub speed: Speed,
    /// The network's settings.
    pub config: Config,
    /// Images a step.
    pub batch: usize,
    /// Rows and columns.
    pub picture: (usize, usize),
    /// Threads, of all streams together.
    pub threads: usize,
    /// Engines at once.
    pub streams: usize,
    /// Instruction set of numbers.
    pub level: &'static str,
    /// What computed: [`Precision::arithmetic`].
    pub arithmetic: String,
    /// Whether a training step also judges changed pictures.
    pub critic: bool,
    /// Operations of one image by the plain algorithm ([`Work`]).
    pub work: u64,
    /// The most memory the process has had, where the system says.
    pub peak_rss_bytes: Option<u64>,
}

/// Footage of this aspect is assumed where a preset leaves the height to the footage.
const ASPECT: (usize, usize) = (360, 240);

/// Measures.
///
/// # Errors
/// [`CommandError`].
pub fn run(options: &BenchOptions) -> Result<Measured, CommandError> {
    let config = options.choices.resolve()?;
    let (height, width) = config.picture(Some(ASPECT))?;
    // A training step is on crops where the preset trains on crops.
    let (height, width) = if options.job == Job::Train { config.training_size(height, width) } else { (height, width) };
    let spec = config.spec(height, width)?;
    let batch = checked_batch(options.batch.unwrap_or(config.batch))?;
    options.device.check(options.precision)?;
    if options.job == Job::Train && options.precision != Precision::F32 {
        return Err(CommandError::Usage("training is in f32; --precision int8 is for bench score".into()));
    }
    let (streams, each) = (options.streams, threads_of_a_stream(options)?);
    let executor = Executor::open(options.device, reading::pool(each)?)?;
    let (pool, arithmetic) = (executor.pool(), executor.arithmetic(options.precision, &spec));
    let (threads, level) = (streams * pool.threads(), pool.level().name());
    let size = PlanSize { images: batch, height, width };
    let timing = Timing { warm_up: 2, batches: 3, at_least: options.time };
    let critic = options.job == Job::Train && config.sees.restores() && config.w_critic > 0.0;
    let objective = config.objective();
    let speed = match options.job {
        Job::Train => bench::train(executor.engine(&spec, &objective, size, Purpose::Train)?.as_mut(), &spec, size, critic, timing),
        Job::Score => {
            let mut first: Box<dyn Engine> = match options.precision.bytes(pool, &spec) {
                Some(level) => {
                    let engine = bench::byte_engine(&spec, &objective, size, Arc::clone(pool), level).map_err(ScoreError::from)?;
                    Box::new(Abreast::new(engine))
                }
                None => executor.engine(&spec, &objective, size, Purpose::Score)?,
            };
            let mut others = Vec::new();
            for _ in 1..streams {
                let pool = Arc::new(pool.like(each).map_err(ScoreError::from)?);
                others.push(first.another(&pool).expect("the processor's engines can"));
            }
            bench::score(first.as_mut(), others, &spec, size, timing)
        }
    };
    let work = Work::of(&spec, height, width);
    let work = if options.job == Job::Train { work.train(config.order, critic) } else { work.score() };
    Ok(Measured {
        speed,
        config,
        batch,
        picture: (height, width),
        threads,
        streams,
        level,
        arithmetic,
        critic,
        work,
        peak_rss_bytes: machine::peak_rss_bytes(),
    })
}

/// Threads of each stream.
fn threads_of_a_stream(options: &BenchOptions) -> Result<usize, CommandError> {
    let (streams, threads) = (options.streams, reading::checked_threads(options.threads)?);
    if streams != 1 && (options.job == Job::Train || options.device != Device::Cpu) {
        return Err(CommandError::Usage("--streams is for bench score on the processor".into()));
    }
    if streams == 0 || !threads.is_multiple_of(streams) {
        return Err(CommandError::Usage(format!("--streams {streams}: must divide the {threads} threads (--threads)")));
    }
    Ok(threads / streams)
}

/// Refuses what `bench kernels` and `bench pipeline` would not measure.
fn check_single(options: &BenchOptions, job: &str) -> Result<(), CommandError> {
    let refused = |what: &str| Err(CommandError::Usage(format!("bench {job} measures {what}")));
    if options.device != Device::Cpu {
        return refused("the processor: leave out --device gpu; bench train and bench score take it");
    }
    if options.streams != 1 {
        return refused("one network: leave out --streams; bench score takes it");
    }
    Ok(())
}

/// A batch that can be planned for.
fn checked_batch(batch: usize) -> Result<usize, CommandError> {
    if (1..=4096).contains(&batch) { Ok(batch) } else { Err(CommandError::Usage(format!("--batch {batch}: must be 1 to 4096"))) }
}

impl Measured {
    /// 10⁹ counted operations a second.
    pub fn gflops(&self) -> f64 {
        self.work as f64 * 1e-9 * self.speed.images_per_second
    }

    /// As one JSON object.
    pub fn to_json(&self) -> Value {
        let ((height, width), speed) = (self.picture, &self.speed);
        json!({
            "schema": 1, "images_per_second": speed.images_per_second, "mean": speed.mean, "best": speed.best, "median": speed.images_per_second,
            "spread": speed.spread, "runs": speed.batches, "batches": speed.batches, "gflops": self.gflops(), "peak_rss_bytes": self.peak_rss_bytes,
            "preset": self.config.preset, "height": height, "width": width, "batch": self.batch, "threads": self.threads, "streams": self.streams, "level": self.level, "arithmetic": self.arithmetic,
            "critic": self.critic,
        })
    }

    /// One line for people.
    pub fn to_text(&self) -> String {
        let (height, width) = self.picture;
        format!(
            "{:.1} images/s (best batch {:.1}), {:.1} GFLOP/s: preset {}, {width}×{height}, batch {}, {} threads{}, {}",
            self.speed.images_per_second,
            self.speed.best,
            self.gflops(),
            self.config.preset,
            self.batch,
            self.threads,
            if self.streams > 1 { format!(" in {} streams", self.streams) } else { String::new() },
            self.arithmetic
        )
    }
}
