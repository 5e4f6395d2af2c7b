//! What held-out normal footage looks like to a trained network, as plain data: the numbers that turn R and L into a calibrated A(x),
//! the alarm's bound, the map's threshold τ0 and its fixed display range. [`crate::score`] fits and applies them, a checkpoint carries them.
//!
//! Not in the paper, which scales by the test set's own extremes (METHOD.md §5); DETECTION.md §3.7 and EVALUATION.md §5 define them.

use crate::alarm_events::{AlarmRule, NormalMaxima, Threshold};
use crate::config::{BnTest, Config, Distance, FeatureChoice, Join, Scale, ScoreChoice, Sees};
use crate::ranges::Ranges;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name of the term R.
pub const RECON: &str = "recon";
/// Name of the term L.
pub const LATENT: &str = "latent";
/// Name of R of the picture, where picture and motion are both restored.
pub const PICTURE: &str = "picture";
/// Name of the term U, motion against rest.
pub const MOTION: &str = "motion";
/// Name of the term P, the picture against the background.
pub const PLACE: &str = "place";
/// Name of λR + (1−λ)L, unscaled.
pub const TOTAL: &str = "total";

/// Median and spread of one term over normal frames.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// The median (mean of the middle two where their number is even).
    pub median: f64,
    /// Standard deviation about the mean, divisor n, not below 5 % of |median| + 1e-6.
    pub sd: f64,
}

impl Statistics {
    /// Statistics of `values`; `None` where there are none or one is not finite.
    pub fn of(values: &[f64]) -> Option<Statistics> {
        if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let (n, middle) = (sorted.len(), sorted.len() / 2);
        let median = if n % 2 == 1 { sorted[middle] } else { 0.5 * (sorted[middle - 1] + sorted[middle]) };
        let mean = sorted.iter().sum::<f64>() / n as f64;
        let variance = sorted.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / n as f64;
        Some(Statistics { median, sd: variance.sqrt().max(0.05 * median.abs() + 1e-6) })
    }

    /// (value − median) / sd.
    pub fn standardise(&self, value: f64) -> f64 {
        (value - self.median) / self.sd
    }
}

/// The settings that scores depend on. A calibration holds for scores made with the same ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Basis {
    /// What the network sees.
    pub sees: Sees,
    /// λ.
    pub lambda: f64,
    /// How much R of the picture counts beside R of the motion.
    pub picture_share: f64,
    /// How the two are joined.
    pub picture_join: Join,
    /// Side of the window over R of the picture.
    pub picture_window: usize,
    /// Share of its windows that R of the picture is the mean of.
    pub picture_top_share: f64,
    /// How much of its map stays from frame to frame.
    pub picture_memory: f64,
    /// Whether terms are local.
    pub local: bool,
    /// Share of windows that a local term is the mean of.
    pub top_share: f64,
    /// Which number the score is.
    pub score: ScoreChoice,
    /// Distance of R.
    pub score_r: Distance,
    /// Distance of L.
    pub score_l: Distance,
    /// f(·) of L.
    pub features: FeatureChoice,
    /// Batch-norm while scoring.
    pub bn_test: BnTest,
    /// How raw scores become calibrated ones.
    pub scale: Scale,
    /// Channel of the map.
    pub map_channel: i64,
    /// Memory of the causal smoothing.
    pub smooth: f64,
    /// Whether P undoes the light.
    pub place_light: bool,
}

impl Basis {
    /// The settings of a configuration.
    pub fn of(config: &Config) -> Basis {
        Basis {
            sees: config.sees,
            lambda: config.lambda,
            picture_share: config.picture_share,
            picture_join: config.picture_join,
            picture_window: config.picture_window,
            picture_top_share: config.picture_top_share,
            picture_memory: config.picture_memory,
            local: config.local,
            top_share: config.top_share,
            score: config.score,
            score_r: config.score_r,
            score_l: config.score_l,
            features: config.features,
            bn_test: config.bn_test,
            scale: config.scale,
            map_channel: config.map_channel,
            smooth: config.smooth,
            place_light: config.place_light,
        }
    }

