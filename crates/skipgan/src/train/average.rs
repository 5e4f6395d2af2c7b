//! The mean of the weights over the last steps: what scores, in place of the weights of the very last step (Polyak averaging; not in the
//! paper). D's rate never falls, so its last step is one of many; their mean is steadier, and so are L and, to a lesser degree, R
//! (docs/results.md).

use crate::params::{Params, State, Weights};

/// Steps from one look at the weights to the next: the mean of a hundred steps does not need each of them.
const EVERY: u64 = 10;

/// The exponential mean of a training's weights, fit to be resumed: it depends on nothing but the weights of every tenth step.
#[derive(Clone, Debug)]
pub(super) struct Average {
    /// How much of it stays from one look to the next.
    keep: f32,
    mean: Option<Weights>,
}

impl Average {
    /// `ema` is the weight of a step against the one after it, 0: nothing is kept; `mean` is what a checkpoint held.
    pub(super) fn new(ema: f64, mean: Option<Weights>) -> Average {
        Average { keep: ema.powi(EVERY as i32) as f32, mean: mean.filter(|_| ema > 0.0) }
    }

    /// Whether the weights of step `step` (from 1) are to be shown.
    pub(super) fn wants(&self, step: u64) -> bool {
        self.keep > 0.0 && step.is_multiple_of(EVERY)
    }

    /// Takes in the weights of a step that is wanted.
    pub(super) fn take(&mut self, state: &State, step: u64) {
        let Some(mean) = &mut self.mean else {
            self.mean = Some(Weights { parameters: state.parameters.clone(), statistics: state.statistics.clone() });
            return;
        };
        // At first everything is far from where it will be: the mean reaches back over a tenth of the way at most.
        let looks = (step / EVERY) as f32;
        let keep = self.keep.min(looks / (looks + 9.0));
        mix(&mut mean.parameters, &state.parameters, keep);
        mix(&mut mean.statistics, &state.statistics, keep);
    }

    /// The mean, once a step was taken in.
    pub(super) fn weights(&self) -> Option<&Weights> {
        self.mean.as_ref()
    }
}

fn mix(mean: &mut Params, now: &Params, keep: f32) {
    mean.values.iter_mut().zip(&now.values).for_each(|(mean, now)| *mean = keep * *mean + (1.0 - keep) * now);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn state(value: f32) -> State {
        let config = Config { g_width: 2, g_cap: 2, d_width: 2, d_cap: 2, nz: 3, channels: 1, ..Config::default() };
        let mut state = State::zeros(&config.spec(32, 32).expect("a small network"));
        state.parameters.values.fill(value);
        state.statistics.values.fill(2.0 * value);
        state
    }

    #[test]
    fn every_tenth_step_counts_and_the_last_ones_most() {
        let mut average = Average::new(0.9, None);
        assert_eq!([5, 10, 11, 20].map(|step| average.wants(step)), [false, true, false, true]);
        average.take(&state(1.0), 10);
        assert_eq!(average.weights().expect("one step").parameters.values[0], 1.0);
        average.take(&state(2.0), 20);
        let keep = 2.0 / 11.0; // the second look: less than 0.9^10
        let expected = keep + (1.0 - keep) * 2.0;
        let now = average.weights().expect("two steps");
        assert!((now.parameters.values[5] - expected).abs() < 1e-6 && (now.statistics.values[1] - 2.0 * expected).abs() < 1e-6);
        let mut late = Average::new(0.9, Some(now.clone()));
        late.take(&state(0.0), 1_000_000);
        let kept = 0.9f32.powi(10) * expected;
        assert!((late.weights().expect("kept").parameters.values[0] - kept).abs() < 1e-6);
    }

    #[test]
    fn without_memory_nothing_is_kept() {
        let average = Average::new(0.0, Some(Weights { parameters: state(1.0).parameters, statistics: state(1.0).statistics }));
        assert!(!average.wants(10) && average.weights().is_none());
    }
}
