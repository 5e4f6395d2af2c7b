//! Batch-norm and activation around the convolutions: per-channel sums, the backward map, and gradients through a lens.
//!
//! What is not here: running statistics, momentum and epsilon; the layer that owns them turns sums into a [`Lens`].

#![allow(clippy::needless_range_loop, reason = "fixed small loops over registers read better by index")]

use std::ops::Range;

use crate::arch::{Kernel, Lanes, dispatch};
use crate::{Lens, Map, MapMut, Pool, Real, Write};

/// Partial sums of one pass: a fixed number of parts, added in order. Grows at first use, then stays.
#[derive(Debug, Default)]
pub struct Partials {
    sums: Vec<f64>,
}

impl Partials {
    /// Nothing reserved yet.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Largest number of parts a sum is cut into.
const PARTS: usize = 64;

/// Pixels a part takes: by shape only.
fn part(pixels: usize) -> usize {
    pixels.div_ceil(PARTS).max(64)
}

/// Per channel: Σ d and Σ d·(y − mean), accumulated in `f64` in a fixed order.
struct Sums<'a, T> {
    d: Map<'a, T>,
    y: Map<'a, T>,
    mean: Option<&'a [f64]>,
}

impl<T: Real> Sums<'_, T> {
    fn run(&self, pool: &Pool, partials: &mut Partials, first: &mut [f64], second: &mut [f64]) {
        let (pixels, channels) = (self.d.pixels(), self.d.channels);
        assert!(first.len() == channels && second.len() == channels, "one sum a channel");
        let step = part(pixels);
        let parts = pixels.div_ceil(step);
        partials.sums.clear();
        partials.sums.resize(parts * 2 * channels, 0.0);
        pool.chunks_mut(&mut partials.sums, 2 * channels, |i, to| {
            dispatch(pool.level(), Part { sums: self, pixels: i * step..pixels.min((i + 1) * step), to });
        });
        first.fill(0.0);
        second.fill(0.0);
        for sums in partials.sums.chunks(2 * channels) {
            let (a, b) = sums.split_at(channels);
            first.iter_mut().zip(a).for_each(|(to, v)| *to += v);
            second.iter_mut().zip(b).for_each(|(to, v)| *to += v);
        }
    }
}

/// One part's sums: the first of all channels, then the second.
struct Part<'a, T> {
    sums: &'a Sums<'a, T>,
    pixels: Range<usize>,
    to: &'a mut [f64],
}

/// Most channels whose sums stay in registers while the pixels pass.
const BLOCK: usize = 8;

impl<T: Real> Part<'_, T> {
    /// The sums of N channels from `c` on.
    #[inline(always)]
    fn channels<const N: usize>(&mut self, c: usize) {
        let Sums { d, y, mean } = self.sums;
        let mut centre = [0.0; N];
        if let Some(mean) = mean {
            centre.copy_from_slice(&mean[c..c + N]);
        }
        let (mut a, mut b) = ([0.0; N], [0.0; N]);
        for index in self.pixels.clone() {
            let (d, y) = (&d.data[index * d.pixel + c..][..N], &y.data[index * y.pixel + c..][..N]);
            for i in 0..N {
                let value = d[i].to_f64();
                a[i] += value;
                b[i] += value * (y[i].to_f64() - centre[i]);
            }
        }
        let (first, second) = self.to.split_at_mut(d.channels);
        first[c..c + N].copy_from_slice(&a);
        second[c..c + N].copy_from_slice(&b);
    }
}

impl<T: Real> Kernel for Part<'_, T> {
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let channels = self.sums.d.channels;
        let whole = channels / BLOCK * BLOCK;
        (0..whole).step_by(BLOCK).for_each(|c| self.channels::<BLOCK>(c));
        match channels - whole {
            0 => {}
            1 => self.channels::<1>(whole),
            2 => self.channels::<2>(whole),
            3 => self.channels::<3>(whole),
            rest => {
                self.channels::<4>(whole);
                (whole + 4..whole + rest).for_each(|c| self.channels::<1>(c));
            }
        }
    }
}

