//! Distances of the scores (METHOD.md §5): between x̂ and the target, and between f(x̂) and f(x). Numbers of an image depend
//! on that image alone, and sums run in f64 in storage order.

use crate::config::Distance;
use crate::losses::latent::Reading;
use kernels::{Pool, Real};

/// What one channel adds.
fn distance<T: Real>(kind: Distance, a: T, b: T) -> f64 {
    let off = (a - b).to_f64();
    match kind {
        Distance::L2 | Distance::Length => off * off,
        Distance::L1 => off.abs(),
    }
}

/// The distance at a place of `channels` channels whose parts add up to `sum`.
fn at_place(kind: Distance, sum: f64, channels: usize) -> f64 {
    match kind {
        Distance::L2 | Distance::L1 => sum / channels as f64,
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
    const CHUNK: usize = 4096;
    pool.chunks_mut(maps, CHUNK, |i, maps| {
        for (j, map) in maps.iter_mut().enumerate() {
            let from = (i * CHUNK + j) * channels;
            *map = match channel {
                Some(channel) => at_place(kind, distance(kind, made[from + channel], meant[from + channel]), 1) as f32,
                None => at_place(kind, sum(kind, &made[from..from + channels], &meant[from..]), channels) as f32,
            };
        }
    });
    let numbers = pixels * channels;
    pool.chunks_mut(means, 1, |image, mean| {
        let from = image * numbers;
        let (made, meant) = (&made[from..from + numbers], &meant[from..from + numbers]);
        mean[0] = match kind {
            Distance::L2 | Distance::L1 => sum(kind, made, meant) / numbers as f64,
            Distance::Length => {
                let lengths = made.chunks(channels).zip(meant.chunks(channels)).map(|(a, b)| at_place(kind, sum(kind, a, b), channels));
                lengths.sum::<f64>() / pixels as f64
            }
        };
    });
}

fn sum<T: Real>(kind: Distance, a: &[T], b: &[T]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| distance(kind, a, b)).sum()
}

/// Adds one feature level's mean distance to every image's L; fills its map where one is wanted.
pub(super) fn latent<T: Real>(kind: Distance, real: Reading<'_, T>, fake: Reading<'_, T>, mut map: Option<&mut [f32]>, means: &mut [f64]) {
    let (pixels, channels) = (real.map.rows * real.map.cols, real.map.channels);
    for (image, mean) in means.iter_mut().enumerate() {
        let mut total = 0.0;
        for pixel in image * pixels..(image + 1) * pixels {
            let pairs = real.map.nth(pixel).iter().zip(fake.map.nth(pixel)).enumerate();
            let cell: f64 = pairs.map(|(channel, (&x, &made))| distance(kind, fake.see(channel, made), real.see(channel, x))).sum();
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