    /// The first key in which two differ.
    pub fn difference(&self, other: &Basis) -> Option<&'static str> {
        let keys = [
            ("sees", self.sees == other.sees),
            ("lambda", self.lambda == other.lambda),
            ("picture_share", self.picture_share == other.picture_share),
            ("picture_join", self.picture_join == other.picture_join),
            ("picture_window", self.picture_window == other.picture_window),
            ("picture_top_share", self.picture_top_share == other.picture_top_share),
            ("picture_memory", self.picture_memory == other.picture_memory),
            ("local", self.local == other.local),
            ("top_share", self.top_share == other.top_share),
            ("score", self.score == other.score),
            ("score_r", self.score_r == other.score_r),
            ("score_l", self.score_l == other.score_l),
            ("features", self.features == other.features),
            ("bn_test", self.bn_test == other.bn_test),
            ("scale", self.scale == other.scale),
            ("map_channel", self.map_channel == other.map_channel),
            ("smooth", self.smooth == other.smooth),
            ("place_light", self.place_light == other.place_light),
        ];
        keys.into_iter().find(|(_, same)| !same).map(|(key, _)| key)
    }
}

/// The values between which a heat map runs from its coldest to its hottest colour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DisplayRange {
    /// At or below: coldest. The median of the map on normal footage.
    pub low: f64,
    /// At or above: hottest. Twice as far from `low` as the 0.9999 quantile on normal footage.
    pub high: f64,
}

impl DisplayRange {
    /// 0 at `low`, 1 at `high`, clamped; 0 for NaN and for an empty range.
    pub fn position(&self, value: f64) -> f64 {
        let position = (value - self.low) / (self.high - self.low);
        if position.is_nan() { 0.0 } else { position.clamp(0.0, 1.0) }
    }
}

/// Statistics of held-out normal footage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// By term: [`RECON`], [`LATENT`], [`TOTAL`], and where the network sees motion [`MOTION`] and [`PLACE`], where it restores [`PICTURE`].
    pub terms: BTreeMap<String, Statistics>,
    /// The settings under which the frames were scored.
    pub basis: Basis,
    /// Number of frames that the statistics were taken from.
    pub frames: u64,
    /// Number of frames left out because their window reached before the start of their clip.
    pub left_out: u64,
    /// Highest calibrated score among those frames.
    pub highest: f64,
    /// The 0.99 quantile of the map's pixels: above it a pixel belongs to a region.
    pub tau0: f64,
    /// Fixed range of heat maps.
    pub display: DisplayRange,
    /// The threshold of alarms; `None` in checkpoints from before there was one: alarms are then scores above `highest`.
    #[serde(default)]
    pub threshold: Option<Threshold>,
    /// What a threshold for another rate is chosen from.
    #[serde(default)]
    pub maxima: Option<NormalMaxima>,
    /// The range of every map of the network, for scoring in bytes; `None` in checkpoints from before that.
    #[serde(default)]
    pub ranges: Option<Ranges>,
}

impl Calibration {
    /// The score at or above which a frame counts towards an alarm.
    pub fn alarm_from(&self) -> f64 {
        self.threshold.map_or_else(|| self.highest.next_up(), |threshold| threshold.score)
    }

    /// The rule of alarms, for one clip.
    pub fn alarm_rule(&self) -> AlarmRule {
        AlarmRule::new(self.alarm_from(), self.threshold.map_or(1, |threshold| threshold.needed))
    }

    /// Whether every number is finite and every deviation positive: what a checkpoint may carry.
    pub fn is_sound(&self) -> bool {
        let terms = self.terms.values().all(|term| term.median.is_finite() && term.sd.is_finite() && term.sd > 0.0);
        let named = [RECON, LATENT, TOTAL].iter().all(|name| self.terms.contains_key(*name));
        let rest = [self.highest, self.tau0, self.display.low, self.display.high].iter().all(|value| value.is_finite());
        let alarms = self.threshold.is_none_or(|threshold| threshold.score.is_finite() && threshold.wanted > 0.0);
        let referred = !(self.basis.sees.motion() && self.basis.local) || [MOTION, PLACE].iter().all(|name| self.terms.contains_key(*name));
        let pictured = !(self.basis.sees == Sees::Restore && self.basis.local) || self.terms.contains_key(PICTURE);
        let kept = self.maxima.as_ref().is_none_or(NormalMaxima::is_sound) && self.ranges.as_ref().is_none_or(Ranges::is_sound);
        terms && named && referred && pictured && rest && alarms && kept
    }
}

/// Number of bins of [`PixelHistogram`]: sign, exponent and eight bits of mantissa of an f32.
const BINS: usize = 1 << 17;

