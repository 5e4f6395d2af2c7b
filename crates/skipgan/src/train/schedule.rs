//! Learning rates and betas of every step, for each network (METHOD.md §6 row 4, DETECTION.md §3.6). Really stepped: the loop asks for the
//! rates of each step by its number, so a resumed run has the same ones and nothing can be forgotten.
//!
//! The published code builds the linear schedule and never calls it (row 4): there the rate is constant.

use crate::config::{Config, LrSchedule};
use crate::model::engine::{AdamRates, Rates};

/// Highest β₁ of the one-cycle schedule, at both ends.
const CYCLE_BETA1_HIGH: f64 = 0.95;
/// Lowest β₁ of the one-cycle schedule, at the peak of the rate.
const CYCLE_BETA1_LOW: f64 = 0.85;
/// Part of the steps in which the one-cycle schedule rises.
const CYCLE_RISE: f64 = 0.1;
/// The one-cycle schedule starts at lr / this.
const CYCLE_START: f64 = 25.0;
/// The one-cycle schedule ends at lr / this.
const CYCLE_END: f64 = 250_000.0;

/// One network's schedule.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Course {
    schedule: LrSchedule,
    lr: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    keep: f64,
    decay: f64,
    total_steps: u64,
}

/// Both networks' schedules.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    generator: Course,
    discriminator: Course,
}

impl Schedule {
    /// The schedules of `config` for a training of `total_steps` steps (what is configured, even where `--minutes` ends it early).
    pub fn new(config: &Config, total_steps: u64) -> Schedule {
        let generator = Course {
            schedule: config.lr_schedule,
            lr: config.lr,
            beta1: config.beta1,
            beta2: config.beta2,
            epsilon: config.epsilon,
            keep: config.lr_keep as f64,
            decay: config.lr_decay as f64,
            total_steps,
        };
        let lr = if config.d_lr > 0.0 { config.d_lr } else { config.lr };
        let schedule = config.d_lr_schedule.unwrap_or(config.lr_schedule);
        Schedule { generator, discriminator: Course { lr, schedule, ..generator } }
    }

    /// The numbers of step `step` (0-based) in epoch `epoch` (0-based).
    pub fn rates(&self, step: u64, epoch: u64) -> Rates {
        Rates { generator: self.generator.rates(step, epoch), discriminator: self.discriminator.rates(step, epoch) }
    }
}

impl Course {
    fn rates(&self, step: u64, epoch: u64) -> AdamRates {
        let constant = AdamRates { lr: self.lr, beta1: self.beta1, beta2: self.beta2, epsilon: self.epsilon };
        match self.schedule {
            LrSchedule::Constant => constant,
            LrSchedule::Linear => {
                let faded = (epoch as f64 + 1.0 - self.keep).max(0.0) / (self.decay + 1.0);
                AdamRates { lr: self.lr * (1.0 - faded).max(0.0), ..constant }
            }
            LrSchedule::OneCycle => {
                let (lr, beta1) = self.one_cycle(step);
                AdamRates { lr, beta1, ..constant }
            }
        }
    }

    /// As PyTorch's OneCycleLR with cosine annealing: the rise ends at step 0.1·n − 1, the fall at step n − 1.
    fn one_cycle(&self, step: u64) -> (f64, f64) {
        let last = self.total_steps.saturating_sub(1) as f64;
        let peak = (CYCLE_RISE * self.total_steps as f64 - 1.0).max(0.0);
        let step = (step as f64).min(last);
        let (start, end) = (self.lr / CYCLE_START, self.lr / CYCLE_END);
        if step < peak {
            let part = step / peak;
            return (cosine(start, self.lr, part), cosine(CYCLE_BETA1_HIGH, CYCLE_BETA1_LOW, part));
        }
        let part = if last > peak { (step - peak) / (last - peak) } else { 0.0 };
        (cosine(self.lr, end, part), cosine(CYCLE_BETA1_LOW, CYCLE_BETA1_HIGH, part))
    }
}

/// From `from` (part 0) to `to` (part 1) along half a cosine.
fn cosine(from: f64, to: f64, part: f64) -> f64 {
    to + (from - to) / 2.0 * (1.0 + (std::f64::consts::PI * part).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-12 * b.abs().max(1e-12), "{a} for {b}");
    }

    #[test]
    fn constant_stays_and_d_has_its_own_rate() {
        let config = Config { d_lr: 1e-4, beta1: 0.5, ..Config::default() };
        let rates = Schedule::new(&config, 100).rates(99, 14);
        assert_eq!((rates.generator.lr, rates.discriminator.lr, rates.generator.beta1), (2e-4, 1e-4, 0.5));
        let config = Config { d_lr: 0.0, ..config };
        assert_eq!(Schedule::new(&config, 100).rates(0, 0).discriminator.lr, 2e-4);
    }

    #[test]
    fn linear_does_not_fade_within_the_published_15_epochs() {
        let config = Config { lr: 2e-3, lr_schedule: LrSchedule::Linear, ..Config::default() };
        let schedule = Schedule::new(&config, 0);
        let lr = |epoch| schedule.rates(0, epoch).generator.lr;
        assert_eq!((lr(0), lr(14)), (2e-3, 2e-3));
        close(lr(15), 2e-3 * (1.0 - 1.0 / 101.0));
        close(lr(64), 2e-3 * (1.0 - 50.0 / 101.0));
        close(lr(114), 2e-3 / 101.0);
        assert_eq!(lr(500), 0.0);
    }

    /// Values of torch.optim.lr_scheduler.OneCycleLR(max_lr=1e-3, total_steps=1000, pct_start=0.1, base_momentum=0.85,
    /// max_momentum=0.95), by its formula: the rise ends at step 99, the fall at 999.
    #[test]
    fn one_cycle_meets_its_corners() {
        let config = Config { lr: 1e-3, lr_schedule: LrSchedule::OneCycle, d_lr_schedule: Some(LrSchedule::Constant), ..Config::default() };
        let schedule = Schedule::new(&config, 1000);
        let at = |step| schedule.rates(step, 0).generator;
        close(at(0).lr, 4e-5);
        close(at(0).beta1, 0.95);
        close(at(99).lr, 1e-3);
        close(at(99).beta1, 0.85);
        close(at(999).lr, 4e-9);
        close(at(999).beta1, 0.95);
        close(at(549).lr, 0.5 * (1e-3 + 4e-9));
        close(at(549).beta1, 0.9);
        close(at(33).lr, 1e-3 + (4e-5 - 1e-3) / 2.0 * 1.5);
        assert_eq!(schedule.rates(33, 0).discriminator.lr, 1e-3);
    }

    #[test]
    fn one_cycle_of_few_steps_is_finite() {
        for total in [0, 1, 2, 9, 10, 11] {
            let config = Config { lr_schedule: LrSchedule::OneCycle, ..Config::default() };
            let schedule = Schedule::new(&config, total);
            for step in 0..=total {
                let rates = schedule.rates(step, 0).generator;
                assert!(rates.lr > 0.0 && rates.lr <= 2e-4 * (1.0 + 1e-9) && (0.85..=0.951).contains(&rates.beta1), "{total} {step}");
            }
        }
    }
}
