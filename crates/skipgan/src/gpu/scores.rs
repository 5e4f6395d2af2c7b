//! x̂, R and L (METHOD.md §5): distances on the device, means over an image in f64 on the processor; definitions are those of the
//! processor's engine.

use super::discriminator::judge;
use super::engine::GpuEngine;
use super::generator::reconstruct;
use super::norm::Source;
use super::pictures::{Pictures, download, numbers};
use crate::config::Distance;
use crate::layers::weights::Network;
use crate::model::engine::Norm;
use burn_tensor::Tensor;

impl GpuEngine {
    /// Fills the scores, which have their sizes already; nothing learns. Images beyond theirs are room.
    pub(super) fn measure(&mut self, shown: &Pictures, norm: Norm) {
        let (generator, discriminator) = (self.weights.constants(Network::Generator), self.weights.constants(Network::Discriminator));
        let source = || match norm {
            Norm::Running => Source::Running(&self.weights.statistics),
            Norm::Batch => Source::Batch,
            Norm::Instance => Source::Instance,
        };
        let made = reconstruct(&self.spec.generator, &generator, shown.input.clone(), &mut source());
        let judge = |picture| judge(&self.spec.discriminator, &discriminator, shown.beside(picture), &mut source());
        let (real, fake) = (judge(shown.target.clone()), judge(made.clone()));

        let (objective, scores, room) = (&self.objective, &mut self.scores, shown.target.dims()[0]);
        let residual = distance(objective.score_r, made.clone(), shown.target.clone());
        let map = match objective.map_channel {
            Some(channel) => {
                let one = |map: &Tensor<4>| map.clone().narrow(1, channel, 1);
                numbers(distance(objective.score_r, one(&made), one(&shown.target)))
            }
            None => numbers(residual.clone()),
        };
        keep(&map, &mut scores.residual_maps);
        scores.residual.fill(0.0);
        add_means(&numbers(residual), room, &mut scores.residual);
        keep(&download(made), &mut scores.reconstruction);
        scores.latent.fill(0.0);
        let which = &self.spec.discriminator.score_features;
        for (at, (real, fake)) in real.features(which).into_iter().zip(fake.features(which)).enumerate() {
            let cells = numbers(distance(objective.score_l, fake, real));
            add_means(&cells, room, &mut scores.latent);
            // The latent vector has a number, but no map.
            if let Some(map) = scores.latent_maps.get_mut(at) {
                keep(&cells, &mut map.values);
            }
        }
    }
}

/// From two maps of `[images, channels, rows, columns]` to `[images, 1, rows, columns]`.
fn distance(kind: Distance, a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    let off = a - b;
    match kind {
        Distance::L2 => off.square().mean_dim(1),
        Distance::L1 => off.abs().mean_dim(1),
        Distance::Length => off.square().sum_dim(1).sqrt(),
    }
}

/// The first images' numbers.
fn keep(all: &[f32], to: &mut [f32]) {
    to.copy_from_slice(&all[..to.len()]);
}

/// Adds to every image its mean over its part of `cells`, which are those of `room` images.
fn add_means(cells: &[f32], room: usize, means: &mut [f64]) {
    let each = cells.len() / room;
    for (mean, cells) in means.iter_mut().zip(cells.chunks(each)) {
        *mean += cells.iter().map(|&cell| f64::from(cell)).sum::<f64>() / each as f64;
    }
}
