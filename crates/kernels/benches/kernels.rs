//! Times of single kernels, on every instruction set of this machine. Counted are multiply-adds of the plain algorithm (items), or bytes
//! that a pass must move, so that a fast form can pass what the processor's multipliers can do.
//!
//! `cargo bench -p skipgan-kernels --bench kernels`, or a part: `… -- down`. One thread, or `SKIPGAN_BENCH_THREADS` of them (divan's own
//! `--threads` would call a kernel from several). Whole networks, and their layers: `skipgan bench`.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use kernels::adam::{self, AdamRates};
use kernels::arch::ByteLevel;
use kernels::bytes::{Affine, ByteFilter, ByteMap, ByteScratch, Sink, correlate};
use kernels::gemm::{self, Matrix};
use kernels::stride::{self, Filter, Scratch, Uses};
use kernels::{Lens, Level, Map, MapMut, Pool, Write, norm};

fn main() {
    divan::main();
}

/// A layer: images, channels of the large and the small map, rows and columns of the small one.
const LAYERS: [[usize; 5]; 5] = [
    // First and later layers of `video`: scored one at a time, trained eight at a time.
    [1, 6, 16, 64, 96],
    [1, 16, 32, 32, 48],
    [8, 32, 64, 8, 12],
    // Wide layers of `official`: where arithmetic binds, and where reading the weight does.
    [16, 64, 128, 16, 16],
    [1, 512, 512, 2, 2],
];

fn pool(level: Level) -> Pool {
    let threads = std::env::var("SKIPGAN_BENCH_THREADS").ok().and_then(|word| word.parse().ok()).unwrap_or(1);
    Pool::with_level(threads, level).expect("an instruction set of this processor")
}

/// Every layer on every instruction set.
fn everywhere() -> impl Iterator<Item = (Level, [usize; 5])> {
    Level::all_available().flat_map(|level| LAYERS.map(|layer| (level, layer)))
}

fn fill(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 7919 % 1013) as f32 / 1013.0 - 0.5).collect()
}

/// Both maps and the weight of a layer.
fn layer([images, wide, deep, rows, cols]: [usize; 5]) -> [Vec<f32>; 3] {
    let pixels = images * rows * cols;
    [fill(4 * pixels * wide), fill(pixels * deep), fill(16 * wide * deep)]
}

fn products([images, wide, deep, rows, cols]: [usize; 5]) -> ItemsCount {
    ItemsCount::new(images * rows * cols * 16 * wide * deep)
}

#[divan::bench(args = everywhere().collect::<Vec<_>>())]
fn down(bencher: Bencher<'_, '_>, (level, shape): (Level, [usize; 5])) {
    let ([images, wide, deep, rows, cols], pool) = (shape, pool(level));
    let [x, mut y, weight] = layer(shape);
    let mut filter = Filter::new(wide, deep, rows, cols, images, Uses::DOWN).quick();
    filter.load(&pool, &weight);
    let mut scratch = Scratch::new();
    bencher.counter(products(shape)).bench_local(|| {
        let (from, to) = (Map::dense(&x, images, 2 * rows, 2 * cols, wide), MapMut::dense(&mut y, images, rows, cols, deep));
        stride::down(&pool, from, None, &filter, None, to, &mut scratch);
    });
}

#[divan::bench(args = everywhere().collect::<Vec<_>>())]
fn up(bencher: Bencher<'_, '_>, (level, shape): (Level, [usize; 5])) {
    let ([images, wide, deep, rows, cols], pool) = (shape, pool(level));
    let [mut x, y, weight] = layer(shape);
    let mut filter = Filter::new(wide, deep, rows, cols, images, Uses::UP);
    filter.load(&pool, &weight);
    let mut scratch = Scratch::new();
    bencher.counter(products(shape)).bench_local(|| {
        let (from, to) = (Map::dense(&y, images, rows, cols, deep), MapMut::dense(&mut x, images, 2 * rows, 2 * cols, wide));
        stride::up(&pool, from, None, &filter, None, to, &mut scratch);
    });
}

#[divan::bench(args = everywhere().collect::<Vec<_>>())]
fn pair(bencher: Bencher<'_, '_>, (level, shape): (Level, [usize; 5])) {
    let ([images, wide, deep, rows, cols], pool) = (shape, pool(level));
    let [x, y, mut gradient] = layer(shape);
    let mut scratch = Scratch::new();
    bencher.counter(products(shape)).bench_local(|| {
        let (x, y) = (Map::dense(&x, images, 2 * rows, 2 * cols, wide), Map::dense(&y, images, rows, cols, deep));
        stride::pair(&pool, x, None, y, None, (&mut gradient, Write::Set), &mut scratch);
    });
}

