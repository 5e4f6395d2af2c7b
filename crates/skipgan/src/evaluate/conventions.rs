//! The habits of the literature (EVALUATION §2, second table): what they do to scores before the AUROC, and the averages over clips.
//!
//! They are here so that numbers can be compared with papers, in a block of their own. They are not the strict protocol: each of them
//! uses test statistics, future frames, or leaves frames out.

use super::clips::ClipScores;
use super::frame::Ranking;
use serde::{Deserialize, Serialize};

/// AUROC under each convention; `None` where it is not defined.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // each field is its key in EVALUATION §2, where it is defined
pub struct Conventions {
    #[serde(rename = "frame_AUROC_macro")]
    pub frame_auroc_macro: Option<f64>,
    pub n_clips_macro: usize,
    #[serde(rename = "frame_AUROC_macro_padded")]
    pub frame_auroc_macro_padded: Option<f64>,
    #[serde(rename = "frame_AUROC_clip_minmax")]
    pub frame_auroc_clip_minmax: Option<f64>,
    #[serde(rename = "frame_AUROC_drop4_clip_minmax")]
    pub frame_auroc_drop4_clip_minmax: Option<f64>,
    #[serde(rename = "frame_AUROC_gauss3")]
    pub frame_auroc_gauss3: Option<f64>,
    #[serde(rename = "frame_AUROC_drop4_median17")]
    pub frame_auroc_drop4_median17: Option<f64>,
    #[serde(rename = "frame_AUROC_clip_minmax_gauss3")]
    pub frame_auroc_clip_minmax_gauss3: Option<f64>,
}

/// Frames that some papers leave out at the start of each clip.
const DROPPED: usize = 4;

impl Conventions {
    /// All of them, for clips that passed [`super::clips::check`].
    pub fn measure(clips: &[ClipScores<'_>]) -> Self {
        let dropped = without_first(clips, DROPPED);
        let (frame_auroc_macro, n_clips_macro) = macro_auroc(clips);
        Self {
            frame_auroc_macro,
            n_clips_macro,
            frame_auroc_macro_padded: macro_padded(clips),
            frame_auroc_clip_minmax: micro_of(clips, min_max),
            frame_auroc_drop4_clip_minmax: micro_of(&dropped, min_max),
            frame_auroc_gauss3: micro_of(clips, gauss3),
            frame_auroc_drop4_median17: micro_of(&dropped, median17),
            frame_auroc_clip_minmax_gauss3: micro_of(clips, |scores| gauss3(&min_max(scores))),
        }
    }
}

/// Clips without their first `count` frames; those that have no more leave.
fn without_first<'a>(clips: &[ClipScores<'a>], count: usize) -> Vec<ClipScores<'a>> {
    clips
        .iter()
        .filter(|clip| clip.scores.len() > count)
        .map(|clip| ClipScores { name: clip.name, scores: &clip.scores[count..], labels: &clip.labels[count..] })
        .collect()
}

