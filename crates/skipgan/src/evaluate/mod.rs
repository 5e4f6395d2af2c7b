//! Metrics of frame, pixel and region detection on plain arrays: scores and labels in, numbers out (EVALUATION.md).
//!
//! Knows nothing of models, files or footage, so it can judge any detector. Scores are `f64`, higher means more anomalous; labels are
//! 1 for anomalous and 0 for normal; a group of tied scores is one step everywhere. What cannot be measured is `None`, with a
//! reason in the report, never 0.5.
//!
//! Entry point: [`evaluate`] with [`Inputs`]; its result is an [`Evaluation`], the JSON record of EVALUATION §5.

pub mod bootstrap;
pub mod clips;
pub mod compare;
pub mod conventions;
pub mod error;
pub mod events;
pub mod frame;
pub mod kinds;
pub mod no_information;
pub mod pixel;
mod pixel_bins;
mod reasons;
pub mod regions;
pub mod report;
pub mod run;
pub mod split_mix;

pub use clips::{ClipScores, check};
pub use compare::{Higher, OtherScores, PairedComparison, compare};
pub use error::EvaluateError;
pub use events::{AlarmRecord, ClipAlarms, judge_alarms};
pub use frame::{FrameMetrics, Ranking, RocVertex};
pub use kinds::KindLine;
pub use regions::{Detection, TruthRegion};
pub use report::{Evaluation, Provenance, Selection};
pub use run::{Inputs, MapSource, MaskSource, Options, SourceError, evaluate};
