//! Adam in one pass over flat buffers, as PyTorch computes it.

use crate::arch::{Kernel, Lanes, dispatch};
use crate::{Pool, Real};

/// What one update needs to know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamRates {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the first moment (the paper's 0.5).
    pub beta1: f64,
    /// Decay of the second moment (0.999).
    pub beta2: f64,
    /// Added to the root (1e-8).
    pub eps: f64,
    /// Which update this is, from 1.
    pub step: u64,
}

/// Elements a job takes: four streams of 64 KiB.
const CHUNK: usize = 16 * 1024;

/// w −= lr/(1−β1ᵗ) · m / (√v/√(1−β2ᵗ) + ε), with m ← β1·m + (1−β1)·g and v ← β2·v + (1−β2)·g².
///
/// A zero gradient with zero moments leaves the weight as it is, bit for bit (dead taps never move).
///
/// # Panics
/// If lengths differ or `rates.step` is 0.
pub fn step<T: Real>(pool: &Pool, w: &mut [T], g: &[T], m: &mut [T], v: &mut [T], rates: &AdamRates) {
    assert!(rates.step > 0, "Adam's first update is step 1");
    assert_eq!(w.len(), g.len(), "one gradient a weight");
    let t = i32::try_from(rates.step).unwrap_or(i32::MAX);
    let rate = T::from_f64(rates.lr / (1.0 - rates.beta1.powi(t)));
    let root = T::from_f64(1.0 / (1.0 - rates.beta2.powi(t)).sqrt());
    let eps = T::from_f64(rates.eps);
    let (keep1, keep2) = (T::from_f64(rates.beta1), T::from_f64(rates.beta2));
    let (take1, take2) = (T::from_f64(1.0 - rates.beta1), T::from_f64(1.0 - rates.beta2));
    let numbers = Numbers { rate, root, eps, keep1, keep2, take1, take2 };
    pool.chunks_mut3(w, m, v, CHUNK, |i, w, m, v| {
        let g = &g[i * CHUNK..][..w.len()];
        dispatch(pool.level(), Chunk { w, g, m, v, numbers });
    });
}

#[derive(Clone, Copy)]
struct Numbers<T> {
    rate: T,
    root: T,
    eps: T,
    keep1: T,
    keep2: T,
    take1: T,
    take2: T,
}

/// One job. No fused products: every instruction set gives the same bits.
struct Chunk<'a, T> {
    w: &'a mut [T],
    g: &'a [T],
    m: &'a mut [T],
    v: &'a mut [T],
    numbers: Numbers<T>,
}

impl<T: Real> Kernel for Chunk<'_, T> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Numbers { rate, root, eps, keep1, keep2, take1, take2 } = self.numbers;
        for (((w, m), v), &g) in self.w.iter_mut().zip(self.m).zip(self.v).zip(self.g) {
            *m = keep1 * *m + take1 * g;
            *v = keep2 * *v + take2 * g * g;
            *w -= rate * *m / (v.sqrt() * root + eps);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_steps_by_hand() {
        let pool = Pool::new(1).unwrap();
        let (mut w, mut m, mut v) = ([1.0f64], [0.0], [0.0]);
        let mut rates = AdamRates { lr: 0.1, beta1: 0.5, beta2: 0.999, eps: 1e-8, step: 1 };
        step(&pool, &mut w, &[2.0], &mut m, &mut v, &rates);
        // The first step is lr times the gradient's sign.
        assert!((w[0] - 0.9).abs() < 1e-9, "{}", w[0]);
        assert!((m[0] - 1.0).abs() < 1e-15 && (v[0] - 0.004).abs() < 1e-15);
        rates.step = 2;
        step(&pool, &mut w, &[-1.0], &mut m, &mut v, &rates);
        let (m2, v2) = (0.5 * 1.0 - 0.5, 0.999 * 0.004 + 0.001);
        let expected: f64 = 0.9 - 0.1 / 0.75 * m2 / ((v2 / (1.0 - 0.999f64.powi(2))).sqrt() + 1e-8);
        assert!((w[0] - expected).abs() < 1e-9);
    }

    #[test]
    fn dead_weights_do_not_move() {
        let pool = Pool::new(2).unwrap();
        let before: Vec<f32> = (0..40_000).map(|i| (i as f32 - 7.0) * 1e-3).collect();
        let (mut w, g) = (before.clone(), vec![0.0f32; 40_000]);
        let (mut m, mut v) = (g.clone(), g.clone());
        let rates = AdamRates { lr: 2e-3, beta1: 0.5, beta2: 0.999, eps: 1e-8, step: 7 };
        step(&pool, &mut w, &g, &mut m, &mut v, &rates);
        assert!(w.iter().zip(&before).all(|(a, b)| a.to_bits() == b.to_bits()));
    }

    #[test]
    fn single_precision_follows_double_and_threads_agree() {
        let count = 50_001;
        let g: Vec<f32> = (0..count).map(|i| ((i * 37 % 101) as f32 - 50.0) * 1e-3).collect();
        let run = |threads: usize| {
            let pool = Pool::new(threads).unwrap();
            let (mut w, mut m, mut v) = (vec![0.5f32; count], vec![0.0; count], vec![0.0; count]);
            for t in 1..4 {
                let rates = AdamRates { lr: 2e-3, beta1: 0.5, beta2: 0.999, eps: 1e-8, step: t };
                step(&pool, &mut w, &g, &mut m, &mut v, &rates);
            }
            w
        };
        let one = run(1);
        assert!(run(2) == one && run(3) == one);
        let pool = Pool::new(1).unwrap();
        let g64: Vec<f64> = g.iter().map(|&g| f64::from(g)).collect();
        let (mut w, mut m, mut v) = (vec![0.5f64; count], vec![0.0; count], vec![0.0; count]);
        for t in 1..4 {
            let rates = AdamRates { lr: 2e-3, beta1: 0.5, beta2: 0.999, eps: 1e-8, step: t };
            step(&pool, &mut w, &g64, &mut m, &mut v, &rates);
        }
        // Steps are at most lr: three of them round to a few parts in 1e7 of the weight.
        assert!(one.iter().zip(&w).all(|(&a, &b)| (f64::from(a) - b).abs() < 3e-7));
    }
}
