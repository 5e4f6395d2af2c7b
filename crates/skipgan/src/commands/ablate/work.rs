//! One training and the results that it serves: train, then for each result calibrate where its scores are of another kind, score, judge.
//! Several run side by side; none knows of the others, so what comes out does not depend on how many.

use super::plan::{Places, Planned, Training, settings_of};
use super::settings::scoring_changes;
use crate::calibration::Basis;
use crate::checkpoint::{Checkpoint, Run, Which};
use crate::commands::calibrate::{self, CalibrateOptions};
use crate::commands::configuration::Choices;
use crate::commands::evaluate::{self, EvaluateOptions};
use crate::commands::event::Listener;
use crate::commands::executor::Device;
use crate::commands::reading::{Reading, quoted, shown};
use crate::commands::score::{self, ScoreOptions};
use crate::commands::train::{self, TrainOptions};
use crate::commands::{CommandError, detector};
use crate::data::cache::DEFAULT_LIMIT_BYTES;
use crate::evaluate::run::{Inputs, Options, evaluate as measure_frames};
use crate::model::Precision;
use crate::report::ablation::{AblationResult, COLUMNS, Judged, PIXEL, SCORE};
use crate::train::Ended;
use crate::train::training::Resume;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// What all trainings have in common.
pub(super) struct Shared<'a> {
    pub(super) data: &'a [PathBuf],
    pub(super) labels: Option<&'a Path>,
    pub(super) reading: &'a Reading,
    pub(super) places: &'a Places,
    pub(super) maps: bool,
    pub(super) depends_on: &'a str,
    pub(super) cancel: &'a AtomicBool,
}

/// A checkpoint to score with, the changes that `--set` has to make, and the commands that led there.
struct Ready {
    model: PathBuf,
    set: Vec<String>,
    commands: Vec<String>,
}

