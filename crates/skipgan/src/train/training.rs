//! The training loop: batch, step, guards, logs, validation, checkpoints; interrupted anywhere, resumed to the very bits.
//!
//! Everything random is a function of (seed, epoch) or (seed, step), the schedule of the step's number, and what else has memory (the
//! best so far, the watch over D, the means that score) is in the checkpoint. So `last.safetensors` is all that a resumed run needs.

use super::TrainError;
use super::average::Average;
use super::feed::{self, Feed};
use super::finish;
use super::logs::{Logs, Measured};
use super::observer::{Event, Observer, Step};
use super::samples::Picture;
use super::schedule::Schedule;
use super::validation::Validation;
use super::watch::Watch;
use crate::atomic_file::write_atomically;
use crate::calibration::Calibration;
use crate::checkpoint::{Best, Checkpoint, Progress, Provenance, Run, Which};
use crate::config::{Config, Select};
use crate::data::sampler::LastBatch;
use crate::data::{Footage, Sampler, SamplerState, Span, Split};
use crate::model::engine::{Engine, Losses, State};
use crate::usual::Usual;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Footage: normal, cached at the network's size, split.
#[derive(Clone, Copy)]
pub struct Material<'a> {
    /// The frames, their motion, what windows are made of.
    pub footage: Footage<'a>,
    /// What is trained on and what is held out.
    pub split: &'a Split,
    /// Fingerprint of the footage.
    pub fingerprint: &'a str,
    /// Decoder that read it, as `meta.json` will name it.
    pub decoder: &'a str,
}

/// Measures the state on a test set: `select = test_best`, the authors' habit. The only way in which a test label acts on training, and
/// numbers chosen so are labelled.
pub trait Judge {
    /// The test AUC of the engine's state. The engine must be left as it is.
    ///
    /// # Errors
    /// One sentence.
    fn auc(&mut self, engine: &mut dyn Engine, step: u64) -> Result<f64, String>;
}

/// How to train, beside the configuration.
#[derive(Default)]
pub struct Options<'a> {
    /// Whether to go on from the run's `last` checkpoint; without one training starts anew.
    pub resume: Resume,
    /// Ends training early after this time; schedules still count the configured steps.
    pub time: Option<Duration>,
    /// Set from elsewhere (Ctrl-C) to save and stop.
    pub cancel: Option<&'a AtomicBool>,
    /// For `select = test_best`.
    pub judge: Option<&'a mut dyn Judge>,
    /// Most windows that are scored at once; 0: as many as a training batch.
    pub score_batch: usize,
    /// An engine planned for whole pictures, where training is on crops; it is given the weights whenever something is to be scored.
    pub scorer: Option<&'a mut dyn Engine>,
}

/// Where training begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resume {
    /// At step 0, with the weights that the engine holds.
    #[default]
    No,
    /// At the run's `last` checkpoint.
    Yes,
}

/// Why training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All configured steps are done.
    Finished,
    /// The time was up.
    TimeUp,
    /// It was interrupted: `last` is saved, `--resume` goes on.
    Interrupted,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Why it ended.
    pub ended: Ended,
    /// Steps done.
    pub step: u64,
    /// Configured steps.
    pub total_steps: u64,
    /// The best state by the configured choice.
    pub best: Option<Best>,
    /// Training images a second in this call, validation left out.
    pub images_per_second: f64,
    /// Seconds that this call took.
    pub seconds: f64,
    /// The last checkpoint.
    pub last_path: PathBuf,
    /// The best checkpoint (not there yet where training was interrupted early).
    pub best_path: PathBuf,
    /// Calibration of the best state; `None` where training was interrupted.
    pub calibration: Option<Calibration>,
}

/// Trains `engine` (planned for batches of [`Config::batch`], holding its initial weights) on `material`, into `run`. In the end the
/// engine holds the best state.
///
/// # Errors
/// [`TrainError`].
pub fn train(
    engine: &mut dyn Engine,
    material: Material<'_>,
    run: &Run,
    config: &Config,
    options: Options<'_>,
    observer: &mut dyn Observer,
) -> Result<Outcome, TrainError> {
    Training::begin(engine, material, run, config, options, observer)?.go()
}

/// Everything that a training under way needs.
pub(super) struct Training<'a, 'j> {
    pub(super) engine: &'a mut dyn Engine,
    pub(super) material: Material<'a>,
    pub(super) run: &'a Run,
    pub(super) config: &'a Config,
    pub(super) options: Options<'j>,
    pub(super) observer: &'a mut dyn Observer,
    pub(super) progress: Progress,
    /// What the checkpoints carry of it; for single pictures there once training has ended.
    pub(super) usual: Option<Arc<Usual>>,
    pub(super) total_steps: u64,
    sampler: Sampler,
    epoch_steps: u64,
    schedule: Schedule,
    validation: Validation,
    average: Average,
    watch: Watch,
    logs: Logs,
    clock: Clock,
}

