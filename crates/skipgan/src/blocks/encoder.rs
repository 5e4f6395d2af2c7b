//! G's encoder: enc.i = activation → convolution → batch-norm, halving level by level (METHOD.md §1, `encoder_block`).

use super::join::{Half, Join};
use crate::layers::weights::Training;
use crate::layers::{BatchNorm, Conv, Run, Source};
use crate::params::Layout;
use crate::spec::GeneratorSpec;
use kernels::{Map, Pool, Real, Write};
use std::ops::Range;

/// All levels, outermost first.
#[derive(Debug)]
pub struct Encoder<T> {
    levels: Vec<(Conv<T>, Option<BatchNorm>)>,
    /// The gradient of what a level read; as large as the largest.
    read: Vec<T>,
}

impl<T: Real> Encoder<T> {
    /// For pictures of `height` × `width`; `trained` images may have gradients (0: none).
    pub fn new(
        spec: &GeneratorSpec,
        (parameters, statistics): (&Layout, &Layout),
        (height, width): (usize, usize),
        images: usize,
        trained: usize,
    ) -> Self {
        let training = Training::of(trained);
        let level = |(i, layer): (usize, crate::spec::Layer)| {
            let conv = Conv::new(&layer, parameters, (height >> (i + 1), width >> (i + 1)), images, training);
            (conv, BatchNorm::find(&layer.name, parameters, statistics))
        };
        let levels = spec.encoder().into_iter().enumerate().map(level).collect();
        let read = (1..spec.levels).map(|i| (height >> i) * (width >> i) * spec.channels(i - 1)).max().unwrap_or(0);
        Self { levels, read: vec![T::ZERO; trained * read] }
    }

    /// Takes over the weights.
    pub fn prepare(&mut self, pool: &Pool, parameters: &[T]) {
        self.levels.iter_mut().for_each(|(conv, _)| conv.prepare(pool, parameters));
    }

    /// Reads prepared weights where another one of the same network has them.
    pub fn share(&mut self, other: &Self) {
        self.levels.iter_mut().zip(&other.levels).for_each(|(own, others)| own.0.share(&others.0));
    }

    /// Fills the encoder's half of every join.
    pub fn forward(
        &self,
        run: &mut Run<'_, T>,
        image: Map<'_, T>,
        joins: &mut [Join<T>],
        images: Range<usize>,
        source: &mut Source<'_, T>,
    ) {
        for (level, (conv, norm)) in self.levels.iter().enumerate() {
            let (outer, inner) = joins.split_at_mut(level);
            let (x, lens) = outer.last().map_or((image, None), |join| join.for_encoder(images.clone()));
            conv.forward(run, x, lens, inner[0].write(Half::Encoded, images.clone()));
            if let Some(norm) = norm {
                inner[0].normalise(Half::Encoded, norm, run, images.clone(), source);
            }
        }
    }

    /// From the joins' gradients (skips and bottleneck, as the decoder left them) to the weights'.
    pub fn backward(&mut self, run: &mut Run<'_, T>, image: Map<'_, T>, joins: &mut [Join<T>], gradient: &mut [T]) {
        let images = image.images;
        for (level, (conv, norm)) in self.levels.iter().enumerate().rev() {
            let (outer, inner) = joins.split_at_mut(level);
            if let Some(norm) = norm {
                inner[0].leave_norm(Half::Encoded, norm, run, images, gradient);
            }
            let dy = inner[0].gradient(Half::Encoded, images);
            let read = outer.last().map_or((image, None), |join| join.for_encoder(0..images));
            conv.weight_gradient(run, read, dy, gradient, Write::Set);
            if let Some(join) = outer.last_mut() {
                let (rows, cols, channels) = (2 * dy.rows, 2 * dy.cols, join.gradient(Half::Encoded, images).channels);
                let read = &mut self.read[..images * rows * cols * channels];
                conv.input_gradient(run, dy, kernels::MapMut::dense(read, images, rows, cols, channels));
                join.leave_encoder(run, Map::dense(read, images, rows, cols, channels));
            }
        }
    }
}
