//! The discriminator's full-extent convolution `d.latent` (METHOD.md §2): the whole remaining map to `nz` numbers, without
//! padding, norm or activation: f(x) of the authors' code. One matrix product an image.

use super::conv::bias_gradient;
use super::work::Run;
use crate::params::Layout;
use kernels::gemm::{Matrix, Prepared, multiply, multiply_prepared};
use kernels::{Map, Pool, Real, Write};
use std::ops::Range;

/// Places of `d.latent`'s parameters, and its weight laid out for the forward pass.
#[derive(Debug)]
pub struct LatentVector<T> {
    weight: Range<usize>,
    bias: Option<Range<usize>>,
    extent: usize,
    nz: usize,
    prepared: Prepared<T>,
}

impl<T: Real> LatentVector<T> {
    /// `d.latent` of `layout`, if there is one.
    pub fn find(layout: &Layout) -> Option<LatentVector<T>> {
        let slot = layout.find("d.latent.weight")?;
        let bias = layout.find("d.latent.bias").map(|slot| slot.range());
        let (extent, nz) = (slot.shape[1..].iter().product(), slot.shape[0]);
        Some(LatentVector { weight: slot.range(), bias, extent, nz, prepared: Prepared::new(extent, nz) })
    }

    /// Takes over the weight of `parameters`: after every update.
    pub fn prepare(&mut self, pool: &Pool, parameters: &[T]) {
        self.prepared.load(pool, Matrix::rows(&parameters[self.weight.clone()], self.extent, self.nz));
    }

    /// As [`super::Conv::share`].
    pub fn share(&mut self, other: &Self) {
        self.prepared.share(&other.prepared);
    }

    /// Length of f(x).
    pub fn length(&self) -> usize {
        self.nz
    }

    /// z `[images, nz]` of the activated maps `hidden` `[images, rows·cols·channels]`.
    pub fn forward(&self, run: &mut Run<'_, T>, hidden: &[T], z: &mut [T]) {
        let images = z.len() / self.nz;
        multiply_prepared(run.pool, Matrix::rows(hidden, images, self.extent), &self.prepared, z);
        if let Some(bias) = &self.bias {
            let bias = &run.parameters[bias.clone()];
            z.chunks_mut(self.nz).for_each(|z| z.iter_mut().zip(bias).for_each(|(z, &b)| *z += b));
        }
    }

    /// ∂W and ∂bias into (or onto) `gradient`.
    pub fn weight_gradient(&self, run: &mut Run<'_, T>, hidden: &[T], dz: &[T], gradient: &mut [T], write: Write) {
        let images = dz.len() / self.nz;
        if let Some(bias) = &self.bias {
            bias_gradient(run, Map::dense(dz, images, 1, 1, self.nz), &mut gradient[bias.clone()], write);
        }
        let (a, b) = (Matrix::transposed(hidden, self.extent, images), Matrix::rows(dz, images, self.nz));
        let to = &mut gradient[self.weight.clone()];
        multiply(run.pool, a, b, to, write, &mut run.work.product);
    }

    /// The gradient of `hidden`, `[images, rows·cols·channels]`.
    pub fn input_gradient(&self, run: &mut Run<'_, T>, dz: &[T], dhidden: &mut [T]) {
        let images = dz.len() / self.nz;
        let weight = Matrix::transposed(&run.parameters[self.weight.clone()], self.nz, self.extent);
        multiply(run.pool, Matrix::rows(dz, images, self.nz), weight, dhidden, Write::Set, &mut run.work.product);
    }
}
