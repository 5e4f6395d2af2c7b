//! The 4×4 transposed convolution, stride 2, padding 1 (METHOD.md §1): forward `up`, input gradient `down`, weight gradient
//! `pair`. Free taps are the published layer; tied taps (DETECTION.md §3.5) are nearest ×2 followed by a 3×3 convolution,
//! written as the same layer: W₄ = T·W₃·Tᵀ, ∂W₃ = Tᵀ·∂W₄·T.

use super::conv::{bias_gradient, filter, place, weight};
use super::weights::Training;
use super::work::Run;
use crate::params::Layout;
use crate::spec::{Layer, Taps};
use kernels::stride::{self, Filter, Uses, Weight};
use kernels::{Lens, Map, MapMut, Pool, Real, Write};
use std::ops::Range;

/// Places of one transposed convolution's parameters, and its weight prepared for maps of one size.
#[derive(Debug)]
pub struct Deconv<T> {
    weight: Range<usize>,
    bias: Option<Range<usize>>,
    filter: Filter<T>,
    /// W₄ of tied taps; empty where taps are free.
    derived: Vec<T>,
}

impl<T: Real> Deconv<T> {
    /// The transposed convolution `layer` of `layout`, reading maps of `rows` × `cols`, in batches of about `images`. As
    /// [`super::Conv::new`] keeps its weight.
    ///
    /// # Panics
    /// If `layout` has no such layer.
    pub fn new(layer: &Layer, layout: &Layout, (rows, cols): (usize, usize), images: usize, training: Training) -> Self {
        let filter = filter(layer, (rows, cols), images, training, Uses::UP);
        Self {
            weight: place(layout, &layer.name, "conv.weight").expect("every convolution has a weight"),
            bias: place(layout, &layer.name, "conv.bias"),
            filter: if layer.taps == Taps::Tied { filter.tied() } else { filter },
            derived: if layer.taps == Taps::Tied { vec![T::ZERO; 16 * layer.wide * layer.deep] } else { Vec::new() },
        }
    }

    /// Takes over the weight of `parameters`: after every update.
    pub fn prepare(&mut self, pool: &Pool, parameters: &[T]) {
        let stored = &parameters[self.weight.clone()];
        if !self.derived.is_empty() {
            spread(stored, &mut self.derived);
        }
        if !self.filter.is_loose() {
            self.filter.load(pool, if self.derived.is_empty() { stored } else { &self.derived });
        }
    }

    /// As [`super::Conv::share`].
    pub fn share(&mut self, other: &Self) {
        self.filter.share(&other.filter);
    }

    fn four<'a>(&'a self, parameters: &'a [T]) -> Weight<'a, T> {
        let stored = if self.derived.is_empty() { &parameters[self.weight.clone()] } else { &self.derived };
        weight(&self.filter, stored)
    }

    /// x = the transposed convolution of lens(y) + bias.
    pub fn forward(&self, run: &mut Run<'_, T>, y: Map<'_, T>, lens: Option<Lens<'_, T>>, x: MapMut<'_, T>) {
        let bias = self.bias.clone().map(|range| &run.parameters[range]);
        stride::up(run.pool, y, lens, self.four(run.parameters), bias, x, &mut run.work.strided);
    }

    /// ∂W and ∂bias into `gradient`, from the gradient `dx` of the bare output.
    pub fn weight_gradient(&self, run: &mut Run<'_, T>, (y, lens): (Map<'_, T>, Option<Lens<'_, T>>), dx: Map<'_, T>, gradient: &mut [T]) {
        if let Some(bias) = &self.bias {
            bias_gradient(run, dx, &mut gradient[bias.clone()], Write::Set);
        }
        let to = &mut gradient[self.weight.clone()];
        if self.derived.is_empty() {
            return stride::pair(run.pool, dx, None, y, lens, (to, Write::Set), &mut run.work.strided);
        }
        let four = &mut run.work.weight[..self.derived.len()];
        stride::pair(run.pool, dx, None, y, lens, (four, Write::Set), &mut run.work.strided);
        gather(four, to);
    }

