//! Times of the passes beside the convolutions: Adam, batch-norm sums and maps, activation gradients, the `latent` product.
//!
//! `cargo run --release -p skipgan-kernels --example passes [threads]`

use std::time::Instant;

use kernels::adam::{self, AdamRates};
use kernels::gemm::{self, Matrix};
use kernels::{Lens, Map, MapMut, Pool, Write, norm};

fn best(name: &str, gigabytes: f64, mut call: impl FnMut()) {
    call();
    let (mut best, begin) = (f64::INFINITY, Instant::now());
    while begin.elapsed().as_secs_f64() < 0.3 {
        let start = Instant::now();
        call();
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{name:<36} {:>8.3} ms {:>8.1} G/s", best * 1e3, gigabytes / best);
}

fn main() {
    let threads = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(1);
    let pool = Pool::new(threads).expect("an instruction set");
    println!("{threads} threads, {}", pool.level());
    let fill = |n: usize| (0..n).map(|i| (i * 7919 % 1013) as f32 / 1013.0 - 0.5).collect::<Vec<f32>>();
    let count = 8 << 20;
    let (mut w, g, mut m, mut v) = (fill(count), fill(count), fill(count), vec![1.0; count]);
    let rates = AdamRates { lr: 2e-4, beta1: 0.5, beta2: 0.999, eps: 1e-8, step: 3 };
    best("adam, 8 Mi weights (GB/s)", 28e-9 * count as f64, || adam::step(&pool, &mut w, &g, &mut m, &mut v, &rates));
    let (images, side, channels) = (32, 16, 128);
    let size = images * side * side * channels;
    let (y, mut d) = (fill(size), fill(size));
    let map = Map::dense(&y, images, side, side, channels);
    let (mut a, mut b) = (vec![0.0; channels], vec![0.0; channels]);
    let mut partials = norm::Partials::new();
    let bytes = 4e-9 * size as f64;
    best("moments 32x16x16x128", bytes, || norm::moments(&pool, map, &mut a, &mut b, &mut partials));
    let (mean, inverse) = (vec![0.1; channels], vec![1.1; channels]);
    let dy = fill(size);
    let dmap = Map::dense(&dy, images, side, side, channels);
    best("backward sums", 2.0 * bytes, || norm::backward_sums(&pool, dmap, map, &mean, &inverse, &mut a, &mut b, &mut partials));
    let coefficients = vec![0.5; channels];
    best("affine", 3.0 * bytes, || {
        let to = MapMut::dense(&mut d, images, side, side, channels);
        norm::affine(&pool, to, map, &coefficients, &coefficients, &coefficients);
    });
    let lens = Lens::new(&coefficients, &coefficients, &coefficients);
    best("activation backward, add", 4.0 * bytes, || {
        let to = MapMut::dense(&mut d, images, side, side, channels);
        norm::activation_backward(&pool, dmap, map, Some(lens), to, Write::Add);
    });
    let (x, weight) = (fill(32 * 8192), fill(8192 * 100));
    let mut c = vec![0.0; 32 * 100];
    let mut scratch = gemm::Scratch::new();
    let work = 2e-9 * 32.0 * 8192.0 * 100.0;
    best("latent forward 32x8192x100 (GFLOP)", work, || {
        gemm::multiply(&pool, Matrix::rows(&x, 32, 8192), Matrix::rows(&weight, 8192, 100), &mut c, Write::Set, &mut scratch);
    });
    let mut dx = vec![0.0; 32 * 8192];
    best("latent input gradient", work, || {
        gemm::multiply(&pool, Matrix::rows(&c, 32, 100), Matrix::transposed(&weight, 100, 8192), &mut dx, Write::Set, &mut scratch);
    });
    let mut dw = vec![0.0; 8192 * 100];
    best("latent weight gradient", work, || {
        gemm::multiply(&pool, Matrix::transposed(&x, 8192, 32), Matrix::rows(&c, 32, 100), &mut dw, Write::Set, &mut scratch);
    });
}
