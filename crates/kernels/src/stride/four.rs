//! F(4, 2): four results of two taps by five products, where [`super::two`] takes three for two; 25 products along both axes for 64 taps'
//! worth. Its factors are not 0 and ±1 alone, so errors grow some ten times: to 2e-6 to 6e-6 of the largest value (docs/performance.md).
//!
//! Points of evaluation are 0, 1, −1, A and ∞ (Lavin and Gray, arXiv 1509.09308).

use super::axes::{Axis, Products};
use super::fast::Fast;
use crate::arch::Lanes;

/// `down`: 10 × 10 pixels, 25 points of each phase, 4 × 4 results.
pub(super) struct Down;

impl Fast<10, 5, 5, 5, 4> for Down {
    type Data = Data;
    type Results = Results;
}

/// The fourth point.
const A: f64 = 2.0;

/// The points of five pixels.
pub(super) struct Data;

impl Axis<5, 5> for Data {
    #[inline(always)]
    fn along<L: Lanes>(d: [L; 5]) -> [L; 5] {
        let (a, less) = (L::splat(A as f32), L::splat(-A as f32));
        let far = d[3].sub(d[1]);
        let (even, odd) = (less.mul_add(d[2], d[3]), less.mul_add(d[1], d[2]));
        [a.mul_add(d[0].sub(d[2]), far), even.add(odd), even.sub(odd), far, less.mul_add(far, d[4].sub(d[2]))]
    }
}

/// The results of five products.
pub(super) struct Results;

impl Axis<5, 4> for Results {
    #[inline(always)]
    fn along<L: Lanes>(m: [L; 5]) -> [L; 4] {
        let (even, odd) = (m[1].add(m[2]), m[1].sub(m[2]));
        let (first, second, third) = (L::splat(A as f32), L::splat((A * A) as f32), L::splat((A * A * A) as f32));
        [m[0].add(even).add(m[3]), first.mul_add(m[3], odd), second.mul_add(m[3], even), third.mul_add(m[3], odd).add(m[4])]
    }
}

impl Products<5, 4> for Results {}

/// [`weights`] of vectors.
pub(super) struct Taps;

impl Axis<2, 5> for Taps {
    #[inline(always)]
    fn along<L: Lanes>(g: [L; 2]) -> [L; 5] {
        let [first, sum, less, far] =
            [1.0 / A, 1.0 / (2.0 - 2.0 * A), 1.0 / (2.0 + 2.0 * A), 1.0 / (A * A * A - A)].map(|v| L::splat(v as f32));
        [g[0].mul(first), g[0].add(g[1]).mul(sum), g[1].sub(g[0]).mul(less), L::splat(A as f32).mul_add(g[1], g[0]).mul(far), g[1]]
    }
}

/// The five weights of two taps.
pub(super) fn weights(g: [f64; 2]) -> [f64; 5] {
    [g[0] / A, (g[0] + g[1]) / (2.0 - 2.0 * A), (g[1] - g[0]) / (2.0 + 2.0 * A), (g[0] + A * g[1]) / (A * A * A - A), g[1]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::{Single, Words};

    fn single(value: f64) -> Single {
        // SAFETY: one number.
        unsafe { Single::load(&(value as f32)) }
    }

    fn number(value: Single) -> f64 {
        let mut number = 0.0f32;
        // SAFETY: one number.
        unsafe { value.store(&mut number) };
        f64::from(number)
    }

    #[test]
    fn four_results_of_two_taps() {
        let (data, taps) = ([0.3, -1.1, 0.7, 2.0, -0.4], [0.9, -0.6]);
        let (found, factors) = (Data::along(data.map(single)), weights(taps));
        let mut products = found;
        (0..5).for_each(|i| products[i] = found[i].mul(single(factors[i])));
        for (i, found) in Results::along(products).map(number).into_iter().enumerate() {
            let meant = data[i] * taps[0] + data[i + 1] * taps[1];
            assert!((found - meant).abs() < 1e-5, "{i}: {found} for {meant}");
        }
    }

    #[test]
    fn points_of_taps_are_their_weights() {
        for taps in [[0.9, -0.6], [0.1, 0.3]] {
            for (found, meant) in Taps::along(taps.map(single)).map(number).into_iter().zip(weights(taps)) {
                assert!((found - meant).abs() < 1e-7, "{found} for {meant}");
            }
        }
    }
}
