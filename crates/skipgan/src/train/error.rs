//! Why training cannot begin or go on.

use crate::checkpoint::CheckpointError;
use crate::config::ConfigError;
use crate::data::DataError;
use crate::score::ScoreError;
use std::path::PathBuf;

/// Why training cannot begin or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A loss is NaN or infinite.
    #[error("step {step}: the {loss} loss is {value}: training diverged; lower lr or the loss weights and train anew{}", told_of(.last_good))]
    Diverged {
        /// The step, from 1.
        step: u64,
        /// Which loss.
        loss: &'static str,
        /// Its value.
        value: f64,
        /// The last good checkpoint.
        last_good: Option<PathBuf>,
    },
    /// A weight, a running statistic or a moment is NaN or infinite, though the last losses were not.
    #[error("step {step}: weights of the network are not numbers: training diverged; lower lr or the loss weights and train anew{}", told_of(.last_good))]
    WeightsDiverged {
        /// Steps done.
        step: u64,
        /// The last good checkpoint.
        last_good: Option<PathBuf>,
    },
    /// The settings are not those of the run that is to be resumed.
    #[error(
        "'{key}' is {now} but the run was trained with {before}: a resumed run keeps its settings; leave it out or start anew with another --out"
    )]
    OtherConfig {
        /// The key.
        key: String,
        /// In the checkpoint.
        before: String,
        /// Now.
        now: String,
    },
    /// The footage is not that of the run that is to be resumed.
    #[error(
        "the footage has changed since the run was started (fingerprint {now}, not {before}); resume with the same footage or start anew with another --out"
    )]
    OtherData {
        /// In the checkpoint.
        before: String,
        /// Now.
        now: String,
    },
    /// Frames of a resumed run that are others than those it began with.
    #[error(
        "the run was started on other frames of this footage (decoder {before}, now {now}; or another --cache-gib): resume with the same --decoder and --cache-gib"
    )]
    OtherFrames {
        /// Decoder in the checkpoint.
        before: String,
        /// Decoder now.
        now: String,
    },
    /// `select = test_best` without anyone to ask.
    #[error("select = test_best needs a data set with test labels; name one, or train with --set select=validation")]
    NoJudge,
    /// Whoever measures the test AUC could not.
    #[error("measuring the test set after step {step} failed: {message}")]
    Judge {
        /// The step.
        step: u64,
        /// What went wrong.
        message: String,
    },
    /// Settings that cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A checkpoint or log that cannot be read or written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Footage that cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Held-out footage that cannot be scored.
    #[error(transparent)]
    Score(#[from] ScoreError),
}

fn told_of(last_good: &Option<PathBuf>) -> String {
    last_good.as_ref().map(|path| format!(" (the last good checkpoint is {})", path.display())).unwrap_or_default()
}
