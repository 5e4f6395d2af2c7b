//! A(x) = λR + (1−λ)L (the paper's anomaly score), raw and calibrated, and the default score S, in one place.
//!
//! Raw: R and L as the network gives them. Calibrated (EVALUATION.md §5): `terms` standardises R and L each by held-out normal footage and
//! then weighs them; `total` standardises the raw sum, which ranks as the raw score; `test_minmax` leaves it raw until
//! [`min_max`] has seen all test scores, as published. Smoothing over time is causal and off by default.
//!
//! Where G restores the picture beside the motion, R̃ is the larger of R̃ of the motion and `picture_share` · R̃ of the picture, or their
//! sum (`picture_join`).
//!
//! S = A + (Ũ − 1)⁺ + (P̃ − 1)⁺ is not in the paper: G's reconstruction is one reference of normality, rest (U) a second, the background
//! (P) a third (DETECTION.md §3.8, which weighs them linearly). The two speak where they are more than a deviation above normal; below that
//! they are noise beside A. The map is A + ½Ũ + P̃ of the maps, so that low values keep an order.

use super::terms::{TermMaps, Terms};
use crate::alarm_events::AlarmRule;
use crate::calibration::{Basis, Calibration, LATENT, MOTION, PICTURE, PLACE, RECON, Statistics, TOTAL};
use crate::config::{Join, Scale, ScoreChoice};
use std::collections::BTreeMap;

/// λR + (1−λ)L.
pub fn weigh(lambda: f64, recon: f64, latent: f64) -> f64 {
    lambda * recon + (1.0 - lambda) * latent
}

/// A frame's numbers on the scale of normal footage.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Calibrated {
    /// A.
    pub a: f64,
    /// R̃ of the picture, where there is one.
    pub picture: Option<f64>,
    /// Ũ, where there is one.
    pub motion: Option<f64>,
    /// P̃, where there is one.
    pub place: Option<f64>,
    /// What the `score` column holds: A, or S.
    pub score: f64,
}

/// What A, Ũ and P̃ weigh in the map of the score.
fn map_weights(score: ScoreChoice) -> [f64; 3] {
    match score {
        ScoreChoice::A => [1.0, 0.0, 0.0],
        ScoreChoice::S => [1.0, 0.5, 1.0],
        ScoreChoice::Flow => [0.0, 1.0, 0.0],
        ScoreChoice::Place => [0.0, 0.0, 1.0],
        ScoreChoice::FlowPlace => [0.0, 1.0, 1.0],
    }
}

/// The score made of A, Ũ and P̃ that are all there.
pub fn combined(score: ScoreChoice, terms: [f64; 3]) -> f64 {
    let [a, motion, place] = terms;
    match score {
        ScoreChoice::A => a,
        ScoreChoice::S => a + beyond(motion) + beyond(place),
        ScoreChoice::Flow => motion,
        ScoreChoice::Place => place,
        ScoreChoice::FlowPlace => motion + place,
    }
}

/// What a reference beside A has to say: how far it is beyond one deviation above normal.
fn beyond(term: f64) -> f64 {
    (term - 1.0).max(0.0)
}

/// R̃ of the motion and R̃ of the picture as one.
fn join(join: Join, motion: f64, picture: f64) -> f64 {
    match join {
        Join::Max => motion.max(picture),
        Join::Sum => motion + picture,
    }
}

/// The calibrated score of a frame.
///
/// # Panics
/// Where `statistics` lacks one of [`RECON`], [`LATENT`], [`TOTAL`]; a checked [`Calibration`] has them.
pub fn calibrated(basis: &Basis, statistics: &BTreeMap<String, Statistics>, terms: &Terms) -> Calibrated {
    let standardised = |name: &str, value: Option<f64>| Some(statistics.get(name)?.standardise(value?));
    let picture = standardised(PICTURE, terms.picture);
    let a = match basis.scale {
        Scale::Terms => {
            let motion = statistics[RECON].standardise(terms.recon);
            let counted = picture.filter(|_| basis.picture_share > 0.0);
            let recon = counted.map_or(motion, |picture| join(basis.picture_join, motion, basis.picture_share * picture));
            weigh(basis.lambda, recon, statistics[LATENT].standardise(terms.latent))
        }
        Scale::Total => statistics[TOTAL].standardise(weigh(basis.lambda, terms.recon, terms.latent)),
        Scale::TestMinmax => weigh(basis.lambda, terms.recon, terms.latent),
    };
    let (motion, place) = (standardised(MOTION, terms.motion), standardised(PLACE, terms.place));
    let score = combined(basis.score, [a, motion.unwrap_or(0.0), place.unwrap_or(0.0)]);
    Calibrated { a, picture, motion, place, score }
}

