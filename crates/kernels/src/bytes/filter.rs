//! Weights of bytes in panels, and what their sums mean.

use super::map::ByteMap;
use crate::arch::{PANEL, SIDE};
use crate::memory::Buffer;

/// What follows a convolution channel by channel, before the activation: v → scale · v + shift. A batch-norm with running statistics, a bias,
/// or both in one.
#[derive(Clone, Copy, Debug)]
pub struct Affine<'a> {
    /// One factor an output channel.
    pub scale: &'a [f32],
    /// One offset an output channel.
    pub shift: &'a [f32],
}

/// One window of taps: all of a convolution, or one output phase of a transposed one.
#[derive(Debug)]
pub(super) struct Phase {
    /// Where the window of output (0, 0) begins in the bordered map.
    pub(super) row: usize,
    pub(super) col: usize,
    /// Its extent in pixels.
    pub(super) rows: usize,
    pub(super) cols: usize,
    /// Which of every `spread` × `spread` output pixels it makes.
    pub(super) out: (usize, usize),
    /// `[columns / 16][rows][cols][pixel / 4]` of 16 words of four signed bytes, and behind them what a matrix register reads too much.
    pub(super) panels: Buffer,
    /// A sum s of column o means `gain[o] · (s − zero[o]) + offset[o]`; padded to whole panels.
    pub(super) zero: Vec<i32>,
    pub(super) gain: Vec<f32>,
    pub(super) offset: Vec<f32>,
}

/// The weight of a layer in bytes, made for the scales of one map.
#[derive(Debug)]
pub struct ByteFilter {
    pub(super) phases: Vec<Phase>,
    /// Outputs of a phase an image: rows, columns.
    pub(super) grid: (usize, usize),
    /// Input pixels from one output to the next.
    pub(super) step: usize,
    /// Output pixels from one output of a phase to its next.
    pub(super) spread: usize,
    /// Columns of a phase: output channels, or those of all four output pixels side by side.
    pub(super) columns: usize,
    /// Output channels.
    pub(super) channels: usize,
    /// Bytes of an input pixel.
    pub(super) pixel: usize,
}

/// Taps that meet more than the border on an axis of `n` outputs: all 4, or the middle two of a single output.
fn live(n: usize) -> std::ops::Range<usize> {
    if n == 1 { 1..3 } else { 0..4 }
}

/// The tap that small pixel `i − 1 + p + a` meets in output phase `p`: even outputs taps 3 and 1, odd ones 2 and 0.
const TAPS: [[usize; 2]; 2] = [[3, 1], [2, 0]];