/// Time spent in steps.
struct Clock {
    begun: Instant,
    images: u64,
    busy: Duration,
    /// Images a second, recent steps weighing most.
    recent: f64,
}

impl<'a, 'j> Training<'a, 'j> {
    fn begin(
        engine: &'a mut dyn Engine,
        material: Material<'a>,
        run: &'a Run,
        config: &'a Config,
        options: Options<'j>,
        observer: &'a mut dyn Observer,
    ) -> Result<Training<'a, 'j>, TrainError> {
        if config.select == Select::TestBest && options.judge.is_none() {
            return Err(TrainError::NoJudge);
        }
        let (mut progress, mut mean) = (Progress::default(), None);
        if options.resume == Resume::Yes && run.checkpoint(&Which::Last).exists() {
            let checkpoint = run.load(&Which::Last)?;
            finish::check_same(&checkpoint, config, &material)?;
            engine.load(&checkpoint.state);
            (progress, mean) = (checkpoint.progress, checkpoint.average);
        }
        let last = if config.drop_last { LastBatch::Dropped } else { LastBatch::Kept };
        let state = SamplerState { seed: config.seed, epoch: progress.epoch, position: progress.position };
        let spans = feed::with_past(&material.footage, &material.split.train);
        let sampler = Sampler::resume(&spans, config.batch, last, state)?;
        let epoch_steps = epoch_steps(&sampler, config.batch);
        let total_steps = if config.steps > 0 { config.steps } else { config.epochs as u64 * epoch_steps };
        let logs = Logs::open(run, progress.step, total_steps)?;
        let clock = Clock { begun: Instant::now(), images: 0, busy: Duration::ZERO, recent: 0.0 };
        Ok(Training {
            average: Average::new(config.ema, mean),
            watch: Watch::new(config.real_label, &progress.watch),
            schedule: Schedule::new(config, total_steps),
            validation: Validation::new(&material.split.held_out),
            usual: material.footage.sight.usual.clone(),
            engine,
            material,
            run,
            config,
            options,
            observer,
            progress,
            total_steps,
            sampler,
            epoch_steps,
            logs,
            clock,
        })
    }