/// The terms that a frame without a past is given: where motion is what is judged, R (of the picture too: without motion G takes whoever
/// walks for someone who stands), L and U are the medians of normal footage; the place counts as it is.
pub fn without_past(basis: &Basis, statistics: &BTreeMap<String, Statistics>, terms: Terms) -> Terms {
    if !basis.sees.motion() {
        return terms;
    }
    let median = |name: &str, value: f64| statistics.get(name).map_or(value, |term| term.median);
    Terms {
        recon: median(RECON, terms.recon),
        latent: median(LATENT, terms.latent),
        picture: terms.picture.map(|value| median(PICTURE, value)),
        motion: terms.motion.map(|value| median(MOTION, value)),
        place: terms.place,
    }
}

/// The map of the score, a weighed sum of its terms' maps; R's as it is where the score is not made of local terms. `no_past` as in
/// [`without_past`].
pub fn score_map(basis: &Basis, statistics: &BTreeMap<String, Statistics>, maps: &TermMaps, no_past: bool, out: &mut Vec<f32>) {
    out.clear();
    if !basis.local || basis.scale != Scale::Terms {
        out.extend_from_slice(&maps.recon);
        return;
    }
    out.resize(maps.rows * maps.cols, 0.0);
    let [of_a, of_motion, of_place] = map_weights(basis.score);
    let mut add = |weight: f64, name: &str, map: &[f32]| {
        let Some(term) = statistics.get(name).filter(|_| weight > 0.0 && !map.is_empty()) else { return };
        let (slope, shift) = ((weight / term.sd) as f32, (-weight * term.median / term.sd) as f32);
        out.iter_mut().zip(map).for_each(|(sum, &value)| *sum += slope * value + shift);
    };
    add(of_place, PLACE, &maps.place);
    if no_past && basis.sees.motion() {
        return;
    }
    add(of_a * (1.0 - basis.lambda), LATENT, &maps.latent);
    add(of_motion, MOTION, &maps.motion);
    let of_recon = of_a * basis.lambda;
    match (statistics.get(RECON), statistics.get(PICTURE).filter(|_| basis.picture_share > 0.0 && !maps.picture.is_empty())) {
        (Some(motion), Some(picture)) if of_recon > 0.0 => {
            let both = maps.recon.iter().zip(&maps.picture);
            out.iter_mut().zip(both).for_each(|(sum, (&recon, &off))| {
                let [recon, off] = [motion.standardise(recon.into()), basis.picture_share * picture.standardise(off.into())];
                *sum += (of_recon * join(basis.picture_join, recon, off)) as f32;
            });
        }
        _ => add(of_recon, RECON, &maps.recon),
    }
}

/// A causal exponential mean: s(t) = memory·s(t−1) + (1−memory)·x(t), s(0) = x(0); no memory, no change, to the bit.
#[derive(Clone, Copy, Debug)]
pub struct Smoothing {
    memory: f64,
    last: Option<f64>,
}

impl Smoothing {
    /// For one clip. `memory` is at least 0 and below 1.
    pub fn new(memory: f64) -> Smoothing {
        Smoothing { memory, last: None }
    }

    /// The smoothed value.
    pub fn next(&mut self, value: f64) -> f64 {
        let smoothed = match self.last {
            Some(last) if self.memory > 0.0 => self.memory * last + (1.0 - self.memory) * value,
            _ => value,
        };
        self.last = Some(smoothed);
        smoothed
    }
}

/// Raw score, calibrated score and alarm of the frames of one clip, in order.
#[derive(Clone, Debug)]
pub struct Anomaly<'a> {
    calibration: &'a Calibration,
    smoothing: Smoothing,
    alarms: AlarmRule,
}

