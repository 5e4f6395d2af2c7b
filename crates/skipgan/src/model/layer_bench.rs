//! How fast each strided convolution of a network is by itself: the three kernels on every layer's shape, as training and scoring use them.
//! No weights are read; the numbers are noise of no meaning.

use super::plan::{PlanSize, Purpose};
use super::work::of_layer;
use crate::spec::{Direction, Layer, Spec, Taps};
use kernels::clock::thread_seconds;
use kernels::stride::{self, Filter, Scratch, Uses};
use kernels::{Lens, Map, MapMut, Pool, Write};
use std::time::{Duration, Instant};

/// What a kernel does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Prepares the weight.
    Load,
    /// Large map to small map.
    Down,
    /// Small map to large map.
    Up,
    /// Gradient of the weight.
    Pair,
}

impl Operation {
    /// Its word in results.
    pub fn word(self) -> &'static str {
        match self {
            Operation::Load => "load",
            Operation::Down => "down",
            Operation::Up => "up",
            Operation::Pair => "pair",
        }
    }
}

/// One kernel on one layer's shape.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSpeed {
    /// Such as `g.enc.0`.
    pub layer: String,
    /// The kernel.
    pub operation: Operation,
    /// Images at once.
    pub images: usize,
    /// Channels of the large map.
    pub wide: usize,
    /// Channels of the small map.
    pub deep: usize,
    /// Rows of the small map.
    pub rows: usize,
    /// Columns of the small map.
    pub cols: usize,
    /// The best call: seconds of this thread's own time where it works alone, else of wall time.
    pub seconds: f64,
    /// Calls.
    pub calls: usize,
    /// Operations of a call by the plain algorithm; 0 for [`Operation::Load`].
    pub work: u64,
}

impl LayerSpeed {
    /// 10⁹ operations a second; `None` for [`Operation::Load`].
    pub fn gflops(&self) -> Option<f64> {
        (self.work > 0).then(|| self.work as f64 * 1e-9 / self.seconds)
    }
}

/// Measures every layer whose name holds `only`, each kernel at least `time` long: all three kernels for training, the forward one for scoring,
/// where D meets x and x̂ as one batch. D's first layer is two where there is a context, as [`crate::layers::ConvBeside`] convolves it, but for
/// what it saves by adding the two band by band.
///
/// # Panics
/// Where the spec does not take pictures of that size ([`Spec::check_picture`]).
pub fn layers(spec: &Spec, size: PlanSize, purpose: Purpose, only: &str, pool: &Pool, time: Duration) -> Vec<LayerSpeed> {
    let numbered = |layers: Vec<Layer>| layers.into_iter().enumerate();
    let generator = numbered(spec.generator.encoder()).chain(numbered(spec.generator.decoder()).rev());
    let g = generator.map(|(level, layer)| (level, layer, size.images));
    let shown = if purpose == Purpose::Score { 2 * size.images } else { size.images };
    let d = numbered(spec.discriminator.layers()).flat_map(|(level, layer)| {
        let context = if level == 0 { spec.context_channels() } else { 0 };
        let share = |part: &str, wide| Layer { name: format!("{}{part}", layer.name), wide, ..layer.clone() };
        match context {
            0 => vec![(level, layer, shown)],
            _ => vec![(level, share(" context", context), size.images), (level, share(" shown", layer.wide - context), shown)],
        }
    });
    let wanted = g.chain(d).filter(|(_, layer, _)| layer.name.contains(only));
    wanted.flat_map(|(level, layer, images)| Bench::new(&layer, level, images, size).run(&layer, purpose, pool, time)).collect()
}

/// Maps and a weight of one layer.
struct Bench {
    images: usize,
    rows: usize,
    cols: usize,
    large: Vec<f32>,
    small: Vec<f32>,
    weight: Vec<f32>,
}

impl Bench {
    fn new(layer: &Layer, level: usize, images: usize, size: PlanSize) -> Bench {
        let (rows, cols) = (size.height >> (level + 1), size.width >> (level + 1));
        let noise = |count: usize| (0..count).map(|i| (i * 7919 % 1013) as f32 / 1013.0 - 0.5).collect::<Vec<f32>>();
        let (large, small) = (noise(4 * images * rows * cols * layer.wide), noise(images * rows * cols * layer.deep));
        Bench { images, rows, cols, large, small, weight: noise(16 * layer.wide * layer.deep) }
    }