    /// The gradient of what was read (after the lens), from that of the bare output.
    pub fn input_gradient(&self, run: &mut Run<'_, T>, dx: Map<'_, T>, dy: MapMut<'_, T>) {
        stride::down(run.pool, dx, None, self.four(run.parameters), None, dy, &mut run.work.strided);
    }
}

/// Rows of T: which of the three taps make up each of the four.
const TIES: [&[usize]; 4] = [&[2], &[1, 2], &[0, 1], &[0]];

/// Calls `join(four, three)` for every pair of taps with T·T ≠ 0, each as an index of [ky][kx].
fn ties(mut join: impl FnMut(usize, usize)) {
    for four in 0..16 {
        for &row in TIES[four / 4] {
            for &col in TIES[four % 4] {
                join(four, 3 * row + col);
            }
        }
    }
}

/// W₄ = T·W₃·Tᵀ; both `[ky][kx][wide][deep]`.
pub(crate) fn spread<T: Real>(three: &[T], four: &mut [T]) {
    let tap = three.len() / 9;
    four.fill(T::ZERO);
    ties(|to, from| {
        for (to, &from) in four[to * tap..][..tap].iter_mut().zip(&three[from * tap..]) {
            *to += from;
        }
    });
}

/// ∂W₃ = Tᵀ·∂W₄·T.
fn gather<T: Real>(four: &[T], three: &mut [T]) {
    let tap = three.len() / 9;
    three.fill(T::ZERO);
    ties(|from, to| {
        for (to, &from) in three[to * tap..][..tap].iter_mut().zip(&four[from * tap..]) {
            *to += from;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nearest ×2, then a 3×3 convolution with padding 1 (cross-correlation, as everywhere), one channel.
    fn nearest_then_three(x: &[f64], rows: usize, cols: usize, w: &[f64]) -> Vec<f64> {
        let (tall, broad) = (2 * rows as isize, 2 * cols as isize);
        let at = |r: isize, c: isize| {
            if r < 0 || c < 0 || r >= tall || c >= broad { 0.0 } else { x[(r / 2) as usize * cols + (c / 2) as usize] }
        };
        let mut out = Vec::new();
        for r in 0..tall {
            for c in 0..broad {
                out.push((0..9).map(|k| w[k as usize] * at(r + k / 3 - 1, c + k % 3 - 1)).sum());
            }
        }
        out
    }

    #[test]
    fn tied_taps_are_nearest_and_a_three_by_three_convolution() {
        let (rows, cols) = (3, 2);
        let x: Vec<f64> = (0..6).map(|i| f64::from(i) * 0.7 - 1.3).collect();
        let w: Vec<f64> = (0..9).map(|i| 0.3 * f64::from(i) - 1.1).collect();
        let mut four = vec![0.0; 16];
        spread(&w, &mut four);
        let mut out = vec![0.0; 24];
        let small = Map::dense(&x, 1, rows, cols, 1);
        kernels::reference::up(small, None, &four, None, MapMut::dense(&mut out, 1, 2 * rows, 2 * cols, 1));
        let expected = nearest_then_three(&x, rows, cols, &w);
        assert!(out.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12), "{out:?} {expected:?}");
    }

    #[test]
    fn gathering_is_the_transpose_of_spreading() {
        let three: Vec<f64> = (0..18).map(|i| (f64::from(i) * 1.7).sin()).collect();
        let four: Vec<f64> = (0..32).map(|i| (f64::from(i) * 0.9).cos()).collect();
        let (mut up, mut down) = (vec![0.0; 32], vec![0.0; 18]);
        spread(&three, &mut up);
        gather(&four, &mut down);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        assert!((dot(&up, &four) - dot(&three, &down)).abs() < 1e-12);
    }
}