    fn go(mut self) -> Result<Outcome, TrainError> {
        self.tell_start();
        write_atomically(&self.run.config(), self.config.to_toml().as_bytes()).map_err(|error| finish::told(&self.run.config(), error))?;
        if self.progress.finished && self.progress.step >= self.total_steps {
            let best = self.run.load(&Which::Best)?;
            self.engine.load(&best.scoring_state());
            return Ok(self.outcome(Ended::Finished, best.calibration));
        }
        self.progress.finished = false;
        let ended = self.steps()?;
        if ended != Ended::Interrupted {
            match finish::finish(&mut self) {
                Ok(calibration) => return Ok(self.outcome(ended, Some(calibration))),
                Err(TrainError::Score(crate::score::ScoreError::Interrupted)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.outcome(Ended::Interrupted, None))
    }

    /// Steps until the budget is used up; `last` is saved and measured in the end.
    fn steps(&mut self) -> Result<Ended, TrainError> {
        let spans = feed::with_past(&self.material.footage, &self.material.split.train);
        let mut feed = Feed::new(self.material.footage, &spans, self.config)?;
        let mut ended = Ended::Finished;
        while self.progress.step < self.total_steps {
            if self.is_cancelled() {
                self.save_last(None)?;
                return Ok(Ended::Interrupted);
            }
            if self.options.time.is_some_and(|time| self.clock.begun.elapsed() >= time) {
                ended = Ended::TimeUp;
                break;
            }
            let ends_epoch = self.step(&mut feed)?;
            if self.is_due(ends_epoch) {
                self.measure()?;
            }
        }
        if self.progress.measured != Some(self.progress.step) {
            self.measure()?;
        }
        Ok(ended)
    }

    /// One batch; whether the epoch ended with it.
    fn step(&mut self, feed: &mut Feed<'_>) -> Result<bool, TrainError> {
        let batch = self.sampler.next_batch();
        let state = self.sampler.state();
        (self.progress.epoch, self.progress.position) = (state.epoch, state.position);
        // A remainder of one window is left out: batch-norm has no statistics of one value where the map is 1x1 (METHOD.md §6 row 15).
        if batch.windows.len() == 1 && self.epoch_steps > 0 && self.config.batch > 1 && self.sampler.windows() > 1 {
            return Ok(batch.ends_epoch);
        }
        let begun = Instant::now();
        let rates = self.schedule.rates(self.progress.step, batch.epoch);
        let fed = feed.batch(&batch.windows, self.progress.step)?;
        let losses = self.engine.step(&fed, &rates);
        self.progress.step += 1;
        if self.average.wants(self.progress.step) {
            self.average.take(&self.engine.save(), self.progress.step);
        }
        self.clock.count(batch.windows.len(), begun.elapsed());
        self.check(&losses)?;
        let step = Step {
            step: self.progress.step,
            total_steps: self.total_steps,
            epoch: batch.epoch,
            losses,
            rates,
            images_per_second: self.clock.recent,
            seconds_left: self.seconds_left(),
        };
        self.logs.step(&step)?;
        self.observer.event(&Event::Step(step));
        let warning = self.watch.look(self.progress.step, &losses);
        // A D that pulls at nothing may win.
        if let Some(warning) = warning.filter(|_| self.config.w_adv > 0.0) {
            self.observer.event(&Event::Warning(&warning));
        }
        Ok(batch.ends_epoch)
    }

    /// Stops at the first loss that is not a number: Adam has already taken it in, so the state is lost and the last checkpoint holds.
    fn check(&self, losses: &Losses) -> Result<(), TrainError> {
        let named = [
            ("contextual", losses.contextual),
            ("latent", losses.latent),
            ("adversarial", losses.adversarial),
            ("generator's", losses.generator),
            ("discriminator's", losses.discriminator),
        ];
        match named.into_iter().find(|(_, value)| !value.is_finite()) {
            None => Ok(()),
            Some((loss, value)) => Err(TrainError::Diverged { step: self.progress.step, loss, value, last_good: self.last_good() }),
        }
    }

    /// Whether held-out windows are measured after this step.
    fn is_due(&self, ends_epoch: bool) -> bool {
        match self.config.validate_every {
            0 => ends_epoch,
            every => self.progress.step.is_multiple_of(every),
        }
    }

    /// Validation, choice of the best, samples, `last`.
    fn measure(&mut self) -> Result<(), TrainError> {
        let step = self.progress.step;
        let learned = self.show_average();
        let seen = self.look();
        self.go_on_from(learned);
        let (contextual, test_auc, sheet) = seen?;
        let best = self.choose(contextual, test_auc);
        self.progress.measured = Some(step);
        self.logs.measured(&Measured { step, epoch: self.progress.epoch, validation: contextual, test_auc })?;
        self.logs.samples(step, &sheet)?;
        self.observer.event(&Event::Validated { step, contextual, test_auc, best });
        if best && self.config.select != Select::Last {
            self.save(&Which::Best, None)?;
        }
        self.save_last(None)
    }

    /// Held-out contextual loss, test AUC where it is asked for, and a sheet of pictures, by the weights that the engine holds.
    fn look(&mut self) -> Result<(f64, Option<f64>, Picture), TrainError> {
        let (step, footage, batch) = (self.progress.step, self.material.footage, self.score_batch());
        let engine = scorer(self.engine, &mut self.options.scorer);
        let contextual = self.validation.contextual(engine, footage, self.config, batch)?;
        if !contextual.is_finite() {
            return Err(TrainError::Diverged { step, loss: "held-out contextual", value: contextual, last_good: self.last_good() });
        }
        let test_auc = match (self.config.select, self.options.judge.as_mut()) {
            (Select::TestBest, Some(judge)) => Some(judge.auc(engine, step).map_err(|message| TrainError::Judge { step, message })?),
            _ => None,
        };
        Ok((contextual, test_auc, self.validation.sheet(engine, footage, batch)?))
    }

    /// Gives the engine the mean of the weights, where one is kept: what is scored with. The state to go on from afterwards.
    pub(super) fn show_average(&mut self) -> Option<State> {
        if self.average.is_empty() {
            return None;
        }
        let learned = self.engine.save();
        let average = self.average.weights(&learned)?;
        self.engine.load(&learned.with_weights(&average));
        Some(learned)
    }

    /// Gives the engine back what [`Training::show_average`] took from it.
    pub(super) fn go_on_from(&mut self, learned: Option<State>) {
        if let Some(learned) = learned {
            self.engine.load(&learned);
        }
    }

    /// Whether the state is the best so far; noted if so.
    fn choose(&mut self, contextual: f64, test_auc: Option<f64>) -> bool {
        let before = self.progress.best.map(|best| best.value);
        let (value, better) = match (self.config.select, test_auc) {
            (Select::TestBest, Some(auc)) => (auc, before.is_none_or(|before| auc > before)),
            (Select::Last, _) => (contextual, true),
            _ => (contextual, before.is_none_or(|before| contextual < before)),
        };
        if better {
            self.progress.best = Some(Best { step: self.progress.step, value });
        }
        better
    }

    pub(super) fn save_last(&mut self, calibration: Option<Calibration>) -> Result<(), TrainError> {
        self.save(&Which::Last, calibration)
    }

    /// Writes the engine's state.
    pub(super) fn save(&mut self, which: &Which, calibration: Option<Calibration>) -> Result<(), TrainError> {
        self.logs.flush()?;
        self.progress.watch = self.watch.memory();
        let state = self.engine.save();
        // A good checkpoint is never replaced by one that cannot be read back.
        if !is_finite(&state) {
            return Err(TrainError::WeightsDiverged { step: self.progress.step, last_good: self.last_good() });
        }
        let settings = self.material.footage.cache.settings();
        let checkpoint = Checkpoint {
            config: self.config.clone(),
            spec: self.config.spec(settings.height, settings.width)?,
            height: settings.height,
            width: settings.width,
            average: self.average.weights(&state),
            state,
            progress: self.progress.clone(),
            provenance: Provenance {
                seed: self.config.seed,
                data_fingerprint: self.material.fingerprint.into(),
                program_version: env!("CARGO_PKG_VERSION").into(),
                decoder: self.material.decoder.into(),
                kept_frames: self.material.footage.cache.kept_sha256(),
                calibrated_on: String::new(),
            },
            usual: self.usual.clone(),
            calibration,
        };
        let path = self.run.checkpoint(which);
        checkpoint.save(&path)?;
        self.observer.event(&Event::Saved { step: self.progress.step, path: &path });
        Ok(())
    }

    pub(super) fn score_batch(&self) -> usize {
        if self.options.score_batch > 0 { self.options.score_batch } else { self.config.batch }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.options.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed))
    }

