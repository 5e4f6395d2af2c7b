//! `train DATA --out RUN`: finds normal footage, decodes it once, trains, calibrates.

use super::CommandError;
use super::configuration::Choices;
use super::detector::alarm_in_words;
use super::event::{Event, Listener};
use super::executor::{Device, Executor};
use super::reading::{self, Prepared, Reading, quoted, shown};
use super::still_branch;
use super::test_judge::TestJudge;
use super::truth::Truth;
use crate::atomic_file::write_atomically;
use crate::checkpoint::{Existing, Run};
use crate::config::{Config, Select, StillPictures};
use crate::data::fingerprint::fingerprint;
use crate::data::{Clip, DataError, DataSet, PictureSettings, Sight, hold_out};
use crate::model::engine::{Engine, Losses};
use crate::model::{PlanSize, Purpose};
use crate::score::place;
use crate::train::observer::Step;
use crate::train::training::Resume;
use crate::train::{self, Ended, Judge, Material, Observer, Outcome};
use crate::words::counted;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// What to train on, with what, into which folder.
#[derive(Clone, Debug)]
pub struct TrainOptions {
    /// Normal footage.
    pub data: Vec<PathBuf>,
    /// The run folder.
    pub out: PathBuf,
    /// The method's numbers.
    pub choices: Choices,
    /// Ends early after this time.
    pub time: Option<Duration>,
    /// Whether to go on with what the run folder holds.
    pub resume: Resume,
    /// Folder of decoded frames, where several runs share one; `None`: the run's own.
    pub cache: Option<PathBuf>,
    /// Most bytes of decoded frames.
    pub cache_bytes: u64,
    /// How footage is read.
    pub reading: Reading,
    /// Worker threads; 0: one a core.
    pub threads: usize,
    /// Where the network runs.
    pub device: Device,
    /// The command, for the run folder.
    pub command: String,
}

/// What training gave.
#[derive(Clone, Debug)]
pub struct Trained {
    /// How it ended, where the checkpoints lie, speed, calibration.
    pub outcome: Outcome,
    /// Every setting.
    pub config: Config,
    /// Rows and columns of the network's picture.
    pub picture: (usize, usize),
    /// Name of the footage.
    pub dataset: String,
}

/// Trains.
///
/// # Errors
/// [`CommandError`].
pub fn run(options: &TrainOptions, cancel: &AtomicBool, listener: &mut dyn Listener) -> Result<Trained, CommandError> {
    let executor = Executor::open(options.device, reading::pool(options.threads)?)?;
    executor.announce(listener);
    let set = options.reading.find(&options.data)?;
    listener.hear(Event::Note(set.summary()));
    let clips = set.for_training()?;
    let config = configuration(options, still_branch::look(clips, &options.reading.open)?.as_ref())?;
    still_branch::announce(&config, listener);
    if config.select == Select::TestBest {
        labels_for_choosing(&set)?;
    }
    let (height, width) = config.picture(options.reading.aspect(clips)?)?;
    config.spec(height, width)?;
    config.check_motion_size(height, width)?;
    let (crop_height, crop_width) = config.training_size(height, width);
    config.spec(crop_height, crop_width)?;
    let existing = if options.resume == Resume::Yes { Existing::Resume } else { Existing::Refuse };
    let run = Run::create(&options.out, existing)?;
    let picture = PictureSettings::new(&config, height, width);
    let folder = options.cache.clone().unwrap_or_else(|| run.cache());
    let limit = reading::cache_limit(options.cache_bytes, config.sees, &picture);
    let cache = options.reading.cache(&folder, clips, &picture, limit, cancel, listener)?;
    let split = hold_out(&cache.frames(), config.history)?;
    listener.hear(Event::Note(split.summary()));
    let motion = reading::motion(&cache, config.sees, options.threads, cancel, listener)?;
    let usual = motion.as_ref().map(|motion| place::usual(&config, &cache, motion, &split.train)).transpose()?;
    let sight = Sight::new(&config, height, width, usual.map(Arc::new));
    let prepared = Prepared { cache, motion, sight };
    let mut engines = Engines::new(&config, (height, width), &executor)?;
    let mut judge = judge(&config, &set, &prepared.sight, &run, options, cancel, listener)?;
    let fingerprint = fingerprint(clips)?;
    let decoder = decoder_of(clips, &options.reading);
    let material = Material { footage: prepared.footage(), split: &split, fingerprint: &fingerprint, decoder: &decoder };
    let training = train::Options {
        resume: options.resume,
        time: options.time,
        cancel: Some(cancel),
        judge: judge.as_mut().map(|judge| judge as &mut dyn Judge),
        score_batch: 0,
        scorer: engines.scorer.as_mut().map(|scorer| scorer.as_mut() as &mut dyn Engine),
    };
    let outcome = train::train(engines.learner.as_mut(), material, &run, &config, training, &mut Teller { listener })?;
    note_command(&run, &options.command)?;
    Ok(Trained { outcome, config, picture: (height, width), dataset: set.name() })
}