impl ByteFilter {
    /// The 4×4 convolution, stride 2, padding 1, of `x`; `weight` is `[ky][kx][wide][deep]`.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn down(x: &ByteMap, weight: &[f32], deep: usize, affine: Affine<'_>) -> Self {
        let (wide, grid) = (x.channels, (x.rows / 2, x.cols / 2));
        assert!(weight.len() == 16 * wide * deep && x.rows.is_multiple_of(2) && x.cols.is_multiple_of(2), "a weight of {}", weight.len());
        let (rows, cols) = (live(grid.0), live(grid.1));
        let tap = |ky: usize, kx: usize, c: usize, o: usize| weight[(((rows.start + ky) * 4 + cols.start + kx) * wide + c) * deep + o];
        let phase = Phase::new(x, (rows.start, cols.start), (rows.len(), cols.len()), (0, 0), deep, affine, tap);
        Self { phases: vec![phase], grid, step: 2, spread: 1, columns: deep, channels: deep, pixel: x.pixel }
    }

    /// The 4×4 transposed convolution, stride 2, padding 1, of `y`; `weight` is `[ky][kx][wide][deep]`.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn up(y: &ByteMap, weight: &[f32], wide: usize, affine: Affine<'_>) -> Self {
        let (deep, grid) = (y.channels, (y.rows, y.cols));
        assert!(weight.len() == 16 * wide * deep, "a weight of {}", weight.len());
        if 4 * wide <= PANEL {
            return Self::up_at_once(y, weight, wide, affine);
        }
        // Of a single small pixel each output phase meets one tap.
        let window = |n: usize, p: usize| if n == 1 { 1 - p..2 - p } else { 0..2 };
        let phases = (0..4).map(|phase| {
            let (p, q) = (phase / 2, phase % 2);
            let (rows, cols) = (window(grid.0, p), window(grid.1, q));
            let tap = |a: usize, b: usize, c: usize, o: usize| {
                let (ky, kx) = (TAPS[p][rows.start + a], TAPS[q][cols.start + b]);
                weight[((ky * 4 + kx) * wide + o) * deep + c]
            };
            Phase::new(y, (p + rows.start, q + cols.start), (rows.len(), cols.len()), (p, q), wide, affine, tap)
        });
        Self { phases: phases.collect(), grid, step: 1, spread: 2, columns: wide, channels: wide, pixel: y.pixel }
    }

    /// The same where the channels of four output pixels fit into one panel (pictures): one window of 3 × 3 small pixels with zeros where a
    /// phase has no tap, instead of four windows of 2 × 2 whose panels are mostly empty.
    fn up_at_once(y: &ByteMap, weight: &[f32], wide: usize, affine: Affine<'_>) -> Self {
        let (deep, grid) = (y.channels, (y.rows, y.cols));
        let window = |n: usize| if n == 1 { 1..2 } else { 0..3 };
        let (rows, cols) = (window(grid.0), window(grid.1));
        // The tap of window pixel `a` in phase `p`, if it has one.
        let met = |p: usize, a: usize| a.checked_sub(p).and_then(|a| TAPS[p].get(a));
        let tap = |a: usize, b: usize, c: usize, o: usize| {
            let (phase, channel) = (o / wide, o % wide);
            match (met(phase / 2, rows.start + a), met(phase % 2, cols.start + b)) {
                (Some(ky), Some(kx)) => weight[((ky * 4 + kx) * wide + channel) * deep + c],
                _ => 0.0,
            }
        };
        let four = |values: &[f32]| values.repeat(4);
        let (scale, shift) = (four(affine.scale), four(affine.shift));
        let affine = Affine { scale: &scale, shift: &shift };
        let phase = Phase::new(y, (rows.start, cols.start), (rows.len(), cols.len()), (0, 0), 4 * wide, affine, tap);
        Self { phases: vec![phase], grid, step: 1, spread: 2, columns: 4 * wide, channels: wide, pixel: y.pixel }
    }

    /// A convolution over the whole of `x`; `weight` is `[rows][cols][channels][columns]`.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn whole(x: &ByteMap, weight: &[f32], columns: usize, affine: Affine<'_>) -> Self {
        let (rows, cols, channels) = (x.rows, x.cols, x.channels);
        assert!(weight.len() == rows * cols * channels * columns, "a weight of {}", weight.len());
        let tap = |r: usize, c: usize, channel: usize, o: usize| weight[((r * cols + c) * channels + channel) * columns + o];
        let phase = Phase::new(x, (1, 1), (rows, cols), (0, 0), columns, affine, tap);
        Self { phases: vec![phase], grid: (1, 1), step: 1, spread: 1, columns, channels: columns, pixel: x.pixel }
    }
}

impl Phase {
    /// Words of a window of `x`.
    pub(super) fn depth(&self, x: &ByteMap) -> usize {
        self.rows * self.cols * x.pixel / 4
    }

    fn new(
        x: &ByteMap,
        (row, col): (usize, usize),
        (rows, cols): (usize, usize),
        out: (usize, usize),
        columns: usize,
        affine: Affine<'_>,
        tap: impl Fn(usize, usize, usize, usize) -> f32,
    ) -> Self {
        assert!(affine.scale.len() == columns && affine.shift.len() == columns, "one affine map an output channel");
        // A sum of 255 · 127 each must stay within 32 bits.
        assert!(rows * cols * x.channels <= 1 << 16, "a window of {rows}x{cols}x{}", x.channels);
        let (padded, depth) = (columns.next_multiple_of(PANEL), rows * cols * x.pixel / 4);
        let mut panels = Buffer::new(padded * depth + PANEL * (depth.next_multiple_of(SIDE) - depth));
        let (mut zero, mut gain, mut offset) = (vec![0; padded], vec![0.0; padded], vec![0.0; padded]);
        // One output channel at a time: as numbers, then as words.
        let (mut taps, mut words) = (vec![0.0f32; rows * cols * x.channels], vec![[0u8; 4]; depth]);
        for o in 0..columns {
            let mut largest = 0.0f32;
            for (i, to) in taps.iter_mut().enumerate() {
                let (window, channel) = (i / x.channels, i % x.channels);
                *to = tap(window / cols, window % cols, channel, o) * x.scale[channel];
                largest = largest.max(to.abs());
            }
            let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
            for (i, &value) in taps.iter().enumerate() {
                let (window, channel) = (i / x.channels, i % x.channels);
                let code = (value / scale).round_ties_even().clamp(-127.0, 127.0) as i8;
                words[window * x.pixel / 4 + channel / 4][channel % 4] = code.cast_unsigned();
                zero[o] += i32::from(code) * i32::from(x.zero[channel]);
            }
            gain[o] = affine.scale[o] * scale;
            offset[o] = affine.shift[o];
            let to = &mut panels.as_mut_slice()[o / PANEL * PANEL * depth..][..PANEL * depth];
            for (to, word) in to.chunks_exact_mut(PANEL).zip(words.iter()) {
                to[o % PANEL] = f32::from_bits(u32::from_le_bytes(*word));
            }
        }
        Self { row, col, rows, cols, out, panels, zero, gain, offset }
    }
}
