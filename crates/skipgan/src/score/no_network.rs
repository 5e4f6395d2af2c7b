//! An engine without a network: whatever it is shown it reproduces, so R and L are 0. It lets the terms that need no network go the way of
//! all scores.

use crate::model::engine::{Batch, Engine, Losses, Norm, Rates, Scores, State};
use crate::params::{Layout, Params};
use std::sync::Arc;

/// x̂ = target.
#[derive(Debug, Default)]
pub struct NoNetwork {
    scores: Scores,
}

impl Engine for NoNetwork {
    fn step(&mut self, _: &Batch<'_>, _: &Rates) -> Losses {
        Losses::default()
    }

    fn score(&mut self, batch: &Batch<'_>, _: Norm) -> &Scores {
        let scores = &mut self.scores;
        scores.reconstruction.clear();
        scores.reconstruction.extend_from_slice(batch.target);
        scores.residual_maps.resize(batch.images * batch.height * batch.width, 0.0);
        scores.residual.resize(batch.images, 0.0);
        scores.latent.resize(batch.images, 0.0);
        scores
    }

    fn observe(&mut self, _: &Batch<'_>) {}

    fn load(&mut self, _: &State) {}

    fn save(&self) -> State {
        let none = || Params { values: Vec::new(), layout: Arc::new(Layout::default()) };
        State { parameters: none(), statistics: none(), first_moments: Vec::new(), second_moments: Vec::new(), step: 0 }
    }
}
