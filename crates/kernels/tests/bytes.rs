//! The forward pass in bytes against the plain loops, where bytes can say everything exactly.

use kernels::arch::ByteLevel;
use kernels::bytes::{Affine, ByteFilter, ByteMap, ByteScratch, Sink, correlate};
use kernels::{Lens, Map, MapMut, Pool, reference};

/// Whole multiples of 1/64 from 0 to 255/64, as bytes with that range hold exactly; every channel meets both ends.
fn pictures(images: usize, rows: usize, cols: usize, channels: usize) -> Vec<f32> {
    (0..images * rows * cols * channels).map(|i| (i * 7919 % 1021 % 256) as f32 / 64.0).collect()
}

/// Whole multiples of 1/128 up to ±127/128; the first tap of every output is the largest, so that the scale is exact.
fn weights(taps: usize, wide: usize, deep: usize, output: fn(usize, usize) -> bool) -> Vec<f32> {
    let mut weight: Vec<f32> = (0..taps * wide * deep).map(|i| ((i * 5413 % 997 % 255) as f32 - 127.0) / 128.0).collect();
    for tap in 0..taps {
        for w in 0..wide {
            for d in 0..deep {
                if output(w, d) {
                    weight[(tap * wide + w) * deep + d] = 127.0 / 128.0;
                }
            }
        }
    }
    weight
}

fn ranges(channels: usize) -> Vec<(f32, f32)> {
    vec![(0.0, 255.0 / 64.0); channels]
}

