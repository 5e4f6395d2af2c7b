//! GFLOP/s of the three kernels on the layers of the official and the `video` network.
//!
//! `cargo run --release -p skipgan-kernels --example layers [threads [official|video|deep]]`. Equivalents: 2 · 16 · wide ·
//! deep · small pixels over the best time of several (of one thread: its own processor time), padding counted, so that numbers above the processor's peak are
//! saved multiplications.

use std::time::Instant;

use kernels::stride::{self, Filter, Scratch, Uses};
use kernels::{Lens, Map, MapMut, Pool, Write};

struct Layer {
    name: &'static str,
    batch: usize,
    wide: usize,
    deep: usize,
    rows: usize,
    cols: usize,
}

fn layer(name: &'static str, batch: usize, (wide, deep): (usize, usize), (rows, cols): (usize, usize)) -> Layer {
    Layer { name, batch, wide, deep, rows, cols }
}

/// Width 64, side 64.
fn official(batch: usize) -> Vec<Layer> {
    vec![
        layer("enc.0", batch, (3, 64), (32, 32)),
        layer("enc.1", batch, (64, 128), (16, 16)),
        layer("enc.2", batch, (128, 256), (8, 8)),
        layer("enc.3", batch, (256, 512), (4, 4)),
        layer("enc.4", batch, (512, 512), (2, 2)),
        layer("enc.5", batch, (512, 512), (1, 1)),
        layer("dec.4", batch, (512, 1024), (2, 2)),
        layer("dec.3", batch, (256, 1024), (4, 4)),
        layer("dec.2", batch, (128, 512), (8, 8)),
        layer("dec.1", batch, (64, 256), (16, 16)),
        layer("dec.0", batch, (3, 128), (32, 32)),
    ]
}

/// Width 16, 192 × 128, batch 8.
fn video() -> Vec<Layer> {
    vec![
        layer("enc.0", 8, (3, 16), (64, 96)),
        layer("enc.1", 8, (16, 32), (32, 48)),
        layer("enc.2", 8, (32, 64), (16, 24)),
        layer("enc.3", 8, (64, 64), (8, 12)),
        layer("dec.2", 8, (32, 128), (16, 24)),
        layer("dec.1", 8, (16, 64), (32, 48)),
        layer("dec.0", 8, (3, 32), (64, 96)),
    ]
}

/// Seconds this thread has computed: neighbours on a busy machine then cost only what they do to the caches.
#[cfg(target_os = "linux")]
fn own_seconds() -> f64 {
    unsafe extern "C" {
        fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
    }
    let mut time = [0i64; 2];
    // SAFETY: clock 3 is the thread's; on 64-bit Linux a timespec is two 64-bit numbers, and `time` is one.
    unsafe { clock_gettime(3, &mut time) };
    time[0] as f64 + time[1] as f64 * 1e-9
}

/// Best seconds of several calls: of this thread's own time where it works alone, else of wall time.
fn best(pool: &Pool, mut call: impl FnMut()) -> f64 {
    call();
    let (mut best, begin) = (f64::INFINITY, Instant::now());
    let now = || {
        #[cfg(target_os = "linux")]
        if pool.threads() == 1 {
            return own_seconds();
        }
        begin.elapsed().as_secs_f64()
    };
    while begin.elapsed().as_secs_f64() < 0.3 {
        let start = now();
        call();
        best = best.min(now() - start);
    }
    best
}

fn measure(pool: &Pool, layer: &Layer) -> [f64; 4] {
    let Layer { batch, wide, deep, rows, cols, .. } = *layer;
    let fill = |n: usize| (0..n).map(|i| (i * 7919 % 1013) as f32 / 1013.0 - 0.5).collect::<Vec<f32>>();
    let (x, mut x_out) = (fill(4 * batch * rows * cols * wide), vec![0.0; 4 * batch * rows * cols * wide]);
    let (y, mut y_out) = (fill(batch * rows * cols * deep), vec![0.0; batch * rows * cols * deep]);
    let weight = fill(16 * wide * deep);
    let mut dw = vec![0.0; weight.len()];
    let (ones, zeros, slope) = (vec![0.7; wide.max(deep)], vec![0.1; wide.max(deep)], vec![0.2; wide.max(deep)]);
    let lens = |n: usize| Some(Lens::new(&ones[..n], &zeros[..n], &slope[..n]));
    let wide_lens = if wide < 16 { None } else { lens(wide) };
    let mut filter = Filter::new(wide, deep, rows, cols, batch, Uses::BOTH);
    let mut scratch = Scratch::new();
    let (x, y) = (Map::dense(&x, batch, 2 * rows, 2 * cols, wide), Map::dense(&y, batch, rows, cols, deep));
    let load = best(pool, || filter.load(pool, &weight));
    let down =
        best(pool, || stride::down(pool, x, wide_lens, &filter, None, MapMut::dense(&mut y_out, batch, rows, cols, deep), &mut scratch));
    let up = best(pool, || {
        stride::up(pool, y, lens(deep), &filter, None, MapMut::dense(&mut x_out, batch, 2 * rows, 2 * cols, wide), &mut scratch)
    });
    let pair = best(pool, || stride::pair(pool, x, wide_lens, y, None, (&mut dw, Write::Set), &mut scratch));
    [load, down, up, pair]
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let threads = arguments.next().and_then(|word| word.parse().ok()).unwrap_or(1);
    let which = arguments.next().unwrap_or_default();
    let batch = arguments.next().and_then(|word| word.parse().ok()).unwrap_or(32);
    let only = arguments.next().unwrap_or_default();
    let pool = Pool::new(threads).expect("an instruction set");
    println!("{threads} threads, {}; GFLOP/s (ms)", pool.level());
    println!("{:<26} {:>16} {:>16} {:>16} {:>8}", "layer", "down", "up", "pair", "load");
    let layers = if which == "video" { video() } else { official(batch) };
    let mut total = [0.0; 4];
    for layer in layers.iter().filter(|layer| layer.name.contains(&only)) {
        let times = measure(&pool, layer);
        let work = 32e-9 * (layer.batch * layer.wide * layer.deep * layer.rows * layer.cols) as f64;
        let cell = |t: f64| format!("{:.1} ({:.2})", work / t, t * 1e3);
        let name = format!("{} {}x{}->{} @{}x{}", layer.name, layer.batch, layer.wide, layer.deep, layer.rows, layer.cols);
        println!("{name:<26} {:>16} {:>16} {:>16} {:>8.2}", cell(times[1]), cell(times[2]), cell(times[3]), times[0] * 1e3);
        total.iter_mut().zip(times).for_each(|(total, t)| *total += t * 1e3);
    }
    println!("sum ms: down {:.1} up {:.1} pair {:.1} load {:.1}", total[1], total[2], total[3], total[0]);
}
