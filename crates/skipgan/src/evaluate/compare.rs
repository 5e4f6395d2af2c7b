//! Two detectors on the same frames: the interval of the difference of their AUCs by drawing whole clips, the same draws for both.
//!
//! Clips that are hard for one are mostly hard for the other, so the difference is known better than either number. A draw without both
//! classes is drawn again; that depends on labels alone, so both see the same draws (EVALUATION §4).

use super::bootstrap::{ClipBootstrap, quantile};
use super::clips::{ClipScores, check};
use super::conventions::pooled;
use super::error::EvaluateError;
use super::report::{BootstrapRecord, Evaluation};
use super::run::Options;
use serde::{Deserialize, Serialize};

/// Which of two is higher, as far as the draws show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Higher {
    /// The scores that are evaluated.
    This,
    /// Those they are compared with.
    Other,
    /// The interval of the difference holds 0.
    Neither,
}

/// The paired comparison; AUCs are strict ones (raw, pooled).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairedComparison {
    /// The other score file.
    pub other: String,
    /// The SHA-256 of it.
    pub other_sha256: Option<String>,
    /// The column of it that was judged.
    pub other_column: String,
    /// AUC of these scores.
    #[serde(rename = "frame_AUROC_micro")]
    pub auroc: Option<f64>,
    /// AUC of the others.
    #[serde(rename = "other_frame_AUROC_micro")]
    pub other_auroc: Option<f64>,
    /// These minus the others.
    pub difference: Option<f64>,
    /// 2.5 % and 97.5 % quantiles of the difference.
    pub ci95: Option<[f64; 2]>,
    /// Share of draws in which these are higher, ties half.
    pub share_higher: Option<f64>,
    /// Which is higher beyond the draws' noise.
    pub higher: Option<Higher>,
    /// Draws, seed, redraws.
    pub bootstrap: BootstrapRecord,
}

/// Where the other scores come from.
#[derive(Clone, Debug, Default)]
pub struct OtherScores {
    /// Their file.
    pub name: String,
    /// Its SHA-256.
    pub sha256: Option<String>,
    /// The column judged.
    pub column: String,
}