/// AUROC of all frames pooled after `transform` was applied to each clip; `None` with one class only.
pub fn micro_of(clips: &[ClipScores<'_>], transform: impl Fn(&[f64]) -> Vec<f64>) -> Option<f64> {
    let mut scores = Vec::new();
    let mut labels = Vec::new();
    for clip in clips {
        scores.extend(transform(clip.scores));
        labels.extend_from_slice(clip.labels);
    }
    Ranking::new(&scores, &labels).auroc()
}

/// All frames pooled, scores as they are.
pub fn pooled(clips: &[ClipScores<'_>]) -> Ranking {
    let scores: Vec<f64> = clips.iter().flat_map(|clip| clip.scores).copied().collect();
    let labels: Vec<u8> = clips.iter().flat_map(|clip| clip.labels).copied().collect();
    Ranking::new(&scores, &labels)
}

/// Mean AUROC of the clips with both classes, and how many these are.
pub fn macro_auroc(clips: &[ClipScores<'_>]) -> (Option<f64>, usize) {
    let values: Vec<f64> = clips.iter().filter_map(|clip| Ranking::new(clip.scores, clip.labels).auroc()).collect();
    let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
    (mean, values.len())
}

/// Mean over all clips of the AUROC after each got one normal frame below and one anomalous frame above all its scores:
/// (U + N + P + 1) / ((P + 1)(N + 1)). A clip of one class counts 1. `None` without clips.
pub fn macro_padded(clips: &[ClipScores<'_>]) -> Option<f64> {
    let padded = |clip: &ClipScores<'_>| {
        let ranking = Ranking::new(clip.scores, clip.labels);
        let (anomalous, normal) = (ranking.anomalous() as f64, ranking.normal() as f64);
        (ranking.right_pairs() + normal + anomalous + 1.0) / ((anomalous + 1.0) * (normal + 1.0))
    };
    (!clips.is_empty()).then(|| clips.iter().map(padded).sum::<f64>() / clips.len() as f64)
}

/// (s − min)/(max − min) of one clip; a constant clip becomes 0.
pub fn min_max(scores: &[f64]) -> Vec<f64> {
    let low = scores.iter().copied().fold(f64::INFINITY, f64::min);
    let high = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let range = high - low;
    scores.iter().map(|score| if range == 0.0 { 0.0 } else { (score - low) / range }).collect()
}

/// Gaussian of σ = 3 frames over one clip, radius 12, the border mirrored with the edge sample repeated. Uses 12 future frames.
pub fn gauss3(scores: &[f64]) -> Vec<f64> {
    const RADIUS: i64 = 12;
    let mut kernel: Vec<f64> = (-RADIUS..=RADIUS).map(|offset| (-0.5 * (offset as f64 / 3.0).powi(2)).exp()).collect();
    let sum: f64 = kernel.iter().sum();
    kernel.iter_mut().for_each(|weight| *weight /= sum);
    let count = scores.len() as i64;
    let mirrored = |at: i64| {
        let folded = at.rem_euclid(2 * count);
        scores[(if folded < count { folded } else { 2 * count - 1 - folded }) as usize]
    };
    (0..count).map(|at| kernel.iter().zip(-RADIUS..).map(|(weight, offset)| weight * mirrored(at + offset)).sum()).collect()
}

/// Running median of 17 frames over one clip, zeros outside it. Uses 8 future frames.
pub fn median17(scores: &[f64]) -> Vec<f64> {
    const RADIUS: usize = 8;
    let padded: Vec<f64> = std::iter::repeat_n(0.0, RADIUS).chain(scores.iter().copied()).chain(std::iter::repeat_n(0.0, RADIUS)).collect();
    let mut sorted = Vec::with_capacity(2 * RADIUS + 1);
    padded
        .windows(2 * RADIUS + 1)
        .map(|window| {
            sorted.clear();
            sorted.extend_from_slice(window);
            sorted.sort_unstable_by(f64::total_cmp);
            sorted[RADIUS]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_gives_one_class_clips_away() {
        let tied = ClipScores { name: "a", scores: &[0.1, 0.4, 0.4, 0.8], labels: &[0, 0, 1, 1] };
        let anomalous = ClipScores { name: "b", scores: &[0.5; 5], labels: &[1; 5] };
        assert!((macro_padded(&[tied]).unwrap() - 17.0 / 18.0).abs() < 1e-15);
        assert_eq!(macro_padded(&[anomalous]), Some(1.0));
        assert_eq!(macro_auroc(&[anomalous]), (None, 0));
    }

    #[test]
    fn a_constant_clip_becomes_exactly_zero() {
        assert_eq!(min_max(&[2.0, 2.0]), [0.0, 0.0]);
    }

    #[test]
    fn the_median_mixes_zeros_from_outside_the_clip() {
        assert_eq!(median17(&[-3.0; 8]), [0.0; 8]);
        assert_eq!(median17(&[-3.0; 20])[10], -3.0);
    }
}
