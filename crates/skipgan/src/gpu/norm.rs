//! Batch-norm (METHOD.md §1) by Burn's operation, and the running statistics, which are ours: Burn's own layer would move the running
//! variance with the biased one of the batch.

use super::pictures::numbers;
use super::weights::{Tensors, upload};
use crate::layers::norm::{EPSILON, MOMENTUM};
use crate::params::{Layout, Params, Slot};
use crate::spec::Layer;
use burn_tensor::{Device, Tensor, module};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which statistics a pass normalises with.
pub(super) enum Source<'a> {
    /// The batch's, and the running ones move.
    Learn(&'a mut Statistics),
    /// The batch's.
    Batch,
    /// Each image's own.
    Instance,
    /// The running ones.
    Running(&'a Statistics),
}

/// Running means and variances of all batch-norms, by their names in [`Layout::statistics`].
pub(super) struct Statistics {
    device: Device,
    layout: Arc<Layout>,
    rows: BTreeMap<String, Tensor<1>>,
}

impl Statistics {
    /// Those of a state.
    ///
    /// # Panics
    /// If their layout is another.
    pub fn new(layout: Arc<Layout>, statistics: &Params, device: &Device) -> Statistics {
        let mut new = Statistics { device: device.clone(), layout, rows: BTreeMap::new() };
        new.load(statistics);
        new
    }

    /// Takes them over.
    ///
    /// # Panics
    /// If their layout is another.
    pub fn load(&mut self, statistics: &Params) {
        assert!(*statistics.layout == *self.layout, "a state whose statistics are not those of this network");
        let row = |slot: &Slot| (slot.name.clone(), upload(&statistics.values[slot.range()], &self.device));
        self.rows = self.layout.slots.iter().map(row).collect();
    }

    /// As [`crate::params`] has them. Waits for the device.
    pub fn save(&self) -> Params {
        let values = self.layout.slots.iter().flat_map(|slot| numbers(self.rows[&slot.name].clone())).collect();
        Params { layout: self.layout.clone(), values }
    }

    fn mean(&self, layer: &Layer) -> Tensor<1> {
        self.rows[&format!("{}.bn.running_mean", layer.name)].clone()
    }

    fn variance(&self, layer: &Layer) -> Tensor<1> {
        self.rows[&format!("{}.bn.running_var", layer.name)].clone()
    }

    /// Moves a layer's towards those of a batch of `count` pixels, whose `variance` is biased. A batch of one pixel has no unbiased
    /// variance: its biased one, 0, is taken.
    fn learn(&mut self, layer: &Layer, mean: Tensor<1>, variance: Tensor<1>, count: usize) {
        let unbiased = if count > 1 { count as f64 / (count as f64 - 1.0) } else { 1.0 };
        let blend = |old: Tensor<1>, new: Tensor<1>| old * (1.0 - MOMENTUM) + new * MOMENTUM;
        let (mean, variance) = (blend(self.mean(layer), mean), blend(self.variance(layer), variance * unbiased));
        self.rows.insert(format!("{}.bn.running_mean", layer.name), mean);
        self.rows.insert(format!("{}.bn.running_var", layer.name), variance);
    }
}

/// The batch-norm after `layer`, where one follows it.
pub(super) fn norm(tensors: &Tensors, layer: &Layer, y: Tensor<4>, source: &mut Source<'_>) -> Tensor<4> {
    let Some((scale, shift)) = tensors.norm(layer) else { return y };
    let [images, channels, rows, cols] = y.dims();
    match source {
        Source::Running(statistics) => module::batch_norm(y, scale, shift, statistics.mean(layer), statistics.variance(layer), EPSILON),
        Source::Batch => module::batch_norm_train(y, scale, shift, EPSILON).output,
        Source::Learn(statistics) => {
            let normed = module::batch_norm_train(y, scale, shift, EPSILON);
            statistics.learn(layer, normed.mean.inner(), normed.variance.inner(), images * rows * cols);
            normed.output
        }
        Source::Instance => {
            // A batch of one image that has every image's channels.
            let (scale, shift) = (scale.repeat(&[images]), shift.repeat(&[images]));
            let normed = module::batch_norm_train(y.reshape([1, images * channels, rows, cols]), scale, shift, EPSILON);
            normed.output.reshape([images, channels, rows, cols])
        }
    }
}
