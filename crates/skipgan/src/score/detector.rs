//! A trained network behind one door: open a checkpoint, hand it clips, take scores.

use super::clip::{ClipEnd, Scorer, Sink};
use super::error::ScoreError;
use super::no_network::NoNetwork;
use crate::calibration::Calibration;
use crate::checkpoint::Checkpoint;
use crate::config::{BnTest, Config, ConfigError};
use crate::data::{Clip, Sight, WindowStream};
use crate::model::engine::Engine;
use crate::model::{Abreast, ByteEngine, CpuEngine, PlanSize, Precision, Purpose};
use crate::ranges::Ranges;
use crate::spec::Spec;
use kernels::Pool;
use kernels::arch::ByteLevel;
use std::path::Path;
use std::sync::Arc;
use video::{FrameSource, OpenOptions};

/// A calibrated network that scores clips.
pub struct Detector {
    engine: Box<dyn Engine>,
    config: Config,
    sight: Sight,
    calibration: Calibration,
    batch: usize,
    pool: Option<Arc<Pool>>,
    timed: bool,
}

/// Frames scored at once, where the method does not say: enough to fill the kernels, few enough for a small workspace.
const BATCH: usize = 8;

/// Windows scored at once with these settings: the published test's batch where scores depend on it.
pub fn batch_of(config: &Config) -> usize {
    if config.bn_test == BnTest::Batch { config.batch } else { BATCH }
}

/// An engine on the processors of `pool` that holds the checkpoint's weights, planned for [`batch_of`] windows.
pub(crate) fn engine_on_cpu(checkpoint: &Checkpoint, config: &Config, pool: Arc<Pool>) -> Result<Abreast<CpuEngine<f32>>, ScoreError> {
    let ((spec, size), state) = (planned(checkpoint, config)?, checkpoint.scoring_state());
    let engine = CpuEngine::with_state(&spec, &config.objective(), size, Purpose::Score, pool, &state);
    Ok(Abreast::new(engine.map_err(ConfigError::from)?))
}

/// The same in bytes.
fn engine_in_bytes(checkpoint: &Checkpoint, config: &Config, pool: Arc<Pool>, level: ByteLevel) -> Result<Abreast<ByteEngine>, ScoreError> {
    if config.bn_test != BnTest::Running {
        return Err(ScoreError::FoldedStatistics);
    }
    let (spec, size) = planned(checkpoint, config)?;
    let nothing = Ranges::default();
    let ranges = checkpoint.calibration.as_ref().and_then(|calibration| calibration.ranges.as_ref()).unwrap_or(&nothing);
    Ok(Abreast::new(ByteEngine::new((&spec, &checkpoint.scoring_state(), ranges), &config.objective(), size, pool, level)?))
}

/// What an engine for the checkpoint is planned for. Settings of scores may differ from those of the training; the weights fit every choice
/// of f(·).
///
/// # Errors
/// [`ScoreError::Config`] where the features of `config` are none that the network has.
pub fn planned(checkpoint: &Checkpoint, config: &Config) -> Result<(Spec, PlanSize), ScoreError> {
    let mut spec = checkpoint.spec.clone();
    spec.discriminator.score_features = config.spec(checkpoint.height, checkpoint.width)?.discriminator.score_features;
    Ok((spec, PlanSize { images: batch_of(config), height: checkpoint.height, width: checkpoint.width }))
}

impl Detector {
    /// A detector on this machine's processor, from a checkpoint file, with the settings it was trained with.
    ///
    /// # Errors
    /// [`ScoreError::Checkpoint`], [`ScoreError::NotCalibrated`], [`ScoreError::Cpu`].
    pub fn open(path: &Path, threads: usize) -> Result<Detector, ScoreError> {
        let checkpoint = Checkpoint::load(path)?;
        let config = checkpoint.config.clone();
        Detector::on_cpu(checkpoint, config, Arc::new(Pool::new(threads)?), Precision::F32)
    }

    /// A detector on the processors of `pool`; `config` is the checkpoint's, or what [`Config::with_scoring_set`] made of it.
    ///
    /// # Errors
    /// As [`Detector::new`].
    pub fn on_cpu(checkpoint: Checkpoint, config: Config, pool: Arc<Pool>, precision: Precision) -> Result<Detector, ScoreError> {
        let batch = batch_of(&config);
        let engine: Box<dyn Engine> = match precision.bytes(&pool, &checkpoint.spec) {
            Some(level) => Box::new(engine_in_bytes(&checkpoint, &config, Arc::clone(&pool), level)?),
            None => Box::new(engine_on_cpu(&checkpoint, &config, Arc::clone(&pool))?),
        };
        let mut detector = Detector::with_loaded(checkpoint, config, engine, batch)?;
        detector.use_pool(pool);
        Ok(detector)
    }