    fn run(self, layer: &Layer, purpose: Purpose, pool: &Pool, time: Duration) -> Vec<LayerSpeed> {
        let &Layer { wide, deep, .. } = layer;
        let Bench { images, rows, cols, .. } = self;
        let (down, up) = (
            purpose == Purpose::Train || layer.direction == Direction::Down,
            purpose == Purpose::Train || layer.direction == Direction::Up,
        );
        let (scale, shift, slope) = (vec![0.7; wide.max(deep)], vec![0.1; wide.max(deep)], vec![0.2; wide.max(deep)]);
        let lens = |channels: usize| Some(Lens::new(&scale[..channels], &shift[..channels], &slope[..channels]));
        // Pictures are read as they are.
        let wide_lens = if wide < 16 { None } else { lens(wide) };
        let filter = Filter::new(wide, deep, rows, cols, images, Uses { down, up });
        let filter = if layer.taps == Taps::Tied { filter.tied() } else { filter };
        let mut filter = filter.quick();
        let mut scratch = Scratch::new();
        let (mut large, mut small, mut gradient) = (self.large.clone(), self.small.clone(), vec![0.0; self.weight.len()]);
        let (x, y) = (Map::dense(&self.large, images, 2 * rows, 2 * cols, wide), Map::dense(&self.small, images, rows, cols, deep));
        let work = images as u64 * of_layer(layer, rows, cols);
        let mut found = Vec::new();
        let mut note = |operation, (seconds, calls)| {
            let work = if operation == Operation::Load { 0 } else { work };
            found.push(LayerSpeed { layer: layer.name.clone(), operation, images, wide, deep, rows, cols, seconds, calls, work });
        };
        note(Operation::Load, best(pool, time, || filter.load(pool, &self.weight)));
        if down {
            let call =
                || stride::down(pool, x, wide_lens, &filter, None, MapMut::dense(&mut small, images, rows, cols, deep), &mut scratch);
            note(Operation::Down, best(pool, time, call));
        }
        if up {
            let call = || {
                stride::up(pool, y, lens(deep), &filter, None, MapMut::dense(&mut large, images, 2 * rows, 2 * cols, wide), &mut scratch)
            };
            note(Operation::Up, best(pool, time, call));
        }
        if purpose == Purpose::Train {
            note(
                Operation::Pair,
                best(pool, time, || stride::pair(pool, x, wide_lens, y, None, (&mut gradient, Write::Set), &mut scratch)),
            );
        }
        found
    }
}

/// Best seconds of several calls, and how many there were: of this thread's own time where it works alone, else of wall time.
fn best(pool: &Pool, time: Duration, mut call: impl FnMut()) -> (f64, usize) {
    call();
    let (mut best, mut calls, begin) = (f64::INFINITY, 0, Instant::now());
    let now = || match pool.threads() {
        1 => thread_seconds().unwrap_or_else(|| begin.elapsed().as_secs_f64()),
        _ => begin.elapsed().as_secs_f64(),
    };
    while calls == 0 || begin.elapsed() < time {
        let start = now();
        call();
        best = best.min((now() - start).max(1e-9));
        calls += 1;
    }
    (best, calls)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::spec::DiscriminatorSpec;

    #[test]
    fn every_layer_is_measured_as_it_is_used() {
        let config = Config { g_width: 2, d_width: 2, ..Config::default() };
        let spec = config.spec(32, 32).expect("published shape");
        let (size, pool) = (PlanSize { images: 2, height: 32, width: 32 }, Pool::new(1).expect("a pool"));
        let layers = |purpose, only| layers(&spec, size, purpose, only, &pool, Duration::ZERO);
        let names = |speeds: &[LayerSpeed], operation| speeds.iter().filter(|speed| speed.operation == operation).count();
        let (encoder, all) = (spec.generator.levels, 2 * spec.generator.levels + spec.discriminator.levels);
        let train = layers(Purpose::Train, "");
        assert!(
            [Operation::Load, Operation::Down, Operation::Up, Operation::Pair].iter().all(|&operation| names(&train, operation) == all)
        );
        let score = layers(Purpose::Score, "");
        assert_eq!((names(&score, Operation::Up), names(&score, Operation::Pair)), (encoder, 0));
        assert!(score.iter().all(|speed| speed.images == if speed.layer.starts_with("d.") { 4 } else { 2 }));
        let with_context = Spec { discriminator: DiscriminatorSpec { input_channels: 5, ..spec.discriminator.clone() }, ..spec.clone() };
        let first = super::layers(&with_context, size, Purpose::Score, "d.feat.0", &pool, Duration::ZERO);
        let first: Vec<_> = first.iter().filter(|speed| speed.operation == Operation::Down).collect();
        let shares: Vec<_> = first.iter().map(|speed| (&*speed.layer, speed.wide, speed.images)).collect();
        assert_eq!(shares, [("d.feat.0 context", 2, 2), ("d.feat.0 shown", 3, 4)]);
        let last = layers(Purpose::Train, "g.dec.0");
        assert_eq!((last.len(), last[1].rows, last[1].cols), (4, 16, 16));
        assert!(last[0].gflops().is_none() && last[1].gflops().is_some_and(|gflops| gflops > 0.0));
    }
}
