//! Looking into an engine after a pass: maps, gradients, parameters by name, in f64 and PyTorch's order. For parity tests,
//! finite differences and curious people; costs nothing where it is not called.

use super::cpu::CpuEngine;
use super::discriminator::range_of;
use crate::blocks::Branch;
use crate::blocks::join::Half;
use crate::layers::weights::{Network, turned};
use crate::params::Slot;
use kernels::{Map, Real};

impl<T: Real> CpuEngine<T> {
    /// A map of the last pass, `[images, channels, rows, cols]`: `enc.{i}` and `dec.{i}` after batch-norm and before the
    /// next activation (`dec.0` before the output's), `xhat`; of D `real.…` and `fake.…`: `feat.{i}` before LeakyReLU,
    /// `latent`, `logit` (a number a cell; of the last step, for scoring makes none). Or a tensor: `parameter.{name}`, `gradient.{name}` of the last step,
    /// `statistic.{name}`. `None` where there is no such thing.
    pub fn look(&self, name: &str) -> Option<Vec<f64>> {
        let (kind, rest) = name.split_once('.').unwrap_or((name, ""));
        match kind {
            "parameter" => Some(out(self.weights.layout.find(rest)?, &self.weights.parameters)),
            "gradient" if !self.weights.gradient.is_empty() => Some(out(self.weights.layout.find(rest)?, &self.weights.gradient)),
            "statistic" => Some(out(self.weights.statistics_layout.find(rest)?, &self.weights.statistics)),
            "real" => self.look_at(Branch::Real, rest),
            "fake" => self.look_at(Branch::Fake, rest),
            "xhat" => {
                let shape = self.generator.bare(self.images);
                let map = Map::dense(self.generator.reconstruction(), self.images, shape.rows, shape.cols, shape.channels);
                Some(plain(map, |_, v| v))
            }
            "dec" if rest == "0" => Some(plain(self.generator.bare(self.images), |_, v| v)),
            "enc" | "dec" => {
                let level: usize = rest.parse().ok().filter(|&level| level < self.spec.generator.levels)?;
                let (half, level) = if kind == "enc" { (Half::Encoded, level) } else { (Half::Below, level - 1) };
                let (map, scale, shift) = self.generator.stored(half, level, self.images);
                Some(plain(map, |channel, v| scale[channel] * v + shift[channel]))
            }
            _ => None,
        }
    }

    fn look_at(&self, branch: Branch, name: &str) -> Option<Vec<f64>> {
        let images = range_of(branch, self.images);
        let to_f64 = |values: &[T]| values.iter().map(|v| v.to_f64()).collect();
        match name.split_once('.') {
            None if name == "logit" => Some(to_f64(self.discriminator.logits(images))),
            None if name == "latent" && self.weights.layout.find("d.latent.weight").is_some() => {
                Some(plain(self.discriminator.reading(None, branch, images).map, |_, v| v))
            }
            Some(("feat", level)) => {
                let level: usize = level.parse().ok().filter(|&level| level < self.spec.discriminator.levels)?;
                let reading = self.discriminator.reading(Some(level), branch, images);
                let lens = reading.lens.expect("levels are read through a lens");
                Some(plain(reading.map, |channel, v| lens.scale[channel] * v + lens.shift[channel]))
            }
            _ => None,
        }
    }

    /// Adds `by` to one element (PyTorch's order) of a parameter.
    ///
    /// # Panics
    /// If there is no such parameter or element.
    pub fn nudge(&mut self, name: &str, element: usize, by: f64) {
        let slot = self.weights.layout.find(name).unwrap_or_else(|| panic!("no parameter is called {name}"));
        let index = slot.start + turned(&slot.shape).nth(element).expect("an element of the parameter");
        let value = &mut self.weights.parameters[index];
        *value += T::from_f64(by);
        self.prepare(if name.starts_with("g.") { Network::Generator } else { Network::Discriminator });
    }
}

fn out<T: Real>(slot: &Slot, values: &[T]) -> Vec<f64> {
    let values = &values[slot.range()];
    turned(&slot.shape).map(|index| values[index].to_f64()).collect()
}

/// `[images, channels, rows, cols]` of what `see` makes of every stored value.
fn plain<T: Real>(map: Map<'_, T>, see: impl Fn(usize, T) -> T) -> Vec<f64> {
    let pixels = map.rows * map.cols;
    let mut values = Vec::with_capacity(map.pixels() * map.channels);
    for image in 0..map.images {
        for channel in 0..map.channels {
            values.extend((0..pixels).map(|pixel| see(channel, map.nth(image * pixels + pixel)[channel]).to_f64()));
        }
    }
    values
}
