//! Detectors without a network: the bar that a network must clear (EVALUATION §7).
//!
//! A baseline reads the luma of one clip frame by frame, keeps nothing across a clip's border, never looks ahead, and gives for each
//! frame one raw score and one map. Its scores are standardised with the statistics of normal footage alone, as the network's are
//! (calibration `total`), so both are judged by the same commands. Nothing here is learnt but a median picture, small copies of
//! frames or their principal components; nothing is tuned.
//!
//! Everything is exact: a frame difference is a whole number of grey levels, a box mean a sum of such numbers. Maps are therefore
//! counts times a [`FrameScore::unit`], ties are real ties, and quantiles of map pixels come from a histogram without rounding.
//!
//! `flow`, `place` and `flow-place` have their names here alone: they go the way of the network's scores (`commands`).

mod background;
mod box_sum;
mod calibrate;
mod components;
mod difference;
mod median;
mod name;
mod nearest;
mod spaced;

pub use background::RunningBackground;
pub use calibrate::{BaselineCalibration, Fitted, TrainingFootage, Visit, fit, fit_and_calibrate};
pub use components::{Components, Residual};
pub use difference::FrameDifference;
pub use median::{MedianPicture, MedianSamples, TrainingMedian};
pub use name::{Baseline, Footage, TermBaseline};
pub use nearest::{NearestFrame, Thumbnails};

/// One frame as a baseline sees it: full-range luma at the source's own size.
///
/// # Shapes
/// `samples` is `[height, width]`, 0 … 255.
#[derive(Clone, Copy, Debug)]
pub struct GreyFrame<'a> {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Row after row.
    pub samples: &'a [u8],
}

/// What a baseline says of one frame.
///
/// # Shapes
/// `counts` is `[height, width]` of the source.
#[derive(Clone, Copy, Debug)]
pub struct FrameScore<'a> {
    /// Higher is more anomalous; grey levels as a share of 255 (`pca`: squared).
    pub raw: f64,
    /// Rows of the map.
    pub height: usize,
    /// Columns of the map.
    pub width: usize,
    /// The map in whole numbers of `unit`.
    pub counts: &'a [u32],
    /// What one count is worth.
    pub unit: f64,
    /// Whether the history was not full yet (the first frame of a frame difference).
    pub warmup: bool,
}

impl FrameScore<'_> {
    /// The map as `f32`, written over `map`, whose memory is reused.
    pub fn write_map(&self, map: &mut Vec<f32>) {
        map.clear();
        map.extend(self.counts.iter().map(|&count| (f64::from(count) * self.unit) as f32));
    }
}

/// A causal detector: frames of one clip in, one score and one map a frame out.
pub trait Detector {
    /// Forgets the clip before; the next frame is the first of another one.
    fn start_clip(&mut self);

    /// The score of the next frame, which depends on the frames since [`Detector::start_clip`] and on nothing else.
    ///
    /// # Errors
    /// [`BaselineError::Size`] where the frame's size differs from the clip's (or from that of the training footage), or its samples
    /// do not fill it.
    fn push(&mut self, frame: GreyFrame<'_>) -> Result<FrameScore<'_>, BaselineError>;
}

/// Why a baseline gives no scores. Each message is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BaselineError {
    /// No baseline of that name.
    #[error("there is no baseline '{name}'; choose one of: {list}", list = Baseline::list())]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// Stills where a clip is wanted.
    #[error("baseline {name} needs consecutive frames, and these are stills; choose tm-mean, nearest or pca, or give it video")]
    NeedsConsecutiveFrames {
        /// The baseline.
        name: &'static str,
    },
    /// A frame of another size.
    #[error("frame {frame} is {width}×{height} with {samples} samples where {expected_width}×{expected_height} is expected; keep one size")]
    Size {
        /// 0-based position in its clip.
        frame: usize,
        /// Its columns.
        width: usize,
        /// Its rows.
        height: usize,
        /// Its samples.
        samples: usize,
        /// Columns of the frames before.
        expected_width: usize,
        /// Rows of the frames before.
        expected_height: usize,
    },
    /// Too little normal footage to take statistics from.
    #[error("baseline {name}: {frames} normal frames are too few for statistics; give at least {least}")]
    TooFewFrames {
        /// The baseline.
        name: &'static str,
        /// Frames that could be used.
        frames: u64,
        /// Frames needed.
        least: u64,
    },
    /// Normal footage on which the score never changes.
    #[error("baseline {name}: every normal frame has the same score ({value}), so scores cannot be scaled; give footage that moves")]
    NoSpread {
        /// The baseline.
        name: &'static str,
        /// The score.
        value: f64,
    },
    /// Frames could not be read; the message is the reader's.
    #[error("{0}")]
    Read(Box<dyn std::error::Error + Send + Sync>),
}

/// Refuses a frame whose size or number of samples is not what it should be.
fn check_size(frame: GreyFrame<'_>, index: usize, expected: (usize, usize)) -> Result<(), BaselineError> {
    if (frame.height, frame.width) == expected && frame.samples.len() == frame.height * frame.width && !frame.samples.is_empty() {
        return Ok(());
    }
    Err(BaselineError::Size {
        frame: index,
        width: frame.width,
        height: frame.height,
        samples: frame.samples.len(),
        expected_width: expected.1,
        expected_height: expected.0,
    })
}
