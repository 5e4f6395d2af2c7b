//! The four frame metrics on pooled scores: AUROC, average precision, equal error rate, false positive rate at 95 % (EVALUATION §2).
//!
//! All of them read one structure, a [`Ranking`]: the distinct scores in falling order with their numbers of anomalous and normal
//! items. Ties are therefore one step everywhere, and every comparison of rates is done on integers. Items are frames here, pixels in
//! [`super::pixel`]. Which scores are pooled, and how they were treated before, is not decided here.

/// The items that share one score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TieGroup {
    /// The score.
    pub score: f64,
    /// How many anomalous items have it.
    pub anomalous: u64,
    /// How many normal items have it.
    pub normal: u64,
}

/// A vertex of the ROC curve: the rates when everything with a score of at least `threshold` is called anomalous.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RocVertex {
    /// Lowest score called anomalous; infinite at (0, 0).
    pub threshold: f64,
    /// Share of normal items called anomalous.
    pub false_positive_rate: f64,
    /// Share of anomalous items called anomalous.
    pub true_positive_rate: f64,
}

/// Distinct scores in falling order with counts of both classes.
#[derive(Clone, Debug, Default)]
pub struct Ranking {
    groups: Vec<TieGroup>,
    anomalous: u64,
    normal: u64,
}

/// The four frame metrics; `None` where a class is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FrameMetrics {
    /// Share of (anomalous, normal) pairs ranked right, a tie counting half.
    pub auroc: Option<f64>,
    /// Average precision without interpolation.
    pub average_precision: Option<f64>,
    /// False positive rate where it equals the miss rate.
    pub equal_error_rate: Option<f64>,
    /// Smallest false positive rate of a threshold that finds 95 % of the anomalous items.
    pub false_positive_rate_95: Option<f64>,
}

impl Ranking {
    /// Ranks pooled scores; 0.0 and −0.0 are one score.
    ///
    /// # Shapes
    /// `scores` and `labels` have equal length; scores are finite, labels 0 or 1 (see [`super::clips::check`]).
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn new(scores: &[f64], labels: &[u8]) -> Self {
        assert_eq!(scores.len(), labels.len(), "one label a score");
        let mut items: Vec<(f64, u8)> = scores.iter().copied().zip(labels.iter().copied()).collect();
        items.sort_unstable_by(|a, b| falling(a.0, b.0));
        let mut ranking = Self::default();
        for (score, label) in items {
            ranking.push(score, u64::from(label == 1), u64::from(label != 1));
        }
        ranking
    }

    /// Adds items whose score is at most the last one added; equal scores join their group.
    pub(crate) fn push(&mut self, score: f64, anomalous: u64, normal: u64) {
        if anomalous + normal == 0 {
            return;
        }
        match self.groups.last_mut() {
            Some(last) if last.score == score => {
                last.anomalous += anomalous;
                last.normal += normal;
            }
            _ => self.groups.push(TieGroup { score, anomalous, normal }),
        }
        self.anomalous += anomalous;
        self.normal += normal;
    }

