//! Adversarial loss: binary cross-entropy of D's logits against one target, mean over images and cells (METHOD.md §3).
//!
//! G's form is the non-saturating one (target 1 on x̂), D's has targets 1 (or `real_label`) and 0.

use crate::config::Bce;
use kernels::Real;

/// Logarithms of probabilities are clamped here, as in the authors' framework.
pub(crate) const LOWEST_LOG: f64 = -100.0;
/// Least value of p(1 − p) that the derivative of the probability form divides by.
pub(crate) const LEAST_SPREAD: f64 = 1e-12;

/// weight · mean BCE(logits, target), and its gradient into `seed`.
///
/// # Panics
/// If lengths differ.
pub fn loss<T: Real>(bce: Bce, logits: &[T], target: f64, weight: f64, seed: &mut [T]) -> f64 {
    summed(bce, logits, std::iter::repeat_n(target, logits.len()), weight, seed)
}

/// As [`loss`], with a target for every cell: what is real here may be false there.
///
/// # Panics
/// If lengths differ.
pub fn loss_by_cell<T: Real>(bce: Bce, logits: &[T], targets: &[f32], weight: f64, seed: &mut [T]) -> f64 {
    assert_eq!(logits.len(), targets.len(), "a target for every logit");
    summed(bce, logits, targets.iter().map(|&target| f64::from(target)), weight, seed)
}

fn summed<T: Real>(bce: Bce, logits: &[T], targets: impl Iterator<Item = f64>, weight: f64, seed: &mut [T]) -> f64 {
    assert_eq!(logits.len(), seed.len(), "one gradient a logit");
    let share = weight / logits.len() as f64;
    let mut sum = 0.0;
    for ((&logit, target), seed) in logits.iter().zip(targets).zip(seed) {
        let (value, slope) = match bce {
            Bce::Logits => with_logits(logit.to_f64(), target),
            Bce::Prob => on_probability(logit, target),
        };
        sum += value;
        *seed = T::from_f64(share * slope);
    }
    share * sum
}

/// softplus(z) − t·z and σ(z) − t.
fn with_logits(z: f64, target: f64) -> (f64, f64) {
    let value = z.max(0.0) + (-z.abs()).exp().ln_1p() - target * z;
    (value, 1.0 / (1.0 + (-z).exp()) - target)
}

/// σ first, rounded to the number type: where it rounds to 0 or 1 the gradient is 0 (it dies, as published).
fn on_probability<T: Real>(logit: T, target: f64) -> (f64, f64) {
    let p = T::ONE / (T::ONE + (-logit).exp());
    let rest = T::ONE - p;
    let log = |v: T| v.ln().to_f64().max(LOWEST_LOG);
    let value = -(target * log(p) + (1.0 - target) * log(rest));
    let spread = (p * rest).to_f64();
    (value, (p.to_f64() - target) / spread.max(LEAST_SPREAD) * spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_agree_by_hand() {
        let logits = [0.0f64, 3.0f64.ln()];
        for bce in [Bce::Logits, Bce::Prob] {
            let mut seed = [0.0; 2];
            // p = 1/2, 3/4: −ln p = ln 2, ln(4/3).
            let value = loss(bce, &logits, 1.0, 2.0, &mut seed);
            assert!((value - (2.0f64.ln() + (4.0f64 / 3.0).ln())).abs() < 1e-12, "{value}");
            assert!((seed[0] + 0.5).abs() < 1e-12 && (seed[1] + 0.25).abs() < 1e-12, "{seed:?}");
        }
    }

    #[test]
    fn cells_have_targets_of_their_own() {
        let (logits, mut seed, mut one) = ([0.3f64, -1.2], [0.0; 2], [0.0; 1]);
        let together = loss_by_cell(Bce::Logits, &logits, &[1.0, 0.0], 2.0, &mut seed);
        let apart = loss(Bce::Logits, &logits[..1], 1.0, 1.0, &mut one) + loss(Bce::Logits, &logits[1..], 0.0, 1.0, &mut [0.0]);
        assert!((together - apart).abs() < 1e-12 && (seed[0] - one[0]).abs() < 1e-12 && seed[1] > 0.0);
    }

    #[test]
    fn a_smoothed_label_is_met_where_p_equals_it() {
        let mut seed = [1.0f64];
        loss(Bce::Logits, &[9.0f64.ln()], 0.9, 1.0, &mut seed);
        assert!(seed[0].abs() < 1e-12);
    }

    #[test]
    fn the_published_form_is_clamped_and_its_gradient_dies() {
        let mut seed = [1.0f32];
        assert_eq!(loss(Bce::Prob, &[-200.0f32], 1.0, 1.0, &mut seed), 100.0);
        assert_eq!(seed, [0.0]);
        assert_eq!(loss(Bce::Prob, &[40.0f32], 0.0, 1.0, &mut seed), 100.0);
        assert_eq!(seed, [0.0]);
        assert!(loss(Bce::Logits, &[-200.0f32], 1.0, 1.0, &mut seed) == 200.0 && seed == [-1.0]);
    }
}