/// Counts of map pixels of any number of frames in fixed memory (1 MiB): one bin for each f32 cut to eight bits of mantissa, so that a
/// quantile is right to 1 part in 256 whatever the range.
#[derive(Clone, Debug)]
pub struct PixelHistogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for PixelHistogram {
    fn default() -> PixelHistogram {
        PixelHistogram { counts: vec![0; BINS], total: 0 }
    }
}

impl PixelHistogram {
    /// Counts every finite value.
    pub fn add(&mut self, values: &[f32]) {
        for &value in values.iter().filter(|value| value.is_finite()) {
            self.counts[ordered_bits(value) as usize >> 15] += 1;
            self.total += 1;
        }
    }

    /// Upper edge of the bin in which the `quantile` (0 to 1) lies; `None` while nothing was counted.
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        let wanted = ((quantile.clamp(0.0, 1.0) * self.total as f64).ceil() as u64).max(1);
        let mut seen = 0;
        let bin = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        let upper = f64::from(from_ordered_bits(((bin as u32) << 15) | 0x7fff));
        Some(if upper.is_finite() { upper } else { f64::from(f32::MAX) })
    }
}

/// The bits of a float such that a larger float has larger bits.
fn ordered_bits(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 0x8000_0000 }
}

fn from_ordered_bits(bits: u32) -> f32 {
    f32::from_bits(if bits >> 31 == 1 { bits & 0x7fff_ffff } else { !bits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_range_is_fixed_and_clamped() {
        let range = DisplayRange { low: 1.0, high: 4.0 };
        assert_eq!([-9.0, 2.5, 9.0, f64::NAN].map(|value| range.position(value)), [0.0, 0.5, 1.0, 0.0]);
        assert_eq!(DisplayRange { low: 1.0, high: 1.0 }.position(1.0), 0.0);
    }

    #[test]
    fn median_and_deviation_by_hand() {
        let statistics = Statistics::of(&[4.0, 1.0, 3.0, 2.0, 10.0]).expect("finite");
        assert_eq!(statistics.median, 3.0);
        assert!((statistics.sd - 10f64.sqrt()).abs() < 1e-12); // mean 4, squares 0 + 9 + 1 + 4 + 36 = 50, over n = 5
        assert_eq!(Statistics::of(&[1.0, 2.0]).expect("finite").median, 1.5);
        assert!((statistics.standardise(13.0) - 10.0 / 10f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn the_deviation_has_a_floor_of_five_per_cent_of_the_median() {
        assert_eq!(Statistics::of(&[-2.0; 9]).expect("finite").sd, 0.1 + 1e-6);
        assert_eq!(Statistics::of(&[0.0; 9]).expect("finite").sd, 1e-6);
    }

    #[test]
    fn nothing_and_nan_have_no_statistics() {
        assert_eq!(Statistics::of(&[]), None);
        assert_eq!(Statistics::of(&[1.0, f64::NAN]), None);
    }

    #[test]
    fn a_quantile_is_within_one_part_in_256() {
        let mut histogram = PixelHistogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        let values: Vec<f32> = (1..=1000).map(|i| i as f32 * 0.37).collect();
        histogram.add(&values);
        histogram.add(&[f32::NAN]);
        for (quantile, exact) in [(0.5, 185.0), (0.99, 366.3), (1.0, 370.0)] {
            let found = histogram.quantile(quantile).expect("counted");
            assert!(found >= exact - 1e-4 && found <= exact * (1.0 + 1.0 / 256.0), "{quantile}: {found} for {exact}");
        }
    }

    #[test]
    fn negative_values_lie_below_positive_ones() {
        let mut histogram = PixelHistogram::default();
        histogram.add(&[-3.0, -1.0, 2.0]);
        assert!((histogram.quantile(0.3).expect("counted") + 3.0).abs() < 0.02);
        assert!((histogram.quantile(0.6).expect("counted") + 1.0).abs() < 0.01);
        assert!((histogram.quantile(0.9).expect("counted") - 2.0).abs() < 0.02);
    }

    #[test]
    fn settings_that_differ_are_named() {
        let (a, mut other) = (Basis::of(&Config::default()), Config::default());
        assert_eq!(a.difference(&Basis::of(&other)), None);
        other.lambda = 0.5;
        assert_eq!(a.difference(&Basis::of(&other)), Some("lambda"));
    }
}