    /// Forgets all items and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.groups.clear();
        self.anomalous = 0;
        self.normal = 0;
    }

    /// The distinct scores, falling.
    pub fn groups(&self) -> &[TieGroup] {
        &self.groups
    }

    /// Number of anomalous items.
    pub fn anomalous(&self) -> u64 {
        self.anomalous
    }

    /// Number of normal items.
    pub fn normal(&self) -> u64 {
        self.normal
    }

    /// Whether both classes are present.
    pub fn has_both_classes(&self) -> bool {
        self.anomalous > 0 && self.normal > 0
    }

    /// Number of (anomalous, normal) pairs ranked right, a tie counting half.
    pub fn right_pairs(&self) -> f64 {
        doubled_right_pairs(self.normal, self.counts()) as f64 / 2.0
    }

    /// Share of (anomalous, normal) pairs ranked right, a tie counting half; `None` with one class only.
    pub fn auroc(&self) -> Option<f64> {
        auroc_of_counts(self.anomalous, self.normal, self.counts())
    }

    fn counts(&self) -> impl Iterator<Item = (u64, u64)> {
        self.groups.iter().map(|group| (group.anomalous, group.normal))
    }

    /// Σ over distinct scores, falling, of (R_n − R_{n−1})·P_n; `None` without anomalous items. Chance is the prevalence.
    pub fn average_precision(&self) -> Option<f64> {
        if self.anomalous == 0 {
            return None;
        }
        let (mut found, mut called, mut sum) = (0u64, 0u64, 0.0);
        for group in &self.groups {
            found += group.anomalous;
            called += group.anomalous + group.normal;
            sum += group.anomalous as f64 / self.anomalous as f64 * (found as f64 / called as f64);
        }
        Some(sum)
    }

    /// False positive rate at which the polygon through all ROC vertices meets FPR = 1 − TPR; `None` with one class only.
    pub fn equal_error_rate(&self) -> Option<f64> {
        if !self.has_both_classes() {
            return None;
        }
        let (anomalous, normal) = (i128::from(self.anomalous), i128::from(self.normal));
        // g = FPR + TPR − 1, times both class sizes: rises strictly from −1 to 1 along the curve and is exact in integers.
        let (mut true_positives, mut false_positives) = (0i128, 0i128);
        let mut before = (-(anomalous * normal), 0i128);
        for group in &self.groups {
            true_positives += i128::from(group.anomalous);
            false_positives += i128::from(group.normal);
            let g = false_positives * anomalous + true_positives * normal - anomalous * normal;
            if g >= 0 {
                let share = -before.0 as f64 / (g - before.0) as f64;
                let step = (false_positives - before.1) as f64;
                return Some((before.1 as f64 + share * step) / normal as f64);
            }
            before = (g, false_positives);
        }
        None
    }

    /// Smallest false positive rate of a real threshold with a true positive rate of at least 95 %, decided as 20·TP ≥ 19·P; `None`
    /// with one class only.
    pub fn false_positive_rate_95(&self) -> Option<f64> {
        if !self.has_both_classes() {
            return None;
        }
        let (mut true_positives, mut false_positives) = (0u64, 0u64);
        for group in &self.groups {
            true_positives += group.anomalous;
            false_positives += group.normal;
            if 20 * u128::from(true_positives) >= 19 * u128::from(self.anomalous) {
                return Some(false_positives as f64 / self.normal as f64);
            }
        }
        None
    }

    /// All four.
    pub fn metrics(&self) -> FrameMetrics {
        FrameMetrics {
            auroc: self.auroc(),
            average_precision: self.average_precision(),
            equal_error_rate: self.equal_error_rate(),
            false_positive_rate_95: self.false_positive_rate_95(),
        }
    }

    /// The ROC curve from (0, 0), one vertex a distinct score; empty with one class only. For drawing: the metrics do not read it.
    pub fn roc(&self) -> Vec<RocVertex> {
        if !self.has_both_classes() {
            return Vec::new();
        }
        let start = RocVertex { threshold: f64::INFINITY, false_positive_rate: 0.0, true_positive_rate: 0.0 };
        let (mut true_positives, mut false_positives) = (0u64, 0u64);
        let vertices = self.groups.iter().map(|group| {
            true_positives += group.anomalous;
            false_positives += group.normal;
            RocVertex {
                threshold: group.score,
                false_positive_rate: false_positives as f64 / self.normal as f64,
                true_positive_rate: true_positives as f64 / self.anomalous as f64,
            }
        });
        std::iter::once(start).chain(vertices).collect()
    }
}

/// AUROC from the (anomalous, normal) counts of the tie groups in falling order and their sums.
pub(crate) fn auroc_of_counts(anomalous: u64, normal: u64, counts: impl Iterator<Item = (u64, u64)>) -> Option<f64> {
    let pairs = u128::from(anomalous) * u128::from(normal);
    (pairs > 0).then(|| doubled_right_pairs(normal, counts) as f64 / (2 * pairs) as f64)
}

/// Right pairs counted twice, so that the half of a tie is an integer.
fn doubled_right_pairs(normal: u64, counts: impl Iterator<Item = (u64, u64)>) -> u128 {
    let mut normal_below = u128::from(normal);
    let mut doubled = 0;
    for (anomalous, tied) in counts {
        normal_below -= u128::from(tied);
        doubled += u128::from(anomalous) * (2 * normal_below + u128::from(tied));
    }
    doubled
}

/// Order of falling scores; 0.0 equals −0.0.
///
/// # Panics
/// If one is not a number: callers have checked.
pub(crate) fn falling(a: f64, b: f64) -> std::cmp::Ordering {
    b.partial_cmp(&a).expect("scores are numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_by_hand() {
        let ranking = Ranking::new(&[0.1, 0.4, 0.4, 0.8], &[0, 0, 1, 1]);
        assert_eq!(ranking.auroc(), Some(0.875));
        assert!((ranking.average_precision().unwrap() - 5.0 / 6.0).abs() < 1e-15);
        assert_eq!(ranking.equal_error_rate(), Some(0.25));
        assert_eq!(ranking.false_positive_rate_95(), Some(0.5));
        assert_eq!(ranking.roc().len(), 4);
    }

    #[test]
    fn one_class_is_undefined() {
        let ranking = Ranking::new(&[0.1, 0.4], &[0, 0]);
        assert_eq!(ranking.metrics(), FrameMetrics::default());
    }

    #[test]
    fn signed_zeros_tie() {
        assert_eq!(Ranking::new(&[0.0, -0.0], &[1, 0]).auroc(), Some(0.5));
    }
}
