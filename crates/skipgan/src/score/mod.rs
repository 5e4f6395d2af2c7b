//! R, L and A(x) of frames, and the calibration that puts them on the scale of normal footage.
//!
//! [`anomaly`] is the one place where A = λR + (1−λ)L stands, raw and calibrated; [`forward`] asks the network, batch by batch;
//! [`terms`] measures what it gives, over the whole picture or over its worst places ([`local`]); [`clip`] scores a clip as it is decoded;
//! [`fit`] takes the statistics of held-out normal footage, [`usual_stills`] the scale of each place of single pictures, [`threshold`] the threshold of alarms; [`map`] puts a map back onto the
//! displayed frame; [`detector`] is all of it behind one door.
//!
//! A frame's score depends on the frames of its clip up to it and on nothing else (EVALUATION.md §1), bit for bit, whatever the batch, the
//! threads or the other clips; `bn_test = batch` alone breaks that, as the published code does. No label and no loss is known here.

pub mod anomaly;
pub mod clip;
pub mod detector;
pub mod error;
#[cfg(test)]
pub(crate) mod fake;
pub mod fit;
pub mod forward;
pub mod local;
pub mod map;
pub mod no_network;
pub mod place;
mod recent;
mod still_scale;
pub mod terms;
#[cfg(test)]
mod tests;
pub mod threshold;

pub use anomaly::{Anomaly, min_max};
pub use clip::{ClipEnd, FrameScore, Scorer, Sink};
pub use detector::Detector;
pub use error::ScoreError;
pub use fit::{Fitter, fit_spans};
pub use map::{MapView, Placement};
pub use still_scale::usual_stills;
