//! The mean over the last steps of D's weights and of all running statistics: what scores, in place of those of the very last step (Polyak
//! averaging; not in the paper). D's rate never falls, so its last step is one of many; and running statistics are a mean of ten batches,
//! which is noise in every score. G's rate falls to nothing, so its own last weights score: their mean would lag behind what they have
//! become, and did (docs/decisions/0015).

use crate::params::{AVERAGED_EVERY, Params, State, Weights, is_averaged};

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
        Average { keep: ema.powi(AVERAGED_EVERY as i32) as f32, mean: mean.filter(|_| ema > 0.0) }
    }

    /// Whether the weights of step `step` (from 1) are to be shown.
    pub(super) fn wants(&self, step: u64) -> bool {
        self.keep > 0.0 && step.is_multiple_of(AVERAGED_EVERY)
    }

    /// Takes in the weights of a step that is wanted.
    pub(super) fn take(&mut self, state: &State, step: u64) {
        let Some(mean) = &mut self.mean else {
            self.mean = Some(Weights::of(state));
            return;
        };
        // At first everything is far from where it will be: the mean reaches back over a tenth of the way at most.
        let looks = (step / AVERAGED_EVERY) as f32;
        let keep = self.keep.min(looks / (looks + 9.0));
        mix(&mut mean.parameters, &state.parameters, keep);
        mix(&mut mean.statistics, &state.statistics, keep);
    }

    /// Whether no step was taken in.
    pub(super) fn is_empty(&self) -> bool {
        self.mean.is_none()
    }

    /// What scores after the step that left `state`: the means, and G's own weights; `None` before a step was taken in.
    pub(super) fn weights(&self, state: &State) -> Option<Weights> {
        let mut weights = self.mean.clone()?;
        weights.take_unaveraged(state);
        Some(weights)
    }
}

fn mix(mean: &mut Params, now: &Params, keep: f32) {
    for slot in now.layout.slots.iter().filter(|slot| is_averaged(&slot.name)) {
        let both = mean.values[slot.range()].iter_mut().zip(&now.values[slot.range()]);
        both.for_each(|(mean, now)| *mean = keep * *mean + (1.0 - keep) * now);
    }
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

    fn of(weights: &Weights, name: &str) -> f32 {
        weights.parameters.get(name).or_else(|| weights.statistics.get(name)).expect("there")[0]
    }

    #[test]
    fn every_tenth_step_counts_and_the_last_ones_most() {
        const NAMES: [&str; 3] = ["d.feat.1.conv.weight", "g.enc.1.bn.running_mean", "g.enc.1.conv.weight"];
        let mut average = Average::new(0.9, None);
        assert_eq!([5, 10, 11, 20].map(|step| average.wants(step)), [false, true, false, true]);
        assert!(average.weights(&state(1.0)).is_none());
        average.take(&state(1.0), 10);
        average.take(&state(2.0), 20);
        let keep = 2.0 / 11.0; // the second look: less than 0.9^10
        let expected = keep + (1.0 - keep) * 2.0;
        let now = average.weights(&state(5.0)).expect("two steps");
        let [d, statistic, g] = NAMES.map(|name| of(&now, name));
        assert!((d - expected).abs() < 1e-6 && (statistic - 2.0 * expected).abs() < 1e-6, "{d} {statistic}");
        assert_eq!(g, 5.0, "G's own weights, of the last step");
        let mut late = Average::new(0.9, Some(now));
        late.take(&state(0.0), 1_000_000);
        let kept = of(&late.weights(&state(0.0)).expect("kept"), NAMES[0]);
        assert!((kept - 0.9f32.powi(10) * expected).abs() < 1e-6);
    }

    #[test]
    fn without_memory_nothing_is_kept() {
        let average = Average::new(0.0, Some(Weights::of(&state(1.0))));
        assert!(!average.wants(10) && average.weights(&state(1.0)).is_none());
    }
}