#[divan::bench(args = ByteLevel::all_available().flat_map(|level| LAYERS.map(|layer| (level, layer))).collect::<Vec<_>>())]
fn down_in_bytes(bencher: Bencher<'_, '_>, (level, shape): (ByteLevel, [usize; 5])) {
    // The pool's own instruction set only writes the map, which is not timed.
    let ([images, wide, deep, rows, cols], pool) = (shape, pool(Level::Portable));
    let [x, mut y, weight] = layer(shape);
    let mut map = ByteMap::new(images, 2 * rows, 2 * cols, &vec![(-0.5, 0.5); wide]);
    map.write(&pool, [Some(Map::dense(&x, images, 2 * rows, 2 * cols, wide)), None], 0);
    let (scale, shift) = (vec![1.0; deep], vec![0.0; deep]);
    let filter = ByteFilter::down(level, &map, &weight, deep, Affine { scale: &scale, shift: &shift });
    let mut scratch = ByteScratch::default();
    bencher.counter(products(shape)).bench_local(|| {
        let to = MapMut::dense(&mut y, images, rows, cols, deep);
        correlate(&pool, &map, images, &filter, [Some(Sink::Floats { to, slope: 0.2 }), None], &mut scratch);
    });
}

/// A weight's update: 7 numbers read or written.
#[divan::bench(args = Level::all_available().collect::<Vec<_>>())]
fn adam_of_8_mi_weights(bencher: Bencher<'_, '_>, level: Level) {
    let (count, pool) = (8 << 20, pool(level));
    let (mut weights, gradient, mut first, mut second) = (fill(count), fill(count), fill(count), vec![1.0; count]);
    let rates = AdamRates { lr: 2e-4, beta1: 0.5, beta2: 0.999, eps: 1e-8, step: 3 };
    let bencher = bencher.counter(BytesCount::new(28 * count));
    bencher.bench_local(|| adam::step(&pool, &mut weights, &gradient, &mut first, &mut second, &rates));
}

/// The passes of batch-norm and activation, over 32 maps of 16×16×128.
mod passes {
    use super::*;

    const IMAGES: usize = 32;
    const SIDE: usize = 16;
    const CHANNELS: usize = 128;
    const NUMBERS: usize = IMAGES * SIDE * SIDE * CHANNELS;

    fn map(numbers: &[f32]) -> Map<'_, f32> {
        Map::dense(numbers, IMAGES, SIDE, SIDE, CHANNELS)
    }

    #[divan::bench(args = Level::all_available().collect::<Vec<_>>())]
    fn moments(bencher: Bencher<'_, '_>, level: Level) {
        let (pool, y) = (pool(level), fill(NUMBERS));
        let (mut sums, mut squares, mut partials) = (vec![0.0; CHANNELS], vec![0.0; CHANNELS], norm::Partials::new());
        let bencher = bencher.counter(BytesCount::new(4 * NUMBERS));
        bencher.bench_local(|| norm::moments(&pool, map(&y), &mut sums, &mut squares, &mut partials));
    }

    #[divan::bench(args = Level::all_available().collect::<Vec<_>>())]
    fn backward_sums(bencher: Bencher<'_, '_>, level: Level) {
        let (pool, y, dy) = (pool(level), fill(NUMBERS), fill(NUMBERS));
        let (mean, inverse) = (vec![0.1; CHANNELS], vec![1.1; CHANNELS]);
        let (mut sums, mut products, mut partials) = (vec![0.0; CHANNELS], vec![0.0; CHANNELS], norm::Partials::new());
        let bencher = bencher.counter(BytesCount::new(8 * NUMBERS));
        bencher.bench_local(|| norm::backward_sums(&pool, map(&dy), map(&y), &mean, &inverse, &mut sums, &mut products, &mut partials));
    }

    #[divan::bench(args = Level::all_available().collect::<Vec<_>>())]
    fn affine(bencher: Bencher<'_, '_>, level: Level) {
        let (pool, y, mut to, by) = (pool(level), fill(NUMBERS), fill(NUMBERS), vec![0.5; CHANNELS]);
        bencher.counter(BytesCount::new(12 * NUMBERS)).bench_local(|| {
            norm::affine(&pool, MapMut::dense(&mut to, IMAGES, SIDE, SIDE, CHANNELS), map(&y), &by, &by, &by);
        });
    }

    #[divan::bench(args = Level::all_available().collect::<Vec<_>>())]
    fn activation_backward(bencher: Bencher<'_, '_>, level: Level) {
        let (pool, y, dy, mut to, by) = (pool(level), fill(NUMBERS), fill(NUMBERS), fill(NUMBERS), vec![0.5; CHANNELS]);
        bencher.counter(BytesCount::new(16 * NUMBERS)).bench_local(|| {
            let to = MapMut::dense(&mut to, IMAGES, SIDE, SIDE, CHANNELS);
            norm::activation_backward(&pool, map(&dy), map(&y), Some(Lens::new(&by, &by, &by)), to, Write::Add);
        });
    }
}

/// The product of D's `latent` layer at side 64 and batch 32, forward.
#[divan::bench(args = Level::all_available().collect::<Vec<_>>())]
fn latent_32x8192x100(bencher: Bencher<'_, '_>, level: Level) {
    let (pool, x, weight, mut to) = (pool(level), fill(32 * 8192), fill(8192 * 100), vec![0.0; 32 * 100]);
    let mut scratch = gemm::Scratch::new();
    bencher.counter(ItemsCount::new(32 * 8192 * 100_usize)).bench_local(|| {
        let (left, right) = (Matrix::rows(black_box(&x), 32, 8192), Matrix::rows(&weight, 8192, 100));
        gemm::multiply(&pool, left, right, &mut to, Write::Set, &mut scratch);
    });
}
