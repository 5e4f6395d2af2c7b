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

/// Places whose distances are found together: as many roots side by side.
const SIDE_BY_SIDE: usize = 16;

/// Most channels of places whose parts are found side by side too.
const FEW: usize = 4;

/// Parts of an image, so that threads share even a single one: a fixed number, since sums must not depend on threads or batch.
const PARTS: usize = 8;

/// Distances at up to [`SIDE_BY_SIDE`] places, over all channels and of one of them.
#[inline(always)]
fn at_places<T: Real>(kind: Distance, (made, meant): (&[T], &[T]), channels: usize, one: Option<usize>) -> [[T; SIDE_BY_SIDE]; 2] {
    let mut sums = match channels {
        1 => few::<T, 1>(kind, (made, meant), one),
        3 => few::<T, 3>(kind, (made, meant), one),
        _ => many(kind, (made, meant), channels, one),
    };
    sums[0].iter_mut().for_each(|sum| *sum = at_place(kind, *sum, channels));
    match one {
        Some(_) => sums[1].iter_mut().for_each(|sum| *sum = at_place(kind, *sum, 1)),
        None => sums[1] = sums[0],
    }
    sums
}

/// What all channels and one of them add up to, of C channels.
#[inline(always)]
fn few<T: Real, const C: usize>(kind: Distance, (made, meant): (&[T], &[T]), one: Option<usize>) -> [[T; SIDE_BY_SIDE]; 2] {
    if made.len() != SIDE_BY_SIDE * C {
        return many(kind, (made, meant), C, one);
    }
    let mut parts = [T::ZERO; SIDE_BY_SIDE * FEW];
    parts.iter_mut().zip(made.iter().zip(meant)).for_each(|(part, (&a, &b))| *part = distance(kind, a, b));
    let (places, mut sums) = (parts.as_chunks::<C>().0, [[T::ZERO; SIDE_BY_SIDE]; 2]);
    for (i, place) in places[..SIDE_BY_SIDE].iter().enumerate() {
        sums[0][i] = place.iter().fold(T::ZERO, |sum, &part| sum + part);
        sums[1][i] = place[one.unwrap_or(0)];
    }
    sums
}

/// The same of any number of channels.
#[inline(always)]
fn many<T: Real>(kind: Distance, (made, meant): (&[T], &[T]), channels: usize, one: Option<usize>) -> [[T; SIDE_BY_SIDE]; 2] {
    let mut sums = [[T::ZERO; SIDE_BY_SIDE]; 2];
    for (i, (made, meant)) in made.chunks_exact(channels).zip(meant.chunks_exact(channels)).enumerate() {
        sums[0][i] = made.iter().zip(meant).fold(T::ZERO, |sum, (&a, &b)| sum + distance(kind, a, b));
        sums[1][i] = one.map_or(T::ZERO, |channel| distance(kind, made[channel], meant[channel]));
    }
    sums
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
    let part = pixels.div_ceil(PARTS).next_multiple_of(SIDE_BY_SIDE);
    for (image, (map, mean)) in maps.chunks_mut(pixels).zip(means).enumerate() {
        let mut sums = [0.0; PARTS];
        let sums = &mut sums[..pixels.div_ceil(part)];
        pool.pieces_mut2((map, part), (sums, 1), |job, map, sum| {
            let first = (image * pixels + job * part) * channels;
            let numbers = first..first + map.len() * channels;
            let (made, meant) = (made[numbers.clone()].chunks(SIDE_BY_SIDE * channels), meant[numbers].chunks(SIDE_BY_SIDE * channels));
            // Four sums in turn, so that none waits for the one before.
            let mut totals = [0.0; 4];
            for (map, pair) in map.chunks_mut(SIDE_BY_SIDE).zip(made.zip(meant)) {
                // Each kind as code of its own.
                let [all, shown] = match kind {
                    Distance::L2 => at_places(Distance::L2, pair, channels, channel),
                    Distance::L1 => at_places(Distance::L1, pair, channels, channel),
                    Distance::Length => at_places(Distance::Length, pair, channels, channel),
                };
                for (place, (map, (off, shown))) in map.iter_mut().zip(all.into_iter().zip(shown)).enumerate() {
                    totals[place % 4] += off.to_f64();
                    *map = shown.to_f32();
                }
            }
            sum[0] = totals.iter().sum();
        });
        *mean = sums.iter().sum::<f64>() / pixels as f64;
    }
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
