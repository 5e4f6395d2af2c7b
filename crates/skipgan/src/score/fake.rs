//! A network of two numbers that behaves like one: deterministic, trainable, with running statistics. For tests of whatever stands above
//! the seam.

use crate::model::engine::{Batch, Engine, LatentMap, Losses, Norm, Rates, Scores, State};
use crate::spec::Spec;

/// x̂ = w·x + m, where w is the first parameter and m the first running statistic (or the batch's or the image's mean).
pub(crate) struct Fake {
    state: State,
    scores: Scores,
    /// Largest batch it takes, as a planned engine.
    capacity: usize,
    /// The step at which its losses become NaN.
    pub(crate) diverges_at: Option<u64>,
}

impl Fake {
    pub(crate) fn new(spec: &Spec, capacity: usize) -> Fake {
        let mut state = State::zeros(spec);
        state.parameters.values.iter_mut().enumerate().for_each(|(i, value)| *value = 0.1 + (i % 13) as f32 / 40.0);
        Fake { state, scores: Scores::default(), capacity, diverges_at: None }
    }

    fn check(&self, batch: &Batch<'_>) {
        assert!(batch.images > 0 && batch.images <= self.capacity, "a batch of {} images", batch.images);
        assert_eq!(batch.input.len() % (batch.images * batch.height * batch.width), 0);
        assert_eq!(batch.input.len(), batch.target.len());
    }
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64
}

impl Engine for Fake {
    fn step(&mut self, batch: &Batch<'_>, rates: &Rates) -> Losses {
        self.check(batch);
        let weight = f64::from(self.state.parameters.values[0]);
        let products = batch.input.iter().zip(batch.target).map(|(x, y)| (f64::from(*x), f64::from(*y)));
        let (mut gradient, mut error) = (0.0, 0.0);
        for (x, y) in products {
            gradient += (weight * x - y) * x;
            error += (weight * x - y).abs();
        }
        gradient /= batch.input.len() as f64;
        let state = &mut self.state;
        let first = rates.generator.beta1 * f64::from(state.first_moments[0]) + (1.0 - rates.generator.beta1) * gradient;
        state.first_moments[0] = first as f32;
        state.second_moments[0] = (0.9 * f64::from(state.second_moments[0]) + 0.1 * gradient * gradient) as f32;
        state.parameters.values[0] = (weight - 50.0 * rates.generator.lr * f64::from(state.first_moments[0])) as f32;
        state.statistics.values[0] = 0.9 * state.statistics.values[0] + 0.1 * mean(batch.input) as f32;
        state.step += 1;
        let contextual = if self.diverges_at == Some(state.step) { f64::NAN } else { error / batch.input.len() as f64 };
        Losses { contextual, generator: contextual, real: 0.6, fake: 0.5, discriminator: 1.1, ..Losses::default() }
    }

    fn score(&mut self, batch: &Batch<'_>, norm: Norm) -> &Scores {
        self.check(batch);
        let weight = self.state.parameters.values[0];
        let (images, pixels) = (batch.images, batch.height * batch.width);
        let channels = batch.target.len() / (images * pixels);
        let mut scores = Scores::default();
        for image in batch.target.chunks(pixels * channels) {
            let shift = match norm {
                Norm::Running => self.state.statistics.values[0],
                Norm::Batch => mean(batch.target) as f32,
                Norm::Instance => mean(image) as f32,
            };
            let made: Vec<f32> = image.iter().map(|x| weight * x + shift).collect();
            let squares: Vec<f32> = made.iter().zip(image).map(|(a, b)| (a - b) * (a - b)).collect();
            let map: Vec<f32> = squares.chunks(channels).map(|cell| cell.iter().sum::<f32>() / channels as f32).collect();
            scores.residual.push(mean(&map));
            scores.latent.push(mean(&made).abs());
            scores.residual_maps.extend(map);
            scores.reconstruction.extend(made);
        }
        scores.latent_maps = vec![LatentMap { rows: 1, cols: 1, values: scores.latent.iter().map(|value| *value as f32).collect() }];
        self.scores = scores;
        &self.scores
    }

    fn observe(&mut self, batch: &Batch<'_>) {
        self.check(batch);
    }

    fn load(&mut self, state: &State) {
        assert_eq!(state.parameters.layout, self.state.parameters.layout);
        self.state = state.clone();
    }

    fn save(&self) -> State {
        self.state.clone()
    }
}
