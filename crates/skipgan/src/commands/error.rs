//! What a command can fail with: the folders' own errors, each one sentence that says what to do, and a few of the commands' own.

use crate::checkpoint::CheckpointError;
use crate::config::ConfigError;
use crate::data::DataError;
use crate::evaluate::EvaluateError;
use crate::report::ResultFileError;
use crate::report::overlay::OverlayError;
use crate::score::ScoreError;
use crate::spec::SpecError;
use crate::train::TrainError;
use std::path::PathBuf;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// Footage, labels, the cache.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file that `inspect` looks at.
    #[error(transparent)]
    Source(#[from] video::SourceError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The network's shape.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A checkpoint or run folder.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Training.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// Scoring.
    #[error(transparent)]
    Score(ScoreError),
    /// Evaluation.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// A score file, detections, maps, meta.
    #[error(transparent)]
    ResultFile(#[from] ResultFileError),
    /// A detector without a network.
    #[error(transparent)]
    Baseline(#[from] crate::baseline::BaselineError),
    /// Processor or `SKIPGAN_CPU`.
    #[error(transparent)]
    Cpu(#[from] kernels::CpuError),
    /// The annotated video.
    #[error(transparent)]
    Overlay(#[from] OverlayError),
    /// A run's `metrics.csv`.
    #[error(transparent)]
    Metrics(#[from] crate::report::html::MetricsError),
    /// `--device gpu` where no GPU was built in.
    #[error(
        "this program was built without GPU support: build it with 'cargo build --release -p skipgan-cli --features gpu', or leave --device at cpu"
    )]
    WithoutGpu,
    /// The GPU.
    #[cfg(feature = "gpu")]
    #[error(transparent)]
    Gpu(#[from] crate::gpu::GpuError),
    /// Options that do not go together.
    #[error("{0}")]
    Usage(String),
    /// A file of the command's own.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Such as `write`.
        action: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// Ctrl-C, where nothing needs saving.
    #[error("interrupted")]
    Interrupted,
}

impl From<ScoreError> for CommandError {
    /// What a command's own sink could not do is the command's error and told as such: scoring itself did not fail.
    fn from(error: ScoreError) -> CommandError {
        let ScoreError::Sink(cause) = error else { return CommandError::Score(error) };
        cause.downcast::<CommandError>().unwrap_or_else(|cause| CommandError::Score(ScoreError::Sink(cause)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn what_a_sink_could_not_do_is_told_as_it_was() {
        let usage = ScoreError::Sink(io::Error::other(CommandError::Usage("no such film".into())));
        assert_eq!(CommandError::from(usage).to_string(), "no such film");
        let full = CommandError::from(ScoreError::Sink(io::ErrorKind::StorageFull.into()));
        assert!(full.to_string().starts_with("the scores could not be taken: no s"), "{full}");
    }
}