/// Per channel of y: the sum, and the sum of squared distances from the mean, over all pixels of all images.
///
/// # Panics
/// If the buffers do not hold one number a channel.
pub fn moments<T: Real>(pool: &Pool, y: Map<'_, T>, sum: &mut [f64], centred: &mut [f64], partials: &mut Partials) {
    y.verify();
    Sums { d: y, y, mean: None }.run(pool, partials, sum, centred);
    let pixels = y.pixels() as f64;
    for (sum, square) in sum.iter().zip(centred) {
        // In f64 the difference keeps 7 digits even where the mean is 1e4 standard deviations from 0.
        *square = (*square - sum * sum / pixels).max(0.0);
    }
}

/// Per channel: Σ dy and Σ dy·ŷ with ŷ = (y − mean)·inverse: what batch-norm's backward map and the gradients of its
/// shift and scale are made of.
///
/// # Panics
/// If shapes differ or the buffers do not hold one number a channel.
#[allow(clippy::too_many_arguments, reason = "two maps, two statistics, two results, one scratch")]
pub fn backward_sums<T: Real>(
    pool: &Pool,
    dy: Map<'_, T>,
    y: Map<'_, T>,
    mean: &[f64],
    inverse: &[f64],
    sum: &mut [f64],
    product: &mut [f64],
    partials: &mut Partials,
) {
    same_shape(&dy, &y);
    assert!(mean.len() == y.channels && inverse.len() == y.channels, "one mean and one inverse a channel");
    Sums { d: dy, y, mean: Some(mean) }.run(pool, partials, sum, product);
    product.iter_mut().zip(inverse).for_each(|(p, inverse)| *p *= inverse);
}

fn same_shape<T>(a: &Map<'_, T>, b: &Map<'_, T>) {
    a.verify();
    b.verify();
    assert!(
        (a.images, a.rows, a.cols, a.channels) == (b.images, b.rows, b.cols, b.channels),
        "maps of {}x{}x{}x{} and {}x{}x{}x{} differ",
        a.images,
        a.rows,
        a.cols,
        a.channels,
        b.images,
        b.rows,
        b.cols,
        b.channels
    );
}

/// Pixels a job of the element-wise passes takes.
fn pixels_a_job(channels: usize) -> usize {
    (16 * 1024 / channels).max(1)
}

/// An element-wise pass: what happens to each pixel's channels.
trait Pass<T>: Sync {
    /// Must be `#[inline(always)]`.
    fn pixel(&self, index: usize, to: &mut [T]);
}

/// Runs a pass over a map in jobs of whole pixels. The gap is not touched.
fn each_pixel<T: Real, P: Pass<T>>(pool: &Pool, to: MapMut<'_, T>, pass: P) {
    let (channels, pixel) = (to.channels, to.pixel);
    let used = (to.images * to.rows * to.cols - 1) * pixel + channels;
    let step = pixels_a_job(channels);
    pool.chunks_mut(&mut to.data[..used], step * pixel, |job, piece| {
        dispatch(pool.level(), Piece { piece, pixel, channels, first: job * step, pass: &pass });
    });
}

struct Piece<'a, T, P> {
    piece: &'a mut [T],
    pixel: usize,
    channels: usize,
    first: usize,
    pass: &'a P,
}

impl<T: Real, P: Pass<T>> Kernel for Piece<'_, T, P> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        for (i, pixel) in self.piece.chunks_mut(self.pixel).enumerate() {
            self.pass.pixel(self.first + i, &mut pixel[..self.channels]);
        }
    }
}

struct Affine<'a, T> {
    y: Map<'a, T>,
    a: &'a [T],
    b: &'a [T],
    c: &'a [T],
}

impl<T: Real> Pass<T> for Affine<'_, T> {
    #[inline(always)]
    fn pixel(&self, index: usize, dy: &mut [T]) {
        for ((((d, v), a), b), c) in dy.iter_mut().zip(self.y.nth(index)).zip(self.a).zip(self.b).zip(self.c) {
            *d = *a * *d + *b * *v + *c;
        }
    }
}

/// dy ← a·dy + b·y + c per channel: batch-norm's backward map once its two sums are known.
///
/// # Panics
/// If shapes differ or a coefficient is missing.
pub fn affine<T: Real>(pool: &Pool, dy: MapMut<'_, T>, y: Map<'_, T>, a: &[T], b: &[T], c: &[T]) {
    same_shape(&dy.read(), &y);
    let channels = y.channels;
    assert!(a.len() == channels && b.len() == channels && c.len() == channels, "three coefficients a channel");
    each_pixel(pool, dy, Affine { y, a, b, c });
}

