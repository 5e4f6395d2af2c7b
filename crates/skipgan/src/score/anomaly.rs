//! A(x) = λR + (1−λ)L (the paper's anomaly score), raw and calibrated, in one place.
//!
//! Raw: R and L as the network gives them. Calibrated (EVALUATION.md §5): `terms` standardises R and L each by held-out normal footage and
//! then weighs them; `total` standardises the raw sum, which ranks as the raw score; `test_minmax` leaves it raw until
//! [`min_max`] has seen all test scores, as published. Smoothing over time is causal and off by default.

use crate::alarm_events::AlarmRule;
use crate::calibration::{Basis, Calibration, LATENT, RECON, Statistics, TOTAL};
use crate::config::Scale;
use std::collections::BTreeMap;

/// λR + (1−λ)L.
pub fn weigh(lambda: f64, recon: f64, latent: f64) -> f64 {
    lambda * recon + (1.0 - lambda) * latent
}

/// The calibrated score of R and L.
///
/// # Panics
/// Where `terms` lacks one of [`RECON`], [`LATENT`], [`TOTAL`]; a checked [`Calibration`] has them.
pub fn calibrated(basis: &Basis, terms: &BTreeMap<String, Statistics>, recon: f64, latent: f64) -> f64 {
    match basis.scale {
        Scale::Terms => weigh(basis.lambda, terms[RECON].standardise(recon), terms[LATENT].standardise(latent)),
        Scale::Total => terms[TOTAL].standardise(weigh(basis.lambda, recon, latent)),
        Scale::TestMinmax => weigh(basis.lambda, recon, latent),
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

    /// (score_raw, score, alarm) of the next analysed frame. What an alarm is: [`crate::alarm_events`].
    pub fn next(&mut self, recon: f64, latent: f64) -> (f64, f64, bool) {
        let basis = &self.calibration.basis;
        let score = self.smoothing.next(calibrated(basis, &self.calibration.terms, recon, latent));
        (weigh(basis.lambda, recon, latent), score, self.alarms.next(score))
    }
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

    #[test]
    fn each_scale_by_hand() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} for {b}");
        for (scale, wanted) in [(Scale::Terms, 0.9 * 2.0 - 0.1 * 1.0), (Scale::Total, 1.6), (Scale::TestMinmax, 2.4)] {
            let calibration = calibration(scale, 0.0);
            let mut anomaly = Anomaly::new(&calibration);
            let (raw, score, alarm) = anomaly.next(2.0, 6.0);
            near(raw, 0.9 * 2.0 + 0.1 * 6.0);
            near(score, wanted);
            assert!(!alarm, "one frame is no alarm");
            assert!(anomaly.next(2.0, 6.0).2 && anomaly.next(0.0, 0.0).2, "two of the last three are");
            assert!(!anomaly.next(0.0, 0.0).2);
        }
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
