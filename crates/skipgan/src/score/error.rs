//! Why frames cannot be scored.

use crate::checkpoint::CheckpointError;
use crate::config::ConfigError;
use crate::data::DataError;
use std::io;

/// Why frames cannot be scored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// The network gave NaN or infinity.
    #[error(
        "clip {clip}, frame {frame}: the network's score is not a number; its weights are damaged or diverged: use an earlier checkpoint or train anew"
    )]
    NotFinite {
        /// The clip.
        clip: String,
        /// The frame.
        frame: u64,
    },
    /// The checkpoint has no statistics of normal footage.
    #[error(
        "the checkpoint is not calibrated, its training was not finished; go on with 'skipgan train … --resume' or run 'skipgan calibrate RUN DATA' on normal footage"
    )]
    NotCalibrated,
    /// Scores of other settings than those of the calibration.
    #[error(
        "the calibration was made with another {key}; score with the run's own settings or run 'skipgan calibrate RUN DATA' with the new ones"
    )]
    OtherBasis {
        /// The first key that differs.
        key: &'static str,
    },
    /// Too few frames to take statistics from.
    #[error("{frames} frames are too few to calibrate with; name normal footage with at least 60")]
    NothingToFit {
        /// Frames found.
        frames: usize,
    },
    /// Whoever takes the scores could not.
    #[error("the scores could not be taken: {0}")]
    Sink(#[source] io::Error),
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// Frames that cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A checkpoint that cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A processor that cannot do what was asked.
    #[error(transparent)]
    Cpu(#[from] kernels::CpuError),
    /// Settings that cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Scoring in bytes with other statistics than the running ones.
    #[error("scoring in bytes has the running statistics in its weights: leave --precision at f32 or score with --set bn_test=running")]
    FoldedStatistics,
    /// A checkpoint that cannot score in bytes.
    #[error("{0}; or leave --precision at f32")]
    Bytes(#[from] crate::model::ByteEngineError),
}
