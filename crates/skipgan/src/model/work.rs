//! Counted work: multiply-adds × 2 that a network takes for one picture by the plain algorithm, padding zeros included. Kernels that save
//! multiplications then show more GFLOP/s than the processor has; norms, activations, losses and Adam are not counted.

use crate::config::Order;
use crate::spec::{Head, Layer, Spec};

/// What one picture costs, in operations (a product and a sum are two).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// G once.
    pub generator: u64,
    /// D once, its head included.
    pub discriminator: u64,
    /// G's first layer, whose input needs no gradient.
    pub generator_first: u64,
    /// D's first layer, likewise.
    pub discriminator_first: u64,
}

/// Operations of one strided convolution for one picture whose small map has that size.
pub fn of_layer(layer: &Layer, small_rows: usize, small_cols: usize) -> u64 {
    32 * (layer.wide * layer.deep * small_rows * small_cols) as u64
}

impl Work {
    /// Of pictures of `height` × `width`.
    pub fn of(spec: &Spec, height: usize, width: usize) -> Work {
        let at = |(level, layer): (usize, &Layer)| of_layer(layer, height >> (level + 1), width >> (level + 1));
        let (encoder, decoder, discriminator) = (spec.generator.encoder(), spec.generator.decoder(), spec.discriminator.layers());
        let all = |layers: &[Layer]| layers.iter().enumerate().map(at).sum::<u64>();
        let first = |layers: &[Layer]| layers.iter().enumerate().map(at).next().unwrap_or(0);
        let last = spec.discriminator.channels(spec.discriminator.levels - 1);
        let shift = spec.discriminator.levels;
        let cells = (height >> shift) * (width >> shift);
        let head = match spec.discriminator.head {
            Head::Latent { nz, .. } => 2 * cells * last * nz,
            Head::Patch => 2 * cells * last,
        };
        Work {
            generator: all(&encoder) + all(&decoder),
            discriminator: all(&discriminator) + head as u64,
            generator_first: first(&encoder),
            discriminator_first: first(&discriminator),
        }
    }

    /// The share of scoring that lies in layers between pictures and maps; of pictures of any size.
    pub fn at_pictures(spec: &Spec) -> f64 {
        let side = 1 << spec.generator.levels.max(spec.discriminator.levels);
        let all = Work::of(spec, side, side);
        let last = spec.generator.decoder().first().map_or(0, |layer| of_layer(layer, side / 2, side / 2));
        (all.generator_first + last + 2 * all.discriminator_first) as f64 / all.score() as f64
    }

    /// Reconstruction and features of x and x̂.
    pub fn score(&self) -> u64 {
        self.generator + 2 * self.discriminator
    }

    /// A training step: G forward with both gradients; D on x and x̂ with both gradients, and the gradient of x̂ for G. Where D updates first, x̂
    /// (and with the latent loss reaching G also x) goes through it again; a critic also meets changed pictures, with both gradients.
    pub fn train(&self, order: Order, critic: bool) -> u64 {
        let again = match order {
            Order::Official | Order::Repaired => 0,
            Order::FirstRelease => 1,
            Order::DFirst => 2,
        };
        let judged = if critic { 3 } else { 2 };
        // A pass with both gradients is three times the forward one, without that of the first layer's input.
        let with_gradients = judged * (3 * self.discriminator - self.discriminator_first);
        3 * self.generator - self.generator_first + with_gradients + (1 + again) * self.discriminator
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// By the formula that counts for the peers: width 64, side 64, three channels.
    #[test]
    fn the_published_network_counts_as_it_does_for_the_peers() {
        let config = Config::preset("official").and_then(|config| config.with_set("side=64")).expect("a preset");
        let work = Work::of(&config.spec(64, 64).expect("published shape"), 64, 64);
        let small = |level: usize| (64usize >> (level + 1)).pow(2) as u64;
        let channels = [64u64, 128, 256, 512, 512, 512];
        let encoder: u64 = (0..6).map(|i| 32 * if i == 0 { 3 } else { channels[i - 1] } * channels[i] * small(i)).sum();
        let decoder: u64 =
            (0..6).map(|i| 32 * channels[i] * if i == 5 { 1 } else { 2 } * if i == 0 { 3 } else { channels[i - 1] } * small(i)).sum();
        let features: u64 = (0..4).map(|i| 32 * if i == 0 { 3 } else { 32u64 << i } * (64u64 << i) * small(i)).sum();
        assert_eq!(work.generator, encoder + decoder);
        assert_eq!(work.discriminator, features + 32 * 512 * 100);
        assert_eq!(work.score(), work.generator + 2 * work.discriminator);
        let first = 32 * 3 * 64 * 32 * 32;
        let pictures = (first + 2 * first + 2 * first) as f64 / work.score() as f64;
        assert!((Work::at_pictures(&config.spec(64, 64).expect("published shape")) - pictures).abs() < 1e-3, "{pictures}");
        assert_eq!(work.train(Order::Repaired, false), 3 * work.generator - first + 7 * work.discriminator - 2 * first);
    }
}