/// Compares `clips` with `others`: the same clips in the same order, with other scores.
///
/// # Errors
/// Scores from which no number may be computed; clips that differ in length are [`EvaluateError::LengthMismatch`].
pub fn compare(
    clips: &[ClipScores<'_>],
    others: &[&[f64]],
    origin: OtherScores,
    options: Options,
) -> Result<PairedComparison, EvaluateError> {
    check(clips)?;
    if clips.len() != others.len() {
        return Err(EvaluateError::NoClips);
    }
    let others: Vec<ClipScores<'_>> = clips.iter().zip(others).map(|(clip, scores)| ClipScores { scores, ..*clip }).collect();
    check(&others)?;
    let (auroc, other_auroc) = (pooled(clips).auroc(), pooled(&others).auroc());
    // One clip drawn again and again is the same clip: no interval, and nothing is shown.
    let several = clips.len() > 1;
    let pair = several.then(|| ClipBootstrap::run(clips, options.draws, options.seed)).flatten().zip(ClipBootstrap::run(
        &others,
        options.draws,
        options.seed,
    ));
    let redraws = pair.as_ref().map(|(own, _)| own.redraws);
    let mut differences: Vec<f64> = Vec::new();
    if let Some((own, other)) = &pair {
        let both = own.values.iter().zip(&other.values);
        differences.extend(both.filter_map(|(own, other)| Some(own.auroc? - other.auroc?)));
    }
    differences.sort_unstable_by(f64::total_cmp);
    let ci95 = quantile(&differences, 0.025).zip(quantile(&differences, 1.0 - 0.025)).map(|(low, high)| [low, high]);
    let count = differences.len() as f64;
    let won: f64 = differences.iter().map(|&difference| if difference == 0.0 { 0.5 } else { f64::from(u8::from(difference > 0.0)) }).sum();
    Ok(PairedComparison {
        other: origin.name,
        other_sha256: origin.sha256,
        other_column: origin.column,
        auroc,
        other_auroc,
        difference: auroc.zip(other_auroc).map(|(own, other)| own - other),
        ci95,
        share_higher: (count > 0.0).then(|| won / count),
        higher: ci95.map(|[low, high]| match () {
            () if low > 0.0 => Higher::This,
            () if high < 0.0 => Higher::Other,
            () => Higher::Neither,
        }),
        bootstrap: BootstrapRecord { draws: options.draws, seed: options.seed, redraws },
    })
}

impl Evaluation {
    /// With the comparison, and the reasons for what that leaves open.
    #[must_use]
    pub fn with_comparison(mut self, comparison: PairedComparison) -> Evaluation {
        self.note_open("comparison", &comparison);
        self.comparison = Some(comparison);
        self
    }

    /// With the comparison of S and what is left of it without the network.
    #[must_use]
    pub fn with_without_network(mut self, comparison: PairedComparison) -> Evaluation {
        self.note_open("without_network", &comparison);
        self.without_network = Some(comparison);
        self
    }

    /// Reasons for what a comparison leaves open.
    fn note_open(&mut self, block: &str, comparison: &PairedComparison) {
        self.null_reasons.remove(block);
        let one_class = self.null_reasons.get("frame_AUROC_micro").cloned();
        let reason = one_class.unwrap_or_else(|| "both classes are practically never drawn together".to_owned());
        let known = [
            ("frame_AUROC_micro", comparison.auroc.is_some()),
            ("other_frame_AUROC_micro", comparison.other_auroc.is_some()),
            ("difference", comparison.difference.is_some()),
            ("ci95", comparison.ci95.is_some()),
            ("share_higher", comparison.share_higher.is_some()),
            ("higher", comparison.higher.is_some()),
            ("bootstrap.redraws", comparison.bootstrap.redraws.is_some()),
        ];
        for (key, _) in known.into_iter().filter(|(_, known)| !known) {
            self.null_reasons.insert(format!("{block}.{key}"), reason.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::split_mix::SplitMix64;

    /// Scores of a detector and of one that is a little worse in every clip, and the labels of both.
    #[derive(Default)]
    struct Pair {
        good: Vec<Vec<f64>>,
        bad: Vec<Vec<f64>>,
        labels: Vec<Vec<u8>>,
    }

    /// Twelve clips of very different difficulty.
    fn detectors() -> Pair {
        let mut random = SplitMix64::new(5);
        let mut pair = Pair::default();
        for clip in 0..12 {
            let truth: Vec<u8> = (0..60).map(|frame| u8::from(frame >= 30)).collect();
            let ease = f64::from(clip) / 6.0;
            let noise: Vec<f64> = truth.iter().map(|_| random.unit() + random.unit()).collect();
            let with = |gain: f64| truth.iter().zip(&noise).map(|(label, noise)| noise + gain * f64::from(*label)).collect::<Vec<_>>();
            pair.good.push(with(ease + 0.1));
            pair.bad.push(with(ease));
            pair.labels.push(truth);
        }
        pair
    }

    fn compared(own: &[Vec<f64>], other: &[Vec<f64>], labels: &[Vec<u8>]) -> PairedComparison {
        let clips: Vec<ClipScores<'_>> = own.iter().zip(labels).map(|(scores, labels)| ClipScores { name: "a", scores, labels }).collect();
        let others: Vec<&[f64]> = other.iter().map(Vec::as_slice).collect();
        compare(&clips, &others, OtherScores::default(), Options { draws: 500, seed: 3 }).expect("fine scores")
    }

    #[test]
    fn a_small_gain_in_every_clip_is_seen_though_each_interval_is_wide() {
        let Pair { good, bad, labels } = detectors();
        let found = compared(&good, &bad, &labels);
        let [low, high] = found.ci95.expect("draws");
        let difference = found.difference.expect("both classes");
        assert!(low > 0.0 && low < difference && difference < high && high < 0.1, "{found:?}");
        assert_eq!((found.higher, found.share_higher), (Some(Higher::This), Some(1.0)));
        let clips: Vec<ClipScores<'_>> =
            good.iter().zip(&labels).map(|(scores, labels)| ClipScores { name: "a", scores, labels }).collect();
        let alone = ClipBootstrap::run(&clips, 500, 3).expect("draws").interval(|metrics| metrics.auroc).expect("draws");
        assert!(alone[1] - alone[0] > 2.0 * (high - low), "unpaired {alone:?}, paired {low} to {high}");
        assert_eq!(compared(&bad, &good, &labels).higher, Some(Higher::Other));
    }

    #[test]
    fn one_clip_shows_nothing() {
        let Pair { good, bad, labels } = detectors();
        let found = compared(&good[..1], &bad[..1], &labels[..1]);
        assert!(found.difference.is_some() && found.ci95.is_none() && found.higher.is_none(), "{found:?}");
    }

    #[test]
    fn a_detector_does_not_differ_from_itself() {
        let Pair { good, labels, .. } = detectors();
        let found = compared(&good, &good, &labels);
        assert_eq!((found.difference, found.ci95, found.higher), (Some(0.0), Some([0.0, 0.0]), Some(Higher::Neither)));
        assert_eq!(found.share_higher, Some(0.5));
    }

    #[test]
    fn clips_must_fit_and_one_class_has_no_difference() {
        let clip = ClipScores { name: "a", scores: &[0.1, 0.2], labels: &[1, 1] };
        let found = compare(&[clip], &[&[0.3, 0.4]], OtherScores::default(), Options::default()).expect("fine scores");
        assert_eq!((found.difference, found.higher), (None, None));
        let wrong = compare(&[clip], &[&[0.3]], OtherScores::default(), Options::default());
        assert_eq!(wrong.expect_err("one score").code(), "length_mismatch");
        assert!(compare(&[clip], &[], OtherScores::default(), Options::default()).is_err());
    }
}