    fn last_good(&self) -> Option<PathBuf> {
        let exists = |path: &PathBuf| Path::exists(path);
        Some(self.run.checkpoint(&Which::Last)).filter(exists)
    }

    fn tell_start(&mut self) {
        let settings = self.material.footage.cache.settings();
        self.observer.event(&Event::Started {
            from_step: self.progress.step,
            total_steps: self.total_steps,
            epoch_steps: self.epoch_steps,
            windows: self.sampler.windows(),
            held_out: self.material.split.held_out.iter().map(Span::frames).sum(),
            picture: (settings.height, settings.width),
        });
    }

    fn seconds_left(&self) -> f64 {
        let left = (self.total_steps - self.progress.step) as f64 * self.config.batch as f64 / self.clock.recent.max(1e-9);
        let until = self.options.time.map(|time| time.saturating_sub(self.clock.begun.elapsed()).as_secs_f64());
        until.map_or(left, |until| until.min(left))
    }

    fn outcome(&self, ended: Ended, calibration: Option<Calibration>) -> Outcome {
        let busy = self.clock.busy.as_secs_f64();
        Outcome {
            ended,
            step: self.progress.step,
            total_steps: self.total_steps,
            best: self.progress.best,
            images_per_second: if busy > 0.0 { self.clock.images as f64 / busy } else { 0.0 },
            seconds: self.clock.begun.elapsed().as_secs_f64(),
            last_path: self.run.checkpoint(&Which::Last),
            best_path: self.run.checkpoint(&Which::Best),
            calibration,
        }
    }
}

/// The engine that scores: one of its own for whole pictures, given the weights of the one that learns, or that one itself.
pub(super) fn scorer<'e>(learner: &'e mut dyn Engine, own: &'e mut Option<&mut dyn Engine>) -> &'e mut dyn Engine {
    match own {
        Some(own) => {
            own.load(&learner.save());
            &mut **own
        }
        None => learner,
    }
}

fn is_finite(state: &State) -> bool {
    let buffers = [&state.parameters.values, &state.statistics.values, &state.first_moments, &state.second_moments];
    buffers.into_iter().flatten().all(|value| value.is_finite())
}

/// Steps an epoch: batches, less a remainder of a single window.
fn epoch_steps(sampler: &Sampler, batch: usize) -> u64 {
    let lone = batch > 1 && sampler.batches() > 1 && sampler.windows() % batch == 1;
    sampler.batches() - u64::from(lone)
}

impl Clock {
    fn count(&mut self, images: usize, took: Duration) {
        self.images += images as u64;
        self.busy += took;
        let now = images as f64 / took.as_secs_f64().max(1e-9);
        self.recent = if self.recent > 0.0 { 0.95 * self.recent + 0.05 * now } else { now };
    }
}
