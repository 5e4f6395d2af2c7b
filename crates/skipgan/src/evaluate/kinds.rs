//! Kinds of anomaly apart: the AUROC of each kind's anomalous frames against all normal frames of the test part. What one mean hides (a
//! detector that finds the fast and misses the still) stands here.

use super::clips::ClipScores;
use super::frame::Ranking;
use super::report::Evaluation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One kind's line of the report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KindLine {
    /// Clips of that kind.
    pub n_clips: usize,
    /// Their anomalous frames.
    pub n_frames: usize,
    /// AUROC of these frames against every normal frame; `None` where one of the two is missing.
    #[serde(rename = "AUROC")]
    pub auroc: Option<f64>,
}

/// Measures each kind; `kinds` names the clips that have one.
pub fn by_kind(clips: &[ClipScores<'_>], kinds: &BTreeMap<String, String>) -> BTreeMap<String, KindLine> {
    let of_label = |clip: &ClipScores<'_>, label: u8| -> Vec<f64> {
        clip.scores.iter().zip(clip.labels).filter(|&(_, &own)| own == label).map(|(&score, _)| score).collect()
    };
    let normal: Vec<f64> = clips.iter().flat_map(|clip| of_label(clip, 0)).collect();
    let mut anomalous: BTreeMap<&str, (usize, Vec<f64>)> = BTreeMap::new();
    for clip in clips {
        if let Some(kind) = kinds.get(clip.name) {
            let (clips, scores) = anomalous.entry(kind).or_default();
            *clips += 1;
            scores.extend(of_label(clip, 1));
        }
    }
    let line = |(kind, (n_clips, scores)): (&str, (usize, Vec<f64>))| {
        let n_frames = scores.len();
        let labels: Vec<u8> = std::iter::repeat_n(1, n_frames).chain(std::iter::repeat_n(0, normal.len())).collect();
        let all: Vec<f64> = scores.into_iter().chain(normal.iter().copied()).collect();
        (kind.to_owned(), KindLine { n_clips, n_frames, auroc: Ranking::new(&all, &labels).auroc() })
    };
    anomalous.into_iter().map(line).collect()
}

/// Why `by_kind` is `null` until [`Evaluation::take_kinds`].
pub(crate) const NO_KINDS: &str = "the data name no kinds of anomaly (folders of stills do, or a table kinds.csv)";

impl Evaluation {
    /// Takes the kinds of the clips that were judged into the record.
    pub fn take_kinds(&mut self, clips: &[ClipScores<'_>], kinds: &BTreeMap<String, String>) {
        let lines = by_kind(clips, kinds);
        self.null_reasons.remove("by_kind");
        for (kind, line) in lines.iter().filter(|(_, line)| line.auroc.is_none()) {
            let reason = if line.n_frames == 0 { "no frame of this kind is anomalous" } else { "no frame of the test part is normal" };
            self.null_reasons.insert(format!("by_kind.{kind}.AUROC"), reason.to_owned());
        }
        self.by_kind = Some(lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|&(clip, kind)| (clip.to_owned(), kind.to_owned())).collect()
    }

    #[test]
    fn each_kind_is_ranked_against_all_normal_frames() {
        let clips = [
            ClipScores { name: "a", scores: &[0.0, 5.0], labels: &[0, 1] },
            ClipScores { name: "b", scores: &[2.0, 1.0], labels: &[0, 1] },
            ClipScores { name: "c", scores: &[3.0, 4.0], labels: &[0, 0] },
            ClipScores { name: "d", scores: &[9.0], labels: &[1] },
            ClipScores { name: "e", scores: &[2.5], labels: &[1] },
        ];
        let lines = by_kind(&clips, &kinds(&[("a", "cart"), ("b", "van"), ("e", "cart")]));
        // Normal frames: 0, 2, 3, 4. Cart: 5 above all, 2.5 above two. Van: 1 above one. The frame of d has no kind.
        assert_eq!(lines["cart"], KindLine { n_clips: 2, n_frames: 2, auroc: Some(6.0 / 8.0) });
        assert_eq!(lines["van"], KindLine { n_clips: 1, n_frames: 1, auroc: Some(0.25) });
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn what_cannot_be_ranked_has_a_reason() {
        let clips = [ClipScores { name: "a", scores: &[0.0, 5.0], labels: &[0, 0] }];
        let mut evaluation = Evaluation::default();
        evaluation.take_kinds(&clips, &kinds(&[("a", "cart")]));
        assert_eq!(evaluation.by_kind.as_ref().map(|lines| lines["cart"].auroc), Some(None));
        assert!(evaluation.null_reasons["by_kind.cart.AUROC"].contains("no frame of this kind"));
    }
}
