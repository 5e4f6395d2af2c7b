//! F(4, 2): four results of two taps by five products, where [`super::two`] takes three for two. Its factors are not 0 and ±1 alone, so
//! errors grow some ten times: to 2e-6 to 6e-6 of the largest value (docs/performance.md).
//!
//! Points of evaluation are 0, 1, −1, A and ∞ (Lavin and Gray, arXiv 1509.09308; KERNELS.md §4).

#![allow(clippy::needless_range_loop, reason = "fixed small loops over registers read better by index")]

use crate::arch::Lanes;

/// The fourth point.
const A: f64 = 2.0;

/// Five data to five points.
#[inline(always)]
pub(super) fn points<L: Lanes>(d: [L; 5]) -> [L; 5] {
    let (a, less) = (L::splat(A as f32), L::splat(-A as f32));
    let far = d[3].sub(d[1]);
    let (even, odd) = (less.mul_add(d[2], d[3]), less.mul_add(d[1], d[2]));
    [a.mul_add(d[0].sub(d[2]), far), even.add(odd), even.sub(odd), far, less.mul_add(far, d[4].sub(d[2]))]
}

/// Five products to four results.
#[inline(always)]
pub(super) fn results<L: Lanes>(m: [L; 5]) -> [L; 4] {
    let (even, odd) = (m[1].add(m[2]), m[1].sub(m[2]));
    let (first, second, third) = (L::splat(A as f32), L::splat((A * A) as f32), L::splat((A * A * A) as f32));
    [m[0].add(even).add(m[3]), first.mul_add(m[3], odd), second.mul_add(m[3], even), third.mul_add(m[3], odd).add(m[4])]
}

/// The 25 points of 2 × 2 taps, a vector each: [`weights`] per axis; `to[(a*5+b) * points]`.
///
/// # Safety
/// 25 vectors must be writable.
#[inline(always)]
pub(super) unsafe fn tap_points<L: Lanes>(g: [[L; 2]; 2], to: *mut f32, points: usize) {
    let down = [spread([g[0][0], g[1][0]]), spread([g[0][1], g[1][1]])];
    for a in 0..5 {
        for (b, value) in spread([down[0][a], down[1][a]]).into_iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { value.store(to.add((a * 5 + b) * points)) };
        }
    }
}

/// [`weights`] of vectors.
#[inline(always)]
fn spread<L: Lanes>(g: [L; 2]) -> [L; 5] {
    let [first, sum, less, far] =
        [1.0 / A, 1.0 / (2.0 - 2.0 * A), 1.0 / (2.0 + 2.0 * A), 1.0 / (A * A * A - A)].map(|v| L::splat(v as f32));
    [g[0].mul(first), g[0].add(g[1]).mul(sum), g[1].sub(g[0]).mul(less), L::splat(A as f32).mul_add(g[1], g[0]).mul(far), g[1]]
}

/// The five weights of two taps.
pub(super) fn weights(g: [f64; 2]) -> [f64; 5] {
    [g[0] / A, (g[0] + g[1]) / (2.0 - 2.0 * A), (g[1] - g[0]) / (2.0 + 2.0 * A), (g[0] + A * g[1]) / (A * A * A - A), g[1]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::{Single, Words};

    #[test]
    fn four_results_of_two_taps() {
        let (data, taps) = ([0.3f32, -1.1, 0.7, 2.0, -0.4], [0.9f64, -0.6]);
        // SAFETY: one number each.
        let single = |v: f32| unsafe { Single::load(&v) };
        let (found, factors) = (points(data.map(single)), weights(taps));
        let mut products = found;
        (0..5).for_each(|i| products[i] = found[i].mul(single(factors[i] as f32)));
        for (i, found) in results(products).into_iter().enumerate() {
            let mut value = 0.0f32;
            // SAFETY: one number.
            unsafe { found.store(&mut value) };
            let meant = f64::from(data[i]) * taps[0] + f64::from(data[i + 1]) * taps[1];
            assert!((f64::from(value) - meant).abs() < 1e-5, "{i}: {value} for {meant}");
        }
    }

    #[test]
    fn points_of_taps_are_their_weights() {
        let taps = [[0.9f64, -0.6], [0.1, 0.3]];
        // SAFETY: one number each.
        let g = taps.map(|row| row.map(|v| unsafe { Single::load(&(v as f32)) }));
        let mut found = [0.0f32; 25];
        // SAFETY: 25 numbers.
        unsafe { tap_points(g, found.as_mut_ptr(), 1) };
        let down = [weights([taps[0][0], taps[1][0]]), weights([taps[0][1], taps[1][1]])];
        for (i, found) in found.into_iter().enumerate() {
            let meant = weights([down[0][i / 5], down[1][i / 5]])[i % 5];
            assert!((f64::from(found) - meant).abs() < 1e-7, "{i}: {found} for {meant}");
        }
    }
}