struct Activation<'a, T> {
    /// None: the gradient is what is there.
    d: Option<Map<'a, T>>,
    v: Map<'a, T>,
    lens: Option<Lens<'a, T>>,
    write: Write,
}

impl<T: Real> Activation<'_, T> {
    /// The gradient's factor for each channel of a pixel, in order.
    #[inline(always)]
    fn gains<'a>(lens: &'a Lens<'a, T>, v: &'a [T]) -> impl Iterator<Item = T> + 'a {
        v.iter().zip(lens.scale).zip(lens.shift).zip(lens.slope).map(
            |(((&v, &scale), &shift), &slope)| {
                if scale * v + shift > T::ZERO { T::ONE } else { slope }
            },
        )
    }
}

impl<T: Real> Pass<T> for Activation<'_, T> {
    #[inline(always)]
    fn pixel(&self, index: usize, to: &mut [T]) {
        let v = self.v.nth(index);
        match (self.d, self.lens, self.write) {
            (None, Some(lens), _) => to.iter_mut().zip(Self::gains(&lens, v)).for_each(|(to, gain)| *to *= gain),
            (None, None, _) => {}
            (Some(d), None, Write::Set) => to.copy_from_slice(d.nth(index)),
            (Some(d), None, Write::Add) => to.iter_mut().zip(d.nth(index)).for_each(|(to, &d)| *to += d),
            (Some(d), Some(lens), Write::Set) => {
                to.iter_mut().zip(d.nth(index)).zip(Self::gains(&lens, v)).for_each(|((to, &d), gain)| *to = d * gain);
            }
            (Some(d), Some(lens), Write::Add) => {
                to.iter_mut().zip(d.nth(index)).zip(Self::gains(&lens, v)).for_each(|((to, &d), gain)| *to += d * gain);
            }
        }
    }
}

/// dst = d · act′(lens(v)), or dst += it: the gradient that passes a reader's activation (not its affine part; that is
/// [`affine`]'s). Without a lens the gradient passes as it is.
///
/// # Panics
/// If shapes differ.
pub fn activation_backward<T: Real>(
    pool: &Pool,
    d: Map<'_, T>,
    v: Map<'_, T>,
    lens: Option<Lens<'_, T>>,
    dst: MapMut<'_, T>,
    write: Write,
) {
    same_shape(&d, &v);
    same_shape(&d, &dst.read());
    if let Some(lens) = &lens {
        lens.verify(v.channels);
    }
    each_pixel(pool, dst, Activation { d: Some(d), v, lens, write });
}

