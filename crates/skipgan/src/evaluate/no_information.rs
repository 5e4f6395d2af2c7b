//! What a detector earns without looking (EVALUATION §6): scores made of the frame's number alone, evaluated on the same labels.
//!
//! Anomalies tend to come late in test clips and some clips are wholly anomalous, so a clock beats chance. The strict number is
//! printed beside this floor, and a number whose interval does not clear it is called not shown.

use super::clips::ClipScores;
use super::conventions::{macro_padded, micro_of, min_max, pooled};
use serde::{Deserialize, Serialize};

/// The three keys that the report gives for a score without information.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // each field is its key in EVALUATION §2
pub struct NoInformationRow {
    #[serde(rename = "frame_AUROC_micro")]
    pub frame_auroc_micro: Option<f64>,
    #[serde(rename = "frame_AUROC_macro_padded")]
    pub frame_auroc_macro_padded: Option<f64>,
    #[serde(rename = "frame_AUROC_clip_minmax")]
    pub frame_auroc_clip_minmax: Option<f64>,
}

/// Three scores without information.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NoInformation {
    /// score = t.
    pub index: NoInformationRow,
    /// score = t / (n − 1).
    pub relative_position: NoInformationRow,
    /// score = 0.
    pub constant: NoInformationRow,
}

impl NoInformation {
    /// Measures all three on the labels of `clips`; their scores are not looked at.
    pub fn measure(clips: &[ClipScores<'_>]) -> Self {
        Self {
            index: row(clips, |frame, _| frame as f64),
            relative_position: row(clips, |frame, count| frame as f64 / (count.max(2) - 1) as f64),
            constant: row(clips, |_, _| 0.0),
        }
    }

    /// The largest of a and 1 − a over the micro AUROC a of the two clocks; `None` with one class only.
    pub fn floor(&self) -> Option<f64> {
        let lifted = |row: &NoInformationRow| row.frame_auroc_micro.map(|auroc| auroc.max(1.0 - auroc));
        Some(lifted(&self.index)?.max(lifted(&self.relative_position)?))
    }
}

fn row(clips: &[ClipScores<'_>], score: impl Fn(usize, usize) -> f64) -> NoInformationRow {
    let scores: Vec<Vec<f64>> =
        clips.iter().map(|clip| (0..clip.labels.len()).map(|frame| score(frame, clip.labels.len())).collect()).collect();
    let blind: Vec<ClipScores<'_>> =
        clips.iter().zip(&scores).map(|(clip, scores)| ClipScores { name: clip.name, scores, labels: clip.labels }).collect();
    NoInformationRow {
        frame_auroc_micro: pooled(&blind).auroc(),
        frame_auroc_macro_padded: macro_padded(&blind),
        frame_auroc_clip_minmax: micro_of(&blind, min_max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_runs_backwards_counts_as_well() {
        let clip = ClipScores { name: "a", scores: &[0.0; 4], labels: &[1, 1, 0, 0] };
        let blind = NoInformation::measure(&[clip]);
        assert_eq!(blind.index.frame_auroc_micro, Some(0.0));
        assert_eq!(blind.constant.frame_auroc_micro, Some(0.5));
        assert_eq!(blind.floor(), Some(1.0));
    }
}