impl<'a> Anomaly<'a> {
    /// For one clip.
    pub fn new(calibration: &'a Calibration) -> Anomaly<'a> {
        Anomaly { calibration, smoothing: Smoothing::new(calibration.basis.smooth), alarms: calibration.alarm_rule() }
    }

    /// The next analysed frame's numbers; `no_past` as in [`without_past`]. What an alarm is: [`crate::alarm_events`]; a frame that cannot
    /// alarm (its scene has changed) does not count towards a later one either.
    pub fn next(&mut self, terms: Terms, no_past: bool, can_alarm: bool) -> Judged {
        let Calibration { basis, terms: statistics, .. } = self.calibration;
        let terms = if no_past { without_past(basis, statistics, terms) } else { terms };
        let mut calibrated = calibrated(basis, statistics, &terms);
        calibrated.score = self.smoothing.next(calibrated.score);
        let raw = weigh(basis.lambda, terms.recon, terms.latent);
        Judged { terms, raw, calibrated, alarm: can_alarm && self.alarms.next(calibrated.score) }
    }
}

/// What is said of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// Its terms, medians where it has no past.
    pub terms: Terms,
    /// λR + (1−λ)L.
    pub raw: f64,
    /// On the scale of normal footage, smoothed where that is asked for.
    pub calibrated: Calibrated,
    /// Whether it is an alarm.
    pub alarm: bool,
}

