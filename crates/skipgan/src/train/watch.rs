//! A watch over D, the part of adversarial training that fails in silence.
//!
//! The adversarial part of L_D, BCE(D(x), r) + BCE(D(x̂), 0), is least at the entropy of the real label r (0 for r = 1) and 2·ln 2 for a D
//! that says ½ to everything. Its mean m and spread s over about the last hundred steps (exponential, so that a checkpoint carries three
//! numbers) decide: m within 0.01 of the least → D has won, G's adversarial gradient is noise; m within 0.01 of 2·ln 2 **and** s below
//! 0.003 → D is dead. The spread matters: an even fight also has mean 2·ln 2, but its losses jump from batch to batch.

use super::observer::Warning;
use crate::model::engine::Losses;

/// Weight of a new step in mean and spread.
const NEW: f64 = 0.01;
/// Steps before it judges.
const PATIENCE: f64 = 300.0;
/// How near is near.
const NEAR: f64 = 0.01;
/// Spread of a D that says the same to everything.
const STILL: f64 = 0.003;

/// The watch; its memory is [`Watch::memory`].
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    least: f64,
    steps: f64,
    mean: f64,
    variance: f64,
    told: [bool; 3],
}

impl Watch {
    /// For D's target `real_label` for real pictures, with the memory of a checkpoint (empty: none).
    pub fn new(real_label: f64, memory: &[f64]) -> Watch {
        let entropy = |part: f64| if part > 0.0 { -part * part.ln() } else { 0.0 };
        let mut watch =
            Watch { least: entropy(real_label) + entropy(1.0 - real_label), steps: 0.0, mean: 0.0, variance: 0.0, told: [false; 3] };
        if let [steps, mean, variance, told] = *memory {
            (watch.steps, watch.mean, watch.variance) = (steps, mean, variance);
            watch.told = std::array::from_fn(|bit| (told as u32 >> bit) & 1 == 1);
        }
        watch
    }

    /// What a checkpoint carries.
    pub fn memory(&self) -> Vec<f64> {
        let told = self.told.iter().enumerate().map(|(bit, told)| f64::from(u32::from(*told) << bit)).sum();
        vec![self.steps, self.mean, self.variance, told]
    }

    /// Looks at a step; each warning comes once.
    pub fn look(&mut self, step: u64, losses: &Losses) -> Option<Warning> {
        let loss = losses.real + losses.fake;
        self.steps += 1.0;
        let weight = NEW.max(1.0 / self.steps); // a plain mean until there are a hundred
        let off = loss - self.mean;
        self.mean += weight * off;
        self.variance = (1.0 - weight) * (self.variance + weight * off * off);
        let coin = 2.0 * std::f64::consts::LN_2;
        let ripe = self.steps >= PATIENCE;
        if losses.redrawn {
            return self.once(0, Warning::DiscriminatorRedrawn { step });
        }
        if ripe && self.mean - self.least < NEAR {
            return self.once(1, Warning::DiscriminatorWon { step, excess: self.mean - self.least });
        }
        if ripe && (self.mean - coin).abs() < NEAR && self.variance.sqrt() < STILL {
            return self.once(2, Warning::DiscriminatorDead { step });
        }
        None
    }

    fn once(&mut self, kind: usize, warning: Warning) -> Option<Warning> {
        (!std::mem::replace(&mut self.told[kind], true)).then_some(warning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(real_label: f64, loss: impl Fn(u64) -> (f64, f64)) -> Vec<Warning> {
        let mut watch = Watch::new(real_label, &[]);
        let look = |step| {
            let (real, fake) = loss(step);
            let warning = watch.look(step, &Losses { real, fake, ..Losses::default() });
            watch = Watch::new(real_label, &watch.memory()); // a resumed run sees the same
            warning
        };
        (1..=1000).filter_map(look).collect()
    }

    #[test]
    fn a_d_that_won_is_told_once() {
        assert!(matches!(warnings(1.0, |_| (1e-4, 2e-4))[..], [Warning::DiscriminatorWon { step: 300, .. }]));
        let least = -(0.9f64 * 0.9f64.ln() + 0.1f64 * 0.1f64.ln());
        assert!(matches!(warnings(0.9, |_| (least, 1e-3))[..], [Warning::DiscriminatorWon { .. }]));
    }

    #[test]
    fn a_d_that_stands_still_at_a_coin_is_dead() {
        let ln2 = std::f64::consts::LN_2;
        assert!(matches!(warnings(1.0, |_| (ln2, ln2))[..], [Warning::DiscriminatorDead { step: 300 }]));
    }

    #[test]
    fn an_even_fight_and_a_healthy_d_are_left_alone() {
        let ln2 = std::f64::consts::LN_2;
        let jumping = |step: u64| if step.is_multiple_of(2) { (ln2 + 0.05, ln2) } else { (ln2 - 0.05, ln2) };
        assert_eq!(warnings(1.0, jumping), []);
        assert_eq!(warnings(1.0, |_| (0.4, 0.3)), []);
    }
}
