//! Naive loops: the definition of every operation of this crate and the oracle of its tests.
//!
//! `f64` networks always run these, on one thread. They are no yardstick for speed.

use crate::{Lens, Map, MapMut, Real, Write};

/// Rows or columns of the large map that `tap` (0..4) of position `small` meets: `2·small + tap − 1`, if inside.
fn meets(small: usize, tap: usize, large: usize) -> Option<usize> {
    (2 * small + tap).checked_sub(1).filter(|&position| position < large)
}

fn seen<T: Real>(lens: Option<Lens<'_, T>>, channel: usize, value: T) -> T {
    lens.map_or(value, |lens| lens.see(channel, value))
}

/// y[h, w, deep] = bias + the 4×4 convolution (stride 2, padding 1) of lens(x)[2h, 2w, wide]; weight
/// `[ky][kx][wide][deep]`.
pub fn down<T: Real>(x: Map<'_, T>, lens: Option<Lens<'_, T>>, weight: &[T], bias: Option<&[T]>, mut y: MapMut<'_, T>) {
    let (wide, deep, cols) = (x.channels, y.channels, y.cols);
    let mut input = vec![T::ZERO; wide];
    for index in 0..y.images * y.rows * cols {
        let (image, row, col) = (index / (y.rows * cols), index / cols % y.rows, index % cols);
        let out = y.nth_mut(index);
        match bias {
            Some(bias) => out.copy_from_slice(bias),
            None => out.fill(T::ZERO),
        }
        for tap in 0..16 {
            let (Some(r), Some(c)) = (meets(row, tap / 4, x.rows), meets(col, tap % 4, x.cols)) else {
                continue;
            };
            for (i, (to, &v)) in input.iter_mut().zip(x.at(image, r, c)).enumerate() {
                *to = seen(lens, i, v);
            }
            for (i, &v) in input.iter().enumerate() {
                for (o, &w) in out.iter_mut().zip(&weight[(tap * wide + i) * deep..][..deep]) {
                    *o += v * w;
                }
            }
        }
    }
}

/// Σ a·b in eight partial sums, which a compiler may keep in vectors.
fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    let mut sums = [T::ZERO; 8];
    let (heads, tails) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: T = heads.remainder().iter().zip(tails.remainder()).map(|(&a, &b)| a * b).sum();
    for (a, b) in heads.zip(tails) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (&a, &b))| *sum += a * b);
    }
    sums.into_iter().sum::<T>() + rest
}

/// x[2h, 2w, wide] = bias + the transposed convolution of lens(y)[h, w, deep] with the same weight; overwrites x.
pub fn up<T: Real>(y: Map<'_, T>, lens: Option<Lens<'_, T>>, weight: &[T], bias: Option<&[T]>, mut x: MapMut<'_, T>) {
    let (wide, deep, cols) = (x.channels, y.channels, y.cols);
    for index in 0..x.images * x.rows * x.cols {
        match bias {
            Some(bias) => x.nth_mut(index).copy_from_slice(bias),
            None => x.nth_mut(index).fill(T::ZERO),
        }
    }
    let mut input = vec![T::ZERO; deep];
    for index in 0..y.pixels() {
        let (image, row, col) = (index / (y.rows * cols), index / cols % y.rows, index % cols);
        for (i, (to, &v)) in input.iter_mut().zip(y.nth(index)).enumerate() {
            *to = seen(lens, i, v);
        }
        for tap in 0..16 {
            let (Some(r), Some(c)) = (meets(row, tap / 4, x.rows), meets(col, tap % 4, x.cols)) else {
                continue;
            };
            for (i, o) in x.at_mut(image, r, c).iter_mut().enumerate() {
                let row = &weight[(tap * wide + i) * deep..][..deep];
                *o += dot(&input, row);
            }
        }
    }
}

/// `dw[ky][kx][wide][deep]` = Σ over images and pixels of lens(x) at the tap times lens(y): the weight gradient.
pub fn pair<T: Real>(
    x: Map<'_, T>,
    x_lens: Option<Lens<'_, T>>,
    y: Map<'_, T>,
    y_lens: Option<Lens<'_, T>>,
    (dw, write): (&mut [T], Write),
) {
    let (wide, deep, cols) = (x.channels, y.channels, y.cols);
    if write == Write::Set {
        dw.fill(T::ZERO);
    }
    let mut right = vec![T::ZERO; deep];
    for index in 0..y.pixels() {
        let (image, row, col) = (index / (y.rows * cols), index / cols % y.rows, index % cols);
        for (i, (to, &v)) in right.iter_mut().zip(y.nth(index)).enumerate() {
            *to = seen(y_lens, i, v);
        }
        for tap in 0..16 {
            let (Some(r), Some(c)) = (meets(row, tap / 4, x.rows), meets(col, tap % 4, x.cols)) else {
                continue;
            };
            for (i, &v) in x.at(image, r, c).iter().enumerate() {
                let v = seen(x_lens, i, v);
                for (d, &w) in dw[(tap * wide + i) * deep..][..deep].iter_mut().zip(&right) {
                    *d += v * w;
                }
            }
        }
    }
}