/// Published scaling: (score − lowest)/(highest − lowest) over all test scores; all 0 where they are equal. Needs every test score, so
/// numbers made with it are not strict.
pub fn min_max(scores: &mut [f64]) {
    let lowest = scores.iter().copied().fold(f64::INFINITY, f64::min);
    let span = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max) - lowest;
    scores.iter_mut().for_each(|score| *score = if span > 0.0 { (*score - lowest) / span } else { 0.0 });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm_events::{Clock, Threshold};
    use crate::calibration::DisplayRange;
    use crate::config::Config;

    fn calibration(scale: Scale, smooth: f64) -> Calibration {
        let named = [(RECON, 1.0, 0.5), (LATENT, 10.0, 4.0), (TOTAL, 2.0, 0.25)];
        Calibration {
            ranges: None,
            terms: named.into_iter().map(|(name, median, sd)| (name.to_owned(), Statistics { median, sd })).collect(),
            basis: Basis { scale, smooth, ..Basis::of(&Config::default()) },
            frames: 3,
            left_out: 0,
            highest: 1.5,
            tau0: 1.0,
            display: DisplayRange { low: 0.0, high: 1.0 },
            threshold: Some(Threshold { score: 1.5, wanted: 1.0, extrapolated: false, time: Clock::Pts, needed: 2 }),
            maxima: None,
        }
    }

    fn terms(recon: f64, latent: f64) -> Terms {
        Terms { recon, latent, ..Terms::default() }
    }

    #[test]
    fn each_scale_by_hand() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} for {b}");
        for (scale, wanted) in [(Scale::Terms, 0.9 * 2.0 - 0.1 * 1.0), (Scale::Total, 1.6), (Scale::TestMinmax, 2.4)] {
            let calibration = calibration(scale, 0.0);
            let mut anomaly = Anomaly::new(&calibration);
            let judged = anomaly.next(terms(2.0, 6.0), false, true);
            near(judged.raw, 0.9 * 2.0 + 0.1 * 6.0);
            near(judged.calibrated.score, wanted);
            assert!(!judged.alarm, "one frame is no alarm");
            assert!(
                anomaly.next(terms(2.0, 6.0), false, true).alarm && anomaly.next(terms(0.0, 0.0), false, true).alarm,
                "two of the last three are"
            );
            assert!(!anomaly.next(terms(0.0, 0.0), false, true).alarm);
        }
    }

    /// A calibration of the default score: R̃ = 2, L̃ = −1, Ũ = 3 and P̃ = 4 for the terms of [`all`].
    fn of_default_score() -> Calibration {
        let mut calibration = calibration(Scale::Terms, 0.0);
        calibration.basis = Basis { sees: crate::config::Sees::Motion, score: ScoreChoice::S, local: true, ..calibration.basis };
        calibration.terms.insert(MOTION.into(), Statistics { median: 1.0, sd: 1.0 });
        calibration.terms.insert(PLACE.into(), Statistics { median: 0.0, sd: 0.5 });
        calibration
    }

    fn all() -> Terms {
        Terms { motion: Some(4.0), place: Some(2.0), ..terms(2.0, 6.0) }
    }

    #[test]
    fn the_default_score_by_hand() {
        let calibration = of_default_score();
        let judged = Anomaly::new(&calibration).next(all(), false, true);
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} for {b}");
        near(judged.calibrated.a, 1.7);
        near(judged.calibrated.score, 1.7 + 2.0 + 3.0);
        // without a past only the place counts
        near(Anomaly::new(&calibration).next(all(), true, true).calibrated.score, 3.0);
    }

    #[test]
    fn the_map_by_hand() {
        let calibration = of_default_score();
        let maps =
            TermMaps { rows: 1, cols: 1, recon: vec![2.0], latent: vec![6.0], motion: vec![4.0], place: vec![2.0], ..TermMaps::default() };
        let mut map = Vec::new();
        for (no_past, wanted) in [(false, 1.7 + 0.5 * 3.0 + 4.0), (true, 4.0)] {
            score_map(&calibration.basis, &calibration.terms, &maps, no_past, &mut map);
            assert!((f64::from(map[0]) - wanted).abs() < 1e-5, "{map:?} {wanted}");
        }
    }

    /// R̃ of the motion is 2 and that of the picture 10: a fifth of it is as much, a half is more.
    #[test]
    fn picture_and_motion_are_joined_by_hand() {
        let mut calibration = of_default_score();
        calibration.basis.sees = crate::config::Sees::Restore;
        calibration.terms.insert(PICTURE.into(), Statistics { median: 1.0, sd: 0.1 });
        let terms = Terms { picture: Some(2.0), ..all() };
        let maps =
            TermMaps { rows: 1, cols: 1, recon: vec![2.0], latent: vec![6.0], picture: vec![2.0], motion: vec![4.0], place: vec![2.0] };
        for (share, rule, recon) in [(0.2, Join::Max, 2.0), (0.5, Join::Max, 5.0), (0.5, Join::Sum, 7.0)] {
            (calibration.basis.picture_share, calibration.basis.picture_join) = (share, rule);
            let judged = Anomaly::new(&calibration).next(terms, false, true);
            assert!((judged.calibrated.a - (0.9 * recon - 0.1)).abs() < 1e-12, "{rule:?} {share}");
            let mut map = Vec::new();
            score_map(&calibration.basis, &calibration.terms, &maps, false, &mut map);
            assert!((f64::from(map[0]) - (judged.calibrated.a + 0.5 * 3.0 + 4.0)).abs() < 1e-5, "{map:?}");
        }
        // a picture that does not count does not lift a calm motion either
        calibration.basis.picture_share = 0.0;
        let calm = Anomaly::new(&calibration).next(Terms { recon: 0.5, ..terms }, false, true).calibrated.a;
        assert!((calm - (-0.9 - 0.1)).abs() < 1e-12, "{calm}");
        // without motion G cannot know who walks
        assert_eq!(Anomaly::new(&calibration).next(terms, true, true).calibrated.a, 0.0);
    }

    #[test]
    fn smoothing_is_causal_and_off_at_zero() {
        let mut half = Smoothing::new(0.5);
        assert_eq!([half.next(4.0), half.next(0.0), half.next(1.0)], [4.0, 2.0, 1.5]);
        let mut off = Smoothing::new(0.0);
        assert_eq!([off.next(4.0), off.next(0.1)], [4.0, 0.1]);
    }

    #[test]
    fn min_max_spans_zero_to_one() {
        let mut scores = [2.0, 4.0, 3.0];
        min_max(&mut scores);
        assert_eq!(scores, [0.0, 1.0, 0.5]);
        let mut equal = [7.0; 3];
        min_max(&mut equal);
        assert_eq!(equal, [0.0; 3]);
    }
}