/// The engine that learns, and where that is on crops one for whole pictures.
struct Engines {
    learner: Box<dyn Engine>,
    scorer: Option<Box<dyn Engine>>,
}

impl Engines {
    fn new(config: &Config, whole: (usize, usize), executor: &Executor) -> Result<Engines, CommandError> {
        let engine = |(height, width), purpose| {
            let size = PlanSize { images: config.batch, height, width };
            Ok::<_, CommandError>(executor.engine(&config.spec(height, width)?, &config.objective(), size, purpose)?)
        };
        let crops = config.training_size(whole.0, whole.1);
        let scorer = if crops == whole { None } else { Some(engine(whole, Purpose::Score)?) };
        Ok(Engines { learner: engine(crops, Purpose::Train)?, scorer })
    }
}

/// Adds the command to those of the run, once there is a checkpoint to show for it.
fn note_command(run: &Run, command: &str) -> Result<(), CommandError> {
    let path = run.commands();
    let mut lines = std::fs::read_to_string(&path).unwrap_or_default();
    if !command.is_empty() && lines.lines().last() != Some(command) {
        lines += &format!("{command}\n");
    }
    write_atomically(&path, lines.as_bytes()).map_err(|source| CommandError::Io { path, action: "write", source })
}

/// A resumed run keeps its own configuration where no other is named.
fn configuration(options: &TrainOptions, stills: Option<&StillPictures>) -> Result<Config, CommandError> {
    let mut choices = options.choices.clone();
    let own = options.out.join("config.toml");
    if options.resume == Resume::Yes && choices.preset.is_none() && choices.file.is_none() && own.exists() {
        choices.file = Some(own);
    }
    Ok(choices.resolve_for(stills)?)
}

/// The authors' habit needs the test clips; nothing else of training may see them.
fn judge(
    config: &Config,
    set: &DataSet,
    sight: &Sight,
    run: &Run,
    options: &TrainOptions,
    cancel: &AtomicBool,
    listener: &mut dyn Listener,
) -> Result<Option<TestJudge>, CommandError> {
    if config.select != Select::TestBest {
        return Ok(None);
    }
    listener.hear(Event::Warning(
        "select = test_best: the epoch is chosen by the test set's labels, as the authors did; such a number is not strict".into(),
    ));
    let cache = options.reading.cache(&run.cache().join("test"), &set.test, &sight.picture, options.cache_bytes, cancel, listener)?;
    let motion = reading::motion(&cache, config.sees, options.threads, cancel, listener)?;
    Ok(Some(TestJudge::new(set, Prepared { cache, motion, sight: sight.clone() }, config)?))
}

/// What is missing for choosing by the test set is told before anything is decoded: its labels are read once here, as far as that goes
/// without knowing how many frames a video has.
fn labels_for_choosing(set: &DataSet) -> Result<(), CommandError> {
    let without = |what: &str| {
        let told =
            format!("select = test_best needs a test part with labels, and {} has no {what}; use --set select=validation", set.name());
        Err(CommandError::Usage(told))
    };
    if set.test.is_empty() {
        return without("test part");
    }
    match Truth::read(set, None, &BTreeMap::new()) {
        Err(CommandError::Data(DataError::NoLabels { looked_for, .. })) => without(&format!("labels (looked for {looked_for})")),
        Err(CommandError::Data(DataError::FramesUnknown { .. })) => Ok(()),
        read => read.map(|_| ()),
    }
}

/// Which decoder reads this footage, as the meta file names it.
fn decoder_of(clips: &[Clip], reading: &Reading) -> String {
    let mut backends: Vec<&str> =
        clips.iter().filter_map(|clip| clip.open(&reading.open).ok()).map(|source| source.info().backend.name()).collect();
    backends.sort_unstable();
    backends.dedup();
    backends.join("+")
}

/// Passes what training tells on to the command's listener.
struct Teller<'a> {
    listener: &'a mut dyn Listener,
}

