//! One safetensors file a checkpoint: weights, running statistics and Adam's moments under PyTorch's names, and in the header's metadata
//! the configuration, the networks' shape, the calibration and where training stood, so that `--resume` continues to the very bits.
//!
//! `file` writes and reads the bytes, [`atomic`] puts a file in place whole or not at all, [`run`] knows the folder of a training run.
//! Bytes are untrusted: the header is bounded, and every tensor's name, kind, shape and place is checked against the spec before memory
//! is reserved for it.

pub mod atomic;
pub mod error;
pub mod file;
mod header;
pub mod run;

pub use error::CheckpointError;
pub use run::{Existing, Run, Which};

use crate::calibration::Calibration;
use crate::config::Config;
use crate::params::{State, Weights};
use crate::spec::Spec;
use crate::usual::Usual;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// Version of what the file holds that this program writes and reads. 2, 3: S and R̃ of a picture are made by another rule than before, so
/// older thresholds and statistics mean something else; 3 has the mean of the weights.
pub const FORMAT_VERSION: u32 = 3;

/// A network, how it came about and what normal footage looks like to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Every setting it was trained with.
    pub config: Config,
    /// Shape of the networks.
    pub spec: Spec,
    /// Rows of the pictures it was trained on.
    pub height: usize,
    /// Columns of the pictures it was trained on.
    pub width: usize,
    /// Weights, running statistics, Adam's moments, steps done.
    pub state: State,
    /// What scores, where means over the last steps were kept (`ema`): those of D's weights and of all running statistics, and G's weights.
    pub average: Option<Weights>,
    /// Where training stood.
    pub progress: Progress,
    /// Where the network comes from.
    pub provenance: Provenance,
    /// What is usual at the camera, where the network sees motion.
    pub usual: Option<Arc<Usual>>,
    /// Statistics of held-out normal footage; `None` while training is not finished.
    pub calibration: Option<Calibration>,
}

impl Checkpoint {
    /// The state whose weights score: with means over the last steps where there are some.
    pub fn scoring_state(&self) -> Cow<'_, State> {
        match &self.average {
            Some(average) => Cow::Owned(self.state.with_weights(average)),
            None => Cow::Borrowed(&self.state),
        }
    }
}

/// Where training stood: with seed and data all that a resumed run needs to go on to the very bits. Order of windows and noise are
/// functions of (seed, epoch) and (seed, step), so these numbers are the whole random state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Epoch under way, from 0.
    pub epoch: u64,
    /// Windows of that epoch already used: the sampler's position.
    pub position: u64,
    /// Steps done.
    pub step: u64,
    /// Best state so far by the configured choice.
    pub best: Option<Best>,
    /// Steps done when held-out windows were last measured.
    pub measured: Option<u64>,
    /// Memory of the watch over D.
    pub watch: Vec<f64>,
    /// Whether the budget was used up (or `--minutes` ended it) and the calibration fitted.
    pub finished: bool,
}

/// The best state so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Steps done when it was seen.
    pub step: u64,
    /// Its contextual loss on held-out windows (`select = validation`) or its test AUC (`test_best`).
    pub value: f64,
}

/// Where a network comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Seed of weights, order and noise.
    pub seed: u64,
    /// Fingerprint of the training footage.
    pub data_fingerprint: String,
    /// Version of the program that wrote the file.
    pub program_version: String,
    /// Decoder that read the training footage.
    pub decoder: String,
    /// SHA-256 of which frames of the footage the cache held; empty in files of before.
    #[serde(default)]
    pub kept_frames: String,
    /// Fingerprint of the footage that the calibration was taken from, where `calibrate` did it; empty: the held-out part of the training.
    #[serde(default)]
    pub calibrated_on: String,
}
