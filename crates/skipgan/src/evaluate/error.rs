//! What can be wrong with the arrays given to the metrics; each message names the clip and the frame.

/// An input from which no number may be computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// No clips at all.
    #[error("there are no clips to evaluate: give a score file with at least one clip")]
    NoClips,
    /// A clip without frames.
    #[error("clip {clip} has no frames: score it again or leave it out of the labels too")]
    EmptyClip {
        /// Its name.
        clip: String,
    },
    /// Scores and labels of a clip differ in number.
    #[error("clip {clip} has {scores} scores but {labels} labels: every frame needs one of each")]
    LengthMismatch {
        /// Its name.
        clip: String,
        /// Number of scores.
        scores: usize,
        /// Number of labels.
        labels: usize,
    },
    /// A score that is no finite number.
    #[error("clip {clip}, frame {frame}: the score is {value}, which is not a finite number: score the clip again")]
    NonFiniteScore {
        /// Name of the clip.
        clip: String,
        /// 0-based frame.
        frame: usize,
        /// What was found instead.
        value: f64,
    },
    /// A label other than 0 and 1.
    #[error("clip {clip}, frame {frame}: the label is {value}, but labels are 0 (normal) or 1 (anomalous)")]
    BadLabel {
        /// Name of the clip.
        clip: String,
        /// 0-based frame.
        frame: usize,
        /// What was found instead.
        value: u8,
    },
    /// A map value that is no finite number.
    #[error("clip {clip}, frame {frame}: the anomaly map holds {value}, which is not a finite number: write the maps again")]
    NonFiniteMap {
        /// Name of the clip.
        clip: String,
        /// 0-based frame.
        frame: usize,
        /// What was found instead.
        value: f64,
    },
    /// A map or mask without pixels.
    #[error("clip {clip}, frame {frame}: the {what} has no pixels")]
    EmptyPlane {
        /// Name of the clip.
        clip: String,
        /// 0-based frame.
        frame: usize,
        /// "mask" or "anomaly map".
        what: &'static str,
    },
    /// A detection or truth region that no clip has a frame for.
    #[error("a {what} names frame {frame} of clip number {clip}, which does not exist: detections and scores must belong together")]
    NoSuchFrame {
        /// "detection" or "truth region".
        what: &'static str,
        /// Index of the clip.
        clip: usize,
        /// 0-based frame.
        frame: usize,
    },
    /// A detection whose score is no finite number.
    #[error("the detection in clip {clip}, frame {frame} has the score {value}, which is not a finite number")]
    NonFiniteDetection {
        /// Name of the clip.
        clip: String,
        /// 0-based frame.
        frame: usize,
        /// What was found instead.
        value: f64,
    },
    /// A mask or a map that could not be had from its source.
    #[error("clip {clip}, frame {frame}: {source}")]
    Source {
        /// Name of the clip.
        clip: String,
        /// 0-based frame.
        frame: usize,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl EvaluateError {
    /// The short name of the fault, as the test vectors call it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoClips => "no_clips",
            Self::EmptyClip { .. } => "empty_clip",
            Self::LengthMismatch { .. } => "length_mismatch",
            Self::NonFiniteScore { .. } => "non_finite_score",
            Self::BadLabel { .. } => "bad_label",
            Self::NonFiniteMap { .. } => "non_finite_map",
            Self::EmptyPlane { .. } => "empty_plane",
            Self::NoSuchFrame { .. } => "no_such_frame",
            Self::NonFiniteDetection { .. } => "non_finite_detection",
            Self::Source { .. } => "source",
        }
    }
}