impl Observer for Teller<'_> {
    fn event(&mut self, event: &train::Event<'_>) {
        match event {
            train::Event::Started { from_step, total_steps, epoch_steps, windows, held_out, picture } => {
                let (height, width) = picture;
                let what = match from_step {
                    0 => format!("training {}", counted(*total_steps, "step")),
                    from if from >= total_steps => format!("{} are done, {total_steps} were asked for", counted(*from, "step")),
                    from => format!("going on at step {from} of {total_steps}"),
                };
                self.listener.hear(Event::Note(format!(
                    "{what} ({epoch_steps} an epoch) on {} of {width}×{height}, {held_out} held out",
                    counted(*windows, "window")
                )));
            }
            train::Event::Step(step) => self.listener.hear(step_event(step)),
            train::Event::Validated { step, contextual, test_auc, best } => {
                let auc = test_auc.map(|auc| format!(", test AUC {:.2} %", 100.0 * auc)).unwrap_or_default();
                let mark = if *best { " (best so far)" } else { "" };
                self.listener.hear(Event::Note(format!("step {step}: held-out contextual loss {contextual:.4}{auc}{mark}")));
            }
            train::Event::Warning(warning) => self.listener.hear(Event::Warning(warning.to_string())),
            train::Event::Calibrating { done, all } => self.listener.hear(Event::Progress {
                task: "calibrating",
                done: *done as u64,
                total: Some(*all as u64),
                unit: "frames",
                detail: String::new(),
                numbers: json!({}),
            }),
            _ => {}
        }
    }
}

/// Steps done of those asked for; a run that is resumed with a smaller budget has done more.
fn steps_of(done: u64, all: u64) -> String {
    match done > all {
        true => format!("{} done, {all} were asked for,", counted(done, "step")),
        false => format!("{done} of {}", counted(all, "step")),
    }
}

fn step_event(step: &Step) -> Event {
    let Losses { adversarial, contextual, latent, generator, real, fake, discriminator, .. } = step.losses;
    Event::Progress {
        task: "training",
        done: step.step,
        total: Some(step.total_steps),
        unit: "steps",
        detail: format!(
            "{:.0} images/s  G {generator:.3} (adv {adversarial:.3} con {contextual:.3} lat {latent:.4})  D {discriminator:.3}",
            step.images_per_second
        ),
        numbers: json!({
            "step": step.step, "epoch": step.epoch, "images_per_second": step.images_per_second, "seconds_left": step.seconds_left,
            "g_adv": adversarial, "g_con": contextual, "g_lat": latent, "g": generator,
            "d_real": real, "d_fake": fake, "d": discriminator, "lr": step.rates.generator.lr,
        }),
    }
}

impl Trained {
    /// As one JSON object.
    pub fn to_json(&self) -> Value {
        let outcome = &self.outcome;
        json!({
            "schema": 1, "run_best": outcome.best_path, "run_last": outcome.last_path, "dataset": self.dataset, "step": outcome.step,
            "total_steps": outcome.total_steps, "images_per_second": outcome.images_per_second, "seconds": outcome.seconds,
            "best_step": outcome.best.map(|best| best.step), "best_value": outcome.best.map(|best| best.value),
            "held_out_frames": outcome.calibration.as_ref().map(|calibration| calibration.frames),
        })
    }

    /// What a person wants to know, and what to do next.
    pub fn to_text(&self, options: &TrainOptions) -> String {
        let outcome = &self.outcome;
        let early = if outcome.ended == Ended::TimeUp { ", the time was up" } else { "" };
        let mut text = format!(
            "trained on {}: {} in {:.0} s ({:.0} images/s){early}\n",
            self.dataset,
            steps_of(outcome.step, outcome.total_steps),
            outcome.seconds,
            outcome.images_per_second
        );
        if let Some(best) = &outcome.best {
            let what = if self.config.select == Select::TestBest { "test AUC" } else { "held-out contextual loss" };
            text += &format!("best:  {} (step {}, {what} {:.4})\n", outcome.best_path.display(), best.step, best.value);
        }
        if let Some(calibration) = &outcome.calibration {
            text +=
                &format!("calibrated on {}; alarm from {}\n", counted(calibration.frames, "held-out frame"), alarm_in_words(calibration));
        }
        let run = shown(&options.out);
        text + &format!("next:  {}", quoted(&["skipgan", "score", &run, "INPUT", "--out", "scores.csv"]))
    }
}