fn doubles(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

const SHAPES: [(usize, usize, usize, usize, usize); 14] = [
    (3, 16, 1, 1, 1),
    (4, 20, 3, 5, 2),
    (16, 32, 4, 4, 3),
    (20, 7, 2, 2, 5),
    (64, 130, 1, 1, 2),
    (17, 3, 9, 1, 1),
    (8, 12, 16, 24, 1),
    (36, 48, 1, 3, 4),
    (1, 1, 2, 2, 1),
    // Even maps of whole vectors of channels.
    (20, 24, 4, 4, 4),
    (16, 48, 4, 6, 3),
    (32, 16, 8, 4, 2),
    (48, 32, 6, 10, 1),
    (16, 16, 20, 12, 5),
];

/// What a sink of numbers must hold: the affine map and the activation of bare results.
fn seen(bare: &[f64], scale: &[f32], shift: &[f32], slope: f32) -> Vec<f64> {
    let slopes = vec![f64::from(slope); scale.len()];
    let (scale, shift) = (doubles(scale), doubles(shift));
    let lens = Lens::new(&scale, &shift, &slopes);
    bare.iter().enumerate().map(|(i, &v)| lens.see(i % scale.len(), v)).collect()
}

fn check(found: &[f32], meant: &[f64], what: &str) {
    let largest = meant.iter().fold(1e-3, |a: f64, b| a.max(b.abs()));
    for (i, (&found, &meant)) in found.iter().zip(meant).enumerate() {
        // Sums are exact; the affine map rounds twice.
        assert!((f64::from(found) - meant).abs() <= 3e-7 * largest, "{what}, element {i}: {found} for {meant}");
    }
}

/// Runs a filter on every instruction set and number of threads, into numbers and into bytes; all must agree to the bit.
fn results(
    x: &ByteMap,
    filter: impl Fn(ByteLevel) -> ByteFilter,
    (images, rows, cols, channels): (usize, usize, usize, usize),
    slope: f32,
) -> (Vec<f32>, ByteMap) {
    let range: Vec<(f32, f32)> = (0..channels).map(|c| (-2.0 - c as f32, 9.0)).collect();
    let mut first: Option<(Vec<f32>, ByteMap)> = None;
    for level in ByteLevel::all_available() {
        let filter = filter(level);
        for threads in 1..=3 {
            let pool = Pool::new(threads).unwrap();
            let mut floats = vec![0.0; images * rows * cols * (channels + 1)];
            let mut bytes = ByteMap::new(images, rows, cols, &range);
            let to = MapMut::new(&mut floats[1..], images, rows, cols, channels, channels + 1);
            let sinks = [Some(Sink::Floats { to, slope }), Some(Sink::Bytes { to: &mut bytes, channel: 0, slope })];
            correlate(&pool, x, images, &filter, sinks, &mut ByteScratch::default());
            assert!(floats.iter().step_by(channels + 1).all(|&gap| gap == 0.0), "{level} wrote between pixels");
            let dense: Vec<f32> = floats.chunks(channels + 1).flat_map(|pixel| &pixel[1..]).copied().collect();
            match &first {
                None => first = Some((dense, bytes)),
                Some((one, map)) => {
                    assert!(dense == *one, "{level}, {threads} threads: other bits");
                    every((images, rows, cols, channels), |at, c| assert_eq!(bytes.value(at, c), map.value(at, c), "{level}"));
                }
            }
        }
    }
    first.unwrap()
}

fn every((images, rows, cols, channels): (usize, usize, usize, usize), mut look: impl FnMut((usize, usize, usize), usize)) {
    for i in 0..images * rows * cols {
        (0..channels).for_each(|c| look((i / (rows * cols), i / cols % rows, i % cols), c));
    }
}

#[test]
fn down_and_up_follow_the_plain_loops_exactly() {
    for (wide, deep, rows, cols, images) in SHAPES {
        let what = format!("{wide} {deep} {rows}x{cols} {images}");
        let affine = |n: usize| -> (Vec<f32>, Vec<f32>) {
            ((0..n).map(|c| 0.25 * (c % 3 + 1) as f32).collect(), (0..n).map(|c| c as f32 - 3.0).collect())
        };

        let x = pictures(images, 2 * rows, 2 * cols, wide);
        let mut map = ByteMap::new(images, 2 * rows, 2 * cols, &ranges(wide));
        map.write(&Pool::new(2).unwrap(), [Some(Map::dense(&x, images, 2 * rows, 2 * cols, wide)), None], 0);
        let weight = weights(16, wide, deep, |w, _| w == 0);
        let (scale, shift) = affine(deep);
        let filter = |level| ByteFilter::down(level, &map, &weight, deep, Affine { scale: &scale, shift: &shift });
        let (found, bytes) = results(&map, filter, (images, rows, cols, deep), 0.2);
        let mut bare = vec![0.0; images * rows * cols * deep];
        let (x64, w64) = (doubles(&x), doubles(&weight));
        reference::down(
            Map::dense(&x64, images, 2 * rows, 2 * cols, wide),
            None,
            &w64,
            None,
            MapMut::dense(&mut bare, images, rows, cols, deep),
        );
        check(&found, &seen(&bare, &scale, &shift, 0.2), &what);
        every((images, rows, cols, deep), |at, c| {
            let value = found[((at.0 * rows + at.1) * cols + at.2) * deep + c].clamp(-2.0 - c as f32, 9.0);
            assert!((bytes.value(at, c) - value).abs() <= 0.51 * (11.0 + c as f32) / 255.0, "{what} {at:?} {c}");
        });

        let y = pictures(images, rows, cols, deep);
        let mut map = ByteMap::new(images, rows, cols, &ranges(deep));
        map.write(&Pool::new(2).unwrap(), [Some(Map::dense(&y, images, rows, cols, deep)), None], 0);
        let weight = weights(16, wide, deep, |_, d| d == 0);
        let (scale, shift) = affine(wide);
        let filter = |level| ByteFilter::up(level, &map, &weight, wide, Affine { scale: &scale, shift: &shift });
        let (found, _) = results(&map, filter, (images, 2 * rows, 2 * cols, wide), 1.0);
        let mut bare = vec![0.0; images * 4 * rows * cols * wide];
        let (y64, w64) = (doubles(&y), doubles(&weight));
        reference::up(
            Map::dense(&y64, images, rows, cols, deep),
            None,
            &w64,
            None,
            MapMut::dense(&mut bare, images, 2 * rows, 2 * cols, wide),
        );
        check(&found, &seen(&bare, &scale, &shift, 1.0), &what);
    }
}

#[test]
fn a_whole_map_becomes_a_vector() {
    let (images, rows, cols, channels, columns) = (3, 2, 3, 12, 21);
    let x = pictures(images, rows, cols, channels);
    let mut map = ByteMap::new(images, rows, cols, &ranges(channels));
    map.write(&Pool::new(2).unwrap(), [Some(Map::dense(&x, images, rows, cols, channels)), None], 0);
    let weight = weights(rows * cols, channels, columns, |w, _| w == 0);
    let (scale, shift) = (vec![1.0; columns], vec![0.5; columns]);
    let filter = |level| ByteFilter::whole(level, &map, &weight, columns, Affine { scale: &scale, shift: &shift });
    let (found, _) = results(&map, filter, (images, 1, 1, columns), 1.0);
    let extent = rows * cols * channels;
    let meant: Vec<f64> = (0..images * columns)
        .map(|i| {
            0.5 + (0..extent).map(|k| f64::from(x[i / columns * extent + k]) * f64::from(weight[k * columns + i % columns])).sum::<f64>()
        })
        .collect();
    check(&found, &meant, "whole");
}

#[test]
fn values_with_a_zero_within_and_ranges_a_channel_come_out_right() {
    // Not exact any more: half a step of every input and weight, added up as chance does, of fewer products less evenly: at 2x2 nine taps of 16
    // channels, and four taps of `up`. Windows, F(2, 2) on AVX2, regions; the largest share that `down` may be off.
    for (images, rows, cols, wide, deep, most) in
        [(2, 5, 6, 24, 40, 0.01), (4, 4, 6, 32, 48, 0.01), (5, 2, 2, 16, 40, 0.02), (4, 4, 4, 20, 36, 0.01)]
    {
        let values = |rows: usize, cols: usize, channels: usize| -> Vec<f32> {
            let scaled = |i: usize| ((i * 7919 % 1013) as f32 / 1013.0 - 0.3) * (1 + i % channels) as f32;
            (0..images * rows * cols * channels).map(scaled).collect()
        };
        let stored = |numbers: &[f32], rows: usize, cols: usize, channels: usize| {
            let range: Vec<(f32, f32)> = (0..channels).map(|c| (-0.3 * (1 + c) as f32, 0.7 * (1 + c) as f32)).collect();
            let mut map = ByteMap::new(images, rows, cols, &range);
            map.write(&Pool::new(2).unwrap(), [Some(Map::dense(numbers, images, rows, cols, channels)), None], 0);
            map
        };
        let weight: Vec<f32> = (0..16 * wide * deep).map(|i| (i * 5413 % 997) as f32 / 997.0 - 0.5).collect();
        let w64 = doubles(&weight);
        let (scale, shift) = (vec![1.0; 48], vec![0.0; 48]);
        let affine = |n: usize| Affine { scale: &scale[..n], shift: &shift[..n] };
        let (x, y) = (values(2 * rows, 2 * cols, wide), values(rows, cols, deep));
        let (large, small) = (stored(&x, 2 * rows, 2 * cols, wide), stored(&y, rows, cols, deep));
        let (x64, y64) = (doubles(&x), doubles(&y));
        let (x64, y64) = (Map::dense(&x64, images, 2 * rows, 2 * cols, wide), Map::dense(&y64, images, rows, cols, deep));
        let (mut down, mut up) = (vec![0.0; images * rows * cols * deep], vec![0.0; images * 4 * rows * cols * wide]);
        reference::down(x64, None, &w64, None, MapMut::dense(&mut down, images, rows, cols, deep));
        reference::up(y64, None, &w64, None, MapMut::dense(&mut up, images, 2 * rows, 2 * cols, wide));
        let filter = |level| ByteFilter::down(level, &large, &weight, deep, affine(deep));
        let (found_down, _) = results(&large, filter, (images, rows, cols, deep), 1.0);
        let filter = |level| ByteFilter::up(level, &small, &weight, wide, affine(wide));
        let (found_up, _) = results(&small, filter, (images, 2 * rows, 2 * cols, wide), 1.0);
        let square = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>();
        for (found, bare, most) in [(found_down, down, most), (found_up, up, 0.02)] {
            let off = square(&mut found.iter().zip(&bare).map(|(&a, &b)| f64::from(a) - b)) / square(&mut bare.iter().copied());
            assert!(off.sqrt() < most, "{images} {rows}x{cols} {wide} {deep}: {}", off.sqrt());
        }
    }
}

fn run_on_a_map_of(side: usize) {
    let map = |side: usize| ByteMap::new(1, side, side, &ranges(4));
    let filter = ByteFilter::down(ByteLevel::Portable, &map(8), &[0.1; 64], 1, Affine { scale: &[1.0], shift: &[0.0] });
    let mut out = [0.0; 16];
    let sinks = [Some(Sink::Floats { to: MapMut::dense(&mut out, 1, 4, 4, 1), slope: 1.0 }), None];
    correlate(&Pool::new(1).unwrap(), &map(side), 1, &filter, sinks, &mut ByteScratch::default());
}

#[test]
#[should_panic(expected = "another size")]
fn a_filter_refuses_a_smaller_map() {
    run_on_a_map_of(4);
}

#[test]
#[should_panic(expected = "another size")]
fn a_filter_refuses_a_larger_map() {
    run_on_a_map_of(10);
}