/// d ← d · act′(lens(v)) in place.
///
/// # Panics
/// If shapes differ.
pub fn activation_backward_in_place<T: Real>(pool: &Pool, d: MapMut<'_, T>, v: Map<'_, T>, lens: Lens<'_, T>) {
    same_shape(&d.read(), &v);
    lens.verify(v.channels);
    each_pixel(pool, d, Activation { d: None, v, lens: Some(lens), write: Write::Set });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_by_hand_leave_the_gap_alone() {
        let pool = Pool::new(2).unwrap();
        let data = [1.0f32, 10.0, 99.0, 3.0, 20.0, 99.0, 5.0, 60.0];
        let y = Map::new(&data, 1, 1, 3, 2, 3);
        let (mut sum, mut centred) = ([0.0; 2], [0.0; 2]);
        moments(&pool, y, &mut sum, &mut centred, &mut Partials::new());
        assert_eq!(sum, [9.0, 90.0]);
        assert_eq!(centred, [8.0, 1400.0]);
    }

    #[test]
    fn the_backward_map_is_batch_norms_gradient() {
        // Loss Σ g·ŷ² / 2 over 6 pixels of one channel, against central differences.
        let pool = Pool::new(1).unwrap();
        let y = [0.3f64, -1.0, 2.0, 0.7, 0.1, -0.4];
        let g = [1.0f64, 2.0, -1.0, 0.5, 3.0, 1.0];
        let normal = |y: &[f64]| {
            let mean = y.iter().sum::<f64>() / 6.0;
            let var = y.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / 6.0;
            (mean, 1.0 / (var + 1e-5).sqrt())
        };
        let loss = |y: &[f64]| {
            let (mean, inv) = normal(y);
            y.iter().zip(&g).map(|(v, g)| g * ((v - mean) * inv).powi(2) / 2.0).sum::<f64>()
        };
        let (mean, inv) = normal(&y);
        let mut d: Vec<f64> = y.iter().zip(&g).map(|(v, g)| g * (v - mean) * inv).collect();
        let map = Map::dense(&y, 1, 2, 3, 1);
        let (mut s, mut p) = ([0.0], [0.0]);
        let mut partials = Partials::new();
        backward_sums(&pool, Map::dense(&d, 1, 2, 3, 1), map, &[mean], &[inv], &mut s, &mut p, &mut partials);
        // dx = inv·(dy − Σdy/n − ŷ·Σdy·ŷ/n)
        let (a, b) = (inv, -inv * inv * p[0] / 6.0);
        let c = -inv * s[0] / 6.0 - b * mean;
        affine(&pool, MapMut::dense(&mut d, 1, 2, 3, 1), map, &[a], &[b], &[c]);
        for i in 0..6 {
            let (mut up, mut low) = (y, y);
            up[i] += 1e-6;
            low[i] -= 1e-6;
            let expected = (loss(&up) - loss(&low)) / 2e-6;
            assert!((d[i] - expected).abs() < 1e-6, "{i}: {} {expected}", d[i]);
        }
    }

    #[test]
    fn gradients_pass_a_lens_by_address() {
        let pool = Pool::new(1).unwrap();
        let v = [1.0f32, -1.0, 2.0, -3.0];
        let lens = Lens::new(&[1.0f32, 1.0], &[0.0, 0.0], &[0.2, 0.0]);
        let d = [1.0f32, 2.0, 0.0, 0.0, -1.0, -2.0];
        let mut dst = [9.0f32; 6];
        activation_backward(
            &pool,
            Map::new(&d, 1, 1, 2, 2, 4),
            Map::dense(&v, 1, 1, 2, 2),
            Some(lens),
            MapMut::new(&mut dst, 1, 1, 2, 2, 4),
            Write::Set,
        );
        assert_eq!(dst, [1.0, 0.0, 9.0, 9.0, -1.0, 0.0]);
        activation_backward_in_place(&pool, MapMut::new(&mut dst, 1, 1, 2, 2, 4), Map::dense(&v, 1, 1, 2, 2), lens);
        assert_eq!(dst, [1.0, 0.0, 9.0, 9.0, -1.0, 0.0]);
    }

    #[test]
    fn levels_and_threads_give_the_same_bits() {
        // 21 channels: two whole blocks and a tail; 700 pixels: several parts.
        let data: Vec<f32> = (0..700 * 24).map(|i| (i * 7919 % 1013) as f32 / 1013.0 - 0.5).collect();
        let (mean, inverse) = (vec![0.1; 21], vec![1.3; 21]);
        let coefficients: Vec<f32> = data[..21].to_vec();
        let run = |pool: &Pool| {
            let y = Map::new(&data, 7, 10, 10, 21, 24);
            let mut sums = [vec![0.0; 21], vec![0.0; 21], vec![0.0; 21], vec![0.0; 21]];
            let [a, b, c, d] = &mut sums;
            let mut partials = Partials::new();
            moments(pool, y, a, b, &mut partials);
            backward_sums(pool, y, y, &mean, &inverse, c, d, &mut partials);
            let mut to = data.clone();
            affine(pool, MapMut::new(&mut to, 7, 10, 10, 21, 24), y, &coefficients, &coefficients, &coefficients);
            let lens = Lens::new(&coefficients, &coefficients, &coefficients);
            activation_backward(pool, y, y, Some(lens), MapMut::new(&mut to, 7, 10, 10, 21, 24), Write::Add);
            (sums, to)
        };
        let expected = run(&Pool::with_level(1, crate::Level::Portable).unwrap());
        for level in crate::Level::all_available() {
            for threads in 1..4 {
                assert!(run(&Pool::with_level(threads, level).unwrap()) == expected, "{level}, {threads} threads");
            }
        }
    }
}
