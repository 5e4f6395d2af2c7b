//! What the network is fed in one step: windows from the cache, and noise on what G sees.

use super::TrainError;
use crate::data::random::SplitMix64;
use crate::data::{WindowIndex, WindowReader};
use crate::model::engine::Batch;

/// Keeps the noise of a step apart from the order of an epoch, which is drawn from the same seed.
const NOISE: u64 = 0x006e_6f69_7365; // "noise"

/// Reads batches into buffers of its own.
pub(super) struct Feed<'a> {
    reader: WindowReader<'a>,
    target: Vec<f32>,
    noisy: Vec<f32>,
    sigma: f64,
    seed: u64,
}

impl<'a> Feed<'a> {
    /// With Gaussian noise of deviation `sigma` (0: none) on G's input.
    pub fn new(reader: WindowReader<'a>, sigma: f64, seed: u64) -> Feed<'a> {
        Feed { reader, target: Vec::new(), noisy: Vec::new(), sigma, seed }
    }

    /// The batch of step `step`. Its noise is a function of seed and step alone, so a resumed run has the same.
    pub fn batch(&mut self, windows: &[WindowIndex], step: u64) -> Result<Batch<'_>, TrainError> {
        let shape = self.reader.shape();
        self.target.resize(windows.len() * shape.len(), 0.0);
        self.reader.read_batch(windows, &mut self.target)?;
        if self.sigma > 0.0 {
            let mut random = SplitMix64::part(self.seed ^ NOISE, step);
            self.noisy.clear();
            self.noisy.extend_from_slice(&self.target);
            add_noise(&mut self.noisy, self.sigma, &mut random);
        }
        let input = if self.sigma > 0.0 { &self.noisy } else { &self.target };
        Ok(Batch { images: windows.len(), height: shape.height, width: shape.width, input, target: &self.target, context: &[] })
    }
}

/// Box–Muller: two Gaussian numbers from two uniform ones.
fn add_noise(values: &mut [f32], sigma: f64, random: &mut SplitMix64) {
    for pair in values.chunks_mut(2) {
        let radius = sigma * (-2.0 * (1.0 - random.unit()).ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * random.unit()).sin_cos();
        for (value, part) in pair.iter_mut().zip([cosine, sine]) {
            *value += (radius * part) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_its_mean_and_deviation() {
        let mut values = vec![0.0; 100_001];
        add_noise(&mut values, 0.2, &mut SplitMix64::part(1, 7));
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / values.len() as f64;
        assert!(mean.abs() < 0.003 && (variance.sqrt() - 0.2).abs() < 0.002, "{mean} {variance}");
    }
}
