//! G's decoder: dec.i = concatenation → activation → transposed convolution → batch-norm, doubling level by level
//! (METHOD.md §1, `decoder_block`). The concatenation is the join's address.

use super::join::{Half, Join};
use crate::layers::weights::Training;
use crate::layers::{BatchNorm, Deconv, Run, Source};
use crate::params::Layout;
use crate::spec::GeneratorSpec;
use kernels::{Map, MapMut, Pool, Real};
use std::ops::Range;

/// All levels, outermost first.
#[derive(Debug)]
pub struct Decoder<T> {
    levels: Vec<(Deconv<T>, Option<BatchNorm>)>,
}

impl<T: Real> Decoder<T> {
    /// For pictures of `height` × `width`, with or without what a backward pass needs.
    pub fn new(
        spec: &GeneratorSpec,
        (parameters, statistics): (&Layout, &Layout),
        (height, width): (usize, usize),
        images: usize,
        training: Training,
    ) -> Self {
        let level = |(i, layer): (usize, crate::spec::Layer)| {
            let deconv = Deconv::new(&layer, parameters, (height >> (i + 1), width >> (i + 1)), images, training);
            (deconv, BatchNorm::find(&layer.name, parameters, statistics))
        };
        Self { levels: spec.decoder().into_iter().enumerate().map(level).collect() }
    }

    /// Takes over the weights.
    pub fn prepare(&mut self, pool: &Pool, parameters: &[T]) {
        self.levels.iter_mut().for_each(|(deconv, _)| deconv.prepare(pool, parameters));
    }

    /// Reads prepared weights where another one of the same network has them.
    pub fn share(&mut self, other: &Self) {
        self.levels.iter_mut().zip(&other.levels).for_each(|(own, others)| own.0.share(&others.0));
    }

    /// From the bottleneck to the bare output of dec.0.
    pub fn forward(
        &self,
        run: &mut Run<'_, T>,
        joins: &mut [Join<T>],
        mut output: MapMut<'_, T>,
        images: Range<usize>,
        source: &mut Source<'_, T>,
    ) {
        for (level, (deconv, norm)) in self.levels.iter().enumerate().rev() {
            let (outer, inner) = joins.split_at_mut(level);
            let (y, lens) = inner[0].for_decoder(images.clone());
            let Some(join) = outer.last_mut() else {
                return deconv.forward(run, y, lens, output.reborrow());
            };
            deconv.forward(run, y, lens, join.write(Half::Below, images.clone()));
            if let Some(norm) = norm {
                join.normalise(Half::Below, norm, run, images.clone(), source);
            }
        }
    }

    /// From the gradient of dec.0's bare output to those of the weights, the skips and the bottleneck.
    pub fn backward(&self, run: &mut Run<'_, T>, joins: &mut [Join<T>], output: Map<'_, T>, gradient: &mut [T]) {
        let images = output.images;
        for (level, (deconv, norm)) in self.levels.iter().enumerate() {
            let (outer, inner) = joins.split_at_mut(level);
            if let (Some(join), Some(norm)) = (outer.last_mut(), norm) {
                join.leave_norm(Half::Below, norm, run, images, gradient);
            }
            let dx = outer.last().map_or(output, |join| join.gradient(Half::Below, images));
            deconv.weight_gradient(run, inner[0].for_decoder(0..images), dx, gradient);
            deconv.input_gradient(run, dx, inner[0].gradient_for_decoder(images));
            inner[0].leave_decoder(run, images);
        }
    }
}
