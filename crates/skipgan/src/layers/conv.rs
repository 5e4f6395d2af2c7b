//! The 4×4 convolution, stride 2, padding 1 (METHOD.md §1): forward `down`, input gradient `up`, weight gradient `pair`.
//! What it reads it sees through a lens (batch-norm and activation of the layer before); what it writes is its bare output.

use super::weights::Training;
use super::work::Run;
use crate::params::Layout;
use crate::spec::Layer;
use kernels::stride::{self, Filter, Uses, Weight};
use kernels::{Lens, Map, MapMut, Pool, Real, Write};
use std::ops::Range;

/// Places of one convolution's parameters, and its weight for maps of one size: kept prepared, or prepared at each use where it is
/// large and trains.
#[derive(Debug)]
pub struct Conv<T> {
    weight: Range<usize>,
    bias: Option<Range<usize>>,
    filter: Filter<T>,
}

impl<T: Real> Conv<T> {
    /// The convolution `layer` of `layout`, giving maps of `rows` × `cols`, in batches of about `images`. A large weight
    /// that trains is prepared at each use, so that one layer's takes memory at a time.
    ///
    /// # Panics
    /// If `layout` has no such layer.
    pub fn new(layer: &Layer, layout: &Layout, (rows, cols): (usize, usize), images: usize, training: Training) -> Self {
        Self {
            weight: place(layout, &layer.name, "conv.weight").expect("every convolution has a weight"),
            bias: place(layout, &layer.name, "conv.bias"),
            filter: filter(layer, (rows, cols), images, training, Uses::DOWN),
        }
    }

    /// Takes over the weight of `parameters`: after every update.
    pub fn prepare(&mut self, pool: &Pool, parameters: &[T]) {
        if !self.filter.is_loose() {
            self.filter.load(pool, &parameters[self.weight.clone()]);
        }
    }

    /// Reads the prepared weight where another one of the same layer has it.
    pub fn share(&mut self, other: &Self) {
        self.filter.share(&other.filter);
    }

    /// y = lens(x) ∗ W + bias.
    pub fn forward(&self, run: &mut Run<'_, T>, x: Map<'_, T>, lens: Option<Lens<'_, T>>, y: MapMut<'_, T>) {
        let bias = self.bias.clone().map(|range| &run.parameters[range]);
        stride::down(run.pool, x, lens, weight(&self.filter, &run.parameters[self.weight.clone()]), bias, y, &mut run.work.strided);
    }

    /// ∂W and ∂bias into (or onto) `gradient`, from the gradient `dy` of the bare output.
    pub fn weight_gradient(
        &self,
        run: &mut Run<'_, T>,
        (x, lens): (Map<'_, T>, Option<Lens<'_, T>>),
        dy: Map<'_, T>,
        gradient: &mut [T],
        write: Write,
    ) {
        if let Some(bias) = &self.bias {
            bias_gradient(run, dy, &mut gradient[bias.clone()], write);
        }
        let to = (&mut gradient[self.weight.clone()], write);
        stride::pair(run.pool, x, lens, dy, None, to, &mut run.work.strided);
    }

    /// The gradient of what was read (after the lens), from that of the bare output.
    pub fn input_gradient(&self, run: &mut Run<'_, T>, dy: Map<'_, T>, dx: MapMut<'_, T>) {
        stride::up(run.pool, dy, None, weight(&self.filter, &run.parameters[self.weight.clone()]), None, dx, &mut run.work.strided);
    }
}

/// Numbers of a weight up to which it is kept prepared in training too. One step reads a weight of D up to nine times; larger ones
/// would take as much memory as the weights, their gradients and moments together.
const KEPT: usize = 1 << 16;

/// A filter of a layer: prepared at each use where it is large and trains.
pub(super) fn filter<T: Real>(layer: &Layer, (rows, cols): (usize, usize), images: usize, training: Training, scoring: Uses) -> Filter<T> {
    let filter = match training {
        Training::On if 16 * layer.wide * layer.deep > KEPT => Filter::loose(layer.wide, layer.deep, rows, cols, images),
        Training::On => Filter::new(layer.wide, layer.deep, rows, cols, images, Uses::BOTH),
        Training::Off => Filter::new(layer.wide, layer.deep, rows, cols, images, scoring),
    };
    filter.quick()
}

/// The weight of a call.
pub(super) fn weight<'a, T: Real>(filter: &'a Filter<T>, stored: &'a [T]) -> Weight<'a, T> {
    if filter.is_loose() { filter.with(stored) } else { filter.into() }
}

/// The range of tensor `prefix.suffix`.
pub(super) fn place(layout: &Layout, prefix: &str, suffix: &str) -> Option<Range<usize>> {
    layout.find(&format!("{prefix}.{suffix}")).map(|slot| slot.range())
}

/// Σ dy over all pixels.
pub(super) fn bias_gradient<T: Real>(run: &mut Run<'_, T>, dy: Map<'_, T>, to: &mut [T], write: Write) {
    let [sum, centred] = &mut run.work.sums;
    let (sum, centred) = (&mut sum[..to.len()], &mut centred[..to.len()]);
    kernels::norm::moments(run.pool, dy, sum, centred, &mut run.work.partials);
    for (to, &sum) in to.iter_mut().zip(sum.iter()) {
        let sum = T::from_f64(sum);
        *to = if write == Write::Set { sum } else { *to + sum };
    }
}