impl Shared<'_> {
    /// Trains the network, or what is left of its training.
    ///
    /// # Errors
    /// [`CommandError`]; [`CommandError::Interrupted`] where Ctrl-C ended it (its state is saved).
    pub(super) fn train(&self, training: &Training, threads: usize, listener: &mut dyn Listener) -> Result<(), CommandError> {
        let out = self.places.run(&training.id);
        let last = Run::open(&out).map(|run| run.checkpoint(&Which::Last)).ok().filter(|path| path.exists());
        let begun = last.map(|path| Checkpoint::load(&path)).transpose()?;
        if begun.as_ref().is_some_and(|checkpoint| checkpoint.progress.finished) {
            return Ok(());
        }
        if begun.is_none() && out.exists() {
            // It ended before its first checkpoint: nothing of it is worth anything, and the folder is ours.
            std::fs::remove_dir_all(&out).map_err(|source| CommandError::Io { path: out.clone(), action: "clear", source })?;
        }
        let (choices, resume) = match begun {
            Some(_) => (Choices::default(), Resume::Yes),
            None => {
                let flags = vec![format!("seed={}", training.config.seed)];
                let set = training.set.clone();
                (Choices { preset: Some(training.preset.clone()), flags, set, ..Choices::default() }, Resume::No)
            }
        };
        let options = TrainOptions {
            data: self.data.to_vec(),
            out,
            choices,
            time: None,
            resume,
            cache: Some(self.places.cache(&training.picture)),
            cache_bytes: DEFAULT_LIMIT_BYTES,
            reading: self.reading.clone(),
            threads,
            device: Device::Cpu,
            command: self.training_command(training),
        };
        let trained = train::run(&options, self.cancel, listener)?;
        if trained.outcome.ended == Ended::Interrupted { Err(CommandError::Interrupted) } else { Ok(()) }
    }

    /// Scores and judges one of its results, and writes the record.
    ///
    /// # Errors
    /// [`CommandError`].
    pub(super) fn result(
        &self,
        training: &Training,
        planned: &Planned,
        threads: usize,
        listener: &mut dyn Listener,
    ) -> Result<AblationResult, CommandError> {
        let ready = self.ready(training, planned, threads, listener)?;
        let scoring = ScoreOptions {
            run: ready.model.clone(),
            input: self.data.to_vec(),
            out: self.places.scores(&planned.id),
            maps: self.maps.then(|| self.places.maps(&planned.id)),
            overlay: None,
            checkpoint: None,
            set: ready.set.clone(),
            reading: self.reading.clone(),
            threads,
            device: Device::Cpu,
            precision: Precision::F32,
            command: self.scoring_command(&ready, planned),
        };
        score::run(&scoring, self.cancel, listener)?;
        let mut result = self.judge(planned, listener)?;
        result.commands = ready.commands;
        result.commands.extend([scoring.command, self.judging_command(planned)]);
        result.write(&self.places.result(&planned.id))?;
        self.clear(planned);
        Ok(result)
    }

    /// What was needed on the way; that it stays where it cannot be removed harms nobody.
    fn clear(&self, planned: &Planned) {
        let _ = std::fs::remove_file(self.places.variant(&planned.id));
        let _ = std::fs::remove_dir_all(self.places.maps(&planned.id));
    }

    /// The training's checkpoint as it is, where it was calibrated for such scores; else a copy with statistics of its own.
    fn ready(&self, training: &Training, planned: &Planned, threads: usize, listener: &mut dyn Listener) -> Result<Ready, CommandError> {
        let run = self.places.run(&training.id);
        let opened = detector::open(&run, None, &[])?;
        let set = scoring_changes(&opened.config, &planned.config)?;
        let commands = vec![self.training_command(training)];
        let calibrated = opened.checkpoint.calibration.as_ref();
        if calibrated.is_some_and(|calibration| calibration.basis.difference(&Basis::of(&planned.config)).is_none()) {
            return Ok(Ready { model: run, set, commands });
        }
        let copy = self.places.variant(&planned.id);
        let told = |source| CommandError::Io { path: copy.clone(), action: "write", source };
        std::fs::create_dir_all(copy.parent().unwrap_or(&copy)).map_err(told)?;
        std::fs::copy(&opened.path, &copy).map_err(told)?;
        let options = CalibrateOptions {
            run: run.clone(),
            data: self.data.to_vec(),
            false_alarms_per_hour: None,
            checkpoint: Some(shown(&copy)),
            set: set.clone(),
            cache: Some(self.places.cache(&training.picture)),
            reading: self.reading.clone(),
            threads,
            device: Device::Cpu,
        };
        calibrate::run(&options, self.cancel, listener)?;
        let copying = quoted(&["cp", &shown(&opened.path), &shown(&copy)]);
        let commands = [commands, vec![copying, self.calibrating_command(&run, &copy, &set)]].concat();
        Ok(Ready { model: copy, set: Vec::new(), commands })
    }

    /// Every column that the score file has, by the labels.
    fn judge(&self, planned: &Planned, listener: &mut dyn Listener) -> Result<AblationResult, CommandError> {
        let options = EvaluateOptions {
            scores: self.places.scores(&planned.id),
            data: self.data.to_vec(),
            labels: self.labels.map(Path::to_path_buf),
            column: SCORE.into(),
            maps: self.maps.then(|| self.places.maps(&planned.id)),
            out: None,
            compare: None,
            reading: self.reading.clone(),
        };
        let held = evaluate::hold(&options, listener)?;
        let truth = evaluate::truth(&held, &options, listener)?;
        let (mut columns, mut not_strict_because) = (BTreeMap::new(), Vec::new());
        if self.maps {
            let pixel = evaluate::measure(&held, &truth, &options)?.pixel_auroc;
            columns.insert(PIXEL.to_string(), Judged { auroc: pixel, ci95: None });
        }
        let provenance = evaluate::provenance(&held, &truth, &options);
        for column in COLUMNS.into_iter().filter(|column| held.table.columns.iter().any(|found| found == column)) {
            let clips = evaluate::clips_of(&truth, &held.table.scores(column)?);
            let inputs = Inputs { clips: &clips, masks: None, maps: None, detections: None, tracks: None };
            let judged = measure_frames(inputs, provenance.clone(), Options::default())?;
            if column == SCORE {
                not_strict_because = judged.not_strict_because.clone();
            }
            columns.insert(column.into(), Judged { auroc: judged.frame_auroc_micro, ci95: judged.interval("frame_AUROC_micro") });
        }
        Ok(AblationResult {
            schema: AblationResult::SCHEMA,
            settings: settings_of(&planned.config),
            depends_on: self.depends_on.into(),
            seed: planned.config.seed,
            columns,
            strict: not_strict_because.is_empty(),
            not_strict_because,
            model_sha256: provenance.model_sha256,
            scores_sha256: provenance.scores_sha256,
            program_version: env!("CARGO_PKG_VERSION").into(),
            commands: Vec::new(),
        })
    }

    /// The words of the data, each after `flag` where there is one, and of how they are read.
    fn named_data(&self, flag: Option<&str>) -> Vec<String> {
        let named = self.data.iter().flat_map(|path| flag.map(str::to_string).into_iter().chain([shown(path)]));
        let (discover, open) = (&self.reading.discover, &self.reading.open);
        let decoder = match open.decoder {
            video::Decoder::Auto => None,
            video::Decoder::Builtin => Some("builtin".to_string()),
            video::Decoder::Ffmpeg => Some("ffmpeg".to_string()),
        };
        let flags = [
            ("--layout", discover.layout.map(|layout| layout.name().to_string())),
            ("--fps", open.fps.map(|fps| fps.to_string())),
            ("--decoder", decoder),
            ("--ffmpeg", open.ffmpeg.as_deref().map(shown)),
        ];
        let flags = flags.into_iter().filter_map(|(flag, value)| Some([flag.to_string(), value?])).flatten();
        named.chain(flags).chain(discover.incomplete.then(|| "--incomplete".to_string())).collect()
    }

    fn training_command(&self, training: &Training) -> String {
        let (run, seed) = (shown(&self.places.run(&training.id)), training.config.seed.to_string());
        let named = words(["--out", &run, "--preset", &training.preset, "--seed", &seed]);
        command(&[words(["skipgan", "train"]), self.named_data(None), named, set_words(&training.set)])
    }

    fn calibrating_command(&self, run: &Path, copy: &Path, set: &[String]) -> String {
        let to = words(["--checkpoint", &shown(copy)]);
        command(&[words(["skipgan", "calibrate", &shown(run)]), self.named_data(None), to, set_words(set)])
    }

    fn scoring_command(&self, ready: &Ready, planned: &Planned) -> String {
        let (out, maps) = (shown(&self.places.scores(&planned.id)), shown(&self.places.maps(&planned.id)));
        let maps = if self.maps { words(["--maps", &maps]) } else { Vec::new() };
        let named = words(["skipgan", "score", &shown(&ready.model)]);
        command(&[named, self.named_data(None), words(["--out", &out]), maps, set_words(&ready.set)])
    }

    fn judging_command(&self, planned: &Planned) -> String {
        let (scores, maps) = (shown(&self.places.scores(&planned.id)), shown(&self.places.maps(&planned.id)));
        let labels = self.labels.map(|labels| words(["--labels", &shown(labels)])).unwrap_or_default();
        let maps = if self.maps { words(["--maps", &maps]) } else { Vec::new() };
        command(&[words(["skipgan", "evaluate", &scores]), self.named_data(Some("--data")), labels, maps])
    }
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_string).to_vec()
}

/// `--set` before each.
fn set_words(set: &[String]) -> Vec<String> {
    set.iter().flat_map(|assignment| words(["--set", assignment])).collect()
}

fn command(parts: &[Vec<String>]) -> String {
    quoted(&parts.iter().flatten().map(String::as_str).collect::<Vec<_>>())
}
