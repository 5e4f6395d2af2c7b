//! `score RUN INPUT… --out FILE`: one row a frame, causal, with maps and an overlay where wanted. Labels are never opened here.

use super::CommandError;
use super::detector::{self, Opened};
use super::event::{Event, Listener};
use super::reading::{self, Reading};
use crate::calibration::Calibration;
use crate::config::Scale;
use crate::data::window::FrameStatus;
use crate::data::{Clip, DataSet, WindowStream};
use crate::report::maps::MapFolder;
use crate::report::meta_file::{self, Meta};
use crate::report::overlay::{OverlayFile, OverlayFrame};
use crate::report::{ScoreColumns, ScoreRow, ScoreWriter};
use crate::score::{Detector, FrameScore, MapView, Sink, anomaly};
use serde_json::json;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What to score, with what, into which files.
#[derive(Clone, Debug)]
pub struct ScoreOptions {
    /// A run folder or a checkpoint file.
    pub run: PathBuf,
    /// Footage; `-` is Y4M on stdin.
    pub input: Vec<PathBuf>,
    /// The score file.
    pub out: PathBuf,
    /// Folder of anomaly maps and detections.
    pub maps: Option<PathBuf>,
    /// Annotated video.
    pub overlay: Option<PathBuf>,
    /// `best`, `last` or a file.
    pub checkpoint: Option<String>,
    /// Settings to change.
    pub set: Vec<String>,
    /// How footage is read.
    pub reading: Reading,
    /// Worker threads; 0: one a core.
    pub threads: usize,
    /// The command, for the meta file.
    pub command: String,
}

/// What scoring gave.
#[derive(Clone, Debug, Default)]
pub struct Scored {
    /// Clips scored.
    pub clips: usize,
    /// Frames scored.
    pub frames: u64,
    /// Frames that raised an alarm.
    pub alarms: u64,
    /// Frames that are not `ok`.
    pub impaired: u64,
    /// The highest score, and where.
    pub highest: Option<(f64, String, u64)>,
    /// Seconds of scoring.
    pub seconds: f64,
    /// SHA-256 of the score file.
    pub sha256: String,
    /// What a user should know: losses of decoders, clips that gave nothing.
    pub notes: Vec<String>,
}
