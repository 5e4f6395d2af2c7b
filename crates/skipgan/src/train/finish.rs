//! The end of a training, and the beginning of a resumed one: calibrating `last` and `best`, and checking that a run goes on with what it
//! began with.

use super::TrainError;
use super::observer::Event;
use super::training::{Material, Training, scorer};
use crate::calibration::Calibration;
use crate::checkpoint::{Checkpoint, CheckpointError, Which};
use crate::config::{Config, Sees, Select};
use crate::data::Footage;
use crate::score::{fit_spans, usual_stills};
use crate::usual::Usual;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Takes the statistics of held-out footage with the last state and with the best one, and writes both checkpoints with them. The
/// calibration of the best.
pub(super) fn finish(training: &mut Training<'_, '_>) -> Result<Calibration, TrainError> {
    let learned = training.show_average();
    let fitted = calibrate(training);
    training.go_on_from(learned);
    let (usual, calibration) = fitted?;
    training.usual = usual;
    let last_step = training.progress.step;
    let last_is_best = training.config.select == Select::Last || training.progress.best.is_none_or(|best| best.step == last_step);
    let mut best_calibration = calibration.clone();
    if last_is_best {
        training.progress.finished = true;
        training.save(&Which::Best, Some(calibration.clone()))?;
        training.save(&Which::Last, Some(calibration))?;
        training.show_average();
        return Ok(best_calibration);
    }
    let last = training.engine.save();
    let mut best = training.run.load(&Which::Best)?;
    training.engine.load(&best.scoring_state());
    (best.usual, best_calibration) = calibrate(training)?;
    best.calibration = Some(best_calibration.clone());
    best.progress.finished = true;
    let path = training.run.checkpoint(&Which::Best);
    best.save(&path)?;
    training.observer.event(&Event::Saved { step: best.progress.step, path: &path });
    // `last` is marked finished only once `best` is: an interruption in between is made good by --resume.
    training.engine.load(&last);
    training.progress.finished = true;
    training.save(&Which::Last, Some(calibration))?;
    training.engine.load(&best.scoring_state());
    Ok(best_calibration)
}

/// What is usual, of single pictures as the engine's network restores those of the training part, and the statistics of the held-out part.
fn calibrate(training: &mut Training<'_, '_>) -> Result<(Option<Arc<Usual>>, Calibration), TrainError> {
    let (footage, split, batch) = (training.material.footage, training.material.split, training.score_batch());
    let (config, cancel) = (training.config, training.options.cancel);
    let engine = scorer(training.engine, &mut training.options.scorer);
    let mut sight = footage.sight.clone();
    if config.sees == Sees::Still && config.local {
        sight.usual = Some(Arc::new(usual_stills(engine, footage, &split.train, config, batch, cancel)?));
    }
    let observer = &mut *training.observer;
    let mut progress = |done, all| observer.event(&Event::Calibrating { done, all });
    let footage = Footage { sight: &sight, ..footage };
    let calibration = fit_spans(engine, footage, &split.held_out, config, batch, cancel, &mut progress)?;
    Ok((sight.usual, calibration))
}

/// A resumed run keeps its settings (but for the budget) and its footage.
pub(super) fn check_same(checkpoint: &Checkpoint, config: &Config, material: &Material<'_>) -> Result<(), TrainError> {
    let table = |config: &Config| config.to_toml().parse::<toml::Table>().unwrap_or_default();
    let (before, now) = (table(&checkpoint.config), table(config));
    let told = |value: Option<&toml::Value>| value.map_or_else(|| "not set".to_owned(), ToString::to_string);
    for key in before.keys().chain(now.keys()) {
        let budget = matches!(key.as_str(), "epochs" | "steps");
        if !budget && before.get(key) != now.get(key) {
            return Err(TrainError::OtherConfig { key: key.clone(), before: told(before.get(key)), now: told(now.get(key)) });
        }
    }
    let known = &checkpoint.provenance.data_fingerprint;
    if known != material.fingerprint {
        return Err(TrainError::OtherData { before: known.clone(), now: material.fingerprint.into() });
    }
    let (decoder, kept) = (&checkpoint.provenance.decoder, &checkpoint.provenance.kept_frames);
    if decoder != material.decoder || (!kept.is_empty() && *kept != material.footage.cache.kept_sha256()) {
        return Err(TrainError::OtherFrames { before: decoder.clone(), now: material.decoder.into() });
    }
    Ok(())
}

/// The error of a file of the run folder.
pub(super) fn told(path: &Path, error: io::Error) -> TrainError {
    CheckpointError::from_io(path, "write", 0, error).into()
}
