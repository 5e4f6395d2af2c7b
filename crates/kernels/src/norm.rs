//! Batch-norm and activation around the convolutions: per-channel sums, the backward map, and gradients through a lens.
//!
//! What is not here: running statistics, momentum and epsilon; the layer that owns them turns sums into a [`Lens`].

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

/// Per channel, two sums over pixels, accumulated in `f64` in a fixed order.
fn two_sums<F>(pool: &Pool, pixels: usize, channels: usize, partials: &mut Partials, first: &mut [f64], second: &mut [f64], pixel: F)
where
    F: Fn(usize, &mut [f64], &mut [f64]) + Sync,
{
    assert!(first.len() == channels && second.len() == channels, "one sum a channel");
    let step = part(pixels);
    let parts = pixels.div_ceil(step);
    partials.sums.clear();
    partials.sums.resize(parts * 2 * channels, 0.0);
    pool.chunks_mut(&mut partials.sums, 2 * channels, |i, sums| {
        let (a, b) = sums.split_at_mut(channels);
        for index in i * step..pixels.min((i + 1) * step) {
            pixel(index, a, b);
        }
    });
    first.fill(0.0);
    second.fill(0.0);
    for sums in partials.sums.chunks(2 * channels) {
        let (a, b) = sums.split_at(channels);
        first.iter_mut().zip(a).for_each(|(to, v)| *to += v);
        second.iter_mut().zip(b).for_each(|(to, v)| *to += v);
    }
}

/// Per channel of y: the sum, and the sum of squared distances from the mean, over all pixels of all images.
///
/// # Panics
/// If the buffers do not hold one number a channel.
pub fn moments<T: Real>(pool: &Pool, y: Map<'_, T>, sum: &mut [f64], centred: &mut [f64], partials: &mut Partials) {
    y.verify();
    two_sums(pool, y.pixels(), y.channels, partials, sum, centred, |index, sum, square| {
        for ((v, sum), square) in y.nth(index).iter().zip(sum).zip(square) {
            let v = v.to_f64();
            *sum += v;
            *square += v * v;
        }
    });
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
    two_sums(pool, y.pixels(), y.channels, partials, sum, product, |index, sum, product| {
        let values = dy.nth(index).iter().zip(y.nth(index)).zip(mean);
        for (((d, v), mean), (sum, product)) in values.zip(sum.iter_mut().zip(product.iter_mut())) {
            let d = d.to_f64();
            *sum += d;
            *product += d * (v.to_f64() - mean);
        }
    });
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

/// Calls `work` for each pixel's channels of `to`, in jobs of whole pixels. The gap is not touched.
fn each_pixel<T: Real, F>(pool: &Pool, to: MapMut<'_, T>, work: F)
where
    F: Fn(usize, &mut [T]) + Sync,
{
    let (channels, pixel) = (to.channels, to.pixel);
    let used = (to.images * to.rows * to.cols - 1) * pixel + channels;
    let step = pixels_a_job(channels);
    pool.chunks_mut(&mut to.data[..used], step * pixel, |job, piece| {
        for (i, pixel) in piece.chunks_mut(pixel).enumerate() {
            work(job * step + i, &mut pixel[..channels]);
        }
    });
}

/// dy ← a·dy + b·y + c per channel: batch-norm's backward map once its two sums are known.
///
/// # Panics
/// If shapes differ or a coefficient is missing.
pub fn affine<T: Real>(pool: &Pool, dy: MapMut<'_, T>, y: Map<'_, T>, a: &[T], b: &[T], c: &[T]) {
    same_shape(&dy.read(), &y);
    let channels = y.channels;
    assert!(a.len() == channels && b.len() == channels && c.len() == channels, "three coefficients a channel");
    each_pixel(pool, dy, |index, dy| {
        for ((((d, v), a), b), c) in dy.iter_mut().zip(y.nth(index)).zip(a).zip(b).zip(c) {
            *d = *a * *d + *b * *v + *c;
        }
    });
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
    each_pixel(pool, dst, |index, dst| {
        for (i, ((to, &d), &v)) in dst.iter_mut().zip(d.nth(index)).zip(v.nth(index)).enumerate() {
            let d = lens.map_or(d, |lens| d * lens.gain(i, v));
            *to = if write == Write::Set { d } else { *to + d };
        }
    });
}

/// d ← d · act′(lens(v)) in place.
///
/// # Panics
/// If shapes differ.
pub fn activation_backward_in_place<T: Real>(pool: &Pool, d: MapMut<'_, T>, v: Map<'_, T>, lens: Lens<'_, T>) {
    same_shape(&d.read(), &v);
    lens.verify(v.channels);
    each_pixel(pool, d, |index, d| {
        for (i, (d, &v)) in d.iter_mut().zip(v.nth(index)).enumerate() {
            *d *= lens.gain(i, v);
        }
    });
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
}
