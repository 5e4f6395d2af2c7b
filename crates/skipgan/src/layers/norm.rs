//! Batch-norm (METHOD.md §1): momentum 0.1, ε 1e-5; training normalises with the batch's biased variance and moves the
//! running one with the unbiased.
//!
//! Forward only measures: the result is the affine half of a [`kernels::Lens`], applied by whoever reads the map. Instance
//! norm is a batch of one image.

use super::conv::place;
use super::work::Run;
use crate::params::Layout;
use kernels::norm;
use kernels::{Map, MapMut, Real, Write};
use std::ops::Range;

/// Added to the variance.
pub(crate) const EPSILON: f64 = 1e-5;
/// Weight of a new batch in the running statistics.
pub(crate) const MOMENTUM: f64 = 0.1;

/// Which statistics a forward pass normalises with.
#[derive(Debug)]
pub enum Source<'a, T> {
    /// The batch's, and the running ones (given whole) move.
    Learn(&'a mut [T]),
    /// The batch's.
    Batch,
    /// The running ones (given whole).
    Running(&'a [T]),
}

/// What a forward pass normalised with: the backward map needs it.
#[derive(Debug)]
pub struct Moments {
    mean: Vec<f64>,
    variance: Vec<f64>,
    inverse: Vec<f64>,
    count: usize,
}

impl Moments {
    /// Memory for `channels` channels.
    pub fn new(channels: usize) -> Moments {
        Moments { mean: vec![0.0; channels], variance: vec![0.0; channels], inverse: vec![0.0; channels], count: 0 }
    }

    fn measure<T: Real>(&mut self, run: &mut Run<'_, T>, y: Map<'_, T>) {
        norm::moments(run.pool, y, &mut self.mean, &mut self.variance, &mut run.work.partials);
        self.count = y.pixels();
        let count = self.count as f64;
        self.mean.iter_mut().chain(&mut self.variance).for_each(|sum| *sum /= count);
    }

    fn recall<T: Real>(&mut self, mean: &[T], variance: &[T]) {
        let pairs = self.mean.iter_mut().zip(mean).chain(self.variance.iter_mut().zip(variance));
        pairs.for_each(|(to, &from)| *to = from.to_f64());
    }
}

/// Places of one batch-norm's parameters and running statistics.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    scale: Range<usize>,
    shift: Range<usize>,
    mean: Range<usize>,
    variance: Range<usize>,
}

impl BatchNorm {
    /// The batch-norm after layer `name`, if there is one.
    pub fn find(name: &str, parameters: &Layout, statistics: &Layout) -> Option<BatchNorm> {
        Some(BatchNorm {
            scale: place(parameters, name, "bn.weight")?,
            shift: place(parameters, name, "bn.bias")?,
            mean: place(statistics, name, "bn.running_mean")?,
            variance: place(statistics, name, "bn.running_var")?,
        })
    }

    /// Measures or recalls, and gives the affine map v → scale·v + shift that readers of `y` apply.
    pub fn forward<T: Real>(
        &self,
        run: &mut Run<'_, T>,
        y: Map<'_, T>,
        source: &mut Source<'_, T>,
        moments: &mut Moments,
        (scale, shift): (&mut [T], &mut [T]),
    ) {
        match source {
            Source::Running(statistics) => moments.recall(&statistics[self.mean.clone()], &statistics[self.variance.clone()]),
            Source::Batch => moments.measure(run, y),
            Source::Learn(statistics) => {
                moments.measure(run, y);
                self.learn(moments, statistics);
            }
        }
        let (gamma, beta) = (&run.parameters[self.scale.clone()], &run.parameters[self.shift.clone()]);
        for channel in 0..gamma.len() {
            let inverse = 1.0 / (moments.variance[channel] + EPSILON).sqrt();
            let slope = gamma[channel].to_f64() * inverse;
            moments.inverse[channel] = inverse;
            scale[channel] = T::from_f64(slope);
            shift[channel] = T::from_f64(beta[channel].to_f64() - slope * moments.mean[channel]);
        }
    }

    /// Moves the running statistics (given whole) towards those of a batch. A batch of one pixel has no unbiased variance:
    /// its biased one, 0, is taken.
    pub fn learn<T: Real>(&self, moments: &Moments, statistics: &mut [T]) {
        let count = moments.count as f64;
        let unbiased = if moments.count > 1 { count / (count - 1.0) } else { 1.0 };
        let blend = |old: &mut T, new: f64| *old = T::from_f64((1.0 - MOMENTUM) * old.to_f64() + MOMENTUM * new);
        statistics[self.mean.clone()].iter_mut().zip(&moments.mean).for_each(|(old, &new)| blend(old, new));
        let variances = statistics[self.variance.clone()].iter_mut().zip(&moments.variance);
        variances.for_each(|(old, &new)| blend(old, unbiased * new));
    }

    /// Turns `dy`, the gradient of the normalised map, into that of the bare map `y`; ∂scale and ∂shift go into (or onto)
    /// `gradient` where it is given.
    pub fn backward<T: Real>(
        &self,
        run: &mut Run<'_, T>,
        y: Map<'_, T>,
        moments: &Moments,
        dy: MapMut<'_, T>,
        gradient: Option<(&mut [T], Write)>,
    ) {
        let channels = y.channels;
        let [sum, product] = &mut run.work.sums;
        let (sum, product) = (&mut sum[..channels], &mut product[..channels]);
        norm::backward_sums(run.pool, dy.read(), y, &moments.mean, &moments.inverse, sum, product, &mut run.work.partials);
        if let Some((gradient, write)) = gradient {
            store(&mut gradient[self.scale.clone()], product, write);
            store(&mut gradient[self.shift.clone()], sum, write);
        }
        // dx = γ/σ · (dy − Σdy/n − ŷ·Σ(dy·ŷ)/n), as a·dy + b·y + c.
        let [a, b, c] = &mut run.work.coefficients;
        let count = moments.count as f64;
        let gamma = &run.parameters[self.scale.clone()];
        for channel in 0..channels {
            let slope = gamma[channel].to_f64() * moments.inverse[channel];
            let along = -slope * moments.inverse[channel] * product[channel] / count;
            a[channel] = T::from_f64(slope);
            b[channel] = T::from_f64(along);
            c[channel] = T::from_f64(-slope * sum[channel] / count - along * moments.mean[channel]);
        }
        norm::affine(run.pool, dy, y, &a[..channels], &b[..channels], &c[..channels]);
    }
}

fn store<T: Real>(to: &mut [T], sums: &[f64], write: Write) {
    for (to, &sum) in to.iter_mut().zip(sums) {
        let sum = T::from_f64(sum);
        *to = if write == Write::Set { sum } else { *to + sum };
    }
}
