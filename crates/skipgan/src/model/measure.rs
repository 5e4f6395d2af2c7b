//! Distances of the scores (METHOD.md §5): between x̂ and the target, and between f(x̂) and f(x). Numbers of an image depend
//! on that image alone; sums over pixels run in f64 in storage order.

use crate::config::Distance;
use crate::losses::latent::Reading;
use kernels::distance::{Metric, by_pixel};
use kernels::{Pool, Real};

/// What one channel adds.
#[inline(always)]
fn distance<T: Real>(kind: Distance, a: T, b: T) -> T {
    let off = a - b;
    match kind {
        Distance::L2 | Distance::Length => off * off,
        Distance::L1 => off.abs(),
    }
}

/// The distance at a place of `channels` channels whose parts add up to `sum`.
#[inline(always)]
fn at_place<T: Real>(kind: Distance, sum: T, channels: usize) -> T {
    match kind {
        Distance::L2 | Distance::L1 => sum / T::from_f64(channels as f64),
        Distance::Length => sum.sqrt(),
    }
}

/// The residual map of every image (mean over channels, or one channel) and R (mean over pixels and channels).
pub(super) fn residual<T: Real>(
    pool: &Pool,
    kind: Distance,
    channel: Option<usize>,
    (made, meant): (&[T], &[T]),
    maps: &mut [f32],
    means: &mut [f64],
) {
    let (pixels, channels) = (maps.len() / means.len(), made.len() / maps.len());
    pool.pieces_mut2((maps, pixels), (means, 1), |image, map, mean| {
        let numbers = image * pixels * channels..(image + 1) * pixels * channels;
        let places = made[numbers.clone()].chunks_exact(channels).zip(meant[numbers].chunks_exact(channels));
        // Four sums in turn, so that none waits for the one before.
        let mut totals = [0.0; 4];
        for (place, (map, (made, meant))) in map.iter_mut().zip(places).enumerate() {
            let off = at_place(kind, sum(kind, made, meant), channels);
            totals[place % 4] += off.to_f64();
            *map = channel.map_or(off, |channel| at_place(kind, distance(kind, made[channel], meant[channel]), 1)).to_f32();
        }
        let total: f64 = totals.iter().sum();
        mean[0] = total / pixels as f64;
    });
}

#[inline(always)]
fn sum<T: Real>(kind: Distance, a: &[T], b: &[T]) -> T {
    a.iter().zip(b).fold(T::ZERO, |sum, (&a, &b)| sum + distance(kind, a, b))
}

/// Adds one feature level's mean distance to every image's L; fills its map where one is wanted.
pub(super) fn latent<T: Real>(
    pool: &Pool,
    kind: Distance,
    real: Reading<'_, T>,
    fake: Reading<'_, T>,
    mut map: Option<&mut [f32]>,
    means: &mut [f64],
) {
    let (pixels, channels) = (real.map.rows * real.map.cols, real.map.channels);
    if let (Some(map), Some(real), Some(fake)) = (&mut map, real.singles(), fake.singles()) {
        let metric = if kind == Distance::L1 { Metric::Absolute } else { Metric::Square };
        by_pixel(pool, (fake.map, fake.lens), (real.map, real.lens), metric, map);
        for (cells, mean) in map.chunks_mut(pixels).zip(means) {
            cells.iter_mut().for_each(|cell| *cell = at_place(kind, *cell, channels));
            *mean += cells.iter().map(|&cell| f64::from(cell)).sum::<f64>() / pixels as f64;
        }
        return;
    }
    for (image, mean) in means.iter_mut().enumerate() {
        let mut total = 0.0;
        for pixel in image * pixels..(image + 1) * pixels {
            let pairs = real.map.nth(pixel).iter().zip(fake.map.nth(pixel)).enumerate();
            let cell: f64 =
                pairs.map(|(channel, (&x, &made))| distance(kind, fake.see(channel, made), real.see(channel, x)).to_f64()).sum();
            let cell = at_place(kind, cell, channels);
            total += cell;
            if let Some(map) = &mut map {
                map[pixel] = cell as f32;
            }
        }
        *mean += total / pixels as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn residual_by_hand() {
        let pool = Pool::new(1).expect("a pool");
        let (made, meant) = ([1.0f64, 0.0, 3.0, 0.0], [0.0, 0.0, 1.0, -2.0]);
        let (mut maps, mut means) = ([0.0f32; 2], [0.0; 1]);
        residual(&pool, Distance::L2, None, (&made, &meant), &mut maps, &mut means);
        assert_eq!((maps, means), ([0.5, 4.0], [2.25]));
        residual(&pool, Distance::L1, Some(0), (&made, &meant), &mut maps, &mut means);
        assert_eq!((maps, means), ([1.0, 2.0], [1.25]));
    }
}
