//! The discriminator's logit `d.head` (METHOD.md §2, DETECTION.md §3.5): a linear map from what stands before it (the latent
//! vector, or each cell of the last map) to one number, before the sigmoid. The authors' 3×3 head on a 1×1 map has one live
//! tap, so it is this too.

use super::work::Run;
use crate::params::Layout;
use kernels::{Real, Write};
use std::ops::Range;

/// Places of `d.head`'s parameters.
#[derive(Clone, Debug)]
pub struct Logit {
    weight: Range<usize>,
    bias: Option<Range<usize>>,
}

impl Logit {
    /// `d.head` of `layout`.
    ///
    /// # Panics
    /// If there is none.
    pub fn find(layout: &Layout) -> Logit {
        let weight = layout.find("d.head.weight").expect("every discriminator has a head").range();
        Logit { weight, bias: layout.find("d.head.bias").map(|slot| slot.range()) }
    }

    /// One logit a cell of `cells` `[cells, channels]`.
    pub fn forward<T: Real>(&self, run: &mut Run<'_, T>, cells: &[T], logits: &mut [T]) {
        let weight = &run.parameters[self.weight.clone()];
        let bias = self.bias.clone().map_or(0.0, |bias| run.parameters[bias.start].to_f64());
        for (logit, cell) in logits.iter_mut().zip(cells.chunks(weight.len())) {
            *logit = T::from_f64(product(cell, weight) + bias);
        }
    }

    /// ∂W and ∂bias into (or onto) `gradient`.
    pub fn weight_gradient<T: Real>(&self, run: &mut Run<'_, T>, cells: &[T], dlogits: &[T], gradient: &mut [T], write: Write) {
        let length = self.weight.len();
        let sums = &mut run.work.sums[0][..length];
        sums.fill(0.0);
        for (cell, d) in cells.chunks(length).zip(dlogits) {
            sums.iter_mut().zip(cell).for_each(|(sum, v)| *sum += d.to_f64() * v.to_f64());
        }
        let put = |to: &mut T, sum: f64| *to = if write == Write::Set { T::from_f64(sum) } else { *to + T::from_f64(sum) };
        gradient[self.weight.clone()].iter_mut().zip(sums.iter()).for_each(|(to, &sum)| put(to, sum));
        if let Some(bias) = &self.bias {
            put(&mut gradient[bias.start], dlogits.iter().map(|d| d.to_f64()).sum());
        }
    }

    /// The gradient of `cells`.
    pub fn input_gradient<T: Real>(&self, run: &Run<'_, T>, dlogits: &[T], dcells: &mut [T]) {
        let weight = &run.parameters[self.weight.clone()];
        for (cell, &d) in dcells.chunks_mut(weight.len()).zip(dlogits) {
            cell.iter_mut().zip(weight).for_each(|(to, &w)| *to = d * w);
        }
    }
}

/// Σ a·b in eight sums side by side, so that none waits for the one before.
fn product<T: Real>(a: &[T], b: &[T]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        (0..8).for_each(|i| sums[i] += a[i].to_f64() * b[i].to_f64());
    }
    a_rest.iter().zip(b_rest).fold(sums.iter().sum(), |sum: f64, (a, b)| sum + a.to_f64() * b.to_f64())
}