    /// A detector of the same model for another camera, on threads of its own, which may be another thread's to use: the same scores, and
    /// prepared weights in the same memory. `None` where its engine gives no other ([`Engine::another`]): on a GPU, and without a network.
    ///
    /// # Errors
    /// [`ScoreError::Cpu`] where the system refuses to start a thread.
    pub fn another(&self, threads: usize) -> Result<Option<Detector>, ScoreError> {
        let pool = Arc::new(match &self.pool {
            Some(pool) => pool.like(threads)?,
            None => Pool::new(threads)?,
        });
        let (config, sight, calibration) = (self.config.clone(), self.sight.clone(), self.calibration.clone());
        let of = |engine| Detector { engine, config, sight, calibration, batch: self.batch, pool: Some(Arc::clone(&pool)), timed: false };
        Ok(self.engine.another(&pool).map(of))
    }

    /// What is not the network's own is computed on these threads from now on; without them on one.
    pub fn use_pool(&mut self, pool: Arc<Pool>) {
        self.pool = Some(pool);
    }

    /// A detector from a checkpoint and an engine that was planned for its spec, its picture and batches of `batch`. `config` is the
    /// checkpoint's, or what `--set` made of it.
    ///
    /// # Errors
    /// [`ScoreError::NotCalibrated`]; [`ScoreError::OtherBasis`] where `config` scores by other settings than the calibration.
    pub fn new(checkpoint: Checkpoint, config: Config, mut engine: Box<dyn Engine>, batch: usize) -> Result<Detector, ScoreError> {
        engine.load(&checkpoint.scoring_state());
        Detector::with_loaded(checkpoint, config, engine, batch)
    }

    /// The same with an engine that holds the checkpoint's weights already.
    pub(crate) fn with_loaded(
        checkpoint: Checkpoint,
        config: Config,
        engine: Box<dyn Engine>,
        batch: usize,
    ) -> Result<Detector, ScoreError> {
        let calibration = checkpoint.calibration.ok_or(ScoreError::NotCalibrated)?;
        if let Some(key) = calibration.basis.difference(&crate::calibration::Basis::of(&config)) {
            return Err(ScoreError::OtherBasis { key });
        }
        let sight = Sight::new(&config, checkpoint.height, checkpoint.width, checkpoint.usual);
        Ok(Detector { engine, config, sight, calibration, batch, pool: None, timed: false })
    }

    /// The terms that no network is needed for, on the same windows, by the same calibration and rule: motion against rest and the picture
    /// against the background (baselines `flow`, `place`, `flow-place`). R and L are 0.
    ///
    /// # Errors
    /// [`ScoreError::OtherBasis`] where `config` scores by other settings than the calibration.
    pub fn without_network(config: Config, sight: Sight, calibration: Calibration) -> Result<Detector, ScoreError> {
        if let Some(key) = calibration.basis.difference(&crate::calibration::Basis::of(&config)) {
            return Err(ScoreError::OtherBasis { key });
        }
        Ok(Detector { engine: Box::<NoNetwork>::default(), config, sight, calibration, batch: BATCH, pool: None, timed: false })
    }

    /// Scores every frame of a clip.
    ///
    /// # Errors
    /// [`ScoreError`].
    pub fn score_clip(&mut self, clip: &Clip, options: &OpenOptions, sink: &mut dyn Sink) -> Result<ClipEnd, ScoreError> {
        let mut stream = WindowStream::open(clip, options, &self.sight)?;
        self.score_stream(&clip.name, &mut stream, sink)
    }

    /// Scores every frame of a source of one's own: a camera, a pipe, frames made by a program.
    ///
    /// # Errors
    /// [`ScoreError`].
    pub fn score_source(&mut self, name: &str, source: Box<dyn FrameSource>, sink: &mut dyn Sink) -> Result<ClipEnd, ScoreError> {
        let mut stream = WindowStream::new(name, source, &self.sight)?;
        self.score_stream(name, &mut stream, sink)
    }

    /// Scores every frame of an opened stream; its windows must be made by the detector's [`Detector::sight`].
    ///
    /// # Errors
    /// [`ScoreError`].
    pub fn score_stream(&mut self, name: &str, stream: &mut WindowStream, sink: &mut dyn Sink) -> Result<ClipEnd, ScoreError> {
        let mut scorer = self.scorer()?;
        let end = scorer.score_clip(name, stream, sink)?;
        scorer.finish(sink)?;
        Ok(end)
    }

    /// A scorer for many clips, whose batches cross clips where `bn_test = batch`.
    ///
    /// # Errors
    /// [`ScoreError`].
    pub fn scorer(&mut self) -> Result<Scorer<'_>, ScoreError> {
        let mut scorer = Scorer::new(self.engine.as_mut(), &self.config, &self.calibration, &self.sight, self.batch)?;
        if let Some(pool) = &self.pool {
            scorer.use_pool(Arc::clone(pool));
        }
        if self.timed {
            scorer.time_stages();
        }
        Ok(scorer)
    }

    /// What it sees of footage.
    pub fn sight(&self) -> &Sight {
        &self.sight
    }

    /// The settings it scores with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What normal footage looks like to it.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// Its scorers count from now on how long each stage computes.
    pub fn time_stages(&mut self) {
        self.timed = true;
    }

    /// Whether they do.
    pub fn times_stages(&self) -> bool {
        self.timed
    }

    /// Scores come in batches of this many frames; 1 gives each frame its row at once (a live source).
    ///
    /// # Panics
    /// Later, where it is more than the engine was planned for.
    pub fn set_batch(&mut self, batch: usize) {
        self.batch = batch.max(1);
    }
}
