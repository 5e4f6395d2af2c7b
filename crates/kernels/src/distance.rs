//! How far two maps lie apart, pixel by pixel: the inner sums of the latent score (arXiv 1901.08954, L).

use crate::arch::{Kernel, Lanes, Single, Words, dispatch};
use crate::memory::Common;
use crate::{Lens, Map, Pool};

/// What one channel adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// |a − b|.
    Absolute,
    /// (a − b)².
    Square,
}

/// Pixels whose sums are added up side by side.
const GROUP: usize = 16;
/// Pixels a job takes.
const PIXELS: usize = 256;

/// `to[pixel]` = Σ over channels of the metric between what `a` and `b` are seen as.
///
/// # Panics
/// If the maps, lenses and `to` are not of one shape.
pub fn by_pixel(
    pool: &Pool,
    (a, a_lens): (Map<'_, f32>, Option<Lens<'_, f32>>),
    (b, b_lens): (Map<'_, f32>, Option<Lens<'_, f32>>),
    metric: Metric,
    to: &mut [f32],
) {
    a.verify();
    b.verify();
    assert!(a.pixels() == b.pixels() && a.channels == b.channels && to.len() == a.pixels(), "two maps of one shape, and a number a pixel");
    for lens in [a_lens, b_lens].iter().flatten() {
        lens.verify(a.channels);
    }
    let count = to.len();
    let to = Common::new(to);
    pool.run(count.div_ceil(PIXELS), |job| {
        let pixels = job * PIXELS..count.min((job + 1) * PIXELS);
        let out = to.at(pixels.start, pixels.len());
        dispatch(pool.level(), Distances { a, a_lens, b, b_lens, metric, pixels, out });
    });
}

struct Distances<'a> {
    a: Map<'a, f32>,
    a_lens: Option<Lens<'a, f32>>,
    b: Map<'a, f32>,
    b_lens: Option<Lens<'a, f32>>,
    metric: Metric,
    pixels: std::ops::Range<usize>,
    out: *mut f32,
}

/// # Safety
/// `from` and the lens hold `WIDTH` numbers from `channel` on.
#[inline(always)]
unsafe fn see<L: Lanes>(from: &[f32], lens: Option<Lens<'_, f32>>, channel: usize) -> L {
    // SAFETY: the caller's promise.
    unsafe {
        let value = L::load(from.as_ptr().add(channel));
        let Some(lens) = lens else { return value };
        let load = |values: &[f32]| L::load(values.as_ptr().add(channel));
        load(lens.scale).mul_add(value, load(lens.shift)).leaky(load(lens.slope))
    }
}

impl Distances<'_> {
    #[inline(always)]
    fn one<L: Lanes>(&self, a: &[f32], b: &[f32], channel: usize) -> L {
        // SAFETY: the caller stays within the maps' channels; lenses have as many (`by_pixel`).
        let off = unsafe { see::<L>(a, self.a_lens, channel).sub(see::<L>(b, self.b_lens, channel)) };
        match self.metric {
            // Of a negative number the other side: slope −1.
            Metric::Absolute => off.leaky(L::splat(-1.0)),
            Metric::Square => off.mul(off),
        }
    }
}

impl Kernel for Distances<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let channels = self.a.channels;
        let whole = channels - channels % L::WIDTH;
        for first in self.pixels.clone().step_by(GROUP) {
            let group = first..self.pixels.end.min(first + GROUP);
            // A pixel's sums, and the same turned: `[sum][pixel]`.
            let (mut sums, mut turned) = ([0.0f32; GROUP * GROUP], [0.0f32; GROUP * GROUP]);
            for (i, pixel) in group.clone().enumerate() {
                let (a, b) = (self.a.nth(pixel), self.b.nth(pixel));
                let mut sum = L::zero();
                for channel in (0..whole).step_by(L::WIDTH) {
                    sum = sum.add(self.one::<L>(a, b, channel));
                }
                // SAFETY: row `i` of 16, and no vector is wider.
                unsafe { sum.store(sums.as_mut_ptr().add(i * GROUP)) };
            }
            // SAFETY: 256 numbers each.
            unsafe { L::transpose(sums.as_ptr(), GROUP, turned.as_mut_ptr()) };
            // By halves, so that the order does not depend on what a compiler makes of it.
            let mut half = L::WIDTH / 2;
            while half > 0 {
                for i in (0..half * GROUP).step_by(L::WIDTH) {
                    // SAFETY: rows below `WIDTH`, vectors within them.
                    unsafe {
                        let to = turned.as_mut_ptr().add(i);
                        L::load(to).add(L::load(to.add(half * GROUP))).store(to);
                    }
                }
                half /= 2;
            }
            for (total, pixel) in turned.iter_mut().zip(group.clone()) {
                for channel in whole..channels {
                    let mut one = [0.0f32];
                    // SAFETY: one number.
                    unsafe { self.one::<Single>(self.a.nth(pixel), self.b.nth(pixel), channel).store(one.as_mut_ptr()) };
                    *total += one[0];
                }
            }
            // SAFETY: `by_pixel` checked that this job's pixels lie within `to`.
            unsafe { std::ptr::copy_nonoverlapping(turned.as_ptr(), self.out.add(first - self.pixels.start), group.len()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;

    #[test]
    fn every_level_follows_the_definition() {
        for level in Level::all_available() {
            let pool = Pool::with_level(2, level).unwrap();
            for (channels, gap) in [(1, 0), (3, 2), (16, 0), (21, 3), (64, 0), (100, 1)] {
                let pixels = 300;
                let number = |i: usize| (i * 7919 % 1013) as f32 / 1013.0 - 0.5;
                let (a, b): (Vec<f32>, Vec<f32>) =
                    ((0..pixels * (channels + gap)).map(number).collect(), (0..pixels * channels).map(|i| number(3 * i + 1)).collect());
                let (scale, shift, slope) = (vec![1.5; channels], vec![-0.1; channels], vec![0.2; channels]);
                let lens = Lens::new(&scale, &shift, &slope);
                let (left, right) = (Map::new(&a, 3, 10, 10, channels, channels + gap), Map::dense(&b, 3, 10, 10, channels));
                for metric in [Metric::Absolute, Metric::Square] {
                    let mut found = vec![0.0; pixels];
                    by_pixel(&pool, (left, Some(lens)), (right, None), metric, &mut found);
                    for (pixel, &found) in found.iter().enumerate() {
                        let pairs = left.nth(pixel).iter().zip(right.nth(pixel)).enumerate();
                        let meant: f64 = pairs
                            .map(|(c, (&a, &b))| {
                                let off = f64::from(lens.see(c, a)) - f64::from(b);
                                if metric == Metric::Square { off * off } else { off.abs() }
                            })
                            .sum();
                        assert!(
                            (f64::from(found) - meant).abs() <= 1e-6 * (1.0 + meant),
                            "{level} {channels} {metric:?}: {found} for {meant}"
                        );
                    }
                }
            }
        }
    }
}
